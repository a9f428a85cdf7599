"""Rules on backups: there is something to back up, by somebody whose loss is not the loss of the data, too."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from cluster_cli.topology.backup import OWN_FILES
from cluster_cli.topology.makers import backed_up, made_by
from cluster_cli.topology.model import Topology
from cluster_cli.topology.problems import Path, Problem, did_you_mean

NO_DATA = ("dev", "proc", "run", "sys", "tmp")  # directories of the root
ROOT_PARTS = 2  # of /srv


def there_is_something_to_back_up(topology: Topology) -> Iterator[Problem]:
    """A section without a database that is backed up, or files, does nothing."""
    backup = topology.backup
    if backup and not backup.files and not backed_up(topology):
        what = "nothing under databases is to be backed up"
        yield Problem(("backup",), what, "add one under `databases`, name `files`, or remove this section")


def backup_nodes_hold_no_data(topology: Topology) -> Iterator[Problem]:
    """A backup beside the data goes with it; and its node starts servers of its own to prove it."""
    for i, node in enumerate(topology.backup.nodes if topology.backup else ()):
        for name, database in topology.databases.items():
            if node in database.nodes:
                what = f"{node} holds data of {name}, so its loss would be the loss of both"
                yield Problem(("backup", "nodes", i), what, "use another node")


def makers_are_backup_nodes(topology: Topology) -> Iterator[Problem]:
    """Who is to make a database's backups is one of those that make any."""
    known = topology.backup.nodes if topology.backup else ()
    for name, database in topology.databases.items():
        for i, node in enumerate(database.backup.nodes or ()):
            if topology.backup and node in topology.nodes and node not in known:
                hint = did_you_mean(node, known) or "add it to `nodes` of section `backup`, or name one of those"
                path: Path = ("databases", name, "backup", "nodes", i)
                yield Problem(path, f"{node} makes no backups", hint)


def a_backup_node_has_one_engine(topology: Topology) -> Iterator[Problem]:
    """It restores with the engine's own server, and Debian's packages of the two exclude each other."""
    for i, node in enumerate(topology.backup.nodes if topology.backup else ()):
        mine = {name: each.engine for name, each in made_by(topology, node).items()}
        if len(set(mine.values())) > 1:
            told = ", ".join(f"{name} ({engine})" for name, engine in mine.items())
            what = f"{node} would back up {told}, and the servers of the two engines cannot be installed together"
            one = next(iter(mine))
            hint = f"have a backup node for each, and say which: databases: {one}: backup: {{nodes: [{node}]}}"
            yield Problem(("backup", "nodes", i), what, hint)


def every_backup_node_has_work(topology: Topology) -> Iterator[Problem]:
    """One that makes nothing looks as if it did."""
    for i, node in enumerate(topology.backup.nodes if topology.backup else ()):
        files = topology.backup and topology.backup.files  # those every one fetches
        if backed_up(topology) and not files and not made_by(topology, node):
            what = f"{node} would make no backups: every database names others"
            yield Problem(("backup", "nodes", i), what, "remove it, or name it below a database's `backup`")


def somebody_makes_the_backups(topology: Topology) -> Iterator[Problem]:
    """A database that says how it is backed up needs somebody who does."""
    for name, database in topology.databases.items():
        if topology.backup is None and database.backup.model_fields_set and database.backup.enabled:
            what = "nobody makes a backup of it"
            yield Problem(("databases", name, "backup"), what, "add a section `backup` with its nodes")


def fetches_are_not_always_overdue(topology: Topology) -> Iterator[Problem]:
    """What is looked for more often than it is made is always missing."""
    for name, database in topology.databases.items():
        if topology.backup is None:
            continue
        interval = database.backup.binlogs or topology.backup.schedule.binlogs
        if database.backup.enabled and topology.backup.overdue.binlogs < 2 * interval:
            what = f"binlogs of {name} would be overdue before the next ones are fetched"
            yield Problem(("backup", "overdue", "binlogs"), what, "make it twice the interval at least")


def names_of_backups_differ(topology: Topology) -> Iterator[Problem]:
    """`cluster restore NAME` means one thing."""
    if topology.backup is None:
        return
    for at, names in ((("databases",), topology.databases), (("backup", "files"), topology.backup.files)):
        if OWN_FILES in names:
            what = f'"{OWN_FILES}" is what the cluster\'s own files are called among the backups'
            yield Problem((*at, OWN_FILES), what, "choose another name")
    for name in topology.backup.files:
        if name in topology.databases:
            yield Problem(("backup", "files", name), "a database has that name, too", "choose another name")


def files_lie_elsewhere_than_backups(topology: Topology) -> Iterator[Problem]:
    """As for databases: a backup beside the files goes with them."""
    for name, found in topology.backup.files.items() if topology.backup else ():
        for i, node in enumerate(found.nodes):
            if topology.backup and node in topology.backup.nodes:
                what = f"{node} makes the backups, so its loss would be the loss of both"
                yield Problem(("backup", "files", name, "nodes", i), what, "name other nodes")


def files_are_files(topology: Topology) -> Iterator[Problem]:
    """What the kernel makes up is no data; what is within another path would be kept twice."""
    for name, found in topology.backup.files.items() if topology.backup else ():
        for i, path in enumerate(found.paths):
            at: Path = ("backup", "files", name, "paths", i)
            parts = PurePosixPath(path)
            if ".." in parts.parts or str(parts) != path:
                yield Problem(at, f"{path} is not the shortest way to say it", "leave away //, . and ..")
            elif len(parts.parts) == ROOT_PARTS and parts.name in NO_DATA:
                yield Problem(at, f"{path} holds nothing that lasts", "leave it away")
            for other in found.paths[:i]:
                if parts.is_relative_to(other) or PurePosixPath(other).is_relative_to(parts):
                    yield Problem(at, f"{path} and {other} overlap", "name the outer one alone")


RULES = (
    there_is_something_to_back_up,
    backup_nodes_hold_no_data,
    makers_are_backup_nodes,
    a_backup_node_has_one_engine,
    every_backup_node_has_work,
    somebody_makes_the_backups,
    fetches_are_not_always_overdue,
    names_of_backups_differ,
    files_lie_elsewhere_than_backups,
    files_are_files,
)
