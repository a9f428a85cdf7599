"""Make up.svg: run `cluster up CLUSTER` for real and keep its screen as it was while STAGE was at work.

usage: python docs/pictures/record.py CLUSTER STAGE    (from the checkout's root, in its Python environment)
"""

import io
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

from cluster_cli import run
from cluster_cli.main import main
from cluster_cli.progress.board import Board
from cluster_cli.progress.live import Live

TARGET = Path(__file__).parent / "up.svg"
WIDTH = 84
EVERY = 0.3
# rich's own frame names web fonts on another host; a picture must need nothing
FRAME = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g>
</g>
</svg>
"""


@contextmanager
def recorded(estimate: dict[str, float], stage_nodes: dict[str, list[str]], _plain: bool) -> Iterator[Live]:
    """In place of the progress display: the same picture, drawn to a file while the stage runs."""
    screen = Console(file=io.StringIO(), force_terminal=True, width=WIDTH, legacy_windows=False)
    board = Board(estimate, stage_nodes)
    live, over = Live(board, sys.stderr, console=screen), threading.Event()

    def watch() -> None:
        while not over.wait(EVERY):
            stage = board.running
            if stage and stage.name == sys.argv[2] and stage.waits_for and len(stage.waits_for) < 4:
                draw(live)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        with live:
            yield live
    finally:
        over.set()
        thread.join()


def draw(live: Live) -> None:
    """Write the picture of this moment."""
    paper = Console(record=True, file=io.StringIO(), force_terminal=True, width=WIDTH, highlight=False)
    paper.print(live.render())
    text = paper.export_svg(title="cluster up", theme=MONOKAI, code_format=FRAME, unique_id="up")
    TARGET.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    run.for_stderr = recorded  # type: ignore[assignment]
    main(["up", sys.argv[1]])
