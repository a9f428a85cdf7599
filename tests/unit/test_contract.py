"""What Python renders and what the roles declare are the same thing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster_cli.inventory import Host, render
from cluster_cli.packages import PACKAGES
from cluster_cli.render.connection import Access
from cluster_cli.stages import ROLES, STAGES
from cluster_cli.topology.load import parse

ROOT = Path(__file__).parents[2]
ACCESS = Access(
    "/c/topology.yml", "/c/secrets.yml", "/s/known_hosts", "/run/s", "/s/key", ("ssh-ed25519 AAAA me",)
)
GOLDEN = ROOT / "tests" / "golden" / "inventories"
HOSTS = [
    host
    for path in sorted(GOLDEN.glob("*.yml"))
    for host in render(parse(path.read_text(encoding="utf-8")), ACCESS).hosts
]
PRESENT = [role for role in ROLES if (ROOT / "roles" / role).is_dir()]
LISTS = {
    f"{role}/{engine}": (role, engine)
    for role, engines in {
        "web": ("nginx", "apache"),
        **dict.fromkeys(("replication", "backup_source", "backup"), ("mariadb", "mysql")),
    }.items()
    for engine in engines
}  # where one role has two lists


def read(path: Path) -> Any:
    assert path.is_file(), f"{path.relative_to(ROOT)} is missing"
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}


def options(role: str) -> dict[str, Any]:
    specs = read(ROOT / "roles" / role / "meta" / "argument_specs.yml")
    found: dict[str, Any] = specs["argument_specs"]["main"].get("options", {})
    return found


def hosts_of(role: str) -> list[Host]:
    found = [host for host in HOSTS if role in host.groups]
    assert found, f"no golden topology has role {role}"
    return found


def rendered(host: Host, role: str) -> dict[str, Any]:
    """The host's variables of a role: those whose longest role prefix it is."""
    return {
        name: value
        for name, value in host.vars.items()
        if max((other for other in ROLES if name.startswith(f"{other}_")), key=len, default="") == role
    }


def mismatches(path: str, value: Any, option: dict[str, Any]) -> Iterator[str]:
    """Where a value is not what an option declares, keys of nested options included."""
    kinds = {"list": list, "dict": dict, "str": str, "int": int, "bool": bool, "path": str}
    kind = kinds.get(option.get("type", "str"))
    if kind and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
        yield f"{path} is {type(value).__name__}, declared as {option.get('type', 'str')}"
        return
    if option.get("choices") and value not in option["choices"]:
        yield f"{path} is {value!r}, not one of {option['choices']}"
    nested = option.get("options")
    for entry in value if isinstance(value, list) else [value] if isinstance(value, dict) else []:
        if nested is None:
            continue
        yield from (f"{path}.{key} is not declared" for key in entry.keys() - nested.keys())
        for key, inner in nested.items():
            if key in entry:
                yield from mismatches(f"{path}.{key}", entry[key], inner)
            elif inner.get("required"):
                yield f"{path}.{key} is required, but not rendered"


@pytest.mark.parametrize("role", PRESENT)
def test_what_is_left_away_is_as_declared(role: str) -> None:
    """Ansible checks defaults, too; those that are computed it computes first."""
    declared = options(role)
    plain = {
        name: value
        for name, value in read(ROOT / "roles" / role / "defaults" / "main.yml").items()
        if name in declared and "{{" not in str(value)
    }
    assert {text for name, value in plain.items() for text in mismatches(name, value, declared[name])} == set()


@pytest.mark.parametrize("role", PRESENT)
def test_what_is_rendered_is_declared(role: str) -> None:
    declared = options(role)
    wrong = {
        text
        for host in hosts_of(role)
        for name, value in rendered(host, role).items()
        for text in (mismatches(name, value, declared[name]) if name in declared else [f"{name} is not declared"])
    }
    assert sorted(wrong) == []


@pytest.mark.parametrize("role", PRESENT)
def test_what_is_required_is_rendered(role: str) -> None:
    required = {name for name, option in options(role).items() if option.get("required")}
    for host in hosts_of(role):
        assert required - rendered(host, role).keys() == set(), host.name


@pytest.mark.parametrize("role", PRESENT)
def test_defaults_and_specs_have_the_same_names(role: str) -> None:
    defaults = read(ROOT / "roles" / role / "defaults" / "main.yml")
    required = {name for name, option in options(role).items() if option.get("required")}
    assert options(role).keys() - required == defaults.keys()
    assert [name for name in options(role) if not name.startswith(f"{role}_")] == []


@pytest.mark.parametrize("role", PRESENT)
def test_specs_have_descriptions_and_no_defaults(role: str) -> None:
    for name, option in options(role).items():
        assert option.get("description"), name
        assert option.get("type"), name
        assert "default" not in option, name


@pytest.mark.parametrize("key", PACKAGES)
def test_packages_agree_with_the_roles(key: str) -> None:
    role, engine = LISTS.get(key, (key, None))
    folder = ROOT / "roles" / role
    values = {
        path: read(path)
        for path in (folder / "vars" / "main.yml", folder / "defaults" / "main.yml")
        if path.is_file()
    }
    names = (f"__{role}_packages", f"{role}_packages")
    found = next((known[name] for known in values.values() for name in names if name in known), None)
    assert found is not None, f"roles/{role}/vars/main.yml has no __{role}_packages"
    assert tuple(found[engine] if engine else found) == PACKAGES[key]


def test_the_site_playbook_has_the_stages_in_order() -> None:
    imports = [play["ansible.builtin.import_playbook"] for play in read(ROOT / "playbooks" / "site.yml")]
    assert imports == [stage.playbook for stage in STAGES]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_stage_applies_its_roles_to_their_groups(stage: Any) -> None:
    plays = read(ROOT / "playbooks" / stage.playbook)
    applied = {
        (play["hosts"], role if isinstance(role, str) else role["role"])
        for play in plays
        for role in play.get("roles", [])
    }
    assert {(role, role) for role in stage.roles} <= applied
