"""Variables of the two balancer roles, haproxy and nginx: the same shape under two prefixes."""

from typing import Any

from cluster_cli.topology.addresses import addresses, subnet_of
from cluster_cli.topology.model import Backend, Frontend, LoadBalancer, Topology

DEFAULT_HEALTH_PATH = "/healthz"
FAST_CHECK_FRACTION = 5  # a server that just failed is asked again five times as often


def balancer_of(topology: Topology, name: str) -> tuple[str, LoadBalancer] | None:
    """The load balancer a node runs, with its name."""
    return next(((key, lb) for key, lb in topology.load_balancers.items() if name in lb.nodes), None)


def balancer_vars(topology: Topology, name: str) -> dict[str, dict[str, Any]]:
    """The variables of the node's balancer under its engine's role; empty when it runs none."""
    found = balancer_of(topology, name)
    if found is None:
        return {}
    _, balancer = found
    known = {node: str(address) for node, address in addresses(topology).items()}
    prefix = balancer.engine
    return {
        prefix: {
            f"{prefix}_frontends": [frontend_vars(key, front) for key, front in balancer.frontends.items()],
            f"{prefix}_backends": [
                backend_vars(topology, key, backend, known) for key, backend in balancer.backends.items()
            ],
            f"{prefix}_stats": stats_vars(topology, balancer, known[name]),
            f"{prefix}_maxconn": balancer.max_connections,
            f"{prefix}_client_timeout_ms": balancer.client_timeout,
        }
    }


def frontend_vars(name: str, frontend: Frontend) -> dict[str, Any]:
    """One frontend."""
    address = frontend.address or "*"
    return {
        "name": name,
        "mode": frontend.mode,
        "binds": [f"{address}:{frontend.bind}"],
        "backend": frontend.backend,
    }


def backend_vars(topology: Topology, name: str, backend: Backend, known: dict[str, str]) -> dict[str, Any]:
    """One backend with its servers."""
    check = backend.check
    return {
        "name": name,
        "mode": backend.mode,
        "balance": backend.balance,
        "check": {
            "type": check.type or backend.mode,
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
    subnet = subnet_of(topology)
    allow = balancer.stats.allow or ((subnet,) if subnet else ())
    return {"address": address, "port": balancer.stats.port, "allow": [str(network) for network in allow]}
