"""The JSON Schema agrees with the models."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from cluster_cli.schema import schema
from cluster_cli.topology import templates
from cluster_cli.topology.syntax import read

ROOT = Path(__file__).parents[2]
VALID = {name: templates.text(name, "shop") for name in templates.names()}
VALID |= {str(path.relative_to(ROOT)): path.read_text() for path in ROOT.glob("inventories/*/topology.yml")}
VALID |= {path.stem: path.read_text() for path in ROOT.glob("tests/golden/inventories/*.yml")}
VALIDATOR = Draft202012Validator(schema())


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("name", VALID)
def test_valid_topologies_pass(name: str) -> None:
    VALIDATOR.validate(read(VALID[name])[0].plain)


@pytest.mark.parametrize(
    "text",
    [
        "nodes: {a: {}}",
        "name: shop\nnodes: {}",
        "name: shop\nnodes: {A: {}}",
        "name: shop\nnodes: {a: {adress: 1}}",
        "name: Shop\nnodes: {a: {}}",
        "name: shop\nnodes: {a: {weight: 300}}",
        "name: shop\nprovider: vagrant\nnodes: {a: {}}",
        "name: shop\nnodes: {a: {}}\nload_balancers: {b: {nodes: [a], client_timeout: 5}}",
    ],
)
def test_invalid_ones_do_not(text: str) -> None:
    assert not VALIDATOR.is_valid(read(text)[0].plain)


def test_every_field_is_described() -> None:
    whole = schema()
    for model in (whole, *whole["$defs"].values()):
        assert model["description"]
        for name, field in model["properties"].items():
            assert field["description"], name
            assert field["title"] == name


def test_defaults_are_as_written_in_the_file() -> None:
    assert schema()["$defs"]["Vrrp"]["properties"]["advert_interval"]["default"] == "100ms"
