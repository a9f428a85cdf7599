"""After a start: apply what was received before, then follow as before.

A server that follows by GTID forgets its relay log when both its threads are started (sql/slave.cc,
start_slave_threads), and fetches that part again. Where the source is gone by then, and had acknowledged writes
because this node had received them, they would be lost.
"""

import os
import subprocess

import steps
from engine import DATA

INDEX = os.path.join(DATA, "relay.index")
CLIENT = ["mariadb", "--no-defaults", "--binary-mode"]


def wake():
    """Follow again, if this server follows anybody."""
    server = steps.answered(60)
    source = server.source()
    if source is None or "Yes" in (source["io"], source["sql"]):
        return {}
    position = server.value("SELECT @@gtid_slave_pos")
    told = replayed(position)
    if server.value("SELECT @@gtid_binlog_pos") != position:
        server.say("SET GLOBAL gtid_slave_pos = @@gtid_binlog_pos")
    server.say("START SLAVE")
    return {"told": told}


def replayed(position):
    """Apply the relay log from a position on, each transaction under its own GTID; what went wrong."""
    files = relay_logs()
    if not files or not position:
        return ""
    read = ["mariadb-binlog", f"--start-position={position}", *files]
    source = subprocess.Popen(read, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    into = subprocess.run(CLIENT, stdin=source.stdout, capture_output=True, text=True, check=False)
    source.stdout.close()
    words = source.stderr.read().decode(errors="replace").strip()  # the last transaction may be cut off
    source.wait()
    return f"{into.stderr.strip()} {words}".strip()


def relay_logs():
    """The relay logs that are there, in order."""
    try:
        with open(INDEX, encoding="utf-8") as handle:
            names = [os.path.join(DATA, line.strip()) for line in handle if line.strip()]
    except FileNotFoundError:
        return []
    return [name for name in names if os.path.exists(name)]
