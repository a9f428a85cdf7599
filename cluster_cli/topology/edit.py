"""Changes to a topology file that keep its comments and its look."""

import os
import tempfile
from collections.abc import Iterable, Mapping
from difflib import unified_diff
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from cluster_cli.errors import ClusterError, Exit
from cluster_cli.topology.load import content, parse

LOOKS = ((2, 4, 2), (2, 2, 0), (4, 4, 2), (4, 6, 4))  # indentation of maps, of lists, of the dash in a list


def revoke(path: Path, entries: Iterable[str]) -> None:
    """Add entries to access.revoked. Raises ClusterError, the file as it was, when that cannot be done."""
    path = Path(os.path.realpath(path))
    before = content(path)
    yaml, tree = round_trip(before)
    access = tree.setdefault("access", CommentedMap())
    revoked = access.setdefault("revoked", CommentedSeq())
    revoked.extend(entries)
    after = lead(before) + dumped(yaml, tree)
    parse(after, path)
    replace(path, after)


def exchange(path: Path, node: str, spare: str) -> str:
    """Have a spare in the place of a database's node, and the node in that of the spare; the difference, as text.

    Raises ClusterError, the file as it was, when that would not be a topology.
    """
    path = Path(os.path.realpath(path))
    before = content(path)
    yaml, tree = round_trip(before)
    seen: set[int] = set()  # an alias is the very list it stands for
    for database in tree["databases"].values():
        for names in (database.get(key) for key in ("nodes", "spares", "delayed")):
            if names is not None and id(names) not in seen:
                seen.add(id(names))
                turned(names, {node: spare, spare: node})
    after = lead(before) + dumped(yaml, tree)
    parse(after, path)
    replace(path, after)
    lines = unified_diff(before.splitlines(), after.splitlines(), path.name, path.name, n=0, lineterm="")
    return "\n".join(lines)


def turned(names: CommentedSeq | CommentedMap, other: Mapping[str, str]) -> None:
    """Have other names in a list, or as the keys of a map, at the same places."""
    if isinstance(names, CommentedSeq):
        for i, name in enumerate(names):
            if name in other:
                names[i] = other[name]
        return
    for i, (name, value) in enumerate(list(names.items())):
        if name in other:
            comment = names.ca.items.pop(name, None)
            del names[name]
            names.insert(i, other[name], value)
            if comment:
                names.ca.items[other[name]] = comment


def lead(text: str) -> str:
    """The blank lines a file begins with, which the writer would leave out."""
    return text[: len(text) - len(text.lstrip("\n"))]


def round_trip(text: str) -> tuple[YAML, Any]:
    """The file as a tree with its comments, and the writer that comes closest to its look."""
    text = text.removeprefix(lead(text))
    for look in LOOKS:
        yaml = writer(look)
        tree = yaml.load(text)
        if dumped(yaml, tree) == text:
            break
    else:
        yaml = writer(LOOKS[0])
    return yaml, yaml.load(text)


def writer(look: tuple[int, int, int]) -> YAML:
    """A writer that leaves quotes and long lines alone."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=look[0], sequence=look[1], offset=look[2])
    return yaml


def dumped(yaml: YAML, tree: Any) -> str:
    """The text of a tree."""
    text = StringIO()
    yaml.dump(tree, text)
    return text.getvalue()


def replace(path: Path, text: str) -> None:
    """Rename the new text into place, with the mode of the old."""
    try:
        handle, draft = tempfile.mkstemp(prefix=".topology-", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).chmod(path.stat().st_mode & 0o7777)
        Path(draft).rename(path)
    except OSError as error:
        raise ClusterError(
            f"{path} cannot be written",
            why=error.strerror or str(error),
            hint="nothing was changed",
            code=Exit.USAGE,
        ) from None
