"""Grafana lets in who has the password, and nobody else; it reaches every Prometheus, and has the dashboards."""

import json

import sandbox

# Prints for each path what a stranger gets, and what admin gets: a status and a text.
ASKING = """
import base64, json, ssl, sys, urllib.error, urllib.request
context = ssl.create_default_context(cafile="/etc/cluster/certificates/ca.pem")
handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
opener = urllib.request.build_opener(*handlers)
with open("/etc/grafana/admin_password", "rb") as file:
    known = "Basic " + base64.b64encode(b"admin:" + file.read().strip()).decode()
def get(path, headers):
    asked = urllib.request.Request(f"https://{sys.argv[1]}:{sys.argv[2]}{path}", headers=headers)
    try:
        answer = opener.open(asked, timeout=10)
        return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""
for path in sys.argv[3:]:
    print(json.dumps([path, get(path, {}), get(path, {"Authorization": known})]))
"""
UP = "/api/datasources/proxy/uid/prometheus-{}/api/v1/query?query=up"
DASHBOARD = "/api/dashboards/uid/cluster-{}"


def ask(node) -> str:
    paths = ["/api/health", "/api/user", "/metrics"]
    paths += [UP.format(source["name"]) for source in node.vars["grafana_sources"]]
    paths += [DASHBOARD.format(name) for name in node.vars["grafana_dashboards"]]
    words = [node.vars["grafana_address"], str(node.vars["grafana_port"]), *paths]
    return f"python3 -I -c '{ASKING}' " + " ".join(f"'{word}'" for word in words)


COLLECT = {
    "service": "systemctl is-active grafana-server; systemctl is-enabled grafana-server",
    "asked": ask,
    "files": "stat -c '%n %U %G %a' /etc/grafana/admin_password /etc/grafana/secret_key /etc/grafana/grafana.ini",
    "sandbox": sandbox.ask("grafana-server"),
}


def answers(observed):
    """{path: (what a stranger gets, what admin gets)}, each a status and a text."""
    assert observed["asked"].rc == 0, observed["asked"].stderr[-1000:]
    rows = (json.loads(line) for line in observed["asked"].stdout.splitlines())
    return {path: (stranger, known) for path, stranger, known in rows}


def test_it_runs_and_starts_at_boot(observed):
    assert observed["service"].stdout.split() == ["active", "enabled"]


def test_it_is_well(observed):
    stranger, _ = answers(observed)["/api/health"]
    assert json.loads(stranger[1])["database"] == "ok"


def test_who_has_the_password_is_admin(observed):
    _, (status, text) = answers(observed)["/api/user"]
    assert status == 200
    assert json.loads(text)["login"] == "admin"


def test_a_stranger_sees_nothing(observed):
    met = {path: stranger for path, (stranger, _) in answers(observed).items()}
    assert "grafana_" not in met.pop("/metrics")[1]
    assert {path for path, (status, _) in met.items() if status != 401} == {"/api/health"}


def test_every_prometheus_answers_it(node, observed):
    for source in node.vars["grafana_sources"]:
        _, (status, text) = answers(observed)[UP.format(source["name"])]
        assert status == 200, source
        assert json.loads(text)["data"]["result"], source


def test_it_has_the_dashboards(node, observed):
    for name in node.vars["grafana_dashboards"]:
        _, (status, text) = answers(observed)[DASHBOARD.format(name)]
        assert status == 200, name
        assert json.loads(text)["dashboard"]["panels"], name


def test_nobody_else_reads_its_secrets(observed):
    assert {line.split(" ", 1)[1] for line in observed["files"].stdout.splitlines()} == {"root grafana 640"}


def test_who_breaks_in_finds_little(observed):
    assert sandbox.exposure(observed["sandbox"]) < 3
