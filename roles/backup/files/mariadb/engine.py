"""MariaDB's own words and ways. The one of MySQL has the same names."""

import os
import shutil

import gtid

INCREMENTAL = True  # a copy may be of what changed since another one
MEMORY = "128M"
PREPARE = ["mariabackup", "--prepare", f"--use-memory={MEMORY}"]
PRINT = ["mariadb-binlog", "--no-defaults", "--base64-output=DECODE-ROWS"]
SERVER = "mariadbd"
# The last: a copy of a replica may have transactions that were about to be committed, and in no binary log yet.
# They are rolled back; without that word no server starts on them (MDEV-36025).
# fmt: off
OPTIONS = (
    "--skip-networking", "--skip-log-bin", "--skip-slave-start", "--event-scheduler=OFF", "--wsrep-on=OFF",
    "--performance-schema=OFF", "--innodb-buffer-pool-size=128M", "--innodb-flush-log-at-trx-commit=0",
    "--max-allowed-packet=1G", "--skip-name-resolve", "--plugin-maturity=unknown",
    "--tc-heuristic-recover=ROLLBACK",
)
# fmt: on
SESSION = "SET SESSION time_zone = '+00:00', max_statement_time = 0;\n"
BESIDE = ("backup-my.cnf", "xtrabackup_", "mariadb_backup_", "grastate.dat", "gvwstate.dat")  # not the server's


def unpacking(place):
    """What unpacks a copy from its stdin."""
    return ["mbstream", "-x", "-C", place]


def prepare(chain, folder, run):
    """Make the files of a chain one consistent state; returns the data directory."""
    data = os.path.join(folder, "0")
    run([*PREPARE, f"--target-dir={data}"], chain[0].id)
    for number, backup in enumerate(chain[1:], 1):
        increment = os.path.join(folder, str(number))
        run([*PREPARE, f"--target-dir={data}", f"--incremental-dir={increment}"], backup.id)
        shutil.rmtree(increment)
    return data


def words(data, socket):
    """How the server is started. What its files need is written beside them by mariabackup."""
    return [
        SERVER, f"--defaults-file={data}/backup-my.cnf", f"--datadir={data}", f"--socket={socket}",
        f"--pid-file={socket}.pid", f"--log-error={data}.log", *OPTIONS,
    ]  # fmt: skip


def client(socket, *more):
    """The words of its client."""
    return ["mariadb", "--no-defaults", f"--socket={socket}", "--binary-mode", "-BN", "--raw", *more]


def holds(_scratch, start):
    """The position of a server on a copy: that which the copy was made at."""
    return start


def reading(here, begins, domain, goal, stop, *, last):
    """What reads binary logs from a position on, up to another one in the last of them, or to a moment (UTC)."""
    others = gtid.others(begins, domain)  # mariadb-binlog asks for them, though they are left out
    found = ["mariadb-binlog", "--no-defaults", f"--do-domain-ids={domain}"]
    found += [f"--start-position={','.join(filter(None, (here, others)))}"]
    found += [f"--stop-position={goal}"] if goal and last else []
    return found + ([f"--stop-datetime={stop}"] if stop else [])
