"""What a topology looks like, and where clients reach it: pure."""

from collections.abc import Iterator

from cluster_cli.graph.views import CLIENTS, EdgeView, NodeView, Picture, Tier, VipView
from cluster_cli.inventory import Host, Inventory
from cluster_cli.report.build import Endpoint
from cluster_cli.topology.model import Frontend, LoadBalancer, Topology

USUAL_PORTS = (("http", 80), ("https", 443))
TOLD = {"haproxy": "haproxy", "nginx": "nginx", "keepalived": "keepalived", "web": "web", "ntp": "time"}


def picture(topology: Topology, inventory: Inventory) -> Picture:
    """The drawing's content: tiers in the order requests pass them, and who talks to whom."""
    return Picture(
        cluster=topology.name,
        virtual_ips=tuple(
            VipView(str(vip.address), vip.prefer or "")
            for balancer in topology.load_balancers.values()
            for vip in balancer.virtual_ips
        ),
        tiers=tuple(tiers(topology, inventory)),
        edges=tuple(edge for balancer in topology.load_balancers.values() for edge in edges(balancer)),
    )


def tiers(topology: Topology, inventory: Inventory) -> Iterator[Tier]:
    """Titled groups of nodes; whatever is in none of them stands under Nodes."""
    drawn: set[str] = set()

    def tier(title: str, names: tuple[str, ...]) -> Tier:
        drawn.update(names)
        return title, tuple(view(topology, inventory, name) for name in names)

    for name, balancer in topology.load_balancers.items():
        yield tier(f"Load balancer · {name}", balancer.nodes)
    for name, web in topology.web.items():
        yield tier(f"Web · {name}", web.nodes)
    for name, database in topology.databases.items():
        yield tier(f"Database · {name}", database.nodes)
    if topology.time:
        yield tier("Time", topology.time.servers)
    if topology.monitoring:
        yield tier("Monitoring", topology.monitoring.nodes)
    rest = tuple(name for name in topology.nodes if name not in drawn)
    if rest:
        yield tier("Nodes", rest)


def view(topology: Topology, inventory: Inventory, name: str) -> NodeView:
    """One node."""
    host = inventory.host(name)
    serves_time = topology.time is not None and name in topology.time.servers
    roles = tuple(TOLD[role] for role in host.groups if role in TOLD and (role != "ntp" or serves_time))
    others = tuple(f"{where} {address}" for where, address in host.addresses.items() if address != host.address)
    return NodeView(name, host.address, roles, topology.nodes[name].site or "", others)


def client_address(host: Host) -> str:
    """Where clients reach a node: on the service network, where there is one."""
    return host.addresses.get("service") or host.addresses.get("cluster", host.address)


def edges(balancer: LoadBalancer) -> Iterator[EdgeView]:
    """Clients to virtual IPs, those to the balancers, and the balancers to the servers."""
    ports = ", ".join(f"{scheme(front)} {front.bind}" for front in balancer.frontends.values())
    for vip in balancer.virtual_ips:
        yield EdgeView(CLIENTS, str(vip.address), ports)
        yield from (EdgeView(str(vip.address), node) for node in balancer.nodes)
    if not balancer.virtual_ips:
        yield from (EdgeView(CLIENTS, node, ports) for node in balancer.nodes)
    for backend in balancer.backends.values():
        for node in balancer.nodes:
            yield from (EdgeView(node, server, f"{backend.mode} {backend.port}") for server in backend.nodes)


def endpoints(topology: Topology, inventory: Inventory) -> tuple[Endpoint, ...]:
    """Where clients reach each frontend, and each web service that stands behind none."""
    return (*balanced(topology, inventory), *direct(topology, inventory))


def balanced(topology: Topology, inventory: Inventory) -> Iterator[Endpoint]:
    """The frontends, at the virtual IPs or, without any, at the balancers."""
    for name, balancer in topology.load_balancers.items():
        vips = [str(vip.address) for vip in balancer.virtual_ips]
        hosts = vips or [client_address(inventory.host(node)) for node in balancer.nodes]
        for key, frontend in balancer.frontends.items():
            how = scheme(frontend)
            port = "" if (how, frontend.bind) in USUAL_PORTS else f":{frontend.bind}"
            for address in [str(frontend.address)] if frontend.address else hosts:
                url = f"{how}://{address}{port}" + "/" * (frontend.mode == "http")
                yield Endpoint(f"{name}/{key}", url, balancer.nodes)


def scheme(frontend: Frontend) -> str:
    """What clients speak with a frontend: http, https, tcp or tls."""
    plain, over_tls = {"http": ("http", "https"), "tcp": ("tcp", "tls")}[frontend.mode]
    return over_tls if frontend.tls else plain


def direct(topology: Topology, inventory: Inventory) -> Iterator[Endpoint]:
    """Web services no backend asks."""
    behind = {
        (node, backend.port)
        for balancer in topology.load_balancers.values()
        for backend in balancer.backends.values()
        for node in backend.nodes
    }
    for name, web in topology.web.items():
        for node in web.nodes:
            if (node, web.port) not in behind:
                port = "" if web.port == 80 else f":{web.port}"
                yield Endpoint(f"web/{name}", f"http://{client_address(inventory.host(node))}{port}/", (node,))
