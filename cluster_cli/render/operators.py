"""Variables of role access: who may log in to the node, and which services they may see to."""

from typing import Any

from cluster_cli.render.balancing import balancer_of
from cluster_cli.topology.model import Topology

CHECKS = {
    "haproxy": ["haproxy", "-c", "-q", "-f", "/etc/haproxy/haproxy.cfg"],
    "nginx": ["nginx", "-t", "-q"],
    "apache2": ["apache2ctl", "-t"],
    "rsyslog": ["rsyslogd", "-N1"],
}


def access_vars(topology: Topology, name: str) -> dict[str, Any]:
    """Who may log in to the node, and what they may do there; empty when the topology does not speak of it.

    A section without operators counts: those it once named are locked.
    """
    if "access" not in topology.model_fields_set:
        return {}
    return {
        "access_operators": [
            {
                "name": account,
                "role": operator.role,
                "keys": list(operator.keys),
                "principal": principal(account),
            }
            for account, operator in topology.access.operators.items()
        ],
        "access_services": [{"name": unit, "check": CHECKS.get(unit, [])} for unit in services(topology, name)],
    }


def principal(account: str) -> str:
    """The name an operator's SSH certificate carries: never that of another kind of certificate."""
    return f"operator-{account}"


def services(topology: Topology, name: str) -> list[str]:
    """The units of the cluster's services on a node."""
    units = ["chrony"] if topology.time else []
    units += ["rsyslog"] if topology.audit else []
    units += [
        {"apache": "apache2"}.get(web.engine, web.engine) for web in topology.web.values() if name in web.nodes
    ]
    found = balancer_of(topology, name)
    if found:
        units += [found[1].engine, *(["keepalived"] if found[1].virtual_ips else [])]
    return sorted(set(units))
