"""Variables of role keepalived: who holds which virtual IP, and who comes next."""

from typing import Any

from cluster_cli.render.balancing import balancer_of
from cluster_cli.topology.addresses import addresses_for, subnet_for
from cluster_cli.topology.model import LoadBalancer, Topology, VirtualIp

TOP_PRIORITY = 150  # RFC 5798 section 5.2.4: 255 is for the address's owner, 100 the default of a backup


def keepalived_vars(topology: Topology, name: str) -> dict[str, Any]:
    """The VRRP instances of a node; empty when it shares no virtual IP."""
    found = balancer_of(topology, name)
    if found is None or not found[1].virtual_ips:
        return {}
    key, balancer = found
    known = {node: str(address) for node, address in addresses_for(topology, "service").items()}
    return {
        "keepalived_address": known[name],
        "keepalived_interface": balancer.vrrp.interface or "",
        "keepalived_instances": [
            {
                "name": f"{key}-vip{number}",
                "router_id": router_id(vip),
                "priority": priority(balancer, vip, name),
                "virtual_address": f"{vip.address}/{prefix_length(topology)}",
                "peers": [known[node] for node in balancer.nodes if node != name],
            }
            for number, vip in enumerate(balancer.virtual_ips, 1)
        ],
        "keepalived_advert_ms": balancer.vrrp.advert_interval,
        "keepalived_preempt": balancer.vrrp.preempt,
        "keepalived_unicast": balancer.vrrp.mode == "unicast",
        "keepalived_service": balancer.engine,
        "keepalived_check_url": f"http://127.0.0.1:{balancer.stats.port}/healthz",
    }


def router_id(vip: VirtualIp) -> int:
    """The VRRP router id: as written, or the last octet of the address."""
    return vip.router_id or int(vip.address) % 256


def priority(balancer: LoadBalancer, vip: VirtualIp, name: str) -> int:
    """The node's VRRP priority: the preferred node first, then the others in order, all different."""
    nodes = balancer.nodes
    first = nodes.index(vip.prefer) if vip.prefer else 0
    rank = (nodes.index(name) - first) % len(nodes)
    return TOP_PRIORITY - rank * min(50, (TOP_PRIORITY - 1) // len(nodes))


def prefix_length(topology: Topology) -> int:
    """The prefix a virtual IP is set with: that of the subnet clients come over."""
    subnet = subnet_for(topology, "service")
    return subnet.prefixlen if subnet else 32
