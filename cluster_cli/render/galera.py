"""Variables of role galera: the group of a MariaDB database, and what applications find in it."""

import zlib
from typing import Any

from cluster_cli.render.certificate_files import AUTHORITY, folder
from cluster_cli.secrets.known import database_account
from cluster_cli.topology.addresses import addresses
from cluster_cli.topology.databases import DATABASE_PORT, DOORBELL, Database
from cluster_cli.topology.model import Topology


def database_of(topology: Topology, name: str) -> tuple[str, Database] | None:
    """The database a node holds data of, with its name."""
    return next(((key, each) for key, each in topology.databases.items() if name in each.nodes), None)


def galera_vars(topology: Topology, name: str) -> dict[str, Any]:
    """The node's part of a Galera group; empty when it holds no data."""
    found = database_of(topology, name)
    if found is None:
        return {}
    key, database = found
    known = {node: str(address) for node, address in addresses(topology).items()}
    group = f"{topology.name}-{key}"
    return {
        "galera_name": group,
        "galera_node": name,
        "galera_address": known[name],
        "galera_port": DATABASE_PORT,
        "galera_doorbell_port": DOORBELL,
        "galera_nodes": list(database.nodes),
        "galera_members": [known[node] for node in database.nodes],
        "galera_server_id": int(addresses(topology)[name]),
        "galera_domain_id": zlib.crc32(group.encode()),
        "galera_certificate": folder(certificate_name(key)),
        "galera_authority": AUTHORITY,
        "galera_schemas": list(database.schemas),
        "galera_accounts": [
            {
                "name": account,
                "secret": database_account(key, account),
                "schemas": list(row.schemas),
                "rights": row.rights,
            }
            for account, row in database.accounts.items()
        ],
        "galera_settings": dict(database.settings),
        "galera_memory_percent": database.memory_percent,
    }


def certificate_name(database: str) -> str:
    """The name of the certificate of a database's nodes."""
    return f"database-{database}"
