"""One broken part must give exactly its own problem: nothing that follows only from leaving it out."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster_cli.topology import templates
from cluster_cli.topology.load import TopologyError, parse
from cluster_cli.topology.problems import Path as At
from cluster_cli.topology.salvage import known_keys, salvage, without
from cluster_cli.topology.syntax import read

ROOT = Path(__file__).parents[2]
GARBAGE = [{"x": 1}]
SOURCES = {name: templates.text(name, "demo") for name in templates.names()}
SOURCES |= {path.parent.name: path.read_text() for path in (ROOT / "inventories").glob("*/topology.yml")}


def paths(tree: Any, at: At = ()) -> Iterator[At]:
    """Every path of a tree."""
    for step, value in (
        tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    ):
        yield (*at, step)
        yield from paths(value, (*at, step))


def with_value(tree: Any, path: At, value: Any) -> Any:
    """A copy of the tree with something else at `path`."""
    if not path:
        return value
    step, *rest = path
    if isinstance(tree, dict):
        return tree | {step: with_value(tree[step], tuple(rest), value)}
    return [with_value(old, tuple(rest), value) if i == step else old for i, old in enumerate(tree)]


def text(tree: Any) -> str:
    """The tree as YAML (JSON is YAML)."""
    return json.dumps(tree)


@pytest.mark.parametrize("source", SOURCES)
def test_a_broken_part_is_the_only_problem(source: str) -> None:
    tree = read(SOURCES[source])[0].plain
    for path in paths(tree):
        with pytest.raises(TopologyError) as raised:
            parse(text(with_value(tree, path, GARBAGE)))
        for _, problem in raised.value.problems:
            assert problem.path[: len(path)] == path, f"{path} broken, and it says {problem}"


@pytest.mark.parametrize("source", SOURCES)
def test_a_misspelt_field_is_the_only_problem(source: str) -> None:
    tree = read(SOURCES[source])[0].plain
    for path in paths(tree):
        fields = set(known_keys(path))
        parent, key = path[:-1], path[-1]
        if key not in fields or (
            parent and parent[-1] in ("nodes", "web", "frontends", "backends", "load_balancers")
        ):
            continue
        inside = tree
        for step in parent:
            inside = inside[step]
        renamed = {(f"{key}q" if name == key else name): value for name, value in inside.items()}
        with pytest.raises(TopologyError) as raised:
            parse(text(with_value(tree, parent, renamed)))
        said = {str(problem) for _, problem in raised.value.problems}
        dotted = ".".join(map(str, parent))
        prefix = f"{dotted}." if dotted else ""
        expected = f'{prefix}{key}q: unknown key (did you mean "{key}"?)'
        assert expected in said
        assert said - {expected} <= {f"{prefix}{key}: is required but missing (add it)"}


def test_a_name_may_be_that_of_a_field() -> None:
    assert set(known_keys(("nodes", "ssh", "wieght"))) == set(known_keys(("nodes", "web1", "wieght")))
    assert "weight" in known_keys(("nodes", "ssh", "wieght"))


def test_rules_run_on_what_is_valid() -> None:
    tree = read(SOURCES["lab"])[0].plain
    tree = with_value(tree, ("nodes", "web1"), {"weight": "much"})
    tree = with_value(tree, ("time", "servers"), ["ops1", "nobody"])
    with pytest.raises(TopologyError) as raised:
        parse(text(tree))
    assert [problem.path for _, problem in raised.value.problems] == [
        ("nodes", "web1", "weight"),
        ("time", "servers", 1),
    ]


def test_nothing_is_left_without_the_decisive_parts() -> None:
    assert salvage({"name": "shop", "provider": "pod", "nodes": {"a": {}}}).topology is None


def test_without() -> None:
    tree = {"a": [{"b": 1, "c": 2}], "d": 3}
    assert without(tree, ("a", 0, "b")) == {"a": [{"c": 2}], "d": 3}
    assert without(tree, ("d",)) == {"a": [{"b": 1, "c": 2}]}
    assert without(tree, ("e", "f")) == tree
