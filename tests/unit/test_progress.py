"""Progress on a terminal and in a log, fed with literal events."""

import io
import sys

import pytest
from rich.console import Console

from cluster_cli.events import (
    Event,
    RunEnded,
    RunStarted,
    StageEnded,
    StageStarted,
    Step,
    TaskEnded,
    TaskStarted,
    TestEnded,
)
from cluster_cli.progress import Board, Lines, for_stderr
from cluster_cli.progress.live import Live
from cluster_cli.progress.text import Patient, clean

STARTED = RunStarted("r1", "shop", "up", ("base", "web", "verify"), ("lb1", "web1", "web2"))
BASE: list[Event] = [STARTED, StageStarted("base", "Base system"), StageEnded("base", 4.0, 14, 0, 0)]
WEB: list[Event] = [
    *BASE,
    StageStarted("web", "Web servers"),
    TaskStarted("web", "web", "Gather"),
    TaskEnded("web", "web", "Gather", "web1", "ok", 1.0),
    TaskEnded("web", "web", "Gather", "web2", "changed", 1.0),
    TaskStarted("web", "web", "Install nginx"),
    TaskEnded("web", "web", "Install nginx", "web1", "changed", 1.0),
]
NO_PACKAGE = "No package \x1b[31mnginx\x1b[0m\nat all"
BROKEN = TaskEnded("web", "web", "Install nginx", "web2", "failed", 1.0, NO_PACKAGE)
FAILED: list[Event] = [*WEB, BROKEN, StageEnded("web", 9.0, 2, 1, 0), RunEnded(1, 14.0)]
TESTS: list[Event] = [
    StageStarted("verify", "Verification"),
    TestEnded("web", "web1", "test_answers", "passed", 0.1),
    TestEnded("web", "web2", "test_answers", "failed", 0.1, "connection refused"),
]


