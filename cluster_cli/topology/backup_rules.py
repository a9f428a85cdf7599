"""Rules on backups: there is something to back up, by somebody whose loss is not the loss of the data, too."""

from collections.abc import Iterator

from cluster_cli.topology.backup import OWN_FILES
from cluster_cli.topology.model import Topology
from cluster_cli.topology.problems import Path, Problem

BACKED_UP = ("mariadb",)  # engines whose backups are made


def there_is_something_to_back_up(topology: Topology) -> Iterator[Problem]:
    """A section without a database that is backed up does nothing."""
    if topology.backup and not any(each.backup.enabled for each in topology.databases.values()):
        what = "nothing under databases is to be backed up"
        yield Problem(("backup",), what, "add one under `databases`, or remove this section")


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
    """`cluster restore cluster` means the cluster's own files."""
    if topology.backup and OWN_FILES in topology.databases:
        what = f'"{OWN_FILES}" is what the cluster\'s own files are called among the backups'
        yield Problem(("databases", OWN_FILES), what, "give the database another name")


RULES = (
    there_is_something_to_back_up,
    backup_nodes_hold_no_data,
    the_engine_is_backed_up,
    somebody_makes_the_backups,
    fetches_are_not_always_overdue,
    names_of_backups_differ,
)
