"""YAML as a topology may use it: plain values, each with its place in the file.

Built from the parser's events instead of ruamel's own constructor, because
that one stops at the first duplicate key, expands aliases without bound and
turns dates into objects. Syntax is YAML 1.2 (core schema), so `on` is text.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from cluster_cli.topology.fields import shown
from cluster_cli.topology.problems import Path, Problem, label

MAX_DEPTH = 32
MAX_VALUES = 100_000  # after aliases are expanded
STRANGE = re.compile("[^\n\t\x20-\x7e\xa0-\u2027\u202f-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
WORDS = {"null": None, "~": None, "": None, "true": True, "false": False}
SPELLINGS = {spelling: value for word, value in WORDS.items() for spelling in (word, word.title(), word.upper())}
INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})", re.ASCII)
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
LEADING_ZERO = re.compile(r"[-+]?0(o|x)?[0-9A-Fa-f]+", re.ASCII)
PLAIN_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map")}
SAYINGS = (  # what the parser says, in words for people, and what to do; {line}: where it began
    ("character '\\t'", "a tab cannot stand here", "indent with spaces"),
    ("that cannot start any token", "this character cannot begin a value", "quote the text"),
    ("mapping values are not allowed", 'a ":" cannot stand here', "quote the text, or check the indentation"),
    ("expected ',' or ']'", "the list opened with [ in line {line} is not closed here", 'add "," or "]"'),
    ("expected ',' or '}'", "the map opened with { in line {line} is not closed here", 'add "," or "}"'),
    ("expected <block end>", "this line does not fit the ones above", "check the indentation"),
    ("could not find expected ':'", 'the key in line {line} lacks its ":"', "write key: value"),
    ("unexpected end of stream", "the quote opened in line {line} is never closed", "add the missing quote"),
    ("expected the node content", "a value is missing here", "check the brackets"),
    ("expected '<document start>'", "nothing can stand here", "check the brackets and the indentation"),
    ("expected alphabetic or numeric", "a name must follow * or &", "quote the text"),
    (
        "undefined tag handle",
        "tags are not used in a topology",
        'remove the word with "!", or quote the text',
    ),
    ("unknown escape character", "unknown escape in double quotes", "use single quotes"),
)


@dataclass(frozen=True, order=True)
class Place:
    """Where something stands: line and column count from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Tree:
    """A value of the file. plain: as ordinary Python; size: values in it; parts: children with places."""

    plain: Any
    size: int = 1
    parts: Mapping[str | int, tuple[Place, "Tree"]] = field(default_factory=dict)

    def place(self, path: Path) -> Place:
        """Where `path` stands, or its nearest ancestor that is in the file."""
        found, tree = Place(1, 1), self
        for step in path:
            if step not in tree.parts:
                break
            found, tree = tree.parts[step]
        return found


class UnreadableError(Exception):
    """The text cannot be read further than this place."""

    def __init__(self, place: Place, problem: Problem) -> None:
        super().__init__(str(problem))
        self.place, self.problem = place, problem


def read(text: str) -> tuple[Tree, list[tuple[Place, Problem]]]:
    """The tree of `text`, and problems that do not hide the rest; UnreadableError for those that do."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    strange = STRANGE.search(text)
    if strange:
        before = text[: strange.start()]
        place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
        what = f"a character that cannot be seen stands here (U+{ord(strange[0]):04X})"
        raise UnreadableError(place, Problem((), what, "remove it"))
    try:
        return Reader(text).document()
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        began = error.context_mark or error.problem_mark
        line = began.line + 1 if began else 1
        raise UnreadableError(place, said(error.problem or error.context or "", line)) from error
    except (
        YAMLError,
        ValueError,
        RecursionError,
        AssertionError,
        TypeError,
        AttributeError,
        LookupError,
    ) as error:
        raise UnreadableError(Place(1, 1), Problem((), "this is not valid YAML")) from error


def said(words: str, line: int) -> Problem:
    """The parser's words as a Problem. line: where the construct began that it could not finish."""
    for part, what, hint in SAYINGS:
        if part in words:
            return Problem((), what.replace("{line}", str(line)), hint)
    return Problem((), f"not valid YAML: {label((words.splitlines() or ['it ends too early'])[0])}")


