"""Variables of role firewall: what a node lets in, and from where."""

from collections.abc import Iterable
from ipaddress import IPv4Network, collapse_addresses
from typing import Any

from cluster_cli.render.balancing import balancer_of
from cluster_cli.topology.addresses import addresses_for
from cluster_cli.topology.listeners import Listener, listeners
from cluster_cli.topology.model import Topology
from cluster_cli.topology.sources import nodes

VRRP_GROUP = "224.0.0.18"  # where multicast advertisements go (RFC 5798 section 5.1.1.2)
LONGEST_COMMENT = 100  # nft takes 128 bytes
Rule = dict[str, Any]


def firewall_vars(topology: Topology, name: str) -> dict[str, Any]:
    """What the node lets in. Off is said too, so that a table from before is removed."""
    enabled = topology.firewall.enabled
    return {
        "firewall_enabled": enabled,
        "firewall_rules": rules(topology, name) if enabled else [],
        "firewall_rollback": -(-topology.firewall.rollback // 1000),
    }


def rules(topology: Topology, name: str) -> list[Rule]:
    """One rule for each port, with everybody who may use it; VRRP where the node shares a virtual IP."""
    open_to: dict[tuple[str, int, str], list[Listener]] = {}
    for listener in listeners(topology):
        if listener.node == name and listener.sources:
            key = (listener.protocol, listener.port, str(listener.to or listener.address or ""))
            open_to.setdefault(key, []).append(listener)
    return [port_rule(*key, found) for key, found in sorted(open_to.items())] + vrrp_rules(topology, name)


def port_rule(protocol: str, port: int, address: str, found: list[Listener]) -> Rule:
    """The rule for a port of an address (of all when empty)."""
    return {
        "name": f"{protocol}_{port}" + (f"_{address}" if address else ""),
        "who": ", ".join(dict.fromkeys(each.who for each in found))[:LONGEST_COMMENT],
        "protocol": protocol,
        "port": port,
        "addresses": [address] if address else [],
        "sources": least(network for each in found for network in each.sources),
        "limited": any(each.limited for each in found),
    }


def vrrp_rules(topology: Topology, name: str) -> list[Rule]:
    """Advertisements of the other nodes that may hold the node's virtual IPs (RFC 5798), in both modes."""
    found = balancer_of(topology, name)
    if found is None or not found[1].virtual_ips:
        return []
    peers = tuple(node for node in found[1].nodes if node != name)
    here = addresses_for(topology, "service")[name]
    return [
        {
            "name": "vrrp",
            "who": f"VRRP of {found[0]}",
            "protocol": "vrrp",
            "port": 0,
            "addresses": [str(here), VRRP_GROUP],
            "sources": least(nodes(topology, peers, "service")),
            "limited": False,
        }
    ]


def least(networks: Iterable[IPv4Network]) -> list[str]:
    """The fewest networks that are the same addresses, in order."""
    return [str(network) for network in collapse_addresses(networks)]
