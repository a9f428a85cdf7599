"""How problems read."""

import pytest

from cluster_cli.topology.fields import Span, Words, duration_text, milliseconds, shown
from cluster_cli.topology.problems import Problem, did_you_mean


def test_a_problem_reads_path_message_hint() -> None:
    assert (
        str(Problem(("nodes", "db1", "weight"), "is wrong", "mend it")) == "nodes.db1.weight: is wrong (mend it)"
    )
    assert str(Problem(("a", 0), "is wrong")) == "a.0: is wrong"
    assert str(Problem((), "is wrong")) == "is wrong"
    assert str(Problem(("a\nb", ""), "is wrong")) == '"a\\nb"."": is wrong'


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("adress", ["address", "site"], 'did you mean "address"?'),
        ("xyz", ["b", "a"], "known here: a, b"),
        ("xyz", [], ""),
        (
            "xyz",
            [f"n{i:02}" for i in range(20)],
            f"known here: {', '.join(f'n{i:02}' for i in range(12))}, ...",
        ),
    ],
)
def test_did_you_mean(word: str, known: list[str], hint: str) -> None:
    assert did_you_mean(word, known) == hint


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", '"a"'), ("a\nb", '"a\\nb"'), ("x" * 50, f'"{"x" * 37}..."'), (None, "nothing"), (True, "true")]
    + [(1, "1"), (1.5, "1.5"), ({}, "a map"), ([], "a list"), ("\x1b[31m", '"\\x1b[31m"')],
)
def test_shown(value: object, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("500ms", 500), ("2s", 2000), ("1.5s", 1500), ("1m", 60_000), ("1h", 3_600_000), ("1d", 86_400_000)]
    + [("2", None), (2, None), ("-1s", None), ("1 s", None), ("s", None), ("٣s", None)],
)
def test_milliseconds(text: object, expected: int | None) -> None:
    assert milliseconds(text) == expected


@pytest.mark.parametrize(("value", "text"), [(100, "100ms"), (1000, "1s"), (1500, "1.5s"), (30000, "30s")])
def test_duration_text(value: int, text: str) -> None:
    assert duration_text(value) == text


def test_words_for_forms() -> None:
    port_name = Words("[a-z]+", "a port name", "such as http", 5)
    assert port_name.check("http") == "http"
    with pytest.raises(ValueError, match=r'^"HTTP" is not a port name \(such as http\)$'):
        port_name.check("HTTP")
    with pytest.raises(ValueError, match=r"too long for a port name \(at most 5 characters\)$"):
        port_name.check("abcdef")
    with pytest.raises(ValueError, match="is not a port name"):
        port_name.check("http\n")


def test_spans_have_two_ends() -> None:
    assert Span("10ms", "1s").check("1s") == 1000
    with pytest.raises(ValueError, match=r"^2s is out of range \(from 10ms to 1s\)$"):
        Span("10ms", "1s").check("2s")
