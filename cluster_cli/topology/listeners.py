"""Every port a service of ours listens on, declared once.

The rules find ports that collide, the firewall opens them to their sources and nothing else, and
the verification compares them with the sockets there really are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Literal

from cluster_cli.topology.addresses import addresses, addresses_for, frontend_addresses
from cluster_cli.topology.backup import FILES_PORT, SOURCE_PORT
from cluster_cli.topology.databases import (
    DATABASE_PORT,
    DOORBELL,
    GROUP,
    INCREMENTAL,
    PROCESS,
    STATE_TRANSFER,
    Database,
)
from cluster_cli.topology.doors import written_as
from cluster_cli.topology.logs import LOGS_PORT
from cluster_cli.topology.makers import askers, giving
from cluster_cli.topology.model import LoadBalancer, Topology
from cluster_cli.topology.monitoring import (
    ALERTMANAGER_PORT,
    BALANCER_PORT,
    DATABASE_SERVER_PORT,
    GOSSIP_PORT,
    GRAFANA_PORT,
    NODE_PORT,
    PROBER_PORT,
    PROMETHEUS_PORT,
)
from cluster_cli.topology.problems import Path
from cluster_cli.topology.sources import (
    ANYONE,
    Sources,
    Wanted,
    balancers_asking,
    clients,
    every_node,
    lookers,
    nodes,
    operators,
    sites_asking,
    watchers,
    ways,
)
from cluster_cli.topology.walks import backends

LOOPBACK = IPv4Address("127.0.0.1")
AUDIT_PORT = 6514  # syslog over TLS (RFC 5425); RELP has none of its own
AGREE_PORT = 10025  # where haproxies agree which server has the connections of a backend
PEERS_PORT = 10024  # where a haproxy hands its stick tables to the one that replaces it


@dataclass(frozen=True)
class Listener:
    """A port of a node that something listens on.

    path: where the file says so. who: in a sentence. process: as ss(8) shows it, empty for software that is
    not ours: it may listen or not. address: None for all of the node's addresses. sources: the networks that
    may use it; none for loopback, which needs no opening. limited: whether one source may only call so often.
    to: the one address of the node they may use it at, where it listens on more of them than that.
    """

    path: Path
    node: str
    port: int
    who: str
    process: str
    sources: Sources
    address: IPv4Address | None = None
    protocol: Literal["tcp", "udp"] = "tcp"
    limited: bool = False
    to: IPv4Address | None = None

    @property
    def ours(self) -> bool:
        """Whether the cluster runs what listens there."""
        return self.process != ""

    def collides(self, other: "Listener") -> bool:
        """Whether both cannot listen at once. Other ports, other nodes, or two different addresses can.

        Two load balancers on a node are another rule's matter.
        """
        same_port = (self.node, self.port, self.protocol) == (other.node, other.port, other.protocol)
        if self.path[0] == other.path[0] == "load_balancers" and self.path[1] != other.path[1]:
            return False
        if not self.ours and not other.ours:
            return False
        return same_port and (not self.address or not other.address or self.address == other.address)


def listeners(topology: Topology) -> Iterator[Listener]:
    """Every port something listens on, SSH first since it was there before, what is not ours last."""
    ours = tuple(services(topology))
    yield from ours
    yield from foreign_backends(topology, {(each.node, each.port) for each in ours if each.protocol == "tcp"})
    yield from openings(topology)


def services(topology: Topology) -> Iterator[Listener]:
    """Every port our own services listen on."""
    yield from ssh_listeners(topology)
    yield from time_listeners(topology)
    yield from audit_listeners(topology)
    yield from logs_listeners(topology)
    yield from web_listeners(topology)
    yield from database_listeners(topology)
    yield from backup_listeners(topology)
    yield from monitoring_listeners(topology)
    for name, balancer in topology.load_balancers.items():
        for node in balancer.nodes:
            yield from balancer_listeners(topology, name, balancer, node)


def ssh_listeners(topology: Topology) -> Iterator[Listener]:
    """SSH: on the management network for operators, on the cluster's for the nodes among each other."""
    wanted: Wanted = {"management": operators(topology), "cluster": every_node(topology)}
    for name, node in topology.nodes.items():
        port = node.ssh.port or topology.ssh.port or 22
        for sources, to in ways(topology, name, wanted):
            yield Listener(("nodes", name), name, port, "SSH", "sshd", sources, limited=True, to=to)


