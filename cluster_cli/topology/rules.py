"""Rules across fields. Each is one small function; a new rule is a new function and a new golden case."""

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv4Network

from cluster_cli.topology.addresses import addresses, subnet_of, usable
from cluster_cli.topology.model import Topology
from cluster_cli.topology.problems import Problem, did_you_mean

Path = tuple[str | int, ...]
Rule = Callable[[Topology], Iterator[Problem]]


def references(topology: Topology) -> Iterator[tuple[Path, str]]:
    """Every place that names a node."""
    if topology.time:
        yield from ((("time", "servers", i), name) for i, name in enumerate(topology.time.servers))
    for lb_name, balancer in topology.load_balancers.items():
        here: Path = ("load_balancers", lb_name)
        yield from (((*here, "nodes", i), name) for i, name in enumerate(balancer.nodes))
        for backend_name, backend in balancer.backends.items():
            at = (*here, "backends", backend_name, "nodes")
            yield from (((*at, i), name) for i, name in enumerate(backend.nodes))
    for web_name, web in topology.web.items():
        yield from ((("web", web_name, "nodes", i), name) for i, name in enumerate(web.nodes))


def nodes_exist(topology: Topology) -> Iterator[Problem]:
    """A name in a list of nodes is a node."""
    for path, name in references(topology):
        if name not in topology.nodes:
            yield Problem(path, f'there is no node "{name}"', did_you_mean(name, topology.nodes))


def nodes_listed_once(topology: Topology) -> Iterator[Problem]:
    """A list of nodes names each of them once."""
    seen: set[tuple[Path, str]] = set()
    for path, name in references(topology):
        if (path[:-1], name) in seen:
            yield Problem(path, f'"{name}" is listed twice', "remove one of them")
        seen.add((path[:-1], name))


def existing_machines_have_addresses(topology: Topology) -> Iterator[Problem]:
    """Only a lab can hand out addresses."""
    if topology.is_lab:
        return
    for name, node in topology.nodes.items():
        if node.address is None:
            yield Problem(
                ("nodes", name),
                "an existing machine needs its address",
                "add `address: 10.0.0.11`, or `provider: podman` for a lab",
            )


def existing_machines_have_a_network(topology: Topology) -> Iterator[Problem]:
    """Virtual IPs and access lists need the subnet."""
    if not topology.is_lab and topology.network.subnet is None:
        yield Problem((), "the network's subnet is missing", "add `network: {subnet: 10.0.0.0/24}`")


def subnet_is_large_enough(topology: Topology) -> Iterator[Problem]:
    """A lab's subnet holds its nodes, the bridge and some virtual IPs."""
    subnet = subnet_of(topology)
    if topology.is_lab and subnet and not 16 <= subnet.prefixlen <= 27:
        yield Problem(
            ("network", "subnet"), f"{subnet} cannot hold a lab", "use a prefix from /16 to /27, such as /24"
        )
    elif topology.is_lab and len(addresses(topology)) < len(topology.nodes):
        yield Problem(
            ("network", "subnet"),
            f"{subnet} has no room for {len(topology.nodes)} nodes",
            "use a wider prefix",
        )


def addresses_are_inside(topology: Topology) -> Iterator[Problem]:
    """Lab nodes stand in the lab's subnet; existing machines may be anywhere."""
    subnet = subnet_of(topology)
    for name, node in topology.nodes.items():
        if topology.is_lab and subnet and node.address and not usable(node.address, subnet):
            yield Problem(
                ("nodes", name, "address"),
                f"{node.address} is not a usable address of {subnet}",
                f"choose one from {subnet[2]} to {subnet[-2]}",
            )


def addresses_are_unique(topology: Topology) -> Iterator[Problem]:
    """No two nodes or virtual IPs share an address."""
    owner: dict[IPv4Address, str] = {}
    for name, node in topology.nodes.items():
        if node.address:
            if node.address in owner:
                yield Problem(
                    ("nodes", name, "address"),
                    f"{node.address} is already {owner[node.address]}",
                    "give it another",
                )
            owner.setdefault(node.address, f"the address of node {name}")
    for path, lb_name, vip in virtual_ips(topology):
        if vip.address in owner:
            yield Problem(
                (*path, "address"), f"{vip.address} is already {owner[vip.address]}", "give it another"
            )
        owner.setdefault(vip.address, f"a virtual IP of {lb_name}")


