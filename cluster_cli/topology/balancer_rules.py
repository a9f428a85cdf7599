"""Rules on load balancers: every part is used, and does what it promises."""

from collections.abc import Iterator

from cluster_cli.topology.model import Topology
from cluster_cli.topology.problems import Path, Problem, did_you_mean
from cluster_cli.topology.walks import backends, virtual_ips

HTTP_CHECK = ("path", "host", "expect")


def virtual_ips_have_two_nodes(topology: Topology) -> Iterator[Problem]:
    """An address moves only where another node can take it."""
    for name, balancer in topology.load_balancers.items():
        if balancer.virtual_ips and len(set(balancer.nodes)) < 2:
            what = "a virtual IP needs two nodes: nobody could take it over"
            hint = f"add a node to `nodes` of {name}, or remove `virtual_ips`"
            yield Problem(("load_balancers", name, "virtual_ips"), what, hint)


def holders_can_return(topology: Topology) -> Iterator[Problem]:
    """Without preemption one node keeps every address after the first failover."""
    for name, balancer in topology.load_balancers.items():
        preferred = {vip.prefer for vip in balancer.virtual_ips if vip.prefer}
        if not balancer.vrrp.preempt and len(preferred) > 1:
            what = "crossed virtual IPs need preempt: after a failover one node would keep them all"
            hint = "set `preempt: true`, or remove the different `prefer`s"
            yield Problem(("load_balancers", name, "vrrp", "preempt"), what, hint)


def load_balancers_have_frontends(topology: Topology) -> Iterator[Problem]:
    """A load balancer that listens nowhere balances nothing."""
    for name, balancer in topology.load_balancers.items():
        if not balancer.frontends:
            hint = "add `frontends: {web: {bind: 80, backend: web}}`"
            yield Problem(("load_balancers", name), "has no frontends, and no databases come through it", hint)


def frontends_have_backends(topology: Topology) -> Iterator[Problem]:
    """A frontend's backend exists and speaks the same mode."""
    for name, balancer in topology.load_balancers.items():
        for front_name, frontend in balancer.frontends.items():
            path: Path = ("load_balancers", name, "frontends", front_name)
            if frontend.backend is None:
                continue
            backend = balancer.backends.get(frontend.backend)
            if backend is None:
                hint = did_you_mean(frontend.backend, balancer.backends) or f"add it under `backends` of {name}"
                yield Problem((*path, "backend"), f'there is no backend "{frontend.backend}"', hint)
            elif backend.mode != frontend.mode:
                what = f"mode {frontend.mode} cannot use backend {frontend.backend} of mode {backend.mode}"
                yield Problem((*path, "mode"), what, "give both the same mode")


def backends_are_used(topology: Topology) -> Iterator[Problem]:
    """A backend nobody asks is forgotten; not told while a frontend's misspelt one may mean it."""
    for path, balancer, _ in backends(topology):
        asked = {frontend.backend for frontend in balancer.frontends.values() if frontend.backend}
        if path[-1] not in asked and asked <= set(balancer.backends):
            yield Problem(path, f"no frontend uses backend {path[-1]}", "name it in a frontend, or remove it")


def backends_have_weight(topology: Topology) -> Iterator[Problem]:
    """With every server drained, nobody answers."""
    for path, _, backend in backends(topology):
        known = [topology.nodes[node] for node in backend.nodes if node in topology.nodes]
        if len(known) == len(backend.nodes) and not any(node.weight for node in known):
            what = "every node of this backend has weight 0, so nobody would answer"
            yield Problem((*path, "nodes"), what, "give one of them a weight of 1 or more")


