"""A secret through its rotation: when which value is let in."""

from datetime import UTC, datetime

import pytest

from cluster_cli.secrets.secret import STEPS, Secret, read

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
OLD = Secret(value="old", made="2025-01-01T00:00:00+00:00")


def step(secret: Secret) -> Secret:
    return secret.after("new", NOW)


def test_a_rotation_lets_two_in_before_it_uses_one_and_drops_the_other() -> None:
    accept, use, drop, done = (found := step(OLD)), (found := step(found)), (found := step(found)), step(found)
    assert [each.step for each in (accept, use, drop, done)] == [*STEPS, None]
    assert accept.valid == {1: "old", 2: "new"}
    assert use.valid == {2: "new", 1: "old"}
    assert [*use.valid.values()][0] == use.value == "new"
    assert drop.valid == done.valid == {2: "new"}
    assert done.made == NOW.isoformat()


def test_a_value_keeps_its_number_for_good() -> None:
    found, numbers = OLD, {"old": 1}
    for turn in range(2, 5):
        for _ in range(4):
            found = found.after(f"value {turn}", NOW)
            for number, value in found.valid.items():
                assert numbers.setdefault(value, number) == number
    assert sorted(numbers.values()) == [1, 2, 3, 4]


def test_what_was_dropped_is_secret_until_no_node_has_it() -> None:
    drop = step(step(step(OLD)))
    assert drop.step == "drop"
    assert set(drop.texts) == {"old", "new"}
    assert step(drop).texts == ("new",)


@pytest.mark.parametrize("turns", range(5))
def test_it_is_read_as_it_was_written(turns: int) -> None:
    secret = OLD
    for _ in range(turns):
        secret = step(secret)
    assert read(secret.plain()) == secret


def test_a_bare_text_is_a_secret_nobody_dated() -> None:
    assert read("geheim") == Secret(value="geheim")


@pytest.mark.parametrize("plain", [7, None, [], {}, {"value": ""}, {"value": "x", "stp": "use"}, {"value": 7}])
def test_what_is_none_is_refused_without_its_text(plain: object) -> None:
    with pytest.raises(ValueError, match="validation error") as caught:
        read(plain)
    assert "input_value" not in str(caught.value)


def test_no_value_shows_in_the_representation() -> None:
    assert "old" not in repr(step(OLD))
    assert "new" not in repr(step(OLD))
