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
    subnets: str  # Go template of `network inspect`: its subnets, separated by spaces
    import_changes: tuple[str, ...] = ()


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
    node_flags=(
        "--tmpfs=/run:mode=755",
        "--tmpfs=/tmp:exec,mode=1777",
        "--env=container=docker",
    ),
    cgroup_flags={"v1": _OWN_HIERARCHY, "hybrid": _OWN_HIERARCHY, "v2": _WHOLE_TREE},
    subnets="{{range .IPAM.Config}}{{.Subnet}} {{end}}",
)

DIALECTS: Mapping[str, Dialect] = {dialect.name: dialect for dialect in (PODMAN, DOCKER)}


def node_flags(dialect: Dialect, layout: str, limits: Mapping[str, int], *, fuse: bool) -> list[str]:
    """Every `run` flag that makes a container a systemd node under this cgroup layout and these rlimits."""
    return [
        "--cap-drop=ALL",
        *(f"--cap-add={capability}" for capability in CAPABILITIES),
        "--security-opt=seccomp=unconfined",
        "--security-opt=apparmor=unconfined",
        "--stop-signal=SIGRTMIN+3",
        *(f"--ulimit={name}={limit}:{limit}" for name, limit in limits.items()),
        *(["--device=/dev/fuse"] if fuse else []),
        *dialect.node_flags,
        *dialect.cgroup_flags.get(layout, ()),
    ]
