"""Every role has the same parts, and every part is found by renaming the path."""

import re
from ipaddress import IPv4Network
from itertools import combinations
from pathlib import Path

import pytest

from cluster_cli.stages import ROLES

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SUBNET = re.compile(r"\b10\.89\.\d+\.0/24\b|\b10\.89\.\d+\.\d+/2[56]\b")
PARTS = (
    "roles/{role}/README.md",
    "roles/{role}/defaults/main.yml",
    "roles/{role}/meta/main.yml",
    "roles/{role}/meta/argument_specs.yml",
    "roles/{role}/tasks/main.yml",
    "molecule/{role}/molecule.yml",
    "tests/testinfra/{role}/test_{role}.py",
)
TRIED_WITH = {  # a scenario of their own would take a minute
    "blackbox_exporter": "prometheus",  # it answers nobody else
    "spare": "replication",  # there is next to nothing on it
    "standby": "backup",  # it asks the same nodes
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_its_parts(role: str, part: str) -> None:
    path = ROOT / part.format(role=TRIED_WITH.get(role, role) if part.startswith("molecule") else role)
    assert path.is_file(), f"{path.relative_to(ROOT)} is missing"
    assert path.stat().st_size, f"{path.relative_to(ROOT)} is empty"


def test_every_role_belongs_to_a_stage() -> None:
    assert {path.name for path in (ROOT / "roles").iterdir() if path.is_dir()} == set(ROLES)


@pytest.mark.parametrize(("role", "scenario"), TRIED_WITH.items())
def test_a_role_without_a_scenario_is_tried_in_another(role: str, scenario: str) -> None:
    for name, words in (
        ("prepare", f"role: {role}"),
        ("side_effect", f"drift_role: {role}"),
        ("molecule", f"test_{role}.py"),
    ):
        assert words in (ROOT / "molecule" / scenario / f"{name}.yml").read_text(encoding="utf-8"), name


def test_roles_have_no_handlers() -> None:
    assert [str(path) for path in (ROOT / "roles").glob("*/handlers/*.yml")] == []


def lab_subnets() -> list[tuple[IPv4Network, str]]:
    """Every subnet a lab here is made with, and the file that names it."""
    texts = [*ROOT.glob("inventories/*/topology.yml"), *ROOT.glob("molecule/*/topology.yml")]
    files = {path: path.read_text() for path in (*texts, *ROOT.glob("tests/*/*.py")) if path.parent != HERE}
    return [
        (IPv4Network(subnet), str(path.relative_to(ROOT)))
        for path, text in sorted(files.items())
        for subnet in sorted(set(SUBNET.findall(text)))
    ]


def test_no_lab_lies_where_another_was_left_behind() -> None:
    """What was killed leaves its network, and the next lab in that range would be refused for it."""
    found = lab_subnets()
    named = {path for _, path in found}
    assert named >= {str(path.relative_to(ROOT)) for path in ROOT.glob("molecule/*/topology.yml")}
    overlapping = [
        f"{subnet} of {path} and {other} of {there}"
        for (subnet, path), (other, there) in combinations(found, 2)
        if path != there and subnet.overlaps(other)
    ]
    assert not overlapping
