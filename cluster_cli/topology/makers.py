"""Who makes copies of what: what a topology says, for its rules and for all who render it. Pure."""

from cluster_cli.topology.databases import Database
from cluster_cli.topology.model import Topology


def backed_up(topology: Topology) -> dict[str, Database]:
    """The databases backups are made of, by name."""
    found = topology.databases if topology.backup else {}
    return {name: each for name, each in found.items() if each.backup.enabled}


def makers(topology: Topology, name: str) -> tuple[str, ...]:
    """The backup nodes that make the backups of a database that is backed up, or of files: those by all."""
    own = topology.databases[name].backup.nodes if name in topology.databases else None
    return own or (topology.backup.nodes if topology.backup else ())


def made_by(topology: Topology, node: str) -> dict[str, Database]:
    """The databases a backup node makes backups of, by name: all of one engine."""
    return {name: each for name, each in backed_up(topology).items() if node in makers(topology, name)}


def stands_by(topology: Topology, node: str) -> dict[str, Database]:
    """The databases a node stands by for, by name."""
    return {name: each for name, each in topology.databases.items() if node in each.standby}


def giving(topology: Topology) -> dict[str, Database]:
    """The databases whose nodes give copies, by name: to backup nodes, or to those that stand by."""
    backed = backed_up(topology)
    return {name: each for name, each in topology.databases.items() if name in backed or each.standby}


def askers(topology: Topology, name: str) -> tuple[str, ...]:
    """The nodes that are given copies of a database."""
    backup = makers(topology, name) if name in backed_up(topology) else ()
    return tuple(dict.fromkeys((*backup, *topology.databases[name].standby)))