def one_at_a_time_is_for_connections(topology: Topology) -> Iterator[Problem]:
    """Only haproxy remembers which server had the connections, and only connections have one."""
    for path, balancer, backend in backends(topology):
        if backend.one_at_a_time and (balancer.engine != "haproxy" or backend.mode != "tcp"):
            what = f"one_at_a_time does not go with engine {balancer.engine} in mode {backend.mode}"
            yield Problem(path, what, "use haproxy and `mode: tcp`")
        elif backend.one_at_a_time and backend.sticky != "none":
            what = "clients cannot stay with different servers while one server has them all"
            yield Problem((*path, "sticky"), what, "remove it")


def checks_ask_their_own_port(topology: Topology) -> Iterator[Problem]:
    """nginx watches real requests, so it cannot ask another port."""
    for path, balancer, backend in backends(topology):
        if backend.check.port and balancer.engine != "haproxy":
            what = f"{balancer.engine} cannot ask another port than the backend's"
            yield Problem((*path, "check", "port"), what, "remove it, or use `engine: haproxy`")


def frontends_bind_virtual_ips(topology: Topology) -> Iterator[Problem]:
    """A frontend's own address is one of its load balancer's virtual IPs."""
    for name, balancer in topology.load_balancers.items():
        known = [str(vip.address) for vip in balancer.virtual_ips]
        for front_name, frontend in balancer.frontends.items():
            if frontend.address and str(frontend.address) not in known:
                yield Problem(
                    ("load_balancers", name, "frontends", front_name, "address"),
                    f"{frontend.address} is not a virtual IP of {name}",
                    did_you_mean(str(frontend.address), known) or "leave it away to listen on all addresses",
                )


def tcp_has_no_http_features(topology: Topology) -> Iterator[Problem]:
    """Cookies exist only where requests are seen."""
    for path, _, backend in backends(topology):
        if backend.mode == "tcp" and backend.sticky == "cookie":
            yield Problem((*path, "sticky"), "a cookie needs mode http", "use `sticky: source`")


def checks_ask_what_they_say(topology: Topology) -> Iterator[Problem]:
    """A path, host or status is looked at by active HTTP checks only."""
    for path, balancer, backend in backends(topology):
        kind = backend.check.type or backend.mode
        for field in HTTP_CHECK:
            if field not in backend.check.model_fields_set:
                continue
            if balancer.engine == "nginx":
                what = f"engine nginx has no active checks, so {field} would do nothing"
                yield Problem((*path, "check", field), what, "remove it, or use `engine: haproxy`")
            elif kind != "http":
                what = f"a check of type {kind} asks for no page, so {field} would do nothing"
                yield Problem((*path, "check", field), what, "remove it, or set `type: http`")


def one_load_balancer_per_node(topology: Topology) -> Iterator[Problem]:
    """A node runs one load balancer; more frontends belong into it."""
    owner: dict[str, str] = {}
    for name, balancer in topology.load_balancers.items():
        for i, node in enumerate(balancer.nodes):
            if owner.setdefault(node, name) != name:
                what = f"{node} already runs load balancer {owner[node]}"
                hint = "put the frontends of both into one load balancer"
                yield Problem(("load_balancers", name, "nodes", i), what, hint)


def addresses_have_a_frontend(topology: Topology) -> Iterator[Problem]:
    """A virtual IP that no frontend listens on leads nowhere."""
    for path, lb_name, vip in virtual_ips(topology):
        fronts = topology.load_balancers[lb_name].frontends.values()
        if fronts and all(front.address and front.address != vip.address for front in fronts):
            what = f"no frontend listens on {vip.address}"
            yield Problem((*path, "address"), what, "add a frontend with this address, or one without any")


RULES = (
    virtual_ips_have_two_nodes,
    holders_can_return,
    load_balancers_have_frontends,
    frontends_have_backends,
    backends_are_used,
    backends_have_weight,
    frontends_bind_virtual_ips,
    one_at_a_time_is_for_connections,
    checks_ask_their_own_port,
    addresses_have_a_frontend,
    tcp_has_no_http_features,
    checks_ask_what_they_say,
    one_load_balancer_per_node,
)
