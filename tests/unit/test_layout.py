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


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_its_parts(role: str, part: str) -> None:
    path = ROOT / part.format(role=role)
    assert path.is_file(), f"{path.relative_to(ROOT)} is missing"
    assert path.stat().st_size, f"{path.relative_to(ROOT)} is empty"


def test_every_role_belongs_to_a_stage() -> None:
    assert {path.name for path in (ROOT / "roles").iterdir() if path.is_dir()} == set(ROLES)


def test_roles_have_no_handlers() -> None:
    assert [str(path) for path in (ROOT / "roles").glob("*/handlers/*.yml")] == []
