"""The ledger by hand: `python -m tests.e2e.ledger`."""

import argparse
import json
import sys
import time
from contextlib import closing, suppress
from dataclasses import asdict
from pathlib import Path

import pymysql

from .database import connect, prepare, read_rows, trusting
from .ledger import Ledger, accounts
from .verdict import Row, verdict

EXAMPLE = """\
Write for a minute through a virtual IP, break something meanwhile, then judge against each node:

  python -m tests.e2e.ledger --address 10.89.60.100 --ca ca.pem --user app --password-file ./password \\
      --folder /tmp/drill --seconds 60 --node 10.89.60.21 --node 10.89.60.22 --node 10.89.60.23

Judge the same account again later, without writing: the same with --seconds 0.

The table has to be empty and the folder without an account: a run is judged alone, so take another --table and
--folder for the next one. The account needs CREATE, INSERT and SELECT on the schema, and mysql_native_password or
(over TLS) caching_sha2_password. Exit code: 0 when the verdict is good, 1 when not, 2 when it could not be run.
"""


def parser() -> argparse.ArgumentParser:
    """The options of the drill."""
    made = argparse.ArgumentParser(
        prog="python -m tests.e2e.ledger",
        description="Writes unique rows through one address, keeps account of every answer, and says as JSON "
        "whether an acknowledged row was lost.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--address", required=True, help="where to write: the name or IP in the certificate")
    made.add_argument("--port", type=int, default=3306, help="its port, and that of the nodes (%(default)s)")
    made.add_argument("--user", required=True)
    made.add_argument("--password-file", required=True, help="its first line is the password; - for stdin")
    made.add_argument("--schema", default="ledger", help="an existing database (%(default)s)")
    made.add_argument("--table", default="ledger", help="created where it is missing (%(default)s)")
    made.add_argument("--ca", type=Path, help="PEM file of the authority to trust; without it, no TLS")
    made.add_argument("--folder", type=Path, required=True, help="for the account, one file per writer")
    made.add_argument("--writers", type=int, default=16, help="threads that write (%(default)s)")
    made.add_argument("--seconds", type=float, default=30.0, help="how long to write (%(default)s)")
    made.add_argument("--pause", type=float, default=0.0, help="seconds between a writer's rows (%(default)s)")
    made.add_argument("--seed", type=int, default=0, help="of the payloads (%(default)s)")
    made.add_argument("--node", action="append", metavar="HOST[:PORT]", help="read and judge it; may be repeated")
    made.add_argument("--settle", type=float, default=60.0, help="seconds a node has to answer (%(default)s)")
    made.add_argument("--before", default="", help="statement before reading: SET SESSION wsrep_sync_wait = 1")
    return made


def password_of(path: str) -> str:
    """The first line of a file, or of stdin for `-`. Raises OSError."""
    text = sys.stdin.readline() if path == "-" else Path(path).read_text(encoding="utf-8")
    return text.split("\n", 1)[0]


def rows_of(node: str, options: argparse.Namespace, password: str) -> list[Row]:
    """The rows of HOST[:PORT], asked again until it answers; raises what it said last when the time is over."""
    host, _, port = node.partition(":")
    deadline = time.monotonic() + options.settle
    while True:
        try:
            return read_rows(
                host,
                int(port or options.port),
                options.user,
                password,
                options.schema,
                options.ca,
                options.table,
                options.before,
            )
        except pymysql.MySQLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def write(options: argparse.Namespace, password: str) -> float | None:
    """Run the writers on an empty table; returns the monotonic second of their end. Interrupting ends it early."""
    door = (options.address, options.port, options.user, password, options.schema)
    with closing(connect(*door, trusting(options.ca))) as connection:
        prepare(connection, options.table)
    if rows_of(f"{options.address}:{options.port}", options, password):
        raise ValueError(f"table {options.table} has rows already: take another --table")
    ledger = Ledger(
        *door,
        options.ca,
        options.folder,
        options.writers,
        options.seed,
        table=options.table,
        pause=options.pause,
    )
    with ledger, suppress(KeyboardInterrupt):
        ledger.run(options.seconds)
    return ledger.ended


def main(words: list[str] | None = None) -> int:
    """Write, read every node, print the verdict as JSON; returns the exit code."""
    options = parser().parse_args(words)
    try:
        password = password_of(options.password_file)
        ended = write(options, password) if options.seconds > 0 else None
        nodes = options.node or [f"{options.address}:{options.port}"]
        rows = {each: rows_of(each, options, password) for each in nodes}
        found = verdict(accounts(options.folder), rows, ended)
    except (OSError, ValueError, RuntimeError, pymysql.MySQLError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(json.dumps({"verdict": found.said, **asdict(found)}, indent=1))
    return 0 if found.good else 1
