"""A node that watches sees what clients see, for its own Prometheus and for nobody from elsewhere."""

import json
import socket

import sandbox

# Usage: ... PORT: looks until all is well, for a while: an address may have moved just now.
LOOK = """
import json, sys, time, urllib.parse, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
def well(module, target):
    query = urllib.parse.urlencode({"module": module, "target": target})
    page = opener.open(f"http://127.0.0.1:{sys.argv[1]}/probe?{query}", timeout=10).read().decode()
    return "\\nprobe_success 1\\n" in page
patience = time.monotonic() + 10
for module, target in json.load(sys.stdin):
    while not (found := well(module, target)) and time.monotonic() < patience:
        time.sleep(0.5)
    print(module, "well" if found else "fails")
"""


def looks(node) -> list[tuple[str, str]]:
    """What its Prometheus asks it, as (module, target)."""
    jobs = [job for job in node.vars["prometheus_jobs"] if job.get("path") == "/probe"]
    return [(each["params"]["module"], each["params"]["target"]) for job in jobs for each in job["targets"]]


def look(node) -> str:
    """The command that looks at everything."""
    return f"echo '{json.dumps(looks(node))}' | python3 -I -c '{LOOK}' {node.vars['blackbox_exporter_port']}"


UNIT = "prometheus-blackbox-exporter"
COLLECT = {
    "sandbox": sandbox.ask(UNIT),
    "service": f"systemctl is-active {UNIT}; systemctl is-enabled {UNIT}",
    "seen": look,
    "capabilities": f"grep ^Cap /proc/$(systemctl show -P MainPID {UNIT})/status",
}


def from_elsewhere(node) -> str:
    """What the control machine meets at its port."""
    try:
        socket.create_connection((node.address, node.vars["blackbox_exporter_port"]), timeout=2).close()
        return "answered"
    except OSError:
        return "silence"


ASK = {"from elsewhere": from_elsewhere}


def test_it_runs_and_starts_at_boot(observed):
    assert observed["service"].stdout.split() == ["active", "enabled"]


def test_nobody_from_elsewhere_is_answered(asked):
    assert asked["from elsewhere"] == "silence"


def test_it_sees_clients_answered(node, observed):
    assert observed["seen"].rc == 0, observed["seen"].stderr[-1000:]
    assert observed["seen"].stdout.splitlines() == [f"{name} well" for name, _ in looks(node)]


def test_it_can_do_nothing_but_look(observed):
    rows = dict(row.split(":\t") for row in observed["capabilities"].stdout.splitlines())
    assert int(rows["CapPrm"], 16) == int(rows["CapEff"], 16) == 0


def test_who_breaks_in_finds_little(observed):
    assert sandbox.exposure(observed["sandbox"]) < 3