def time_listeners(topology: Topology) -> Iterator[Listener]:
    """NTP on the time servers, for the cluster's nodes."""
    known = addresses(topology)
    for i, name in enumerate(topology.time.servers if topology.time else ()):
        path: Path = ("time", "servers", i)
        yield Listener(path, name, 123, "NTP", "chronyd", every_node(topology), known.get(name), "udp")


def audit_listeners(topology: Topology) -> Iterator[Listener]:
    """Collectors of records, for the cluster's nodes."""
    for i, name in enumerate(topology.audit.collectors if topology.audit else ()):
        path: Path = ("audit", "collectors", i)
        yield Listener(path, name, AUDIT_PORT, "records of logins", "rsyslogd", every_node(topology))


def logs_listeners(topology: Topology) -> Iterator[Listener]:
    """Receivers of logs, for the cluster's nodes."""
    known = addresses(topology)
    for i, name in enumerate(topology.logs.nodes if topology.logs else ()):
        path: Path = ("logs", "nodes", i)
        yield Listener(path, name, LOGS_PORT, "logs", "rsyslogd", every_node(topology), known.get(name))


def web_listeners(topology: Topology) -> Iterator[Listener]:
    """Web servers: for the balancers in front of them, or for clients where there is none."""
    processes = {"nginx": "nginx", "apache": "apache2"}
    for name, web in topology.web.items():
        for node in web.nodes:
            balancers = balancers_asking(topology, node, web.port)
            asking = nodes(topology, (*balancers, *sites_asking(topology, node, web.port)))
            wanted: Wanted = {"cluster": asking, "management": operators(topology)}
            wanted |= {} if balancers else {"service": clients(topology)}
            path: Path = ("web", name, "port")
            for sources, to in ways(topology, node, wanted):
                yield Listener(path, node, web.port, f"web {name}", processes[web.engine], sources, to=to)


def database_listeners(topology: Topology) -> Iterator[Listener]:
    """A database: for those who are led to it, and its nodes among each other."""
    known = addresses(topology)
    for name, database in topology.databases.items():
        path: Path = ("databases", name)
        among, server = nodes(topology, database.voters), PROCESS[database.engine]
        for node in database.nodes:
            asking = nodes(topology, balancers_asking(topology, node, DATABASE_PORT))
            reached = asking if database.through else clients(topology)
            reached += () if database.mode == "galera" else among  # the others fetch there as clients do
            reached += nodes(topology, tuple(database.standby))
            yield Listener(path, node, DATABASE_PORT, f"database {name}", server, reached, known.get(node))
            rings = nodes(topology, balancers_asking(topology, node, DOORBELL))
            yield Listener(path, node, DOORBELL, f"what {node} is fit for", "python3", rings, known.get(node))
            for port, what in copies(database):
                yield Listener(path, node, port, f"{what} for a node of {name}", "", among)
        for node in database.voters if database.mode == "galera" else ():
            member = "garbd" if node == database.arbiter else server
            yield Listener(path, node, GROUP, f"the group of {name}", member, among, known.get(node))


def backup_listeners(topology: Topology) -> Iterator[Listener]:
    """Nodes that give copies of databases, or files, to backup nodes and to those that stand by."""
    known = addresses(topology)
    for name, database in giving(topology).items():
        asking = nodes(topology, askers(topology, name))
        for node in database.nodes:
            path: Path = ("databases", name)
            yield Listener(path, node, SOURCE_PORT, f"copies of {name}", "python3", asking, known.get(node))
    files = topology.backup.files if topology.backup else {}
    for node in dict.fromkeys(node for found in files.values() for node in found.nodes):
        asking = nodes(topology, topology.backup.nodes if topology.backup else ())
        yield Listener(("backup", "files"), node, FILES_PORT, "files", "python3", asking, known.get(node))


