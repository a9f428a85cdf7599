"""Facts about the machine, from text."""

import pytest

from cluster_cli.lab.host import NODE_LIMIT, cgroup_layout, free_gib, ulimits

V1 = "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0"
V2 = "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0"
UNIFIED = "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0"


@pytest.mark.parametrize(
    ("mounts", "layout"),
    [
        (V1, "v1"),
        (V2, "v2"),
        (f"{V1}\n{UNIFIED}", "hybrid"),
        ("proc /proc proc rw 0 0", "none"),
        ("odd", "none"),
    ],
)
def test_cgroup_layout(mounts, layout):
    assert cgroup_layout(mounts) == layout


def test_limits_stay_below_the_hard_ones():
    assert ulimits(20000, 90000) == {"nofile": 20000, "nproc": NODE_LIMIT}


def test_infinity_is_a_number_for_the_engine():
    assert ulimits(-1, -1) == {"nofile": NODE_LIMIT, "nproc": NODE_LIMIT}


def test_free_disk_of_a_place_not_made_yet(tmp_path):
    assert free_gib(str(tmp_path / "not" / "yet")) > 0
