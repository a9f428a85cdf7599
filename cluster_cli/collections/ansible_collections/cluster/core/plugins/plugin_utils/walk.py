"""What the nodes of a play tell each other while one thing is changed, by files of this very run."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible import constants

LOOK_SECONDS = 60  # a node that died between two tasks is never heard of again
WALK_SECONDS = 600


class Walk:
    """What the nodes of a play tell each other about the change of one service."""

    def __init__(self, service: str, task_vars: dict[str, Any]) -> None:
        self.service = service
        self.node = str(task_vars.get("inventory_hostname"))
        self.nodes = [str(name) for name in task_vars.get("ansible_play_hosts") or ()]
        self.folder = Path(constants.DEFAULT_LOCAL_TMP)
        self.lock = self.folder / f"walk-{service}.lock"

    def say(self, word: str, text: str = "") -> None:
        """Let the others know."""
        place = self.folder / f"walk-{self.service}.{word}.{self.node}"
        draft = self.folder / f".{place.name}"
        draft.write_text(text)
        draft.rename(place)  # whoever sees the word finds all of the text

    def said(self, word: str) -> list[str]:
        """The nodes that said so."""
        start = f"walk-{self.service}.{word}."
        return sorted(path.name.removeprefix(start) for path in self.folder.glob(f"{start}*"))

    def text(self, word: str, node: str) -> str:
        """What a node said with it."""
        return (self.folder / f"walk-{self.service}.{word}.{node}").read_text()

    def let_others_go_first(self, carries: int) -> None:
        """Wait until every node has looked, and those that carry less are through or one of them failed.

        What a node says with `looked` is how much it carries, and nothing when it is not to be changed.
        """
        wait(lambda: set(self.nodes) <= set(self.said("looked")), LOOK_SECONDS)
        told = {node: self.text("looked", node) for node in self.said("looked")}
        first = {node for node, text in told.items() if text and int(text) < carries}
        wait(lambda: bool(self.said("failed")) or first <= set(self.said("proven")), WALK_SECONDS)


def wait(condition: Callable[[], bool], seconds: float) -> None:
    """Until the condition holds, or the time is over."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
