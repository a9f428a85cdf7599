"""The reference pages are fresh, and their examples work."""

from pathlib import Path

import pytest

from cluster_cli.reference import EXAMPLES, FOLDER, PAGES, topology_page, write_all
from cluster_cli.schema import schema
from cluster_cli.topology.load import parse


@pytest.mark.parametrize("page", PAGES)
def test_pages_are_fresh(page: str) -> None:
    assert (FOLDER / page).read_text(encoding="utf-8") == PAGES[page](), "run: python -m cluster_cli.reference"


def test_write_all(tmp_path: Path) -> None:
    write_all(tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").iterdir()} == set(PAGES)


def test_every_section_has_an_example() -> None:
    assert list(EXAMPLES) == list(schema()["properties"])


def test_the_examples_are_one_valid_topology() -> None:
    text = "\n".join(example for name, example in EXAMPLES.items() if name != "lab")
    assert parse(text).name == "shop"
    assert parse(f"name: shop\nprovider: podman\nnodes: {{a: {{}}}}\n{EXAMPLES['lab']}\n").lab.image


def test_every_field_is_on_the_page() -> None:
    page, whole = topology_page(), schema()
    nested = {"load_balancers", "virtual_ips", "frontends", "backends"}  # appear as part of longer paths
    for model in (whole, *whole["$defs"].values()):
        for name in model["properties"]:
            assert (
                f"{name}`" in page or f"{name}[" in page or f".{name}." in page or name in nested | set(EXAMPLES)
            )
