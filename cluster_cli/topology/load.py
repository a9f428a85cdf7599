"""Read a topology file: every problem at once, each with its line and column."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from cluster_cli.errors import ClusterError, Exit
from cluster_cli.topology.doors import with_doors
from cluster_cli.topology.files import missing_files
from cluster_cli.topology.model import Topology
from cluster_cli.topology.problems import Problem
from cluster_cli.topology.rules import broken_rules
from cluster_cli.topology.salvage import salvage
from cluster_cli.topology.syntax import Place, Tree, UnreadableError, read

FILE_NAME = "topology.yml"
MAX_BYTES = 1024 * 1024
MANY = 100  # rows shown; who made more has made one of them many times

Check = Callable[[Topology], Iterator[Problem]]


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
        more = [f"... and {len(self.rows) - MANY} more"] if len(self.rows) > MANY else []
        return "\n".join([*self.rows[:MANY], *more, super().__str__()])


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
    """The topology in `path`, valid, and the files it names are there.

    Raises TopologyError with all problems, ClusterError when the file cannot be read.
    """
    return checked(content(path), path, lambda topology: missing_files(topology, path))


def parse(text: str, path: Path = Path(FILE_NAME)) -> Topology:
    """The topology in `text`; `path` only stands in messages, and the files it names are not looked for."""
    return checked(text, path, lambda _: iter(()))


def content(path: Path) -> str:
    """The file's text."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise unreadable(path, f"it is larger than {MAX_BYTES // 1024} KiB, so it is no topology")
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise unreadable(path, "it is not UTF-8 text", "save it as UTF-8") from error
    except (OSError, ValueError) as error:
        raise unreadable(path, getattr(error, "strerror", None) or str(error)) from error


def unreadable(path: Path, why: str, hint: str = "name a readable topology.yml") -> ClusterError:
    """The error for a file that cannot be read."""
    return ClusterError(f"{path} cannot be read", why=why, hint=hint, code=Exit.USAGE)


def checked(text: str, path: Path, more: Check) -> Topology:
    """The valid topology in `text`. more: further rules for this one."""
    try:
        tree, noted = read(text)
    except UnreadableError as error:
        raise TopologyError(path, [(error.place, error.problem)]) from error
    if not isinstance(tree.plain, dict):
        what = "the file is empty" if tree.plain is None else "the file must be a map of keys"
        noted.append((Place(1, 1), Problem((), what, "start from a template: cluster init DIR")))
        raise TopologyError(path, noted)
    left = salvage(tree.plain)
    broken = [*broken_rules(left.topology), *more(left.topology)] if left.topology else []
    told = {problem.path for _, problem in noted}
    found = [*left.problems, *filter(left.trusts, broken)]
    problems = [problem for problem in found if problem.path not in told]
    if left.topology is None or problems or noted:
        raise TopologyError(path, in_order(tree, problems, noted))
    return with_doors(left.topology)


def refused(path: Path, problems: Iterable[Problem]) -> TopologyError:
    """The error for problems that were found after the topology was read."""
    tree, _ = read(content(path))
    return TopologyError(path, in_order(tree, problems, ()))


def in_order(
    tree: Tree, problems: Iterable[Problem], noted: Iterable[tuple[Place, Problem]]
) -> list[tuple[Place, Problem]]:
    """The problems, each with its place and each once, in the order of the file."""
    placed = {*noted, *((tree.place(problem.path), problem) for problem in problems)}
    return sorted(placed, key=lambda row: (row[0], str(row[1])))
