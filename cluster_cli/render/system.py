"""Variables of the roles every node has: base and ntp."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cluster_cli.packages import PACKAGES
from cluster_cli.render.balancing import balancer_of
from cluster_cli.render.connection import Access, ssh_of
from cluster_cli.topology.addresses import addresses, addresses_on, frontend_addresses, subnet_of
from cluster_cli.topology.base import DEFAULT_USER
from cluster_cli.topology.files import beside
from cluster_cli.topology.model import Topology
from cluster_cli.topology.repositories import Repository
from cluster_cli.topology.walks import networks
from cluster_cli.units import units


def domain(topology: Topology) -> str:
    """The cluster's domain; .internal is reserved for private use (ICANN resolution 2024.07.29.06)."""
    return f"{topology.name}.internal"


def known_names(topology: Topology) -> list[dict[str, Any]]:
    """Every address of the cluster with its names: nodes, their addresses on other networks, virtual IPs.

    A node's own name leads to the cluster network; lb1-management, lb1-service and lb1-storage to the others.
    """
    suffix = domain(topology)
    nodes = [
        {"address": str(address), "names": [f"{name}.{suffix}", name]}
        for name, address in addresses(topology).items()
    ]
    beside = [
        {"address": str(address), "names": [f"{name}-{network}.{suffix}", f"{name}-{network}"]}
        for network, _ in networks(topology)
        for name, address in addresses_on(topology, network).items()
    ]
    virtual = [
        {"address": str(vip.address), "names": [f"{name}-vip{number}.{suffix}", f"{name}-vip{number}"]}
        for name, balancer in topology.load_balancers.items()
        for number, vip in enumerate(balancer.virtual_ips, 1)
    ]
    return nodes + beside + virtual


def base_vars(topology: Topology, access: Access, name: str, roles: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Variables of role base. roles: the node's other roles with their variables, for their packages."""
    return {
        "base_hostname": name,
        "base_domain": domain(topology),
        "base_hosts": known_names(topology),
        "base_packages": sorted({*topology.system.packages, *role_packages(roles)}),
        "base_sysctl": sysctl(topology, name),
        "base_timezone": topology.system.timezone,
        "base_locale": topology.system.locale,
        "base_units": running(topology, roles),
        "base_admin_user": ssh_of(topology, topology.nodes[name]).user or DEFAULT_USER,
        "base_admin_keys": [*access.admin_keys, *topology.system.admin_keys],
        **({"base_repositories": found} if (found := repositories(topology, access, name)) else {}),
        **({"base_repositories_of_roles": [own]} if (own := grafanas(topology, name)) else {}),
    }


def running(topology: Topology, roles: dict[str, dict[str, Any]]) -> list[str]:
    """The units that may run on a node, for its roles: others that cluster set up are ended by role base.

    roles: its roles, with their variables. What serves clients may go on where nobody in the topology does: a
    section that is commented out takes no site down. So may another engine: all nodes would lose it at once.
    """
    known = {key: value for found in roles.values() for key, value in found.items()}
    may = {*units(roles, known), *(["cluster-backup.target"] if "backup" in roles else [])}
    if not topology.load_balancers:
        may.add("keepalived")
    if not topology.load_balancers or {"haproxy", "nginx"} & roles.keys():
        may |= {"haproxy", "nginx"}
    if not topology.web or "web" in roles:
        may |= {"apache2", "nginx"}
    return sorted(may)


def repositories(topology: Topology, access: Access, name: str) -> list[dict[str, Any]]:
    """The package repositories of a node, but for one that its Grafana comes from."""
    monitoring = topology.monitoring
    grafanas_own = monitoring.grafana.repository if monitoring and monitoring.grafana else None
    return [
        repository(access, key, each)
        for key, each in topology.system.repositories.items()
        if key != grafanas_own and (each.nodes is None or name in each.nodes)
    ]


def repository(access: Access, name: str, found: Repository) -> dict[str, Any]:
    """A package repository as role base takes it. origin: how APT's preferences know it, by its host."""
    return {
        "name": name,
        "uri": found.uri,
        "suite": found.suite,
        "components": [] if found.is_flat else list(found.components or ("main",)),
        "key": str(beside(Path(access.topology), found.signed_by)),
        "origin": urlsplit(found.uri).hostname or "",
        "packages": list(found.pin.packages) if found.pin else [],
        "priority": found.pin.priority if found.pin else 500,
    }


def grafanas(topology: Topology, node: str) -> str:
    """The name of the repository that Grafana of a node comes from; empty when there is none."""
    monitoring = topology.monitoring
    if not monitoring or not monitoring.grafana or node not in monitoring.grafana_nodes:
        return ""
    return monitoring.grafana.repository or ""


def sysctl(topology: Topology, name: str) -> dict[str, int | str]:
    """The node's kernel settings: a balancer listens on a virtual IP before it holds it."""
    found = balancer_of(topology, name)
    fronts = found[1].frontends.values() if found else ()
    addressed = any(frontend_addresses(topology, found[1], name, each) for each in fronts if found)
    return ({"net.ipv4.ip_nonlocal_bind": 1} if addressed else {}) | dict(topology.system.sysctl)


def role_packages(roles: dict[str, dict[str, Any]]) -> list[str]:
    """The packages of a node's roles."""
    engines = {role: found.get(f"{role}_engine") for role, found in roles.items()}
    keys = [f"{role}/{engine}" if engine else role for role, engine in engines.items()]
    return [package for key in keys for package in PACKAGES.get(key, ())]


def ntp_vars(topology: Topology, name: str) -> dict[str, Any]:
    """Variables of role ntp; empty when the topology says nothing of time."""
    if topology.time is None:
        return {}
    known = addresses(topology)
    servers = [{"name": server, "address": str(known[server])} for server in topology.time.servers]
    is_server = name in topology.time.servers
    return {
        "ntp_role": "server" if is_server else "client",
        "ntp_address": str(known[name]),
        "ntp_servers": [] if is_server else servers,
        "ntp_peers": [server for server in servers if server["name"] != name] if is_server else [],
        "ntp_upstream": list(topology.time.upstream) if is_server else [],
        "ntp_allow": ntp_allow(topology) if is_server else [],
    }


def ntp_allow(topology: Topology) -> list[str]:
    """Who may ask a time server: the cluster's subnet, and nodes that stand outside of it."""
    subnet = subnet_of(topology)
    outside = [f"{address}/32" for address in addresses(topology).values() if not subnet or address not in subnet]
    return ([str(subnet)] if subnet else []) + outside