class Reader:
    """Builds the tree of one document from the parser's events."""

    def __init__(self, text: str) -> None:
        self.events: Iterator[Event] = YAML(typ="safe", pure=True).parse(text)
        self.anchors: dict[str, Tree] = {}
        self.problems: list[tuple[Place, Problem]] = []

    def document(self) -> tuple[Tree, list[tuple[Place, Problem]]]:
        """The first document, which must be the only one."""
        tree = Tree(None)
        documents = 0
        for event in self.events:
            documents += isinstance(event, DocumentStartEvent)
            if documents > 1:
                self.note(event, (), "a second document begins here", "one file holds one topology")
                break
            if isinstance(event, ScalarEvent | AliasEvent | SequenceStartEvent | MappingStartEvent):
                tree = self.value(event, ())
        return tree, self.problems

    def note(self, event: Event, path: Path, message: str, hint: str) -> None:
        """Remember a problem that does not hide the rest."""
        self.problems.append((start(event), Problem(path, message, hint)))

    def value(self, event: Event, path: Path) -> Tree:
        """The value that begins with this event."""
        if len(path) > MAX_DEPTH:
            raise UnreadableError(
                start(event), Problem((), "values are nested too deeply", f"at most {MAX_DEPTH}")
            )
        if isinstance(event, AliasEvent):
            return self.alias(event, path)
        tag = getattr(event, "tag", None)
        if tag and str(tag) not in PLAIN_TAGS:
            hint = f"remove {shown(str(tag))}, or quote the text"
            self.note(event, path, "tags are not used in a topology", hint)
        if isinstance(event, MappingStartEvent):
            tree = self.mapping(path)
        elif isinstance(event, SequenceStartEvent):
            tree = self.sequence(path)
        else:
            tree = Tree(self.scalar(event, path) if isinstance(event, ScalarEvent) else None)
        anchor = getattr(event, "anchor", None)
        if anchor:
            self.anchors[anchor] = tree
        return tree

    def alias(self, event: AliasEvent, path: Path) -> Tree:
        """The value an alias stands for."""
        if event.anchor not in self.anchors:
            self.note(
                event,
                path,
                f"there is no anchor {label(event.anchor)} before this",
                "define it first, or quote it",
            )
        return self.anchors.get(event.anchor, Tree(None))

    def sequence(self, path: Path) -> Tree:
        """A list, up to its end."""
        parts: dict[str | int, tuple[Place, Tree]] = {}
        size = 1
        while not isinstance(event := next(self.events), SequenceEndEvent):
            tree = self.value(event, (*path, len(parts)))
            parts[len(parts)] = (start(event), tree)
            size = bounded(size + tree.size, event)
        return Tree([tree.plain for _, tree in parts.values()], size, parts)

    def mapping(self, path: Path) -> Tree:
        """A map, up to its end; what it merges (`<<`) gives way to its own keys."""
        parts: dict[str | int, tuple[Place, Tree]] = {}
        merged: list[Tree] = []
        size = 1
        while not isinstance(event := next(self.events), MappingEndEvent):
            key = self.key(event, path)
            tree = self.value(next(self.events), (*path, key))
            size = bounded(size + tree.size, event)
            if key == "<<" and isinstance(event, ScalarEvent) and not event.style:
                merged += self.merge(event, path, tree)
            elif key in parts:
                line = parts[key][0].line
                self.note(event, (*path, key), f"stands here twice, first in line {line}", "remove one of them")
            else:
                parts[key] = (start(event), tree)
        for tree in merged:
            parts = {**tree.parts, **parts}
        return Tree({key: tree.plain for key, (_, tree) in parts.items()}, size, parts)

    def key(self, event: Event, path: Path) -> str:
        """A key as text, whatever it looks like."""
        if isinstance(event, ScalarEvent):
            self.value(event, path)
            return str(event.value)
        tree = self.value(event, path)
        if isinstance(event, AliasEvent) and isinstance(tree.plain, str):
            return tree.plain
        self.note(event, (*path, "?"), "a key must be plain text", "write key: value")
        return "?"

    def merge(self, event: Event, path: Path, tree: Tree) -> list[Tree]:
        """The maps a merge key stands for, the strongest first."""
        trees = [part for _, part in tree.parts.values()] if isinstance(tree.plain, list) else [tree]
        maps = [part for part in trees if isinstance(part.plain, dict)]
        if len(maps) < len(trees):
            self.note(event, path, "<< merges maps only", "name the anchor of a map, as in <<: *defaults")
        return maps

    def scalar(self, event: ScalarEvent, path: Path) -> str | int | float | bool | None:
        """A scalar by the core schema; dates and whatever else is special elsewhere stay text."""
        text = str(event.value)
        if event.style or event.tag:
            return text
        if text in SPELLINGS:
            return SPELLINGS[text]
        if INTEGER.fullmatch(text):
            return int(text)
        if LEADING_ZERO.fullmatch(text):
            self.note(
                event,
                path,
                f"{text} is read differently by different programs",
                "write it in decimal, or quote it",
            )
            return text
        return float(text) if FLOAT.fullmatch(text) else text


def start(event: Event) -> Place:
    """Where an event begins."""
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)


def bounded(size: int, event: Event) -> int:
    """The size, unless it is beyond all reason."""
    if size > MAX_VALUES:
        raise UnreadableError(start(event), Problem((), "too many values", "aliases may not multiply them"))
    return size
