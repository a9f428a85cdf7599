"""Settings of a running server: what is said to it."""

import pytest

from cluster_cli.collections.ansible_collections.cluster.core.plugins.modules.server_settings import (
    difference,
    plain,
    statement,
)


@pytest.mark.parametrize(
    ("value", "sql"),
    [
        ("64M", "67108864"),
        (300, "300"),
        ("0.5", "0.5"),
        ("ON", "'ON'"),
        ("it's", "'it''s'"),
        (None, "DEFAULT"),
    ],
)
def test_values_as_the_server_takes_them(value: object, sql: str) -> None:
    assert statement("x", value) == f"SET GLOBAL x = {sql}"


def test_only_what_differs_is_said() -> None:
    assert difference({"a": "1", "b": "2"}, {"a": "1", "b": "3"}) == {"b": "3"}
    assert difference({"a": "1"}, {}) == {"a": None}
    assert difference({}, {"a": "1"}) == {"a": "1"}


@pytest.mark.parametrize(("shown", "written"), [("0", "OFF"), ("1", "on"), ("67108864", "64M"), ("ROW", "row")])
def test_one_value_is_written_in_several_ways(shown: str, written: str) -> None:
    assert plain(shown) == plain(written)
    assert plain(shown) != plain("7")
