"""What this node of a Galera group shows, as one JSON document: whether its server runs, how far its data goes.

running: whether the unit is active or on the way; status: wsrep_cluster_status where the server answers, else
empty; group, seqno: what the data belongs to and up to where (Galera's documentation, "Crash Recovery").
"""

import json
import re
import subprocess

UNIT = "mariadb"
STATE = "/var/lib/mysql/grastate.dat"
NOBODY = "00000000-0000-0000-0000-000000000000"
POSITION = re.compile(r"Recovered position.*?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):(-?\d+)")
STATUS = ["mariadb", "--no-defaults", "--connect-timeout=3", "-BNe", "SHOW STATUS LIKE 'wsrep%'"]
RECOVER = ["mariadbd", "--user=mysql", "--wsrep-recover", "--log-error=/dev/stderr", "--skip-networking"]


def run(words):
    """A command that has ended."""
    return subprocess.run(words, capture_output=True, text=True, errors="replace")


def status():
    """The server's wsrep status as a dict; empty when it does not answer."""
    rows = (line.split("\t", 1) for line in run(STATUS).stdout.splitlines())
    return {row[0]: row[1] for row in rows if len(row) == 2}


def position():
    """The group and the seqno of the data, as a stopped node has them."""
    try:
        with open(STATE, encoding="utf-8") as handle:
            rows = dict(line.split(":", 1) for line in handle if ":" in line)
    except FileNotFoundError:
        return NOBODY, -1
    group, seqno = rows.get("uuid", NOBODY).strip(), int(rows.get("seqno", "-1"))
    if group == NOBODY or seqno >= 0:
        return group, seqno
    found = POSITION.findall(run(RECOVER).stderr)  # it did not end well: what is in the data counts
    return (found[-1][0], int(found[-1][1])) if found else (group, seqno)


def look():
    """The document."""
    active = run(["systemctl", "is-active", UNIT]).stdout.strip()
    running = active in ("active", "activating", "reloading")
    known = status() if active == "active" else {}
    group, seqno = (known.get("wsrep_cluster_state_uuid", NOBODY), -1) if running else position()
    return {"running": running, "status": known.get("wsrep_cluster_status", ""), "group": group, "seqno": seqno}


if __name__ == "__main__":
    print(json.dumps(look()))
