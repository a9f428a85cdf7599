"""MySQL's own words and ways. The one of MariaDB has the same names."""

import os

INCREMENTAL = False  # nothing makes copies of what changed
PRINT = ["mysqlbinlog", "--no-defaults", "--base64-output=DECODE-ROWS", "-vv"]
SERVER = "mysqld"
# fmt: off
OPTIONS = (
    "--skip-networking", "--mysqlx=OFF", "--skip-log-bin", "--skip-replica-start", "--event-scheduler=OFF",
    "--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--performance-schema=OFF",
    "--innodb-buffer-pool-size=128M", "--innodb-flush-log-at-trx-commit=0", "--max-allowed-packet=1G",
    "--skip-name-resolve",
)
# fmt: on
SESSION = "SET SESSION time_zone = '+00:00', max_execution_time = 0;\n"
BESIDE = (  # not the server's, or its own secrets, which each makes for itself
    "cluster-backup.cnf",
    "auto.cnf",
    "ca.pem",
    "ca-key.pem",
    "server-cert.pem",
    "server-key.pem",
    "client-cert.pem",
    "client-key.pem",
    "private_key.pem",
    "public_key.pem",
)
RIGHTS = "rights.sql"
# Who restores is the account the server runs as; in the database it may only read.
LET_US = """CREATE USER IF NOT EXISTS 'mysql'@'localhost' IDENTIFIED WITH auth_socket;
GRANT ALL ON *.* TO 'mysql'@'localhost';
"""


def unpacking(place):
    """What unpacks a copy from its stdin."""
    return ["tar", "--extract", "--file=-", f"--directory={place}"]


def prepare(_chain, folder, _run):
    """A copy is consistent; returns the data directory."""
    with open(os.path.join(folder, RIGHTS), "w", encoding="utf-8") as handle:
        handle.write(LET_US)
    return os.path.join(folder, "0")


def words(data, socket):
    """How the server is started. What its files need was written beside them when the copy was made."""
    return [
        SERVER, f"--defaults-file={data}/cluster-backup.cnf", f"--datadir={data}", f"--socket={socket}",
        f"--pid-file={socket}.pid", f"--log-error={data}.log",
        f"--init-file={os.path.join(os.path.dirname(data), RIGHTS)}", *OPTIONS,
    ]  # fmt: skip


def client(socket, *more):
    """The words of its client."""
    return ["mysql", "--no-defaults", f"--socket={socket}", "--binary-mode", "-BN", "--raw", *more]


def holds(scratch, _start):
    """The position of a server on a copy: it alone knows exactly what the copy holds."""
    return "".join("".join(row) for row in scratch.rows("SELECT @@GLOBAL.gtid_executed"))  # a line a UUID


def reading(here, _begins, _domain, goal, stop, *, last):  # noqa: ARG001
    """What reads of binary logs all that is not there yet, up to a set, or to a moment (UTC)."""
    found = ["mysqlbinlog", "--no-defaults"]
    found += [f"--exclude-gtids={here}"] if here else []
    found += [f"--include-gtids={goal}"] if goal else []
    return found + ([f"--stop-datetime={stop}"] if stop else [])
