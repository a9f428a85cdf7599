"""Variables that the roles of all databases have in common, whatever the engine and the mode."""

import zlib
from typing import Any

from cluster_cli.render.certificate_files import AUTHORITY, folder
from cluster_cli.secrets.names import database_account
from cluster_cli.topology.addresses import addresses
from cluster_cli.topology.databases import DATABASE_PORT, DOORBELL, Database
from cluster_cli.topology.model import Topology
from cluster_cli.topology.monitoring import WATCHER

NEVER = -1  # no replica is behind by less: it is not read from


def database_of(topology: Topology, node: str, mode: str = "") -> tuple[str, Database] | None:
    """The database a node holds data of, with its name; mode: only when it is of that one."""
    found = ((key, each) for key, each in topology.databases.items() if node in each.nodes)
    return next(((key, each) for key, each in found if mode in ("", each.mode)), None)


def group_name(topology: Topology, database: str) -> str:
    """What the nodes of a database call themselves together, unique among clusters."""
    return f"{topology.name}-{database}"


def domain_id(topology: Topology, database: str) -> int:
    """The domain of the GTIDs of what all nodes of a database share."""
    return zlib.crc32(group_name(topology, database).encode())


def server_vars(topology: Topology, node: str, mode: str) -> dict[str, Any]:
    """What every server is told, with the mode as prefix; empty when the node holds no data of that mode."""
    found = database_of(topology, node, mode)
    if found is None:
        return {}
    key, database = found
    known = {name: str(address) for name, address in addresses(topology).items()}
    plain = {
        "name": group_name(topology, key),
        "node": node,
        "address": known[node],
        "port": DATABASE_PORT,
        "nodes": list(database.nodes),
        "server_id": int(addresses(topology)[node]),
        "certificate": folder(certificate_name(key)),
        "authority": AUTHORITY,
        "schemas": list(database.schemas),
        "accounts": [
            {
                "name": account,
                "secret": database_account(key, account),
                "schemas": list(row.schemas),
                "rights": row.rights,
            }
            for account, row in database.accounts.items()
        ],
        **({"watcher": WATCHER} if topology.monitoring else {}),
        "settings": dict(database.settings),
        "memory_percent": database.memory_percent,
    }
    return {f"{mode}_{name}": value for name, value in plain.items()}


def doorbell_vars(topology: Topology, node: str) -> dict[str, Any]:
    """Where a node says what it is fit for, and by what it tells; empty when it holds no data."""
    found = database_of(topology, node)
    if found is None:
        return {}
    return {
        "doorbell_address": str(addresses(topology)[node]),
        "doorbell_port": DOORBELL,
        "doorbell_engine": found[1].engine,
        "doorbell_mode": found[1].mode,
        "doorbell_max_lag_seconds": NEVER if node in found[1].delayed else max(1, found[1].max_lag // 1000),
    }


def spare_vars(topology: Topology, node: str) -> dict[str, Any]:
    """The databases in which a node may take a place; empty when there is none."""
    found = [key for key, database in topology.databases.items() if node in database.spares]
    return {"spare_databases": found} if found else {}


def certificate_name(database: str) -> str:
    """The name of the certificate of a database's nodes."""
    return f"database-{database}"
