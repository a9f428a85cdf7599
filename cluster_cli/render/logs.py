"""Variables of role logs: where a node sends its logs, whose it receives, and where it sends those on."""

from pathlib import Path
from typing import Any

from cluster_cli.render.balancing import balancer_of
from cluster_cli.render.certificate_files import AUTHORITY, folder
from cluster_cli.render.connection import Access
from cluster_cli.topology.addresses import addresses
from cluster_cli.topology.files import beside
from cluster_cli.topology.logs import DAY, LOGS_PORT, Endpoint, mebibytes
from cluster_cli.topology.model import Topology

CERTIFICATE = "logs"
WEB_FILES = {"nginx": ("nginx", "/var/log/nginx/*.log"), "apache": ("apache2", "/var/log/apache2/*.log")}
INDEX = "cluster-%Y.%m.%d"
SHIPPED = "/run/cluster-log-shipper/logs.prom"
RECEIVED = "/run/cluster-log-receiver/logs.prom"
MYSQL_FILES = ("mysql", "/var/log/mysql/error.log")


def logs_vars(topology: Topology, access: Access, name: str) -> dict[str, Any]:
    """Where the node sends its logs, whose it receives and sends on; empty when they are not gathered."""
    if topology.logs is None:
        return {}
    known = addresses(topology)
    receives = name in topology.logs.nodes
    return {
        "logs_receivers": [{"name": node, "address": str(known[node])} for node in topology.logs.nodes],
        "logs_files": [{"service": service, "path": path} for service, path in files(topology, name)],
        "logs_queue_size": topology.logs.queue,
        "logs_receives": receives,
        "logs_address": str(known[name]),
        "logs_senders": [{"name": node, "address": str(address)} for node, address in known.items() if receives],
        "logs_port": LOGS_PORT,
        "logs_certificate": folder(CERTIFICATE),
        "logs_authority": AUTHORITY,
        "logs_keep_days": -(-topology.logs.keep // DAY),
        "logs_keep_security_days": -(-topology.logs.keep_security // DAY),
        "logs_keep_megabytes": mebibytes(topology.logs.keep_size) if topology.logs.keep_size else 0,
        "logs_ship": [shipped(access, *each) for each in topology.logs.ship.items() if receives],
        "logs_cluster": topology.name,
    }


def shipped(access: Access, name: str, endpoint: Endpoint) -> dict[str, Any]:
    """Where all logs are sent on to; the secret by its name."""
    ways = {"basic": endpoint.password, "ApiKey": endpoint.api_key, "Bearer": endpoint.token}
    return {
        "name": name,
        "kind": endpoint.kind,
        "url": endpoint.url,
        "index": (endpoint.index or INDEX) if endpoint.elasticsearch else "",
        "tenant": endpoint.tenant or "",
        "ca": str(beside(Path(access.topology), endpoint.ca)) if endpoint.ca else "",
        "authorization": next((way for way, secret in ways.items() if secret), ""),
        "user": endpoint.user or "",
        "secret": endpoint.secret or "",
    }


def metrics(topology: Topology, node: str) -> list[str]:
    """Files in which a receiver tells Prometheus of the logs it keeps and sends on."""
    if topology.logs is None or node not in topology.logs.nodes:
        return []
    return [RECEIVED, *([SHIPPED] if topology.logs.ship else [])]


def files(topology: Topology, node: str) -> list[tuple[str, str]]:
    """What the node's services write to files of their own, beside the journal: (service, path)."""
    found = [WEB_FILES[web.engine] for web in topology.web.values() if node in web.nodes]
    balancer = balancer_of(topology, node)
    if balancer and balancer[1].engine == "nginx":
        found.append(WEB_FILES["nginx"])
    if any(node in each.nodes and each.engine == "mysql" for each in topology.databases.values()):
        found.append(MYSQL_FILES)
    return sorted(set(found))