class Clock:
    """A clock that stands still until told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def board_after(*events: Event, **more: object) -> Board:
    board = Board(**more)  # type: ignore[arg-type]
    for at, event in enumerate(events):
        board.take(event, float(at))
    return board


def screen(events: list[Event], width: int = 100, encoding: str = "utf-8", **more: object) -> str:
    """What a terminal shows after the events, as plain text."""
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=Patient(file), force_terminal=True, width=width, height=30)  # type: ignore[arg-type]
    live = Live(Board(**more), file, Clock(), console)  # type: ignore[arg-type]
    for event in events:
        live(event)
    with console.capture() as shown:
        console.print(live.render())
    return clean(shown.get())


def _interrupted_in(live: Live) -> None:
    live(STARTED)
    raise KeyboardInterrupt


def log(events: list[Event], clock: Clock | None = None) -> tuple[str, Lines]:
    out = io.StringIO()
    lines = Lines(Board(), out, clock or Clock())
    for event in events:
        lines(event)
    return out.getvalue(), lines


def test_the_board_infers_whom_a_task_waits_for_from_the_one_before() -> None:
    board = board_after(*WEB)
    assert board.stage("web").waits_for == ("web2",)
    assert board.running is board.stage("web")


def test_the_board_is_told_whom_the_first_task_waits_for() -> None:
    board = board_after(*WEB[:5], stage_nodes={"web": ["web1", "web2"]})
    assert board.stage("web").waits_for == ("web1", "web2")


def test_nobody_waits_for_a_lost_node() -> None:
    board = board_after(*WEB, BROKEN, TaskStarted("web", "web", "Configure"))
    assert board.stage("web").waits_for == ("web1",)


def test_a_rescued_failure_is_no_failure() -> None:
    rescued = TaskEnded("web", "web", "Ask", "web1", "failed", 0.1, "no", ignored=True)
    assert board_after(*WEB, rescued).totals()["failed"] == 0


def test_the_estimate_counts_down_and_needs_every_stage_ahead() -> None:
    estimate = {"base": 4.0, "web": 10.0, "verify": 5.0}
    board = board_after(*WEB, estimate=estimate)
    assert board.remaining(5.0) == (10 - 2) + 5
    assert board.remaining(500.0) == 5
    assert board_after(*WEB, estimate={"web": 10.0}).remaining(5.0) is None


def test_live_shows_stages_current_task_and_whom_it_waits_for() -> None:
    shown = screen(WEB, estimate={"base": 4.0, "web": 10.0, "verify": 5.0})
    assert "cluster up  shop  ·  3 nodes  ·  0.0 s of about 15.0 s" in shown
    assert "✓ base           4.0 s  14 changed  Base system" in shown
    assert "▸ web" in shown
    assert "web : Install nginx  · waits for web2" in shown
    assert "· verify" in shown


def test_live_shows_a_failure_under_its_stage_without_its_escape_codes() -> None:
    shown = screen(FAILED)
    stage, head, *message = shown[shown.index("✗ web") :].splitlines()[:4]
    assert "Web servers" in stage
    assert "✗ web2  web : Install nginx" in head
    assert [line.strip() for line in message] == ["No package nginx", "at all"]
    assert shown.endswith("up of shop: failed after 14.0 s, 16 changed, 1 failed")


def test_live_shows_verification() -> None:
    shown = screen([*BASE, *TESTS])
    assert "1 passed  1 failed" in shown
    assert "web2  web : test_answers" in shown
    assert "connection refused" in shown


@pytest.mark.parametrize("width", [1, 2, 5, 20, 37])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_live_fits_any_terminal(width: int, encoding: str) -> None:
    wide = Step("verify", "読み込み中 " * 30, "näme")
    shown = screen([*FAILED[:-1], *TESTS, wide], width=width, encoding=encoding)
    assert max(len(line) for line in shown.splitlines()) <= width


def test_live_uses_plain_marks_where_the_encoding_lacks_others() -> None:
    assert "+ base" in screen(FAILED, encoding="ascii")
    assert "x web2" in screen(FAILED, encoding="ascii")


def test_live_leaves_a_sane_terminal_after_ctrl_c() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=80, height=20)
    stdout, stderr = sys.stdout, sys.stderr
    with pytest.raises(KeyboardInterrupt), Live(Board(), out, Clock(), console) as live:
        _interrupted_in(live)
    assert (sys.stdout, sys.stderr) == (stdout, stderr)
    assert out.getvalue().rfind("\x1b[?25h") > out.getvalue().rfind("\x1b[?25l")
    assert "up of shop: interrupted after" in clean(out.getvalue())


def test_live_keeps_the_cursor_visible_while_it_runs() -> None:
    out = io.StringIO()
    with Live(Board(), out, Clock(), Console(file=out, force_terminal=True)):
        assert out.getvalue().rfind("\x1b[?25h") > out.getvalue().rfind("\x1b[?25l")


def test_live_without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    console = Console(file=io.StringIO(), force_terminal=True, color_system="standard")
    with console.capture() as shown:
        live = Live(Board(), io.StringIO(), Clock(), console)
        for event in FAILED:
            live(event)
        console.print(live.render())
    assert "\x1b[31m" not in shown.get()
    assert "\x1b[1;31m" not in shown.get()


def test_lines_tell_stages_failures_and_the_end() -> None:
    text, _ = log([*FAILED[:-1], *TESTS, RunEnded(5, 20.0)])
    assert text.splitlines() == [
        "    0.0s  base  Base system",
        "    0.0s  base  done in 4.0 s, 14 changed",
        "    0.0s  web  Web servers",
        "    0.0s  web  FAILED web2  web : Install nginx",
        "              No package nginx",
        "              at all",
        "    0.0s  web  failed after 9.0 s, 2 changed",
        "    0.0s  verify  Verification",
        "    0.0s  verify  FAILED web2  web : test_answers",
        "              connection refused",
        "up of shop: verification failed after 20.0 s, 16 changed, 1 failed, 1 check passed, 1 check failed",
    ]


def test_lines_beat_only_after_a_long_silence() -> None:
    clock = Clock()
    out = io.StringIO()
    lines = Lines(Board(), out, clock)
    for event in WEB:
        lines(event)
    before = out.getvalue()
    clock.now = 14.9
    lines.beat()
    assert out.getvalue() == before
    clock.now = 15.0
    lines.beat()
    lines.beat()
    beat = "   15.0s  web  still at: web : Install nginx, waits for web2\n"
    assert out.getvalue() == before + beat


def test_lines_survive_a_closed_pipe() -> None:
    out = io.StringIO()
    lines = Lines(Board(), out, Clock())
    out.close()
    for event in FAILED:
        lines(event)


def test_for_stderr_writes_no_escape_codes_to_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with for_stderr({}) as progress:
        for event in FAILED:
            progress(event)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "\x1b" not in shown.err
    assert "up of shop: failed after 14.0 s" in shown.err


def test_clean_takes_out_what_would_move_the_cursor_or_lie() -> None:
    assert clean("a\x1b]0;title\x07b\x1b[2Jc\rd\u202ee\tf\r\n") == "abcde    f"


def test_for_stderr_does_without_a_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with for_stderr() as progress:
        progress(STARTED)


def test_for_stderr_keeps_to_lines_on_a_dumb_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(for_stderr(), Lines)
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(for_stderr(), Live)
    assert isinstance(for_stderr(plain=True), Lines)
