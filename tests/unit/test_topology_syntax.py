"""The YAML a topology may use."""

import pytest

from cluster_cli.topology.syntax import Place, UnreadableError, read


def plain(text: str) -> object:
    tree, problems = read(text)
    assert problems == []
    return tree.plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1", 1),
        ("a: -12", -12),
        ("a: '1'", "1"),
        ("a: 1.5", 1.5),
        ("a: .5e1", 5.0),
        ("a: true", True),
        ("a: False", False),
        ("a: on", "on"),
        ("a: yes", "yes"),
        ("a: ~", None),
        ("a:", None),
        ("a: null", None),
        ("a: 2024-01-01", "2024-01-01"),
        ("a: 12:30", "12:30"),
        ("a: 1_000", "1_000"),
        ("a: .inf", ".inf"),
        ("a: " + "9" * 5000, float("inf")),
        ("a: !!str 5", "5"),
        ("a: |\n  x\n  y\n", "x\ny\n"),
        ("a: {}", {}),
        ("a: []", []),
    ],
)
def test_scalars(text: str, value: object) -> None:
    found = plain(text)
    assert found == {"a": value}
    assert isinstance(found, dict)
    assert type(found["a"]) is type(value)


def test_keys_are_text() -> None:
    assert plain("1: a\ntrue: b\n~: c\n2.5: d\n") == {"1": "a", "true": "b", "~": "c", "2.5": "d"}


def test_aliases_and_merges() -> None:
    text = "a: &a {x: 1, y: 2}\nb: *a\nc: {<<: *a, y: 3}\nd: {<<: [{y: 4}, *a]}\n"
    assert plain(text) == {
        "a": {"x": 1, "y": 2},
        "b": {"x": 1, "y": 2},
        "c": {"x": 1, "y": 3},
        "d": {"x": 1, "y": 4},
    }


def test_places() -> None:
    tree, _ = read("a:\n  b: [1,\n      {c: 2}]\n")
    assert tree.place(("a",)) == Place(1, 1)
    assert tree.place(("a", "b")) == Place(2, 3)
    assert tree.place(("a", "b", 1)) == Place(3, 7)
    assert tree.place(("a", "b", 1, "c")) == Place(3, 8)
    assert tree.place(("a", "b", 1, "none", "x")) == Place(3, 7)
    assert tree.place(("none",)) == Place(1, 1)


def test_every_harmless_problem_is_told() -> None:
    _, problems = read("a: 1\na: 2\nb: *x\nc: !t 1\nd: 010\n? [k]\n: 1\ne: {<<: 1}\n")
    assert [place.line for place, _ in problems] == [2, 3, 4, 5, 6, 8]


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 5000, "- " * 5000, "a: &a [" * 3000], ids=str.split)
def test_depth_is_bounded(text: str) -> None:
    with pytest.raises(UnreadableError, match="nested too deeply"):
        read(text)


def test_expansion_is_bounded() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 30)]
    with pytest.raises(UnreadableError, match="too many values"):
        read("\n".join(rows))


@pytest.mark.parametrize("letter", ["\0", "\x07", "\x85", "\u2028", "\ufeff", "\ud800", "\uffff"])
def test_invisible_characters_have_a_place(letter: str) -> None:
    with pytest.raises(UnreadableError) as raised:
        read(f"a: 1\nb: x{letter}y\n")
    assert raised.value.place == Place(2, 5)


@pytest.mark.parametrize("letter", ["é", "ß", "日", "😀", "\xa0"])
def test_other_scripts_are_fine(letter: str) -> None:
    assert plain(f"a: x{letter}y # {letter}") == {"a": f"x{letter}y"}
