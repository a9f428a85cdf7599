"""Rules on backups: there is something to back up, by somebody whose loss is not the loss of the data, too."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from cluster_cli.topology.backup import OWN_FILES
from cluster_cli.topology.model import Topology
from cluster_cli.topology.problems import Path, Problem

BACKED_UP = ("mariadb",)  # engines whose backups are made
NO_DATA = ("dev", "proc", "run", "sys", "tmp")  # directories of the root
ROOT_PARTS = 2  # of /srv


def there_is_something_to_back_up(topology: Topology) -> Iterator[Problem]:
    """A section without a database that is backed up, or files, does nothing."""
    backup = topology.backup
    if backup and not backup.files and not any(each.backup.enabled for each in topology.databases.values()):
        what = "nothing under databases is to be backed up"
        yield Problem(("backup",), what, "add one under `databases`, name `files`, or remove this section")


def backup_nodes_hold_no_data(topology: Topology) -> Iterator[Problem]:
    """A backup beside the data goes with it; and its node starts servers of its own to prove it."""
    for i, node in enumerate(topology.backup.nodes if topology.backup else ()):
        for name, database in topology.databases.items():
            if node in database.nodes:
                what = f"{node} holds data of {name}, so its loss would be the loss of both"
                yield Problem(("backup", "nodes", i), what, "use another node")


def the_engine_is_backed_up(topology: Topology) -> Iterator[Problem]:
    """What cannot be backed up must not look as if it were."""
    for name, database in topology.databases.items():
        if topology.backup and database.backup.enabled and database.engine not in BACKED_UP:
            what = f"{database.engine} is not backed up yet"
            path: Path = ("databases", name)
            yield Problem(path, what, f"say so: backup: {{enabled: false}} below {name}")


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
    the_engine_is_backed_up,
    somebody_makes_the_backups,
    fetches_are_not_always_overdue,
    names_of_backups_differ,
    files_lie_elsewhere_than_backups,
    files_are_files,
)
