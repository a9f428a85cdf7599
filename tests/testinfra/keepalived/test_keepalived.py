"""Virtual addresses: one holder each, and whoever holds them serves."""

import client
import pytest
import sandbox

COLLECT = {
    "sandbox": sandbox.ask("keepalived"),
    "scripts run as": "ps -o user:32= -p \"$(pgrep -f '/keepalived/[n]otify ' | paste -sd,)\"",
    "service": "systemctl is-active keepalived; systemctl is-enabled keepalived",
    "config": "/usr/local/lib/keepalived/check-config /etc/keepalived/keepalived.conf",
    "states": "cd /run/keepalived-states && grep -H . *",
    "addresses": "ip -4 -o address show | awk '{print $4}'",
    "followed": "cd /run/keepalived-follow && grep -H . *",
    "nonlocal": "cat /proc/sys/net/ipv4/ip_nonlocal_bind",
    "user": "id -u keepalived_script",
}


def test_service_runs_and_starts_at_boot(observed):
    assert observed["service"].stdout.split() == ["active", "enabled"]


def test_configuration_on_disk_passes_the_checker(observed):
    assert observed["config"].rc == 0, observed["config"].stderr


def test_every_instance_has_found_its_role(node, observed):
    states = dict(line.split(":", 1) for line in observed["states"].stdout.splitlines())
    wanted = {instance["name"] for instance in node.vars["keepalived_instances"]}
    assert {name: states.get(name) for name in wanted if states.get(name) not in ("MASTER", "BACKUP")} == {}


def test_followed_service_counts_as_running(node, observed):
    service = node.vars["keepalived_service"]
    if not service:
        pytest.skip("the addresses of this node follow no service")
    assert f"{service}:0" in observed["followed"].stdout.splitlines()


def test_services_may_listen_on_an_address_another_node_holds(observed):
    assert observed["nonlocal"].stdout.strip() == "1"


def test_scripts_do_not_run_as_root(observed):
    assert observed["user"].rc == 0, "keepalived drops its health checks when their user is missing"
    assert observed["user"].stdout.strip() != "0"


def virtual_addresses(inventory):
    """address with prefix length -> the nodes that may hold it."""
    found = {}
    for node in inventory.group("keepalived"):
        for instance in node.vars["keepalived_instances"]:
            found.setdefault(instance["virtual_address"], []).append(node)
    return found


def test_every_virtual_address_has_exactly_one_holder(inventory, observed_on):
    for address, nodes in virtual_addresses(inventory).items():
        seen = {node.name: observed_on(node.name) for node in nodes}
        unknown = [name for name, outcomes in seen.items() if "addresses" not in outcomes]
        if unknown:
            pytest.skip(f"{', '.join(unknown)} was not looked at, so holders cannot be counted")
        holders = [name for name, outcomes in seen.items() if address in outcomes["addresses"].stdout.split()]
        assert len(holders) == 1, f"{address} is held by {holders or 'nobody'}"


def test_every_virtual_address_serves_clients_unless_it_is_fenced(inventory, shut):
    for network, nodes in virtual_addresses(inventory).items():
        address = network.split("/")[0]
        for name, port, seconds in virtual_ports(nodes[0], address):
            kept = client.stays_open(address, port, None, seconds)
            assert kept or name in shut, f"{name} on {address} closes at once"
            assert not kept or name not in shut, f"{name} on {address} leads on; {shut[name]}"


def virtual_ports(node, address):
    """The frontends that listen on a virtual address: (name, port, seconds of patience)."""
    service = node.vars["keepalived_service"]
    backends = {backend["name"]: backend for backend in node.vars.get(f"{service}_backends", [])}
    for frontend in node.vars.get(f"{service}_frontends", []):
        for bind in frontend["binds"]:
            host, port = bind.rsplit(":", 1)
            if host in ("*", "0.0.0.0", address):
                yield frontend["name"], int(port), client.patience(backends.get(frontend.get("backend"), {}))


def test_it_could_do_little_harm(observed):
    assert sandbox.exposure(observed["sandbox"]) <= 3.5  # addresses and raw packets need root's rights
    assert set(observed["scripts run as"].stdout.split()) == {"keepalived_script"}, observed["scripts run as"]
