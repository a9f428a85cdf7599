"""The flags of a node, per engine and cgroup layout."""

import pytest

from cluster_cli.lab.dialect import DIALECTS, DOCKER, PODMAN, node_flags

LIMITS = {"nofile": 20000, "nproc": 30000}


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize("layout", ["v1", "hybrid", "v2"])
def test_a_node_can_neither_touch_the_clock_nor_the_host(dialect, layout):
    flags = node_flags(dialect, layout, LIMITS, fuse=True)
    assert "--cap-drop=ALL" in flags
    assert "--cap-add=NET_RAW" in flags
    assert not {"--privileged", "--cap-add=SYS_TIME", "--cap-add=SYS_MODULE"} & set(flags)
    assert not [flag for flag in flags if "unmask" in flag or "systempaths" in flag]


def test_limits_and_fuse_are_passed():
    flags = node_flags(PODMAN, "v2", LIMITS, fuse=True)
    assert {"--ulimit=nofile=20000:20000", "--ulimit=nproc=30000:30000", "--device=/dev/fuse"} <= set(flags)
    assert "--device=/dev/fuse" not in node_flags(PODMAN, "v2", LIMITS, fuse=False)


def test_docker_never_gets_the_cgroup_tmpfs_of_a_v1_host():
    for layout in ("v1", "hybrid"):
        volumes = [flag for flag in node_flags(DOCKER, layout, LIMITS, fuse=False) if "--volume" in flag]
        assert volumes == ["--volume=/sys/fs/cgroup/systemd:/sys/fs/cgroup/systemd:rw"]


def test_a_hybrid_host_prefers_runc():
    assert PODMAN.runtimes["hybrid"][0] == "runc"
    assert PODMAN.runtimes["v2"][0] == "crun"


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_a_systemd_of_cgroup_v2_only_is_given_just_that_on_a_hybrid_host(dialect):
    flags = node_flags(dialect, "hybrid", LIMITS, fuse=False, unified=True)
    assert "--volume=/sys/fs/cgroup/unified:/sys/fs/cgroup:rw" in flags
    assert [flag for flag in flags if flag.startswith("--systemd=")][-1:] != ["--systemd=always"]
    plain = node_flags(dialect, "v2", LIMITS, fuse=False)
    assert node_flags(dialect, "v2", LIMITS, fuse=False, unified=True) == plain
