"""Variables of the roles that watch a cluster: what tells metrics, what gathers and judges them, who is told."""

from typing import Any

from cluster_cli.render import alerts, health, logs, probes
from cluster_cli.render.balancing import balancer_of
from cluster_cli.render.certificate_files import AUTHORITY, FOLDER, folder
from cluster_cli.render.databases import database_of
from cluster_cli.topology.addresses import addresses, addresses_for
from cluster_cli.topology.databases import DOORBELL
from cluster_cli.topology.makers import stands_by
from cluster_cli.topology.model import Topology
from cluster_cli.topology.monitoring import (
    ALERTMANAGER_PORT,
    BALANCER_PORT,
    DATABASE_SERVER_PORT,
    GOSSIP_PORT,
    NODE_PORT,
    PROBER_PORT,
    PROMETHEUS_PORT,
    WATCHER,
    Receiver,
)
from cluster_cli.units import units

CERTIFICATE = "monitoring"
BACKUPS = "/var/lib/cluster-backup/metrics/cluster_backup.prom"  # written by role backup
RUNS = "/var/lib/cluster/runs.json"  # left by control machines (history/last_runs.py)
STANDBY = "/var/lib/cluster-standby/{}/standby.prom"  # by role standby
MILLISECONDS = 1000
BALANCERS = ("haproxy", "nginx")
Vars = dict[str, Any]


def watched(topology: Topology) -> bool:
    """Whether anybody watches."""
    return topology.monitoring is not None


def watches(topology: Topology, node: str) -> bool:
    """Whether a node is one that watches."""
    return topology.monitoring is not None and node in topology.monitoring.nodes


def tls(prefix: str) -> Vars:
    """The certificate a program shows, and whose it takes."""
    return {f"{prefix}_certificate": folder(CERTIFICATE), f"{prefix}_authority": AUTHORITY}


def place(topology: Topology, prefix: str, node: str, port: int) -> Vars:
    """Where a program of a node listens."""
    return {f"{prefix}_address": str(addresses_for(topology, "management")[node]), f"{prefix}_port": port}


