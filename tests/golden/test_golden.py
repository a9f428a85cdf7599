"""Golden pairs: a bad topology and its exact messages, a topology and its exact inventory and status page.

A new case is a new .yml. `UPDATE_GOLDEN=1 pytest tests/golden` writes the other half; read it.
"""

import json
import os
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest

from cluster_cli.inventory import render
from cluster_cli.render.connection import Access
from cluster_cli.topology.load import TopologyError, load, parse
from cluster_cli.topology.model import Topology
from cluster_cli.topology.rules import RULES, Rule
from cluster_cli.topology.salvage import salvage
from cluster_cli.topology.syntax import UnreadableError, read

HERE = Path(__file__).parent
PROBLEMS = HERE / "problems"
INVENTORIES = HERE / "inventories"
PAGES = HERE / "pages"  # the status page of the first node that watches
UPDATE = bool(os.environ.get("UPDATE_GOLDEN"))
ACCESS = Access(
    topology="/cluster/topology.yml",
    secrets="/cluster/secrets.yml",
    known_hosts="/state/known_hosts",
    sockets="/run/sockets",
    lab_key="/state/operator_ed25519",
    admin_keys=("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEoperator operator",),
)


def cases(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.yml"))


def compare(expected: Path, found: str) -> None:
    if UPDATE:
        expected.write_text(found, encoding="utf-8")
    assert expected.is_file(), f"{expected.name} is missing; UPDATE_GOLDEN=1 writes it"
    assert found == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("folder", "suffix", "least"),
    [(PROBLEMS, ".txt", 45), (INVENTORIES, ".json", 8)],
    ids=["problems", "inventories"],
)
def test_folder_is_complete(folder: Path, suffix: str, least: int) -> None:
    inputs = {path.stem for path in folder.iterdir() if path.suffix == ".yml"}
    outputs = {path.stem for path in folder.iterdir() if path.suffix == suffix}
    assert len(inputs) >= least
    assert inputs == outputs


@pytest.mark.parametrize("case", cases(PROBLEMS))
def test_problems(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROBLEMS)
    with pytest.raises(TopologyError) as raised:
        load(Path(f"{case}.yml"))
    compare(PROBLEMS / f"{case}.txt", f"{raised.value}\n")


@pytest.mark.parametrize("case", cases(INVENTORIES))
def test_inventories(case: str) -> None:
    topology = parse((INVENTORIES / f"{case}.yml").read_text(encoding="utf-8"))
    found = render(topology, ACCESS).to_ansible()
    pages = {name: host.pop("prometheus_page", None) for name, host in found["all"]["hosts"].items()}
    compare(INVENTORIES / f"{case}.json", json.dumps(found, indent=2, sort_keys=True) + "\n")
    if page := next(filter(None, pages.values()), None):
        compare(PAGES / f"{case}.html", page)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_rule_has_a_case(rule: Rule) -> None:
    assert any(topology and list(rule(topology)) for topology in salvaged()), "add one to problems/"


@cache
def salvaged() -> list[Topology | None]:
    """What is left of each bad topology that can be read at all."""
    found = []
    for case in cases(PROBLEMS):
        with suppress(UnreadableError):
            tree, _ = read((PROBLEMS / f"{case}.yml").read_text(encoding="utf-8"))
            found.append(salvage(tree.plain).topology if isinstance(tree.plain, dict) else None)
    return found
