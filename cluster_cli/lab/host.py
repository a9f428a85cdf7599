"""Facts about this machine that decide how containers can run on it. Reads only."""

import os
import resource
import shutil
from pathlib import Path

import platformdirs

# Enough for a database node. podman lowers its own hard nproc to this, so nothing above it can be given on.
NODE_LIMIT = 32768
SBIN = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])


def program_path(name: str) -> str | None:
    """Where a program is, also when the user's PATH lacks the sbin directories."""
    return shutil.which(name, path=SBIN)


def cache_dir() -> Path:
    """Our XDG cache directory, made when missing."""
    path = Path(platformdirs.user_cache_dir("cluster"))
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def boot_id() -> str:
    """The id of this boot: what is found out about the kernel holds until it changes."""
    return _read("/proc/sys/kernel/random/boot_id")


def cgroup_layout(mounts: str | None = None) -> str:
    """Which cgroup layout is mounted: v1, hybrid or v2 (the text of /proc/self/mounts decides)."""
    rows = [line.split() for line in (_read("/proc/self/mounts") if mounts is None else mounts).splitlines()]
    kinds = {row[2]: row[1] for row in rows if len(row) > 2 and row[2] in ("cgroup", "cgroup2")}
    if "cgroup" not in kinds:
        return "v2" if "cgroup2" in kinds else "none"
    return "hybrid" if "cgroup2" in kinds else "v1"


def ulimits(files: int | None = None, processes: int | None = None) -> dict[str, int]:
    """The rlimits a node may be given: never above the hard limits, which cannot be raised everywhere."""
    hard = {
        "nofile": resource.getrlimit(resource.RLIMIT_NOFILE)[1] if files is None else files,
        "nproc": resource.getrlimit(resource.RLIMIT_NPROC)[1] if processes is None else processes,
    }
    return {name: NODE_LIMIT if limit < 0 else min(limit, NODE_LIMIT) for name, limit in hard.items()}


def kernel_number(path: str) -> int | None:
    """A number under /proc/sys, or None where the kernel has no such setting."""
    text = _read(f"/proc/sys/{path}")
    return int(text) if text.isdigit() else None


def free_gib(path: str) -> float:
    """Free disk in GiB where path is, or where it will be made."""
    place = Path(path)
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free / 2**30


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
