"""Who makes backups of what: what a topology says, for its rules and for all who render it. Pure."""

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
