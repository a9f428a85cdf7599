"""A haproxy balancer, as its clients and its own admin socket see it."""

import csv
import io
import shlex
from functools import partial

import client
import sandbox

HEALTH = """
port=$(sed -n '/^frontend _stats/,/^$/s/.*bind .*:\\([0-9]*\\)$/\\1/p' /etc/haproxy/haproxy.cfg | tail -n 1)
exec 3<>/dev/tcp/127.0.0.1/$port
printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3
cat <&3 | tail -n 1
grep -o 'ok [0-9a-f]*' /etc/haproxy/haproxy.cfg
"""

COLLECT = {
    "sandbox": sandbox.ask("haproxy"),
    "service": "systemctl is-active haproxy; systemctl is-enabled haproxy",
    "config": "haproxy -c -q -f /etc/haproxy/haproxy.cfg",
    "health": f"bash -c {shlex.quote(HEALTH)}",
    "admin sockets": "stat --format='%a %n' /run/haproxy/admin.sock /run/haproxy-master.sock",
    "servers": "echo 'show stat' | socat - /run/haproxy/admin.sock",
}

ASK = {"statistics": partial(client.statistics, engine="haproxy", path="/metrics")}


def test_service_runs_and_starts_at_boot(observed):
    assert observed["service"].stdout.split() == ["active", "enabled"]


def test_configuration_on_disk_passes_the_checker(observed):
    assert observed["config"].rc == 0, observed["config"].stderr


def test_running_process_has_the_configuration_on_disk(observed):
    running, on_disk = observed["health"].stdout.splitlines()
    assert running == on_disk


def test_every_server_is_up(node, observed, shut, record_property):
    rows = csv.DictReader(io.StringIO(observed["servers"].stdout.removeprefix("# ")))
    status = {(row["pxname"], row["svname"]): row["status"] for row in rows}
    for backend in node.vars["haproxy_backends"]:
        wanted = {
            each["name"]: status.get((backend["name"], each["name"]), "not there") for each in backend["servers"]
        }
        down = {name: what for name, what in wanted.items() if not what.startswith(("UP", "DRAIN", "no check"))}
        if backend["name"] in shut:
            assert len(down) == len(wanted), f"{shut[backend['name']]}, and writes are led to it all the same"
            record_property("told", shut[backend["name"]])
            continue
        one_is_enough = backend.get("one_at_a_time") and len(down) < len(wanted)
        assert one_is_enough or not down, (backend["name"], down)


def test_every_http_frontend_reaches_every_server(node):
    client.http_frontends_reach_their_servers(node, "haproxy")


def test_every_tcp_frontend_reaches_a_server_unless_it_is_fenced(node, shut):
    client.tcp_frontends_reach_a_server(node, "haproxy", shut)


def test_clients_stick_to_their_server(node):
    client.clients_stick(node, "haproxy")


def test_plain_http_is_sent_to_tls(node):
    client.redirects_lead_to_tls(node, "haproxy")


def test_it_could_do_little_harm(observed):
    assert sandbox.exposure(observed["sandbox"]) <= 3.0
    assert sandbox.workers(observed["sandbox"]) == {"haproxy"}


def test_statistics_need_the_password(asked):
    client.statistics_need_the_password(asked["statistics"])


def test_its_admin_sockets_are_closed_to_others(observed):
    modes = [line.split()[0] for line in observed["admin sockets"].stdout.splitlines()]
    assert modes
    assert [mode for mode in modes if not mode.endswith("0")] == []
