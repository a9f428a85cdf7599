"""Validate a tree, and make the most of one that is not valid: every problem at once, rules included."""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from cluster_cli.topology.model import Topology
from cluster_cli.topology.problems import Path, Problem, explain

ROUNDS = 8  # a removed value can leave a hole its parent cannot do without, and so on upwards
DECISIVE = {"name", "provider", "network", "networks", "ssh"}  # what most rules depend on


@dataclass(frozen=True)
class Salvage:
    """What is left. topology: without the invalid parts, None if too little is left; removed: their paths."""

    topology: Topology | None
    problems: tuple[Problem, ...] = ()
    removed: frozenset[Path] = frozenset()

    def trusts(self, problem: Problem) -> bool:
        """Whether a rule's finding would stand if the removed parts were there and right.

        Not when it is about such a part, its parents, or says a name on the way to one, or the one that was meant.
        """
        words = set(problem.message.replace('"', " ").replace(",", " ").replace(":", " ").split())
        return not any(
            problem.path[: len(path)] == path
            or path[: len(problem.path)] == problem.path
            or words & {*path, *meant(path)}
            for path in map(scope, self.removed)
        )


def scope(path: Path) -> Path:
    """What cannot be judged without the part at `path`: for a main part of a service, all of the service."""
    return path[:2] if len(path) in (3, 4) else path


def salvage(tree: dict[str, Any]) -> Salvage:
    """The topology in `tree`, or what is left of it with the problems of the rest."""
    problems: tuple[Problem, ...] = ()
    removed: set[Path] = set()
    for _ in range(ROUNDS):
        try:
            topology: Topology | None = Topology.model_validate(tree)
            return Salvage(topology, problems, frozenset(removed))
        except ValidationError as error:
            details = told_once(error.errors(include_url=False))
        if not removed:
            problems = tuple(explained(tree, detail) for detail in details)
        holes = {hole(tree, detail) for detail in details}
        if any(is_decisive(path) for path in holes):
            break
        removed |= holes
        for path in holes:
            tree = without(tree, path)
    return Salvage(None, problems)


def told_once(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without "must not be empty" for a list whose only entries are told to be wrong."""
    inner = {detail["loc"][:i] for detail in details for i in range(len(detail["loc"]))}
    return [detail for detail in details if detail["type"] != "too_short" or detail["loc"] not in inner]


def is_decisive(path: Path) -> bool:
    """Whether without this part most rules would speak nonsense; also when it is such a key misspelt."""
    if not path or path == ("nodes",):
        return True
    return bool(DECISIVE.intersection(meant(path)))


def meant(path: Path) -> list[str]:
    """The section a path belongs to, also when its name is misspelt; empty when it is like none."""
    return difflib.get_close_matches(str(path[0])[:80], Topology.model_fields, n=1) if path else []


def explained(tree: Any, detail: ErrorDetails) -> Problem:
    """One of pydantic's errors in our words."""
    path = standing(tree, detail)
    return explain(detail, path, known_keys(path) if detail["type"] == "extra_forbidden" else ())


def standing(tree: Any, detail: ErrorDetails) -> Path:
    """The part of an error's location that is in the file; for a missing key, the place where it belongs."""
    path: list[str | int] = []
    for step in detail["loc"]:
        inside = step in tree if isinstance(tree, dict) else isinstance(tree, list) and isinstance(step, int)
        if not inside:
            return (*path, step) if detail["type"] == "missing" else tuple(path)
        path.append(step)
        tree = tree[step]
    return tuple(path)


def hole(tree: Any, detail: ErrorDetails) -> Path:
    """What to remove for an error: never a single entry of a list, which would move the others."""
    path = standing(tree, detail)
    if detail["type"] == "missing":
        path = path[:-1]
    while path and isinstance(path[-1], int):
        path = path[:-1]
    return path


def without(tree: Any, path: Path) -> Any:
    """A copy of `tree` without what is at `path`."""
    step, *rest = path
    if isinstance(tree, dict):
        if step not in tree:
            return tree
        return {k: without(v, tuple(rest)) if k == step else v for k, v in tree.items() if rest or k != step}
    if isinstance(tree, list) and isinstance(step, int) and rest and step < len(tree):
        return [without(v, tuple(rest)) if i == step else v for i, v in enumerate(tree)]
    return tree


def known_keys(path: Path) -> Iterable[str]:
    """The keys that would have been right where an unknown one stands."""
    model: Any = Topology
    chosen = False  # whether the next step is a name somebody chose, which may be that of a field, too
    for step in path[:-1]:
        field = None if chosen else getattr(model, "model_fields", {}).get(step)
        model = model_in(field.annotation) if field else model
        chosen = field is not None and get_origin(field.annotation) is dict
    return getattr(model, "model_fields", {})


def model_in(annotation: Any) -> Any:
    """The model inside an annotation such as dict[Name, Node] or Time | None."""
    return next(models_in(annotation), None)


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Every model inside an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)
