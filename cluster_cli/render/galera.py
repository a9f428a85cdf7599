"""Variables of roles galera and garbd: the group of a MariaDB database, and who only votes in it."""

from typing import Any

from cluster_cli.render.certificate_files import AUTHORITY, folder
from cluster_cli.render.databases import certificate_name, database_of, domain_id, group_name, server_vars
from cluster_cli.secrets.names import database_account
from cluster_cli.topology.addresses import addresses
from cluster_cli.topology.databases import REPLICATION_ACCOUNT, Database
from cluster_cli.topology.model import Topology


def galera_vars(topology: Topology, name: str) -> dict[str, Any]:
    """The node's part of a Galera group; empty when it holds no data."""
    found = database_of(topology, name, "galera")
    if found is None:
        return {}
    key, database = found
    return server_vars(topology, name, "galera") | {
        "galera_members": members(topology, database),
        "galera_domain_id": domain_id(topology, key),
        **({"galera_follower_secret": database_account(key, REPLICATION_ACCOUNT)} if database.standby else {}),
    }


def garbd_vars(topology: Topology, name: str) -> dict[str, Any]:
    """The node's votes in Galera groups whose data it does not hold; empty when it has none."""
    found = [(key, each) for key, each in topology.databases.items() if each.arbiter == name]
    if not found:
        return {}
    key, database = found[0]
    return {
        "garbd_name": group_name(topology, key),
        "garbd_address": str(addresses(topology)[name]),
        "garbd_members": members(topology, database),
        "garbd_certificate": folder(certificate_name(key)),
        "garbd_authority": AUTHORITY,
    }


def members(topology: Topology, database: Database) -> list[str]:
    """The addresses of all that vote."""
    known = addresses(topology)
    return [str(known[node]) for node in database.voters]
