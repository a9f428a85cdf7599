"""Variables of role replication: a primary and its replicas, none of which is told which it is."""

from typing import Any

from cluster_cli.render.databases import database_of, domain_id, server_vars
from cluster_cli.secrets.names import database_account
from cluster_cli.topology.addresses import addresses
from cluster_cli.topology.databases import REPLICATION_ACCOUNT
from cluster_cli.topology.model import Topology


def replication_vars(topology: Topology, name: str) -> dict[str, Any]:
    """The node's part of a database with a primary; empty when it holds no data of one."""
    found = database_of(topology, name, "replication")
    if found is None:
        return {}
    key, database = found
    known = addresses(topology)
    return server_vars(topology, name, "replication") | {
        "replication_engine": database.engine,
        "replication_addresses": {node: str(known[node]) for node in database.nodes},
        "replication_domain_id": domain_id(topology, key),
        "replication_secret": database_account(key, REPLICATION_ACCOUNT),
        **({"replication_followers": [str(known[node]) for node in database.standby]} if database.standby else {}),
        **({"replication_delay": delay} if (delay := database.delay(name)) else {}),
    }
