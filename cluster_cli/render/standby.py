"""Variables of role standby: the databases a node stands by for, each with a server of its own."""

from typing import Any

from cluster_cli.render.backup import CERTIFICATE
from cluster_cli.render.certificate_files import AUTHORITY, folder
from cluster_cli.render.databases import domain_id
from cluster_cli.secrets.names import database_account
from cluster_cli.topology.addresses import addresses
from cluster_cli.topology.backup import SOURCE_PORT
from cluster_cli.topology.databases import DATABASE_PORT, REPLICATION_ACCOUNT, Database
from cluster_cli.topology.makers import stands_by
from cluster_cli.topology.model import Topology

MEMORY_PERCENT = 40  # of the node's memory, for the caches of all its servers
SECOND = 1000


def standby_vars(topology: Topology, node: str) -> dict[str, Any]:
    """What a node stands by for; empty when it is nothing."""
    found = stands_by(topology, node)
    if not found:
        return {}
    return {
        "standby_server_id": int(addresses(topology)[node]),
        "standby_source_port": SOURCE_PORT,
        "standby_certificate": folder(CERTIFICATE),
        "standby_authority": AUTHORITY,
        "standby_memory_percent": max(1, MEMORY_PERCENT // len(found)),
        "standby_databases": [described(topology, node, name, each) for name, each in found.items()],
    }


def described(topology: Topology, node: str, name: str, database: Database) -> dict[str, Any]:
    """One database as the role takes it."""
    known = addresses(topology)
    return {
        "name": name,
        "nodes": [{"name": each, "address": str(known[each])} for each in database.nodes],
        "port": DATABASE_PORT,
        "domain": domain_id(topology, name),
        "delay": database.standby[node] // SECOND,
        "secret": database_account(name, REPLICATION_ACCOUNT),
        "settings": dict(database.settings),
    }
