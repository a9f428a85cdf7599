"""What clients see, looked at from the nodes that watch: every frontend at every address it has for them. Pure."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from cluster_cli.render.balancing import health_path
from cluster_cli.render.certificate_files import AUTHORITY
from cluster_cli.render.rule import MILLISECONDS
from cluster_cli.topology.addresses import addresses_for, addresses_on, separate
from cluster_cli.topology.model import Backend, Frontend, LoadBalancer, Topology

SECONDS = 5  # a look that takes longer failed
PERMANENT_REDIRECT = 308  # what both balancers send clients to TLS with (RFC 9110 section 15.4.9)
NO_ERROR_OF_A_SERVER = list(range(200, 500))
MARGIN = 1.5  # a rate is an estimate
Vars = dict[str, Any]


@dataclass(frozen=True)
class Probe:
    """One way in for clients. url: what is asked, address:port for a connection; how: as the exporter has it."""

    balancer: str
    frontend: str
    address: IPv4Address
    backend: str
    url: str
    how: Vars

    @property
    def name(self) -> str:
        """Its name as a module of the exporter."""
        return f"{self.balancer}-{self.frontend}-{self.address}"

    @property
    def over_tls(self) -> bool:
        """Whether it is shown a certificate."""
        return "tls_config" in self.how[self.how["prober"]]

    @property
    def labels(self) -> dict[str, str]:
        """What it is about; its backend is called as haproxy calls it."""
        known = {"balancer": self.balancer, "frontend": self.frontend, "address": str(self.address)}
        return known | ({"proxy": self.backend} if self.backend else {})


def probes(topology: Topology) -> Iterator[Probe]:
    """Every frontend at every address clients have for it."""
    for name, balancer in topology.load_balancers.items():
        for key, frontend in balancer.frontends.items():
            backend = balancer.backends.get(frontend.backend or "")
            if frontend.mode == "tcp" and not connects(backend):
                continue
            for address in ways_in(topology, balancer, frontend):
                url, how = look(topology, frontend, backend, address)
                yield Probe(name, key, address, frontend.backend or "", url, how)


def seen_by(topology: Topology, node: str) -> tuple[Probe, ...]:
    """What a node looks at: nothing, where clients come over a network it is not on."""
    apart = separate(topology, "service") is not None and node not in addresses_on(topology, "service")
    return () if apart else tuple(probes(topology))


def ways_in(topology: Topology, balancer: LoadBalancer, frontend: Frontend) -> tuple[IPv4Address, ...]:
    """Where clients come: to the virtual IPs, or to the balancers themselves where there are none."""
    if frontend.address:
        return (frontend.address,)
    known = addresses_for(topology, "service")
    return tuple(vip.address for vip in balancer.virtual_ips) or tuple(known[node] for node in balancer.nodes)


def connects(backend: Backend | None) -> bool:
    """Whether the servers of a backend take connections that say nothing: their balancer checks them so, too.

    A database's do not: each would be a login broken off, told in its log (MariaDB's documentation,
    "log_warnings").
    """
    return backend is not None and backend.check.type in (None, "tcp") and backend.check.port is None


def look(
    topology: Topology, frontend: Frontend, backend: Backend | None, address: IPv4Address
) -> tuple[str, Vars]:
    """What is asked of a frontend, and by which module (blackbox_exporter's documentation, "CONFIGURATION.md")."""
    family = {"preferred_ip_protocol": "ip4"}
    tls = {"tls_config": trust(frontend, address)} if frontend.tls else {}
    if frontend.mode == "tcp":
        how = {**family, **({"tls": True} if tls else {}), **tls}
        return f"{address}:{frontend.bind}", {"prober": "tcp", "timeout": f"{SECONDS}s", "tcp": how}
    path, host, statuses = page(topology, frontend, backend)
    how = {**family, "follow_redirects": False, "valid_status_codes": statuses, **tls}
    named = {"headers": {"Host": host}} if host else {}
    scheme = "https" if frontend.tls else "http"
    url = f"{scheme}://{address}:{frontend.bind}{path}"
    return url, {"prober": "http", "timeout": f"{SECONDS}s", "http": how | named}


def page(topology: Topology, frontend: Frontend, backend: Backend | None) -> tuple[str, str, list[int]]:
    """(path, Host header, statuses that are well): the health page of the servers, where they have one.

    Where they have none, any answer is well that is no server's error: nobody knows what their pages are.
    """
    if frontend.redirect or backend is None:
        return "/", "", [PERMANENT_REDIRECT]
    check = backend.check
    if check.type in (None, "http") and check.port in (None, backend.port):
        return check.path or health_path(topology, backend), check.host or "", [check.expect]
    return "/", "", NO_ERROR_OF_A_SERVER


def trust(frontend: Frontend, address: IPv4Address) -> Vars:
    """By whom its certificate must be: the cluster's authority. Of any other only the end is looked at."""
    tls = frontend.tls
    if tls and (tls.certificate or tls.acme):
        return {"insecure_skip_verify": True}
    return {"ca_file": AUTHORITY, "server_name": str(address)}


def own_requests(topology: Topology) -> float:
    """Requests a second to a backend that those who watch may make themselves: more come from somebody else."""
    monitoring = topology.monitoring
    if monitoring is None:
        return 0
    asked = Counter(each.backend for node in monitoring.nodes for each in seen_by(topology, node) if each.backend)
    return MARGIN * max(asked.values(), default=0) * MILLISECONDS / monitoring.interval
