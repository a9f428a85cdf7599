"""From a topology to hosts with flat, final variables: pure, the same for our runs and for plain Ansible."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cluster_cli.render import (
    audit,
    backup,
    balancing,
    certificates,
    databases,
    firewall,
    galera,
    grafana,
    group_replication,
    hardening,
    logs,
    monitoring,
    network,
    operators,
    replication,
    standby,
    system,
    trust,
    vrrp,
    web,
)
from cluster_cli.render.connection import Access, connection_vars
from cluster_cli.stages import ROLES
from cluster_cli.topology.addresses import addresses, addresses_for, addresses_on
from cluster_cli.topology.model import Topology
from cluster_cli.topology.walks import networks

Vars = dict[str, Any]


@dataclass(frozen=True)
class Host:
    """One node as Ansible sees it.

    address: where it is reached; groups: the roles it has, in the order of the stages; addresses: by network.
    """

    name: str
    address: str
    groups: tuple[str, ...]
    vars: Mapping[str, Any]
    addresses: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Inventory:
    """All nodes of a cluster, in the order of the topology."""

    cluster: str
    hosts: tuple[Host, ...]

    def group(self, name: str) -> tuple[Host, ...]:
        """The hosts of a group; `all` is every host."""
        return tuple(host for host in self.hosts if name == "all" or name in host.groups)

    def groups(self) -> dict[str, list[str]]:
        """Every group with its hosts' names, empty ones left out."""
        found = {role: [host.name for host in self.group(role)] for role in ROLES}
        return {role: names for role, names in found.items() if names}

    def host(self, name: str) -> Host:
        """The host of that name; KeyError when there is none."""
        return {host.name: host for host in self.hosts}[name]

    def with_vars(self, variables: Mapping[str, Any]) -> "Inventory":
        """The same with these variables on top, on every host."""
        hosts = (replace(host, vars={**host.vars, **variables}) for host in self.hosts)
        return Inventory(self.cluster, tuple(hosts))

    def to_ansible(self) -> dict[str, Any]:
        """The inventory as Ansible's YAML inventory plugin reads it."""
        hosts = {host.name: dict(host.vars) for host in self.hosts}
        children: Vars = {name: {"hosts": dict.fromkeys(names)} for name, names in self.groups().items()}
        return {"all": {"hosts": hosts, "children": children}}


def render(topology: Topology, access: Access) -> Inventory:
    """Everything Ansible needs to know of each node, computed from the topology alone.

    Peers, VRRP priorities and router ids, backends and packages are decided
    here, once, so that a role can be applied to one node without the others.
    """
    known = addresses_for(topology, "management")
    found = Inventory(topology.name, tuple(host(topology, access, name, str(known[name])) for name in known))
    return with_pages(topology, found) if topology.monitoring else found


def with_pages(topology: Topology, inventory: Inventory) -> Inventory:
    """The same where each node that watches has its status page, which shows all of them."""
    from cluster_cli.page import page  # it draws an inventory

    assert topology.monitoring
    pages = {
        name: {"prometheus_page": page(topology, topology.monitoring, inventory, name)}
        for name in topology.monitoring.nodes
    }
    hosts = (replace(host, vars={**host.vars, **pages.get(host.name, {})}) for host in inventory.hosts)
    return replace(inventory, hosts=tuple(hosts))


def host(topology: Topology, access: Access, name: str, address: str) -> Host:
    """One node with the variables of all its roles."""
    by_role: dict[str, Vars] = {
        "network": network.network_vars(topology, name),
        "ssh_trust": trust.ssh_trust_vars(topology, name),
        "firewall": firewall.firewall_vars(topology, name),
        "hardening": hardening.hardening_vars(topology, name),
        "access": operators.access_vars(topology, name),
        "ntp": system.ntp_vars(topology, name),
        "certificates": certificates.certificates_vars(topology, access, name),
        "audit": audit.audit_vars(topology, name),
        "spare": databases.spare_vars(topology, name),
        "galera": galera.galera_vars(topology, name),
        "garbd": galera.garbd_vars(topology, name),
        "replication": replication.replication_vars(topology, name),
        "group_replication": group_replication.group_replication_vars(topology, name),
        "doorbell": databases.doorbell_vars(topology, name),
        "backup_source": backup.backup_source_vars(topology, name),
        "backup_files": backup.backup_files_vars(topology, name),
        "backup": backup.backup_vars(topology, access, name),
        "standby": standby.standby_vars(topology, name),
        "web": web.web_vars(topology, access, name),
        **balancing.balancer_vars(topology, name),
        "keepalived": vrrp.keepalived_vars(topology, name),
        "logs": logs.logs_vars(topology, access, name),
    }
    if metrics := monitoring.haproxy_metrics_vars(topology, name):
        by_role["haproxy"] = {**by_role["haproxy"], **metrics}
    by_role |= {
        "node_exporter": monitoring.node_exporter_vars(topology, name, by_role),
        "mysqld_exporter": monitoring.mysqld_exporter_vars(topology, name),
        "blackbox_exporter": monitoring.blackbox_exporter_vars(topology, name),
        "alertmanager": monitoring.alertmanager_vars(topology, name),
        "prometheus": monitoring.prometheus_vars(topology, name),
        "grafana": grafana.grafana_vars(topology, access, name),
    }
    roles = {role: found for role, found in by_role.items() if found}
    base = system.base_vars(topology, access, name, roles)
    groups = tuple(role for role in ROLES if role == "base" or role in roles)
    merged: Vars = connection_vars(topology, access, name, address) | base
    for found in roles.values():
        merged |= found
    return Host(name, address, groups, merged, addresses_of(topology, name))


def addresses_of(topology: Topology, name: str) -> dict[str, str]:
    """A node's addresses by network, the cluster's first."""
    known = {"cluster": addresses(topology)}
    known |= {network: addresses_on(topology, network) for network, _ in networks(topology)}
    return {network: str(found[name]) for network, found in known.items() if name in found}
