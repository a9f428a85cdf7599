"""Variables of role ssh_trust."""

from itertools import count
from typing import Any

from cluster_cli.render.connection import ssh_of
from cluster_cli.render.system import domain
from cluster_cli.topology.addresses import addresses, addresses_for
from cluster_cli.topology.base import DEFAULT_USER
from cluster_cli.topology.model import Topology

CERTIFICATE_DAYS = 365


def ssh_trust_vars(topology: Topology, name: str) -> dict[str, Any]:
    """What a node's host and user certificates say, and whom it lets in by one."""
    known = addresses(topology)
    patterns = [
        text for node, address in known.items() for text in (node, f"{node}.{domain(topology)}", str(address))
    ]
    reached = addresses_for(topology, "management")[name]
    here = list(dict.fromkeys([str(known[name]), str(reached)]))
    return {
        "ssh_trust_user": ssh_of(topology, topology.nodes[name]).user or DEFAULT_USER,
        "ssh_trust_principals": [name, f"{name}.{domain(topology)}", *here],
        "ssh_trust_host_patterns": patterns,
        "ssh_trust_source_addresses": [str(known[name])],
        "ssh_trust_certificate_days": CERTIFICATE_DAYS,
        "ssh_trust_key_id": key_id(topology, name),
        "ssh_trust_node_addresses": [str(address) for address in known.values()],
        "ssh_trust_operators": bool(topology.access.operators),
        "ssh_trust_revoked": list(topology.access.revoked),
        "ssh_trust_banner": topology.hardening.enabled,
    }


def key_id(topology: Topology, name: str) -> str:
    """The id of a node's user certificate: another one when it is revoked, so that the node gets a new one."""
    plain = f"{ssh_of(topology, topology.nodes[name]).user or DEFAULT_USER} of {name}"
    ids = (plain if number == 1 else f"{plain}, {number}" for number in count(1))
    return next(found for found in ids if found not in topology.access.revoked)
