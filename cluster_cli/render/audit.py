"""Variables of role audit: where a node sends its records of logins and commands, and whose it receives."""

from typing import Any

from cluster_cli.render.certificate_files import AUTHORITY, folder
from cluster_cli.topology.addresses import addresses
from cluster_cli.topology.listeners import AUDIT_PORT
from cluster_cli.topology.model import Topology

CERTIFICATE = "audit"


def audit_vars(topology: Topology, name: str) -> dict[str, Any]:
    """Where the node sends its records, and whose it receives; empty when they are not gathered."""
    if topology.audit is None:
        return {}
    known = addresses(topology)
    collects = name in topology.audit.collectors
    return {
        "audit_node_name": name,
        "audit_collectors": [
            {"name": node, "address": str(known[node])} for node in topology.audit.collectors if node != name
        ],
        "audit_collects": collects,
        "audit_senders": [
            {"name": node, "address": str(address)} for node, address in known.items() if collects and node != name
        ],
        "audit_port": AUDIT_PORT,
        "audit_certificate": folder(CERTIFICATE),
        "audit_authority": AUTHORITY,
    }