def monitoring_listeners(topology: Topology) -> Iterator[Listener]:
    """What tells metrics, for the nodes that watch; and what these judge by, for operators, too.

    Programs are shown by the first fifteen letters of their names.
    """
    watching = topology.monitoring.nodes if topology.monitoring else ()
    known, path = addresses_for(topology, "management"), ("monitoring",)
    watchers_here = nodes(topology, watching, "management")
    for node in topology.nodes if watching else ():
        told = [(NODE_PORT, f"metrics of {node}", "prometheus-node")]
        if any(node in each.nodes for each in topology.databases.values()):
            told.append((DATABASE_SERVER_PORT, f"metrics of the database of {node}", "prometheus-mysq"))
        if any(node in each.nodes and each.engine == "haproxy" for each in topology.load_balancers.values()):
            told.append((BALANCER_PORT, f"metrics of the balancer of {node}", "haproxy"))
        for port, who, process in told:
            yield Listener(path, node, port, who, process, watchers_here, known.get(node))
    drawing = topology.monitoring.grafana_nodes if topology.monitoring else ()
    for node in drawing:
        yield Listener(path, node, GRAFANA_PORT, "Grafana", "grafana", operators(topology), known.get(node))
    for node in watching:
        asking = (*watchers_here, *operators(topology))
        readers = (*nodes(topology, (*watching, *drawing), "management"), *operators(topology))
        yield Listener(path, node, PROMETHEUS_PORT, "Prometheus", "prometheus", readers, known.get(node))
        yield Listener(path, node, ALERTMANAGER_PORT, "Alertmanager", "prometheus-aler", asking, known.get(node))
        if topology.load_balancers:
            yield Listener(path, node, PROBER_PORT, "what looks at frontends", "prometheus-blac", (), LOOPBACK)
        if len(watching) > 1:
            who = "Alertmanagers among each other"
            yield Listener(path, node, GOSSIP_PORT, who, "prometheus-aler", watchers_here, known.get(node))


def copies(database: Database) -> tuple[tuple[int, str], ...]:
    """The ports a node listens on only while it is given data, with what comes there."""
    if database.engine == "mysql":
        return ()  # the clone plugin goes over the server's own port
    whole = (STATE_TRANSFER, "a copy")
    return (whole, (INCREMENTAL, "what was missed")) if database.mode == "galera" else (whole,)


def balancer_listeners(topology: Topology, name: str, balancer: LoadBalancer, node: str) -> Iterator[Listener]:
    """The frontends of a balancer, for clients, and its own page, for operators."""
    path: Path = ("load_balancers", name)
    here = addresses_for(topology, "management").get(node)
    for address, sources in ((here, watchers(topology, balancer)), (LOOPBACK, ())):
        at, who = (*path, "stats", "port"), f"the stats page of {name}"
        yield Listener(at, node, balancer.stats.port, who, balancer.engine, sources, address)
    for front_name, front in balancer.frontends.items():
        at, who = written_as(topology, name, front_name), f"frontend {front_name} of {name}"
        asking = nodes(topology, balancers_asking(topology, node, front.bind))
        sources = clients(topology) + asking + lookers(topology)
        for place in frontend_addresses(topology, balancer, node, front) or (None,):
            yield Listener(at, node, front.bind, who, balancer.engine, sources, place)
    if balancer.engine == "haproxy" and any(each.sticky == "source" for each in balancer.backends.values()):
        yield Listener(path, node, PEERS_PORT, f"the stick tables of {name}", "haproxy", (), LOOPBACK)
    if any(each.one_at_a_time for each in balancer.backends.values()):
        others, at_home = nodes(topology, balancer.nodes), addresses(topology).get(node)
        yield Listener(path, node, AGREE_PORT, f"the balancers of {name}", "haproxy", others, at_home)


def foreign_backends(topology: Topology, known: set[tuple[str, int]]) -> Iterator[Listener]:
    """Ports balancers ask where nothing of ours serves: your own software. known: (node, port) of ours."""
    for path, _, backend in backends(topology):
        for node in backend.nodes:
            if (node, backend.port) not in known:
                sources = nodes(topology, balancers_asking(topology, node, backend.port))
                yield Listener((*path, "port"), node, backend.port, f"backend {path[-1]}", "", sources)


def openings(topology: Topology) -> Iterator[Listener]:
    """Ports of software the cluster does not know, as the file opens them."""
    for i, opening in enumerate(topology.firewall.open):
        path: Path = ("firewall", "open", i, "port")
        for node in opening.nodes or topology.nodes:
            sources = opening.sources or ANYONE
            yield Listener(path, node, opening.port, "your own", "", sources, protocol=opening.protocol)
