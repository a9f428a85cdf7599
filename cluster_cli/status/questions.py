"""What each node is asked, as shell commands: pure."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from cluster_cli import alerts
from cluster_cli.backups.state import QUESTION as BACKUPS
from cluster_cli.certificates.cluster_certificates import QUESTION
from cluster_cli.databases.modes import question
from cluster_cli.databases.standby.state import QUESTION as STANDBY
from cluster_cli.history.last_runs import QUESTION as RUNS
from cluster_cli.inventory import Host
from cluster_cli.logs import shipping
from cluster_cli.topology.model import Topology
from cluster_cli.units import units

ACTIVE = "systemctl is-active {}"
FILTERS = "if nft list chain inet cluster input >/dev/null; then systemctl is-active {}; else echo flushed; fi"
# A receiver of logs goes on without rsyslog while its disk is full.
RECEIVES = (
    "if systemctl -q is-active {0} && ! pgrep -x -u {0} rsyslogd >/dev/null; then echo full; "
    "else systemctl is-active {0}; fi"
)
STATES = {
    "cluster-firewall": FILTERS,  # its unit is active even when somebody flushed the rules
    "cluster-log-receiver": RECEIVES,
}
PROBE = """
import json, socket, sys, urllib.request
def up(s):
    try:
        if s["check"] == "http":
            request = urllib.request.Request(s["url"], headers={"Host": s["host"]} if s["host"] else {})
            return urllib.request.urlopen(request, timeout=2).status == s["expect"]
        socket.create_connection((s["address"], s["port"]), timeout=2).close()
        return True
    except Exception:
        return False
print(json.dumps({s["key"]: up(s) for s in json.loads(sys.argv[1])}))
"""


def questions(topology: Topology, host: Host) -> dict[str, str]:
    """The commands for one node, by name."""
    asked = {
        "system": "cut -d' ' -f1 /proc/loadavg; cut -d' ' -f1 /proc/uptime; df --output=pcent / | tail -1",
        "units": "; ".join(
            f"echo {unit} $({STATES.get(unit, ACTIVE).format(unit)})" for unit in units(host.groups, host.vars)
        )
        or "true",
        "failed": "systemctl list-units --failed --no-legend --plain | cut -d' ' -f1",
    }
    if "ntp" in host.groups:
        asked["time"] = "chronyc -n -c tracking"
    if "certificates" in host.groups:
        asked["certificates"] = QUESTION
    if database := next((each for each in topology.databases.values() if host.name in each.nodes), None):
        asked["database"] = question(database)
    if "standby" in host.groups:
        asked["standby"] = STANDBY
    if "backup" in host.groups:
        asked["backup"] = BACKUPS
    if "alertmanager" in host.groups:
        asked["alerts"] = alerts.question(host)
    if host.vars.get("node_exporter_runs"):
        asked["runs"] = RUNS
    if host.vars.get("logs_ship"):
        asked["shipping"] = shipping.QUESTION
    if "keepalived" in host.groups:
        asked["addresses"] = "ip -j -4 addr show"
    if "haproxy" in host.groups:
        asked["backends"] = "echo 'show stat' | socat -t 2 stdio /run/haproxy/admin.sock"
        if tables := [each["name"] for each in host.vars["haproxy_backends"] if each.get("one_at_a_time")]:
            words = "; ".join(f"show table {name}" for name in tables)
            asked["tables"] = f"echo '{words}' | socat -t 2 stdio /run/haproxy/admin.sock"
    if "nginx" in host.groups:
        asked["probe"] = f"python3 -c {shlex.quote(PROBE)} {shlex.quote(probes(host.vars))}"
    return asked


def probes(host_vars: Mapping[str, Any]) -> str:
    """The servers an nginx balancer is asked to try, as JSON: it keeps no state of its own that we could read."""
    return json.dumps(
        [
            {
                "key": f"{backend['name']}/{server['name']}",
                "address": server["address"],
                "port": server["port"],
                "url": f"http://{server['address']}:{server['port']}{backend['check']['path']}",
                "host": backend["check"]["host"],
                "expect": backend["check"]["expect"],
                "check": backend["check"]["type"],
            }
            for backend in host_vars["nginx_backends"]
            for server in backend["servers"]
        ]
    )
