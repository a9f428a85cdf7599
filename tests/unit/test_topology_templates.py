"""The templates of `cluster init`: valid as they stand, and `full` has every field."""

from pathlib import Path

import pytest

from cluster_cli import schema
from cluster_cli.errors import ClusterError
from cluster_cli.topology import templates
from cluster_cli.topology.load import load, parse


def test_names() -> None:
    assert templates.names() == ["full", "lab", "web"]


@pytest.mark.parametrize("template", templates.names())
def test_templates_are_valid(template: str, tmp_path: Path) -> None:
    path = tmp_path / "topology.yml"
    path.write_text(templates.text(template, "my-shop"))
    assert load(path).name == "my-shop"
    assert path.read_text().splitlines()[0] == schema.HEADER
    assert not {"{name}", "{net}"} & set(path.read_text().split())


def test_the_lab_is_that_of_the_checkout() -> None:
    ours = load(Path(__file__).parents[2] / "inventories" / "lab" / "topology.yml")
    made = parse(templates.text("lab", "lab"))
    assert list(made.nodes) == list(ours.nodes)
    assert (made.time, made.web) == (ours.time, ours.web)
    assert made.load_balancers["edge"].backends == ours.load_balancers["edge"].backends


def test_two_labs_have_two_networks() -> None:
    assert parse(templates.text("lab", "one")).network != parse(templates.text("lab", "two")).network


def test_full_has_every_field() -> None:
    text = templates.text("full", "shop")
    whole = schema.schema()
    fields = {name for model in (whole, *whole["$defs"].values()) for name in model["properties"]}
    assert {name for name in fields if f"{name}:" not in text} == set()


@pytest.mark.parametrize(
    ("template", "name", "what"),
    [("lba", "shop", 'there is no template "lba"'), ("lab", "My Shop", '"My Shop" is not a usable name')],
)
def test_what_cannot_be_had(template: str, name: str, what: str) -> None:
    with pytest.raises(ClusterError, match=what):
        templates.text(template, name)
