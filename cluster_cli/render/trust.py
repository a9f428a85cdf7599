"""Variables of role ssh_trust."""

from typing import Any

from cluster_cli.render.connection import DEFAULT_USER, Access, ssh_of
from cluster_cli.render.system import domain
from cluster_cli.topology.addresses import addresses
from cluster_cli.topology.model import Topology

CERTIFICATE_DAYS = 365


def ssh_trust_vars(topology: Topology, access: Access, name: str) -> dict[str, Any]:
    """What a node's host and user certificates say, and where the authority is kept on the controller."""
    known = addresses(topology)
    patterns = [
        text for node, address in known.items() for text in (node, f"{node}.{domain(topology)}", str(address))
    ]
    return {
        "ssh_trust_cluster": topology.name,
        "ssh_trust_user": ssh_of(topology, topology.nodes[name]).user or DEFAULT_USER,
        "ssh_trust_principals": [name, f"{name}.{domain(topology)}", str(known[name])],
        "ssh_trust_host_patterns": patterns,
        "ssh_trust_source_addresses": [str(known[name])],
        "ssh_trust_secrets": access.secrets,
        "ssh_trust_certificate_days": CERTIFICATE_DAYS,
    }
