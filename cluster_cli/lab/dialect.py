"""What differs between podman and docker, as data: the rest of the lab never asks which one it is.

The flags for a systemd node were found by trial (podman 4.3, docker 20.10, runc and crun,
cgroup hybrid). An explicit capability list instead of --privileged: a node has no devices of
the host, and without CAP_SYS_TIME no way to its clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass

# For systemd, nft, sysctl, mounts, FUSE, chrony, VRRP raw sockets, databases.
# Left out with intent: SYS_TIME, SYS_MODULE, SYS_BOOT, SYS_RAWIO.
CAPABILITIES = (
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER"),
    *(
        "KILL",
        "LEASE",
        "LINUX_IMMUTABLE",
        "MKNOD",
        "NET_ADMIN",
        "NET_BIND_SERVICE",
        "NET_BROADCAST",
        "NET_RAW",
    ),
    *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_ADMIN", "SYS_CHROOT", "SYS_NICE", "SYS_PTRACE"),
)


@dataclass(frozen=True)
class Dialect:
    """One engine's words for the things that are not the same in both."""

    name: str
    install: str  # how to get it
    storage: str  # where its images and containers lie
    daemon: bool  # a daemon must answer
    joins: bool  # `run` takes several networks; else all but one are connected before the start
    runtimes: Mapping[
        str, tuple[str, ...]
    ]  # cgroup layout -> OCI runtimes to try, best first; empty: the daemon's
    node_flags: tuple[str, ...]
    cgroup_flags: Mapping[str, tuple[str, ...]]  # by cgroup layout
    unified_flags: tuple[str, ...]  # of a node whose systemd knows cgroup v2 only, on a hybrid host
    subnets: str  # Go template of `network inspect`: its subnets, separated by spaces
    import_changes: tuple[str, ...] = ()


_TEMPORARY = ("--tmpfs=/run:mode=755", "--tmpfs=/tmp:exec,mode=1777")
# systemd 258 and later boots on cgroup v2 only (its NEWS); a hybrid host has that hierarchy beside the others.
_UNIFIED = ("--cgroupns=host", "--volume=/sys/fs/cgroup/unified:/sys/fs/cgroup:rw")

PODMAN = Dialect(
    name="podman",
    install="apt-get install podman runc crun netavark aardvark-dns, or: make setup",
    storage="/var/lib/containers",
    daemon=False,
    joins=True,
    # crun refuses a hybrid layout while a controller is in cgroup v2, and a running lab can pull the last one
    # out of it: it would work today and not after the next boot.
    runtimes={"v2": ("crun", "runc"), "v1": ("crun", "runc"), "hybrid": ("runc", "crun"), "none": ("runc",)},
    node_flags=("--systemd=always", "--security-opt=label=disable"),
    cgroup_flags={},
    # podman's own systemd mode hands in the v1 hierarchies; without it, what it prepares besides is left to us.
    unified_flags=("--systemd=false", *_TEMPORARY, "--env=container=podman", *_UNIFIED),
    subnets="{{range .Subnets}}{{.Subnet}} {{end}}",
    import_changes=("STOPSIGNAL SIGRTMIN+3",),
)

# Only systemd's own hierarchy is handed in on v1 and hybrid hosts: given /sys/fs/cgroup itself, the node's
# systemd remounts the host's tmpfs read-only and mounts hierarchies the host did not have.
_OWN_HIERARCHY = ("--cgroupns=host", "--volume=/sys/fs/cgroup/systemd:/sys/fs/cgroup/systemd:rw")
_WHOLE_TREE = ("--cgroupns=host", "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw")

DOCKER = Dialect(
    name="docker",
    install="apt-get install docker.io, then: systemctl start docker",
    storage="/var/lib/docker",
    daemon=True,
    joins=False,
    runtimes={},
    node_flags=(*_TEMPORARY, "--env=container=docker"),
    cgroup_flags={"v1": _OWN_HIERARCHY, "hybrid": _OWN_HIERARCHY, "v2": _WHOLE_TREE},
    unified_flags=_UNIFIED,
    subnets="{{range .IPAM.Config}}{{.Subnet}} {{end}}",
)

DIALECTS: Mapping[str, Dialect] = {dialect.name: dialect for dialect in (PODMAN, DOCKER)}


def node_flags(
    dialect: Dialect, layout: str, limits: Mapping[str, int], *, fuse: bool, unified: bool = False
) -> list[str]:
    """Every `run` flag that makes a container a systemd node under this cgroup layout and these rlimits.

    unified: its systemd knows cgroup v2 only.
    """
    apart = unified and layout == "hybrid"
    return [
        "--cap-drop=ALL",
        *(f"--cap-add={capability}" for capability in CAPABILITIES),
        "--security-opt=seccomp=unconfined",
        "--security-opt=apparmor=unconfined",
        "--stop-signal=SIGRTMIN+3",
        *(f"--ulimit={name}={limit}:{limit}" for name, limit in limits.items()),
        *(["--device=/dev/fuse"] if fuse else []),
        *dialect.node_flags,
        *(dialect.unified_flags if apart else dialect.cgroup_flags.get(layout, ())),
    ]
