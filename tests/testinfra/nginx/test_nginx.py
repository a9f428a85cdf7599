"""A nginx balancer, as its clients see it."""

import shlex

import client
import pytest

HEALTH = """
port=$(sed -n '/^    server {$/,/access_log/s/.*listen .*:\\([0-9]*\\);$/\\1/p' /etc/nginx/nginx.conf |
    head -n 1)
exec 3<>/dev/tcp/127.0.0.1/$port
printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3
cat <&3 | tail -n 1
grep -o 'ok [0-9a-f]*' /etc/nginx/nginx.conf
"""

COLLECT = {
    "service": "systemctl is-active nginx; systemctl is-enabled nginx",
    "config": "nginx -t -q",
    "health": f"bash -c {shlex.quote(HEALTH)}",
}


def test_service_runs_and_starts_at_boot(observed):
    assert observed["service"].stdout.split() == ["active", "enabled"]


def test_configuration_on_disk_passes_the_checker(observed):
    assert observed["config"].rc == 0, observed["config"].stderr


def test_running_process_has_the_configuration_on_disk(observed):
    running, on_disk = observed["health"].stdout.splitlines()
    assert running == on_disk


def test_every_http_frontend_reaches_every_server(node):
    for name, backend, address, port, path in client.pages(node, "nginx"):
        if backend["balance"] != "roundrobin" or backend["sticky"] == "source":
            assert client.get(address, port, path).status == 200, name
            continue
        seen = client.servers_seen(backend, address, port, path)
        assert seen == {""} or len(seen) == len(client.active(backend)), f"{name} reaches only {seen}"


def test_every_tcp_frontend_reaches_a_server(node):
    for name, _, address, port in client.ports(node, "nginx", "tcp"):
        assert client.stays_open(address, port), f"{name} closes at once: no server is up"


def test_clients_stick_to_their_server(node):
    sticky = [page for page in client.pages(node, "nginx") if page[1]["sticky"] != "none"]
    if not sticky:
        pytest.skip("no backend of this node is sticky")
    for name, backend, address, port, path in sticky:
        first = client.get(address, port, path)
        cookie = first.headers.get("Set-Cookie", "").split(";")[0]
        if backend["sticky"] == "cookie":
            assert cookie.startswith(f"{backend['cookie']}="), f"{name} sets no cookie"
        again = {client.get(address, port, path, Cookie=cookie).server for _ in range(4)}
        assert again == {first.server}, f"{name} sent one client to {again | {first.server}}"
