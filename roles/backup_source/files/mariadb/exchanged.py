"""MariaDB as its data is exchanged. The one of MySQL has the same names."""

import contextlib
import os
import re
import subprocess

from daemon import DATA, RefusedError, active, answers, may_start, started
from daemon import sql as said

UNIT = "mariadb"
CLIENT = ["mariadb", "--no-defaults", "--connect-timeout=3", "-BN", "--raw"]
SERVER = ["mariadbd", "--version"]
BESIDE = "cluster-aside"  # in a mount point; its server does not look there
BESIDE_MODE = 0o755
OURS = {BESIDE, "lost+found"}
MODE = 0o755  # of the data directory
HELPERS = ()  # units that go with the server
STAYS = ()  # files that keep it from following
# As Galera writes it when its server ends (its documentation, "Node Provisioning").
GALERA_STATE = """# GALERA saved state
version: 2.1
uuid:    {}
seqno:   {}
safe_to_bootstrap: 0
"""


def seated(known):
    """{name: text} of files with which a server goes on with the others from where its data stands.

    The history of its binary logs, which it has not, is read by a server that has none (sql/log.cc,
    do_binlog_recovery); the last one of a domain is its position. Of a Galera group: its state file.
    """
    texts = {"binlog.state": "".join(f"{each}\n" for each in known["history"])} if known["history"] else {}
    if known["group"]:
        texts["grastate.dat"] = GALERA_STATE.format(known["group"], known["seqno"])
    return texts


def begin(sequence, domain):
    """Run on what came, as the first of the database, with GTIDs beyond all there ever were.

    A Galera group has a new name then, that of its state or one of its own: nobody with data of the old one can
    take part without a whole copy.
    """
    galera = bool(value("mysqld", "wsrep_on"))
    if active(UNIT) != "active":
        may_start(UNIT)
        if galera:
            may_begin()
        started(UNIT, ["galera_new_cluster"] if galera else ["systemctl", "start", UNIT])
    answers(UNIT, CLIENT)
    if reached(domain) < int(sequence):
        (go_on_in_a_group if galera else go_on)(sequence, domain)
    if (now := reached(domain)) < int(sequence):
        raise RefusedError(f"its GTIDs go on from {now}, not from {sequence}")
    return {"position": sql("SELECT @@gtid_binlog_pos")}


def may_begin():
    """Let Galera begin a group here, where this node was part of the new one already."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(DATA, "gvwstate.dat"))
    state = os.path.join(DATA, "grastate.dat")
    if os.path.exists(state):
        with open(state, encoding="utf-8") as handle:
            text = handle.read()
        with open(state, "w", encoding="utf-8") as handle:
            handle.write(re.sub(r"safe_to_bootstrap: *\d", "safe_to_bootstrap: 1", text))


def go_on(sequence, domain):
    """The next transaction comes after that position, which is given to none."""
    position = f"{domain}-{sql('SELECT @@server_id')}-{sequence}"
    sql(
        "STOP SLAVE; RESET SLAVE ALL; RESET MASTER;"
        f"SET GLOBAL gtid_binlog_state = '{position}'; SET GLOBAL gtid_slave_pos = '{position}'"
    )


def go_on_in_a_group(sequence, _domain):
    """The same where all nodes number together: by a transaction that has the number."""
    sql(
        f"SET SESSION wsrep_gtid_seq_no = {sequence}; CREATE SCHEMA cluster_restored; DROP SCHEMA cluster_restored"
    )


def reached(domain):
    """The last sequence in the binary log, 0 for none."""
    words = sql("SELECT @@gtid_binlog_pos").strip().split(",")
    return max((int(word.split("-")[2]) for word in words if word.startswith(f"{domain}-")), default=0)


def spend():
    """Numbers that are never to be given again: here they go on by themselves."""
    raise RefusedError("MariaDB has no numbers to be marked")


def settle():
    """What came says by its files where it stands (`seated`)."""
    raise RefusedError("a server of MariaDB is told by its files where it stands")


def as_it_came():
    """Whether no other node's copy came over it: that removes the word by which the rest is known."""
    return True


def value(section, name):
    """A setting of the server's configuration; empty where it is not there."""
    found = subprocess.run(["my_print_defaults", section, "mariadbd"], capture_output=True, text=True, check=False)
    rows = [line[2:].partition("=")[2] for line in found.stdout.splitlines()
            if line[2:].partition("=")[0].replace("-", "_") == name]  # fmt: skip
    return rows[-1] if rows else ""


def sql(text):
    """Statements to the server; what it says."""
    return said(CLIENT, text)
