"""Variables of the two balancer roles, haproxy and nginx: the same shape under two prefixes."""

from collections.abc import Sequence
from ipaddress import IPv4Address, collapse_addresses
from typing import Any

from cluster_cli.render.certificate_files import folder, frontend_certificate
from cluster_cli.topology.addresses import addresses, addresses_for, frontend_addresses
from cluster_cli.topology.listeners import AGREE_PORT
from cluster_cli.topology.model import Backend, Frontend, LoadBalancer, Topology
from cluster_cli.topology.sources import watchers
from cluster_cli.topology.tls_rules import answers_acme

DEFAULT_HEALTH_PATH = "/healthz"
HTTPS_PORT = 443  # the only port on which a browser that was told to use TLS looks for it
FAST_CHECK_FRACTION = 5  # a server that just failed is asked again five times as often


def balancer_of(topology: Topology, name: str) -> tuple[str, LoadBalancer] | None:
    """The load balancer a node runs, with its name."""
    return next(((key, lb) for key, lb in topology.load_balancers.items() if name in lb.nodes), None)


def balancer_vars(topology: Topology, name: str) -> dict[str, dict[str, Any]]:
    """The variables of the node's balancer under its engine's role; empty when it runs none."""
    found = balancer_of(topology, name)
    if found is None:
        return {}
    owner, balancer = found
    known = {node: str(address) for node, address in addresses(topology).items()}
    managed = str(addresses_for(topology, "management")[name])
    prefix = balancer.engine
    return {
        prefix: {
            f"{prefix}_frontends": [
                frontend_vars(key, front, frontend_addresses(topology, balancer, name, front))
                | tls_vars(owner, balancer, key, front)
                for key, front in balancer.frontends.items()
            ],
            f"{prefix}_backends": [
                backend_vars(topology, key, backend, known) for key, backend in balancer.backends.items()
            ],
            **(peers_vars(name, balancer, known) if prefix == "haproxy" else {}),
            f"{prefix}_stats": stats_vars(topology, balancer, managed),
            f"{prefix}_maxconn": balancer.max_connections,
            f"{prefix}_client_timeout_ms": balancer.client_timeout,
        }
    }


def peers_vars(name: str, balancer: LoadBalancer, known: dict[str, str]) -> dict[str, Any]:
    """The balancers that must agree which server has the connections; empty when there is nothing to agree on."""
    if not any(backend.one_at_a_time for backend in balancer.backends.values()):
        return {}
    return {
        "haproxy_node": name,
        "haproxy_peers": [{"name": node, "address": known[node], "port": AGREE_PORT} for node in balancer.nodes],
    }


def frontend_vars(name: str, frontend: Frontend, addresses: Sequence[IPv4Address]) -> dict[str, Any]:
    """One frontend. addresses: where it listens; everywhere when empty."""
    return {
        "name": name,
        "mode": frontend.mode,
        "binds": [f"{address}:{frontend.bind}" for address in addresses or ("*",)],
        **({"backend": frontend.backend} if frontend.backend else {}),
    }


def tls_vars(owner: str, balancer: LoadBalancer, name: str, frontend: Frontend) -> dict[str, Any]:
    """What a frontend has to do with TLS: its certificate, or the port clients are sent to."""
    if frontend.tls is None:
        sent = {"redirect_port": balancer.frontends[frontend.redirect].bind} if frontend.redirect else {}
        return sent | ({"acme": True} if is_asked_by_acme(balancer, frontend) else {})
    sent_here = any(other.redirect == name for other in balancer.frontends.values())
    return {
        "tls": {
            "certificate": folder(frontend_certificate(owner, name)),
            "minimum": frontend.tls.minimum,
            "hsts": sent_here and frontend.bind == HTTPS_PORT,
        }
    }


def is_asked_by_acme(balancer: LoadBalancer, frontend: Frontend) -> bool:
    """Whether an ACME service asks here for a certificate of this balancer."""
    secure = [front for front in balancer.frontends.values() if front.tls and front.tls.acme]
    return any(answers_acme(frontend, front) for front in secure)


def backend_vars(topology: Topology, name: str, backend: Backend, known: dict[str, str]) -> dict[str, Any]:
    """One backend with its servers."""
    check = backend.check
    return {
        "name": name,
        "mode": backend.mode,
        "balance": backend.balance,
        **({"one_at_a_time": True} if backend.one_at_a_time else {}),
        "check": {
            "type": check.type or backend.mode,
            **({"port": check.port} if check.port else {}),
            "path": check.path or health_path(topology, backend),
            "host": check.host or "",
            "expect": check.expect,
            "interval_ms": check.interval,
            "fast_interval_ms": max(50, check.interval // FAST_CHECK_FRACTION),
            "timeout_ms": check.timeout,
            "fall": check.fall,
            "rise": check.rise,
        },
        "sticky": backend.sticky,
        "cookie": f"{name}_server",
        "retries": backend.retries,
        "timeout_connect_ms": backend.connect_timeout,
        "timeout_server_ms": backend.server_timeout,
        "servers": [
            {
                "name": node,
                "address": known[node],
                "port": backend.port,
                "weight": topology.nodes[node].weight,
                "backup": False,
            }
            for node in backend.nodes
        ],
    }


def health_path(topology: Topology, backend: Backend) -> str:
    """The health page of the web service a backend asks, or the usual path where the service is not ours."""
    pages = (
        web.health_path
        for web in topology.web.values()
        if web.port == backend.port and set(web.nodes) & set(backend.nodes)
    )
    return next(pages, DEFAULT_HEALTH_PATH)


def stats_vars(topology: Topology, balancer: LoadBalancer, address: str) -> dict[str, Any]:
    """Where the balancer's own page is, and who may read it."""
    allow = collapse_addresses(watchers(topology, balancer))
    return {"address": address, "port": balancer.stats.port, "allow": [str(network) for network in allow]}
