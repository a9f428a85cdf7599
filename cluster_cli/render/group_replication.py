"""Variables of role group_replication: the group of a MySQL database."""

import uuid
from typing import Any

from cluster_cli.render.databases import database_of, group_name, server_vars
from cluster_cli.secrets.names import database_account
from cluster_cli.topology.addresses import addresses
from cluster_cli.topology.databases import REPLICATION_ACCOUNT
from cluster_cli.topology.model import Topology


def group_replication_vars(topology: Topology, name: str) -> dict[str, Any]:
    """The node's part of a group; empty when it holds no data of one."""
    found = database_of(topology, name, "group_replication")
    if found is None:
        return {}
    key, database = found
    known = addresses(topology)
    return server_vars(topology, name, "group_replication") | {
        "group_replication_group": group_id(topology, key),
        "group_replication_members": [str(known[node]) for node in database.nodes],
        "group_replication_account": {
            "name": REPLICATION_ACCOUNT,
            "secret": database_account(key, REPLICATION_ACCOUNT),
        },
    }


def group_id(topology: Topology, database: str) -> str:
    """The UUID of a group: always the same for the same names (RFC 4122 section 4.3)."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{group_name(topology, database)}.internal"))
