"""Every role has the same parts, and every part is found by renaming the path."""

from pathlib import Path

import pytest

from cluster_cli.stages import ROLES

ROOT = Path(__file__).parents[2]
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
