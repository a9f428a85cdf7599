"""A nginx balancer, as its clients see it."""

import shlex
from functools import partial

import client
import sandbox

HEALTH = """
port=$(sed -n '/^    server {$/,/access_log/s/.*listen .*:\\([0-9]*\\);$/\\1/p' /etc/nginx/nginx.conf |
    head -n 1)
exec 3<>/dev/tcp/127.0.0.1/$port
printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3
cat <&3 | tail -n 1
grep -o 'ok [0-9a-f]*' /etc/nginx/nginx.conf
"""

COLLECT = {
    "sandbox": sandbox.ask("nginx"),
    "service": "systemctl is-active nginx; systemctl is-enabled nginx",
    "config": "nginx -t -q",
    "health": f"bash -c {shlex.quote(HEALTH)}",
}

ASK = {"statistics": partial(client.statistics, engine="nginx", path="/status")}


def test_service_runs_and_starts_at_boot(observed):
    assert observed["service"].stdout.split() == ["active", "enabled"]


def test_configuration_on_disk_passes_the_checker(observed):
    assert observed["config"].rc == 0, observed["config"].stderr


def test_running_process_has_the_configuration_on_disk(observed):
    running, on_disk = observed["health"].stdout.splitlines()
    assert running == on_disk


def test_every_http_frontend_reaches_every_server(node):
    client.http_frontends_reach_their_servers(node, "nginx")


def test_every_tcp_frontend_reaches_a_server(node):
    client.tcp_frontends_reach_a_server(node, "nginx")


def test_clients_stick_to_their_server(node):
    client.clients_stick(node, "nginx")


def test_plain_http_is_sent_to_tls(node):
    client.redirects_lead_to_tls(node, "nginx")


def test_it_could_do_little_harm(observed):
    assert sandbox.exposure(observed["sandbox"]) <= 3.0
    assert sandbox.workers(observed["sandbox"]) == {"www-data"}


def test_statistics_need_the_password(asked):
    client.statistics_need_the_password(asked["statistics"])
