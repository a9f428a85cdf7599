"""Variables of role hardening."""

from typing import Any

from cluster_cli.render.connection import ssh_of
from cluster_cli.topology.base import DEFAULT_USER
from cluster_cli.topology.model import Topology
from cluster_cli.topology.updates import clock, slots


def hardening_vars(topology: Topology, name: str) -> dict[str, Any]:
    """How the node is hardened; empty when it is not."""
    if not topology.hardening.enabled:
        return {}
    return {
        "hardening_banner": topology.hardening.banner,
        "hardening_admin_user": ssh_of(topology, topology.nodes[name]).user or DEFAULT_USER,
        "hardening_updates": updates(topology, name),
    }


def updates(topology: Topology, name: str) -> dict[str, Any]:
    """When the node installs security updates: the beginning of its own slot, and how long it may work."""
    wanted = topology.hardening.updates
    slot = slots(topology)[name]
    return {
        "enabled": wanted.enabled,
        "start": clock(topology, slot.begin),
        "minutes": slot.working,
        "reboot": wanted.reboot,
    }
