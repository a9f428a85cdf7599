"""Whether two nodes took writes at once, from samples of them."""

import subprocess
import sys

import pytest

from tests.e2e.sampler import LOOP, Sample, Spans, two_writers, union

AT = {"db1": "a1", "db2": "a2", "db3": "a3"}


def rows(*told: tuple[float, bool, str]) -> list[Sample]:
    """Samples that took ten milliseconds each."""
    return [Sample(moment, moment + 0.01, yes, follows) for moment, yes, follows in told]


def steadily(begin: float, end: float, *, yes: bool, follows: str = "-") -> list[Sample]:
    """A sample every tenth of a second."""
    return rows(*((begin + i / 10, yes, follows) for i in range(round((end - begin) * 10))))


def test_one_after_the_other_is_one_at_a_time() -> None:
    samples = {"db1": steadily(0, 3, yes=True), "db2": steadily(3, 6, yes=True)}
    assert two_writers(samples, None) == 0


def test_two_at_once_are_found() -> None:
    samples = {"db1": steadily(0, 3, yes=True), "db2": steadily(2, 6, yes=True)}
    assert two_writers(samples, None) == pytest.approx(0.9, abs=0.2)


def test_an_answer_that_came_late_counts_from_then() -> None:
    late = [Sample(2.5, 3.4, True, "-"), *steadily(3.5, 5, yes=True)]
    assert two_writers({"db1": steadily(0, 3.4, yes=True), "db2": late}, None) == 0


def test_one_whom_nobody_follows_has_no_write_acknowledged() -> None:
    follower = steadily(0, 2, yes=False, follows="a1") + steadily(2, 6, yes=False, follows="a2")
    samples = {"db1": steadily(0, 6, yes=True), "db2": steadily(2, 6, yes=True), "db3": follower}
    assert two_writers(samples, AT) == 0
    samples["db2"] = steadily(1, 6, yes=True, follows="a1")
    assert two_writers(samples, AT) > 3


@pytest.mark.parametrize(
    ("many", "one"),
    [
        ([], []),
        ([[(1.0, 2.0)], [(1.5, 3.0)]], [(1.0, 3.0)]),
        ([[(4.0, 5.0), (1.0, 2.0)], [(1.2, 1.4)]], [(1.0, 2.0), (4.0, 5.0)]),
    ],
)
def test_spans_are_joined(many: list[Spans], one: Spans) -> None:
    assert union(many) == one


def test_a_sampler_goes_on_until_its_input_ends() -> None:
    argv = [sys.executable, "-c", LOOP, "SELECT 1 AS yes", "", ""]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(argv, text=True, **pipes) as process:  # type: ignore[call-overload]
        told = [process.stdout.readline().split()[2:] for _ in range(3)]
        process.communicate(timeout=10)
    assert (told, process.returncode) == ([["0", "-"]] * 3, 0), "no server is here"
