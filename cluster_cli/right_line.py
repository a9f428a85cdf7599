"""The line that was meant, where a cluster is named in a way its verb does not take."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click

from cluster_cli.options import FILE_NAME

SHORT, LONG = "-C", "--cluster"
Words = Sequence[str]


def is_cluster(word: str) -> bool:
    """Whether a word names a topology: its directory, or the file."""
    path = Path(word)
    try:
        return (path / FILE_NAME).is_file() or (path.suffix in (".yml", ".yaml") and path.is_file())
    except OSError:  # no name of a file: too long
        return False


def right_line(root: click.Group, words: Words, cluster: Callable[[str], bool] = is_cluster) -> str | None:
    """The same line with -C behind the verb; None when that is not what is wrong with it.

    words: what follows the command's own name. Either -C stands before the verb, or a cluster stands where a verb
    that knows it by -C only takes something else. What the verb needs besides and is missing stands by its name.
    """
    for name, rest in (*option_too_early(root, words), *cluster_as_word(root, words, cluster)):
        command, end = walk(root, rest)
        if SHORT in flags(command):
            missing = [each.human_readable_name.upper() for each in wanted(command, rest[end:])]
            return shlex.join(["cluster", *rest[:end], SHORT, name, *rest[end:], *missing])
    return None


def walk(root: click.Group, words: Words) -> tuple[click.Command, int]:
    """The verb that words name, and how many of them do."""
    command: click.Command = root
    at, context = 0, click.Context(root)
    while at < len(words) and isinstance(command, click.Group):
        word = words[at]
        if word.startswith("-"):
            at += 2 if word in (SHORT, LONG) else 1
            continue
        below = command.get_command(context, word)
        if below is None:
            break
        command, at = below, at + 1
    return command, min(at, len(words))


def option_too_early(root: click.Group, words: Words) -> Iterator[tuple[str, list[str]]]:
    """The cluster that -C names before the verb, and the words without both."""
    _, end = walk(root, words)
    for at, word in enumerate(words[:end]):
        if word in (SHORT, LONG) and at + 1 < len(words) and SHORT not in flags(walk(root, words[:at])[0]):
            yield words[at + 1], [*words[:at], *words[at + 2 :]]


def cluster_as_word(
    root: click.Group, words: Words, cluster: Callable[[str], bool]
) -> Iterator[tuple[str, list[str]]]:
    """The cluster that stands where the verb takes something else, and the words without it."""
    command, end = walk(root, words)
    before = words[: words.index("--")] if "--" in words else words
    if any(word.startswith((SHORT, LONG)) for word in before):
        return
    for at in alone(command, before):
        if cluster(before[at]) and not (at >= end and by_position(command)):
            yield before[at], [*words[:at], *words[at + 1 :]]


def alone(command: click.Command, words: Words) -> Iterator[int]:
    """Where words stand that are neither options nor an option's value."""
    known = flags(command)
    for at, word in enumerate(words):
        option = known.get(words[at - 1]) if at else None
        if not word.startswith("-") and (option is None or option.is_flag):
            yield at


def wanted(command: click.Command, words: Words) -> list[click.Argument]:
    """The arguments a verb must have and these words do not give."""
    needed = [each for each in command.params if isinstance(each, click.Argument) and each.required]
    return needed[len(list(alone(command, words))) :]


def flags(command: click.Command) -> dict[str, click.Option]:
    """A verb's options, by each of their names."""
    return {name: each for each in command.params if isinstance(each, click.Option) for name in each.opts}


def by_position(command: click.Command) -> bool:
    """Whether a verb takes its cluster by position."""
    return any(each.name == "cluster" for each in command.params if isinstance(each, click.Argument))
