"""Read a topology file: every problem at once, each with its line and column."""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from cluster_cli.errors import ClusterError, Exit
from cluster_cli.topology.model import Topology
from cluster_cli.topology.problems import Problem, explain
from cluster_cli.topology.rules import broken_rules

FILE_NAME = "topology.yml"
MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Place:
    """Where a problem stands: line and column count from 1."""

    line: int
    column: int


class TopologyError(ClusterError):
    """A topology that cannot be used. problems: (place, problem) pairs in the order of the file."""

    def __init__(self, path: Path, problems: list[tuple[Place, Problem]]) -> None:
        self.problems = problems
        self.rows = [f"{path}:{place.line}:{place.column}: {problem}" for place, problem in problems]
        many = f"{len(problems)} problems" if len(problems) > 1 else "1 problem"
        super().__init__(
            f"{many} in {path}; nothing was touched",
            hint=f"mend the file, then: cluster validate {path}",
            code=Exit.USAGE,
        )

    def __str__(self) -> str:
        """The rows first, since they are what is looked for."""
        return "\n".join([*self.rows, super().__str__()])


def find(cluster: str | Path) -> Path:
    """The topology file meant by CLUSTER: a directory that holds one, or the file itself."""
    path = Path(cluster)
    found = path / FILE_NAME if path.is_dir() else path
    if not found.is_file():
        raise ClusterError(
            f"there is no topology file at {found}",
            hint="name a directory that holds a topology.yml, or make one: cluster init DIR",
            code=Exit.USAGE,
        )
    return found


def load(path: Path) -> Topology:
    """The topology in `path`, valid; raises TopologyError with all problems, ClusterError when unreadable."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ClusterError(f"{path} is larger than 4 MiB, so it is no topology", code=Exit.USAGE)
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error.strerror)
        raise ClusterError(
            f"{path} cannot be read", why=why, hint="name a readable topology.yml", code=Exit.USAGE
        ) from error
    return parse(text, path)


def parse(text: str, path: Path = Path(FILE_NAME)) -> Topology:
    """The topology in `text`; `path` only stands in messages."""
    tree = read_yaml(text, path)
    if not isinstance(tree, CommentedMap):
        what = "the file is empty" if tree is None else "the file must be a map of keys"
        hint = "start from a template: cluster init DIR"
        raise TopologyError(path, [(Place(1, 1), Problem((), what, hint))])
    try:
        topology = Topology.model_validate(plain(tree))
    except ValidationError as error:
        raise located(path, tree, explain_all(error)) from error
    problems = list(broken_rules(topology))
    if problems:
        raise located(path, tree, problems)
    return topology


def read_yaml(text: str, path: Path) -> Any:
    """The YAML tree with its positions; a syntax error becomes a TopologyError."""
    try:
        return YAML(typ="rt").load(StringIO(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        words = (error.problem or error.context or "not valid YAML").split("\n")[0]
        raise TopologyError(path, [(place, Problem((), words, "mend the YAML syntax"))]) from error
    except (YAMLError, ValueError, RecursionError, TypeError, AttributeError) as error:
        words = "not valid YAML: " + (str(error).split("\n")[0] or type(error).__name__)
        raise TopologyError(path, [(Place(1, 1), Problem((), words))]) from error


def plain(tree: Any) -> Any:
    """The tree as ordinary values, so that models and messages see what the file says."""
    if isinstance(tree, CommentedMap | dict):
        return {plain(key): plain(value) for key, value in tree.items()}
    if isinstance(tree, CommentedSeq | list):
        return [plain(item) for item in tree]
    for kind in (bool, int, float, str):
        if isinstance(tree, kind):
            return kind(tree)
    return tree


def located(path: Path, tree: CommentedMap, problems: Iterable[Problem]) -> TopologyError:
    """The error for these problems, each with its place, in the order of the file."""
    placed = {(place_of(tree, problem.path), problem) for problem in problems}
    return TopologyError(path, sorted(placed, key=lambda row: (row[0].line, row[0].column, str(row[1]))))


def place_of(tree: Any, path: tuple[str | int, ...]) -> Place:
    """Where `path` stands, or its nearest ancestor that is in the file."""
    place = Place(1, 1)
    for step in path:
        try:
            line, column = tree.lc.key(step) if isinstance(tree, CommentedMap) else tree.lc.item(step)
            tree = tree[step]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
        place = Place(line + 1, column + 1)
    return place


def explain_all(error: ValidationError) -> Iterator[Problem]:
    """Each of pydantic's errors in our words; unknown keys get the nearest known one."""
    for detail in error.errors():
        known = known_keys(detail) if detail["type"] == "extra_forbidden" else ()
        yield explain(detail, tuple(known))


def known_keys(detail: ErrorDetails) -> Iterable[str]:
    """The keys that would have been right where an unknown one stands."""
    model: Any = Topology
    for step in detail["loc"][:-1]:
        field = getattr(model, "model_fields", {}).get(step)
        model = model_in(field.annotation) if field else model
    return getattr(model, "model_fields", {})


def model_in(annotation: Any) -> Any:
    """The model inside an annotation such as dict[Name, Node] or Time | None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := model_in(part))), None)


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The word most like `word`, if any is near."""
    return next(iter(difflib.get_close_matches(word, list(words), n=1, cutoff=0.6)), None)