def virtual_ips(topology: Topology):  # type: ignore[no-untyped-def]
    """Every virtual IP as (path, load balancer's name, virtual IP)."""
    for lb_name, balancer in topology.load_balancers.items():
        for i, vip in enumerate(balancer.virtual_ips):
            yield ("load_balancers", lb_name, "virtual_ips", i), lb_name, vip


def virtual_ips_are_inside(topology: Topology) -> Iterator[Problem]:
    """A virtual IP outside the network would not be reached."""
    subnet = subnet_of(topology)
    for path, _, vip in virtual_ips(topology):
        if subnet and not usable(vip.address, subnet):
            yield Problem(
                (*path, "address"),
                f"the virtual IP {vip.address} is not a usable address of {subnet}",
                f"choose one from {first_usable(subnet)} to {subnet[-2]}" if subnet.prefixlen < 31 else "",
            )


def first_usable(subnet: IPv4Network) -> IPv4Address:
    """The lowest address that is neither the network's nor the gateway's."""
    return subnet[2] if subnet.prefixlen < 30 else subnet[1]


def preferred_nodes_belong(topology: Topology) -> Iterator[Problem]:
    """A virtual IP prefers a node of its own load balancer."""
    for path, lb_name, vip in virtual_ips(topology):
        nodes = topology.load_balancers[lb_name].nodes
        if vip.prefer and vip.prefer not in nodes:
            yield Problem(
                (*path, "prefer"),
                f'"{vip.prefer}" is not a node of {lb_name}',
                did_you_mean(vip.prefer, nodes),
            )


def router_ids_are_unique(topology: Topology) -> Iterator[Problem]:
    """Two VRRP groups with one id in a network confuse each other."""
    owner: dict[int, str] = {}
    for path, lb_name, vip in virtual_ips(topology):
        number = vip.router_id or int(vip.address) % 256
        if number in owner:
            yield Problem(
                (*path, "router_id") if vip.router_id else path,
                f"VRRP router id {number} is already that of {owner[number]}",
                "set another `router_id` (1 to 255), unique in the network",
            )
        elif number == 0:
            yield Problem(
                path, "no VRRP router id can be derived from an address ending in .0", "set `router_id`"
            )
        owner.setdefault(number, f"{vip.address} ({lb_name})")


def holders_can_return(topology: Topology) -> Iterator[Problem]:
    """Without preemption one node keeps every address after the first failover."""
    for name, balancer in topology.load_balancers.items():
        preferred = {vip.prefer for vip in balancer.virtual_ips if vip.prefer}
        if not balancer.vrrp.preempt and len(preferred) > 1:
            yield Problem(
                ("load_balancers", name, "vrrp", "preempt"),
                "crossed virtual IPs need preempt: after a failover one node would keep them all",
                "set `preempt: true`, or remove the different `prefer`s",
            )


def frontends_have_backends(topology: Topology) -> Iterator[Problem]:
    """A frontend's backend exists and speaks the same mode."""
    for name, balancer in topology.load_balancers.items():
        for front_name, frontend in balancer.frontends.items():
            path: Path = ("load_balancers", name, "frontends", front_name)
            backend = balancer.backends.get(frontend.backend)
            if backend is None:
                hint = did_you_mean(frontend.backend, balancer.backends)
                yield Problem((*path, "backend"), f'there is no backend "{frontend.backend}"', hint)
            elif backend.mode != frontend.mode:
                yield Problem(
                    (*path, "mode"),
                    f"mode {frontend.mode} cannot use backend {frontend.backend} of mode {backend.mode}",
                    "give both the same mode",
                )


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
    for name, balancer in topology.load_balancers.items():
        for backend_name, backend in balancer.backends.items():
            if backend.mode == "tcp" and backend.sticky == "cookie":
                yield Problem(
                    ("load_balancers", name, "backends", backend_name, "sticky"),
                    "a cookie needs mode http",
                    "use `sticky: source`",
                )


def nginx_checks_passively(topology: Topology) -> Iterator[Problem]:
    """OSS nginx has no active checks; an expected status would promise one."""
    for name, balancer in topology.load_balancers.items():
        for backend_name, backend in balancer.backends.items():
            if balancer.engine == "nginx" and backend.check.model_fields_set & {"path", "host", "expect"}:
                yield Problem(
                    ("load_balancers", name, "backends", backend_name, "check"),
                    "engine nginx has no active HTTP checks, so path, host and expect would do nothing",
                    "remove them, or use `engine: haproxy`",
                )


