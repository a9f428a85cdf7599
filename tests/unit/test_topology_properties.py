"""Topologies nobody thought of: any input gives a topology or a located error, any topology a sound inventory."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster_cli.inventory import Inventory, render
from cluster_cli.render.connection import Access
from cluster_cli.topology import templates
from cluster_cli.topology.load import TopologyError, parse
from cluster_cli.topology.model import Topology
from cluster_cli.topology.syntax import read

SETTINGS = settings(
    max_examples=120,
    deadline=None,
    derandomize=False,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
ACCESS = Access("/c/topology.yml", "/c/secrets.yml", "/s/known_hosts", "/run/s", "/s/key")
VALID = [read(templates.text(name, "shop"))[0].plain for name in templates.names()]
WORDS = st.sampled_from(
    [
        "name",
        "nodes",
        "provider",
        "web1",
        "lb1",
        "load_balancers",
        "web",
        "address",
        "10.0.0.1",
        "podman",
        "",
        "<<",
        "*a",
    ]
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | WORDS | st.dates().map(str)
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6) | WORDS, inner, max_size=4),
    max_leaves=12,
)
YAMLISH = st.text(alphabet=st.sampled_from(list("ab1:-? \n\t{}[],&*!|>'\"#%@<.~0\r\u2028\x85é")), max_size=60)


def check(text: str) -> Topology | None:
    """The topology, or None after looking at the error."""
    try:
        return parse(text)
    except TopologyError as error:
        located(error, text)
        return None


def located(error: TopologyError, text: str) -> None:
    """Every problem has a place in the text and can be shown on a terminal."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert error.rows
    for place, problem in error.problems:
        assert 1 <= place.line <= len(lines), (place, problem)
        assert 1 <= place.column <= len(lines[place.line - 1]) + 1, (place, problem)
    for row in error.rows:
        assert row.isprintable(), row
        assert "[key]" not in row


@SETTINGS
@given(st.text(max_size=200) | YAMLISH)
def test_any_text(text: str) -> None:
    check(text)


@SETTINGS
@given(YAMLISH, st.sampled_from([templates.text(name, "shop") for name in templates.names()]), st.data())
def test_text_put_anywhere_into_a_valid_file(inserted: str, valid: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(valid)))
    check(valid[:at] + inserted + valid[at:])