def node_exporter_vars(topology: Topology, node: str, roles: dict[str, Vars]) -> Vars:
    """What a node tells of itself; empty when nobody watches. roles: its other roles with their variables."""
    if topology.monitoring is None:
        return {}
    known = {name: value for found in roles.values() for name, value in found.items()}
    held, balancer = database_of(topology, node), balancer_of(topology, node)
    here = addresses(topology)[node]
    own = ["node_exporter", *(role for role, found in roles.items() if found)]
    running = units([*own, *watching_roles(topology, node)], known)
    return {
        **place(topology, "node_exporter", node, NODE_PORT),
        **tls("node_exporter"),
        "node_exporter_interval_seconds": max(1, topology.monitoring.interval // MILLISECONDS),
        "node_exporter_units": [
            {"name": unit, "balances": bool(balancer and unit == balancer[1].engine)}
            for unit in running
            if unit not in ("prometheus-node-exporter", "cluster-metrics")  # they could not tell
        ],
        "node_exporter_clock": "ntp" in own,
        "node_exporter_certificates": FOLDER,
        "node_exporter_virtual_ips": [str(vip.address) for vip in balancer[1].virtual_ips] if balancer else [],
        "node_exporter_backends": servers(known.get("nginx_backends", [])),
        "node_exporter_databases": [{"name": held[0], "address": str(here), "port": DOORBELL}] if held else [],
        "node_exporter_runs": RUNS if watches(topology, node) else "",
        "node_exporter_textfiles": [
            *([BACKUPS] if "backup" in own else []),
            *(STANDBY.format(name) for name in stands_by(topology, node)),
            *logs.metrics(topology, node),
        ],
    }


def servers(backends: list[Vars]) -> list[Vars]:
    """The servers of backends, and how each is asked whether it is up."""
    return [
        {
            **{name: server[name] for name in ("name", "address", "port")},
            **{name: backend["check"][name] for name in ("path", "host", "expect")},
            "backend": backend["name"],
            "check": backend["check"]["type"],
        }
        for backend in backends
        for server in backend["servers"]
    ]


def watching_roles(topology: Topology, node: str) -> list[str]:
    """The roles of this file a node has, besides that all have."""
    database = ["mysqld_exporter"] if database_of(topology, node) else []
    prober = ["blackbox_exporter"] if blackbox_exporter_vars(topology, node) else []
    watching = ["alertmanager", "prometheus"] if watches(topology, node) else []
    drawing = topology.monitoring.grafana_nodes if topology.monitoring else ()
    return [*database, *prober, *watching, *(["grafana"] if node in drawing else [])]


def mysqld_exporter_vars(topology: Topology, node: str) -> Vars:
    """Where a database's node tells of its server; empty when it has none, or nobody watches."""
    found = database_of(topology, node)
    if found is None or not watched(topology):
        return {}
    return {
        **place(topology, "mysqld_exporter", node, DATABASE_SERVER_PORT),
        **tls("mysqld_exporter"),
        "mysqld_exporter_account": WATCHER,
        "mysqld_exporter_replicates": found[1].mode == "replication" and found[1].engine == "mariadb",
    }


def blackbox_exporter_vars(topology: Topology, node: str) -> Vars:
    """How a node that watches looks at what clients see; empty for the others, and where nothing is to be seen."""
    found = probes.seen_by(topology, node) if watches(topology, node) else ()
    if not found:
        return {}
    return {
        "blackbox_exporter_port": PROBER_PORT,
        "blackbox_exporter_modules": {each.name: each.how for each in found},
    }


def haproxy_metrics_vars(topology: Topology, node: str) -> Vars:
    """Where a haproxy balancer tells of itself; empty when the node has none, or nobody watches."""
    found = balancer_of(topology, node)
    if found is None or found[1].engine != "haproxy" or not watched(topology):
        return {}
    where = {"address": str(addresses_for(topology, "management")[node]), "port": BALANCER_PORT}
    return {"haproxy_metrics": {**where, "certificate": folder(CERTIFICATE), "authority": AUTHORITY}}


def prometheus_vars(topology: Topology, node: str) -> Vars:
    """What a node that watches asks of whom, and by which rules it judges; empty for the others."""
    monitoring = topology.monitoring
    if monitoring is None or not watches(topology, node):
        return {}
    return {
        **place(topology, "prometheus", node, PROMETHEUS_PORT),
        **tls("prometheus"),
        "prometheus_cluster": topology.name,
        "prometheus_interval_seconds": max(1, monitoring.interval // MILLISECONDS),
        "prometheus_retention_seconds": monitoring.retention // MILLISECONDS,
        "prometheus_retention_gigabytes": monitoring.retention_gigabytes or 0,
        "prometheus_jobs": [*jobs(topology), *looks(topology, node)],
        "prometheus_alertmanagers": [
            each["address"] for each in targets(topology, monitoring.nodes, ALERTMANAGER_PORT)
        ],
        "prometheus_groups": [*alerts.groups(topology, node), *health.rules(topology)],
    }


def jobs(topology: Topology) -> list[Vars]:
    """What is asked, by kind: each target with its address and the name of its node."""
    monitoring = topology.monitoring
    balancers = [
        node for each in topology.load_balancers.values() if each.engine == "haproxy" for node in each.nodes
    ]
    held = [node for node in topology.nodes if database_of(topology, node)]
    watching = list(monitoring.nodes) if monitoring else []
    found = {
        "node": (list(topology.nodes), NODE_PORT),
        "haproxy": (balancers, BALANCER_PORT),
        "mysqld": (held, DATABASE_SERVER_PORT),
        "prometheus": (watching, PROMETHEUS_PORT),
        "alertmanager": (watching, ALERTMANAGER_PORT),
    }
    return [
        {"name": name, "targets": targets(topology, nodes, port)} for name, (nodes, port) in found.items() if nodes
    ]


def looks(topology: Topology, node: str) -> list[Vars]:
    """What a node asks the prober beside it: how that is, and what it sees. None where there is nothing to see."""
    found = probes.seen_by(topology, node)
    here, labels = f"127.0.0.1:{PROBER_PORT}", {"instance": node, **site(topology, node)}
    if not found:
        return []
    seen = [
        {"address": here, "labels": labels | each.labels, "params": {"module": each.name, "target": each.url}}
        for each in found
    ]
    return [
        {"name": "blackbox", "scheme": "http", "targets": [{"address": here, "labels": labels}]},
        {"name": alerts.LOOKS, "scheme": "http", "path": "/probe", "targets": seen},
    ]


def targets(topology: Topology, nodes: list[str] | tuple[str, ...], port: int) -> list[Vars]:
    """Where each node answers at a port, and its labels."""
    known = addresses_for(topology, "management")
    return [
        {"address": f"{known[node]}:{port}", "labels": {"instance": node, **site(topology, node)}}
        for node in nodes
    ]


def site(topology: Topology, node: str) -> dict[str, str]:
    """Where a node stands, where that is known."""
    found = topology.nodes[node].site
    return {"site": found} if found else {}


def alertmanager_vars(topology: Topology, node: str) -> Vars:
    """Whom a node that watches tells; empty for the others."""
    monitoring = topology.monitoring
    if monitoring is None or not watches(topology, node):
        return {}
    known = addresses_for(topology, "management")
    others = [name for name in monitoring.nodes if name != node]
    patience = -(-monitoring.patience // MILLISECONDS)
    return {
        **place(topology, "alertmanager", node, ALERTMANAGER_PORT),
        **tls("alertmanager"),
        "alertmanager_gossip_port": GOSSIP_PORT,
        "alertmanager_peers": [f"{known[name]}:{GOSSIP_PORT}" for name in others],
        "alertmanager_group_wait_seconds": max(1, patience // 4),
        "alertmanager_group_interval_seconds": patience * 2,
        "alertmanager_receivers": [described(name, each) for name, each in monitoring.receivers.items()],
    }


def described(name: str, receiver: Receiver) -> Vars:
    """One receiver as the role takes it; secrets by their names."""
    row: Vars = {
        "name": name,
        "severities": list(receiver.severities),
        "repeat_seconds": receiver.repeat // MILLISECONDS,
    }
    if receiver.webhook:
        hook = {"url": receiver.webhook.url or "", "url_secret": receiver.webhook.url_secret or ""}
        return row | {"webhook": {**hook, "token": receiver.webhook.token or ""}}
    email = receiver.email
    return row | {
        "email": {
            "to": email.to,
            "sender": email.sender,
            "server": f"{email.server}:{email.port}",
            "user": email.user or "",
            "password": email.password or "",
            "tls": email.tls,
        }
        if email
        else {}
    }
