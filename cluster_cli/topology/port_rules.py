"""Rules on web servers and ports: one engine a node, one listener a port, and somebody who answers."""

from collections.abc import Iterator

from cluster_cli.topology.listeners import Listener, listeners
from cluster_cli.topology.model import Topology
from cluster_cli.topology.problems import Path, Problem
from cluster_cli.topology.walks import backends


def one_web_engine_per_node(topology: Topology) -> Iterator[Problem]:
    """A node runs one web server, and nginx either as web server or as balancer."""
    engine = {
        node: (f"load balancer {name}", "nginx balancer")
        for name, balancer in topology.load_balancers.items()
        for node in balancer.nodes
        if balancer.engine == "nginx"
    }
    for name, web in topology.web.items():
        for i, node in enumerate(web.nodes):
            owner, kind = engine.setdefault(node, (f"web {name}", web.engine))
            if kind != web.engine and not (kind == "nginx balancer" and web.engine == "apache"):
                what = f"{node} cannot run {web.engine} for {name}: {owner} runs {kind} there"
                yield Problem(("web", name, "nodes", i), what, "use one engine per node, or other nodes")


def web_serves_one_thing(topology: Topology) -> Iterator[Problem]:
    """Either files or an application."""
    for name, web in topology.web.items():
        if web.site and web.upstream:
            what = "a web server has either a site or an upstream"
            yield Problem(("web", name, "upstream"), what, "remove one of them")


def ports_are_free(topology: Topology) -> Iterator[Problem]:
    """No two services of a node listen on one port; each is told once, not once a node."""
    seen: dict[tuple[str, int], list[Listener]] = {}
    told: set[Path] = set()
    for listener in listeners(topology):
        others = seen.setdefault((listener.node, listener.port), [])
        rival = next((o for o in others if listener.collides(o) and o.who != listener.who), None)
        if rival and listener.path not in told:
            told.add(listener.path)
            what = f"port {listener.port} of {listener.node} is already that of {rival.who}"
            yield Problem(listener.path, what, mending(listener, rival))
        others.append(listener)


def mending(listener: Listener, rival: Listener) -> str:
    """What to do about a port that is taken."""
    if listener.path[0] != "firewall":
        return "choose another port"
    return f"the cluster opens that one itself; name the nodes you mean in `nodes`, without {rival.node}"


def backends_are_served(topology: Topology) -> Iterator[Problem]:
    """Where a backend's node runs a web server of ours, the backend asks one of its ports.

    Not in mode tcp, where it may be another service of that node.
    """
    served: dict[str, dict[int, str]] = {}
    for name, web in topology.web.items():
        for node in web.nodes:
            served.setdefault(node, {})[web.port] = name
    for path, _, backend in backends(topology):
        other = next(
            (node for node in backend.nodes if backend.port not in served.get(node, {backend.port})), None
        )
        if other and backend.mode == "http":
            there = ", ".join(f"{name} on port {port}" for port, name in sorted(served[other].items()))
            what = f"{other} serves {there}, and nothing on {backend.port}"
            yield Problem((*path, "port"), what, "use the port of the web service")


RULES = (one_web_engine_per_node, web_serves_one_thing, ports_are_free, backends_are_served)