def one_load_balancer_per_node(topology: Topology) -> Iterator[Problem]:
    """A node runs one load balancer; more frontends belong into it."""
    owner: dict[str, str] = {}
    for name, balancer in topology.load_balancers.items():
        for i, node in enumerate(balancer.nodes):
            if owner.setdefault(node, name) != name:
                yield Problem(
                    ("load_balancers", name, "nodes", i),
                    f"{node} already runs load balancer {owner[node]}",
                    "put the frontends of both into one load balancer",
                )


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
                yield Problem(
                    ("web", name, "nodes", i),
                    f"{node} cannot run {web.engine} for {name}: {owner} runs {kind} there",
                    "use one engine per node, or other nodes",
                )


def listeners(topology: Topology) -> Iterator[tuple[Path, str, int, str]]:
    """Every port a node listens on as (path, node, port, by whom)."""
    for name, balancer in topology.load_balancers.items():
        path: Path = ("load_balancers", name)
        for node in balancer.nodes:
            yield (*path, "stats", "port"), node, balancer.stats.port, f"the stats page of {name}"
            for front_name, frontend in balancer.frontends.items():
                at = (*path, "frontends", front_name, "bind")
                address = f" on {frontend.address}" if frontend.address else ""
                yield at, node, frontend.bind, f"frontend {front_name} of {name}{address}"
    for name, web in topology.web.items():
        for node in web.nodes:
            yield ("web", name, "port"), node, web.port, f"web {name}"
    for node_name, node_ in topology.nodes.items():
        port = node_.ssh.port or topology.ssh.port or 22
        yield ("nodes", node_name), node_name, port, "SSH"


def ports_are_free(topology: Topology) -> Iterator[Problem]:
    """No two services of a node listen on one port."""
    owner: dict[tuple[str, int], str] = {}
    told: set[Path] = set()
    for path, node, port, who in listeners(topology):
        other = owner.setdefault((node, port), who)
        separate = " on " in who and " on " in other and who.split(" on ")[1] != other.split(" on ")[1]
        if other != who and not separate and path not in told:
            told.add(path)
            yield Problem(path, f"port {port} of {node} is already that of {other}", "choose another port")


def backends_are_served(topology: Topology) -> Iterator[Problem]:
    """Where a backend's node runs a web server of ours, the backend asks one of its ports."""
    served: dict[str, set[int]] = {}
    for web in topology.web.values():
        for node in web.nodes:
            served.setdefault(node, set()).add(web.port)
    for name, balancer in topology.load_balancers.items():
        for backend_name, backend in balancer.backends.items():
            for node in backend.nodes:
                if node in served and backend.port not in served[node]:
                    ports = ", ".join(map(str, sorted(served[node])))
                    yield Problem(
                        ("load_balancers", name, "backends", backend_name, "port"),
                        f"{node} serves on port {ports}, not on {backend.port}",
                        "use the port of the web service",
                    )
                    break


def existing_machines_have_no_lab(topology: Topology) -> Iterator[Problem]:
    """A lab image means nothing to existing machines."""
    if not topology.is_lab and topology.lab.image:
        yield Problem(
            ("lab", "image"), "existing machines need no image", "remove it, or use `provider: podman`"
        )


def lab_nodes_are_reached_directly(topology: Topology) -> Iterator[Problem]:
    """A lab's nodes are on this machine: no jump host, no other port."""
    places = [
        (("ssh",), topology.ssh),
        *((("nodes", name, "ssh"), node.ssh) for name, node in topology.nodes.items()),
    ]
    for path, ssh in places if topology.is_lab else ():
        for field in ("jump", "port", "key", "host_key"):
            if getattr(ssh, field) is not None:
                yield Problem((*path, field), f"a lab sets {field} by itself", "remove it")


RULES: tuple[Rule, ...] = (
    nodes_exist,
    nodes_listed_once,
    existing_machines_have_addresses,
    existing_machines_have_a_network,
    subnet_is_large_enough,
    addresses_are_inside,
    addresses_are_unique,
    virtual_ips_are_inside,
    preferred_nodes_belong,
    router_ids_are_unique,
    holders_can_return,
    frontends_have_backends,
    frontends_bind_virtual_ips,
    tcp_has_no_http_features,
    nginx_checks_passively,
    one_load_balancer_per_node,
    one_web_engine_per_node,
    ports_are_free,
    backends_are_served,
    existing_machines_have_no_lab,
    lab_nodes_are_reached_directly,
)


def broken_rules(topology: Topology) -> Iterator[Problem]:
    """Every problem the rules find."""
    for rule in RULES:
        yield from rule(topology)
