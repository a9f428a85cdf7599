"""`status --watch`: look again and again, and say what changed meanwhile."""

import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from cluster_cli.history.results import tone
from cluster_cli.history.timing import spell
from cluster_cli.show.status import head, rest
from cluster_cli.status.changes import changes

Document = Mapping[str, Any]
Recent = deque[tuple[str, Mapping[str, str]]]  # (when, change), the newest first
KEPT, RUNS = 8, 5  # changes and runs that are shown
TONE_STYLES = {"ok": "green", "warn": "yellow", "bad": "bold red"}
STYLES = {"worse": "red", "better": "green", "moved": "cyan"}


def watch(look: Callable[[], Document], every: float, *, as_json: bool, console: Console | None = None) -> None:
    """Look every so many seconds until Ctrl-C: a screen, or lines where there is no terminal, or JSON Lines."""
    screen = console or Console()
    try:
        documents = looks(look, every)
        if as_json:
            for document in documents:
                click.echo(json.dumps(document))
        elif screen.is_terminal:
            draw(documents, every, screen)
        else:
            for document in documents:
                for line in lines(document):
                    click.echo(line)
    except KeyboardInterrupt:
        return


def looks(
    look: Callable[[], Document], every: float, pause: Callable[[float], None] = time.sleep
) -> Iterator[Document]:
    """Status documents without end, each with its `changes` since the one before; None in the first."""
    before: Document | None = None
    while True:
        document = look()
        yield {**document, "changes": None if before is None else changes(before, document)}
        before = document
        pause(every)


def draw(documents: Iterator[Document], every: float, console: Console) -> None:
    """The screen, drawn anew at each look."""
    recent: Recent = deque(maxlen=KEPT)
    with Live(console=console, auto_refresh=False, screen=True) as live:
        for document in documents:
            recent.extendleft((clock(document), change) for change in reversed(document["changes"] or ()))
            live.update(frame(document, recent, every), refresh=True)


def frame(document: Document, recent: Recent, every: float) -> Group:
    """What one look shows: how it is, what changed lately, and the picture of `status`."""
    when = clock(document)
    news = [
        Text.assemble((f"  {at} ", "dim"), (change["what"], STYLES[change["kind"]] + (" bold" * (at == when))))
        for at, change in recent
    ]
    title = [Text("changes", style="bold"), *news] if news else [Text("nothing changed yet", style="dim")]
    foot = Text(f"a look every {every:g} s; Ctrl-C ends", style="dim")
    return Group(*head(document), foot, *title, *rest(document), *run_lines(document["runs"][:RUNS]))


def run_lines(runs: Sequence[Mapping[str, Any]]) -> Iterator[Text]:
    """What `cluster` did last, the newest first."""
    if runs:
        yield Text("last runs", style="bold")
    for row in runs:
        took = "" if row["seconds"] is None else f" after {spell(row['seconds'])}"
        what = " ".join(filter(None, (row["verb"], row["about"])))
        style = TONE_STYLES[tone(row["result"])]
        yield Text.assemble(
            (f"  {row['started'][:16].replace('T', ' ')} ", "dim"),
            f"{what}: ",
            (f"{row['result']}{took}", style),
            (f"  {row['who']}", "dim"),
        )


def lines(document: Document) -> Iterator[str]:
    """For a log: how it is at first, then only what changed."""
    first, at = document["changes"] is None, clock(document)
    if first:
        yield f"{at} {document['cluster']} is {'healthy' if document['healthy'] else 'not healthy'}"
        yield from (f"{at} {problem}" for problem in document["problems"])
    yield from (f"{at} {change['what']}" for change in document["changes"] or ())


def clock(document: Document) -> str:
    """The time of day of a look, UTC."""
    return str(document["at"][11:19])