@SETTINGS
@given(TREES | st.fixed_dictionaries({"name": SCALARS, "nodes": TREES, "load_balancers": TREES, "web": TREES}))
def test_any_structure(tree: Any) -> None:
    check(json.dumps(tree))


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A valid topology in which a few parts are deleted, doubled or replaced."""
    tree = json.loads(json.dumps(draw(st.sampled_from(VALID))))
    doubled = ""
    for _ in range(draw(st.integers(1, 3))):
        inside: Any = tree
        while isinstance(inside, dict | list) and inside:
            key = draw(
                st.sampled_from(sorted(inside)) if isinstance(inside, dict) else st.integers(0, len(inside) - 1)
            )
            if draw(st.booleans()) or not isinstance(inside[key], dict | list):
                how = draw(st.sampled_from(["delete", "replace", "rename", "double"]))
                old = (
                    inside.pop(key) if how == "delete" or (how == "rename" and isinstance(inside, dict)) else None
                )
                if how == "replace":
                    inside[key] = draw(TREES)
                if how == "rename" and isinstance(inside, dict):
                    inside[draw(WORDS | st.text(max_size=5))] = old
                if how == "double" and inside is tree:
                    doubled = json.dumps({key: inside[key]})[1:-1] + ", "
                break
            inside = inside[key]
    return "{" + doubled + json.dumps(tree)[1:]


@SETTINGS
@given(mutated())
def test_mutations_of_a_valid_topology(text: str) -> None:
    topology = check(text)
    if topology:
        sound(topology, render(topology, ACCESS))


@st.composite
def topologies(draw: st.DrawFn) -> dict[str, Any]:
    """A valid topology."""
    balancers = [f"lb{i}" for i in range(1, draw(st.integers(2, 5)) + 1)]
    servers = [f"web{i}" for i in range(1, draw(st.integers(1, 6)) + 1)]
    engine = draw(st.sampled_from(["haproxy", "nginx"]))
    mode = draw(st.sampled_from(["http", "tcp"]))
    port = draw(st.integers(1024, 8000))
    vips = draw(st.lists(st.integers(200, 250), unique=True, max_size=4))
    nodes: dict[str, Any] = {name: {} for name in draw(st.permutations([*balancers, *servers]))}
    for number, name in enumerate(nodes):
        if draw(st.booleans()):
            nodes[name]["address"] = f"10.77.3.{100 + number}"
        if name in servers:
            nodes[name]["weight"] = draw(st.integers(1, 256))
    virtual = [
        {"address": f"10.77.3.{last}"}
        | ({"prefer": draw(st.sampled_from(balancers))} if draw(st.booleans()) else {})
        for last in vips
    ]
    return {
        "name": "shop",
        "provider": draw(st.sampled_from(["podman", "docker"])),
        "network": {"subnet": "10.77.3.0/24"},
        "nodes": nodes,
        "time": {"servers": draw(st.lists(st.sampled_from(list(nodes)), min_size=1, unique=True))},
        "load_balancers": {
            "edge": {
                "engine": engine,
                "nodes": balancers,
                "virtual_ips": virtual,
                "frontends": {"web": {"bind": draw(st.integers(1024, 8000)), "mode": mode, "backend": "web"}},
                "backends": {
                    "web": {
                        "nodes": draw(st.lists(st.sampled_from(servers), min_size=1, unique=True)),
                        "port": port,
                        "mode": mode,
                        "balance": draw(st.sampled_from(["roundrobin", "leastconn", "source"])),
                        "sticky": draw(st.sampled_from(["none", "source"])),
                        "check": {
                            "interval": f"{draw(st.integers(1, 5000))}ms",
                            "fall": draw(st.integers(1, 100)),
                        },
                    }
                },
            }
        },
        "web": {"web": {"nodes": servers, "port": port, "engine": draw(st.sampled_from(["nginx", "apache"]))}},
    }


def sound(topology: Topology, inventory: Inventory) -> None:
    """What must hold for every inventory."""
    json.dumps(inventory.to_ansible(), allow_nan=False)
    addresses = [host.address for host in inventory.hosts]
    assert len(set(addresses)) == len(addresses) == len(topology.nodes)
    inside = {host.addresses["cluster"] for host in inventory.hosts}
    priorities: dict[str, list[int]] = {}
    for host in inventory.hosts:
        for instance in host.vars.get("keepalived_instances", []):
            priorities.setdefault(instance["virtual_address"], []).append(instance["priority"])
            assert 1 <= instance["router_id"] <= 255
            assert len(instance["peers"]) == len(set(instance["peers"]) - {host.address})
            assert instance["virtual_address"].split("/")[0] not in addresses
        for backend in host.vars.get("haproxy_backends", []) + host.vars.get("nginx_backends", []):
            assert backend["servers"]
            assert all(server["address"] in inside for server in backend["servers"])
    for found in priorities.values():
        assert len(set(found)) == len(found)
        assert all(1 <= priority <= 254 for priority in found)
        assert found.count(max(found)) == 1


@SETTINGS
@given(topologies())
def test_every_valid_topology_gives_a_sound_inventory(tree: dict[str, Any]) -> None:
    topology = parse(json.dumps(tree))
    inventory = render(topology, ACCESS)
    sound(topology, inventory)
    for vip in topology.load_balancers["edge"].virtual_ips:
        address = f"{vip.address}/24"
        top = max(
            (instance["priority"], host.name)
            for host in inventory.hosts
            for instance in host.vars.get("keepalived_instances", [])
            if instance["virtual_address"] == address
        )
        assert top[1] == (vip.prefer or "lb1")
