"""End the units of a database on a node that is none of it any more: vacate UNITS, as a JSON list.

It prints whom it ended. Exit code 1, and nothing is ended, where the server takes writes that other nodes follow.
"""

import json
import os
import subprocess
import sys

PROGRAM = "/usr/local/lib/cluster/replication"  # of a node that was one of a database with a primary


def takes_writes():
    """Whether applications write here, and nobody would take over by himself."""
    if not os.path.exists(PROGRAM):
        return False
    done = subprocess.run(["python3", PROGRAM, "look"], capture_output=True, text=True, check=False)
    row = json.loads(done.stdout) if done.returncode == 0 else {}
    leads = row.get("running") and not row.get("blank") and not row.get("follows")
    return bool(leads and (row.get("master") or not row.get("read_only")))  # a fenced one is read-only


def is_there(unit):
    """Whether a unit runs, or would at boot. Another name of one (`alias`) is none of its own."""
    runs = subprocess.run(["systemctl", "-q", "is-active", unit], check=False).returncode == 0
    done = subprocess.run(["systemctl", "is-enabled", unit], capture_output=True, text=True, check=False)
    return runs or done.stdout.strip() in ("enabled", "enabled-runtime")


def main(units):
    if any(map(is_there, units)) and takes_writes():
        sys.exit("its server takes writes; have another node take them first. Next: cluster switchover")
    ended = []
    for unit in filter(is_there, units):  # one may go with another, which has two names
        subprocess.run(["systemctl", "-q", "disable", "--now", unit], check=True)
        ended.append(unit)
    if ended:
        print(json.dumps(ended))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
