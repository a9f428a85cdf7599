"""What this machine can do for a lab, found out instead of assumed: the checks `cluster doctor` lists."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from cluster_cli.errors import ClusterError
from cluster_cli.lab import host
from cluster_cli.lab.dialect import DIALECTS, Dialect
from cluster_cli.lab.engine import Engine
from cluster_cli.lab.image import NEEDED_GIB

Status = Literal["ok", "warn", "fail"]
INOTIFY_PER_NODE = 8  # counted: 7 in a bare node
USUAL_NODES = 16
FEW_FILES = 4096


@dataclass(frozen=True)
class Check:
    """One thing looked at. hint: how to mend it, "" when there is nothing to mend."""

    name: str
    status: Status
    detail: str
    hint: str = ""


def checks(engine_name: str) -> list[Check]:
    """All checks of this machine as a host for labs with that engine (podman or docker). Changes nothing."""
    dialect = DIALECTS[engine_name]
    return [
        *_engine(dialect),
        _cgroups(),
        _limits(),
        _forwarding(dialect),
        *_inotify(),
        _disk(dialect),
        _builder(),
    ]


def _engine(dialect: Dialect) -> Iterator[Check]:
    try:
        engine = Engine.detect(dialect.name)
        version = engine.run("version", "--format", "{{.Client.Version}}", timeout=20).strip()
    except ClusterError as refusal:
        yield Check("engine", "fail", f"{refusal.what}: {refusal.why}", refusal.hint)
        return
    yield Check("engine", "ok", f"{dialect.name} {version}" + (" through sudo" if engine.sudo else ""))
    yield Check("runtime", "ok", f"{engine.runtime} ran a container" if engine.runtime else "the daemon chooses")


def _cgroups() -> Check:
    layout = host.cgroup_layout()
    if layout == "none":
        return Check(
            "cgroups", "fail", "no cgroup is mounted: systemd cannot run in a node", "mount /sys/fs/cgroup"
        )
    return Check("cgroups", "ok", layout)


def _limits() -> Check:
    limits = host.ulimits()
    detail = ", ".join(f"{name} {limit}" for name, limit in limits.items())
    if limits["nofile"] < FEW_FILES:
        return Check("ulimits", "warn", f"{detail}: few for a database", "raise the hard limit of open files")
    return Check("ulimits", "ok", detail)


def _forwarding(dialect: Dialect) -> Check:
    if host.kernel_number("net/ipv4/ip_forward") == 1:
        return Check("ip_forward", "ok", "on")
    detail = f"off; {dialect.name} turns it on with the first network, nodes need it to reach package mirrors"
    return Check("ip_forward", "warn", detail, "sysctl -w net.ipv4.ip_forward=1, when apt fails in a node")


def _inotify() -> Iterator[Check]:
    instances = host.kernel_number("fs/inotify/max_user_instances")
    if instances is None:
        return
    nodes = instances // INOTIFY_PER_NODE
    detail = f"{instances} instances, about {nodes} nodes"
    mend = "sysctl -w fs.inotify.max_user_instances=1024, for larger labs"
    yield Check("inotify", "ok" if nodes >= USUAL_NODES else "warn", detail, "" if nodes >= USUAL_NODES else mend)


def _disk(dialect: Dialect) -> Check:
    free = host.free_gib(dialect.storage)
    status: Status = "fail" if free < NEEDED_GIB else "warn" if free < 5 * NEEDED_GIB else "ok"
    hint = "" if status == "ok" else f"free some disk, for example: {dialect.name} image prune"
    return Check("disk", status, f"{free:.0f} GiB free at {dialect.storage}", hint)


def _builder() -> Check:
    if host.program_path("mmdebstrap"):
        return Check("mmdebstrap", "ok", "builds the node image from Debian packages")
    return Check("mmdebstrap", "warn", "missing: no node image without `lab.image`", "apt-get install mmdebstrap")
