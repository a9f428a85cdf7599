"""`cluster restore --table`: one table as it was, put beside the live one under another name."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from subprocess import DEVNULL

import click

from cluster_cli import ssh
from cluster_cli.backups.exchange import pipe
from cluster_cli.backups.nodes import chosen, ssh_run, work
from cluster_cli.backups.restoring import Done, Wish, evidence, one_of, planned, request, restored_beside, where
from cluster_cli.databases.live import CLIENTS, Live
from cluster_cli.databases.shell import writer
from cluster_cli.databases.sql import quoted, text
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.inventory import Host
from cluster_cli.run import recorded
from cluster_cli.workspace import Workspace

LONGEST = 64  # characters of a name (MariaDB's documentation, "Identifier Names")
HOURS = 24 * 3600.0
DUMPS = {"mariadb": "mariadb-dump --no-defaults", "mysql": "mysqldump --no-defaults --set-gtid-purged=OFF"}
DUMP = (
    "{program} --socket={socket} --skip-opt --create-options --quick --extended-insert "
    "--single-transaction --skip-triggers --hex-blob --no-tablespaces --max-allowed-packet=1G "
    "--default-character-set=utf8mb4 {schema} {table}"
)
KEYS = """SELECT constraint_name FROM information_schema.referential_constraints
WHERE constraint_schema = {} AND table_name = {}"""
HERE = "SELECT table_type FROM information_schema.tables WHERE table_schema = {} AND table_name = {}"
Ask = Callable[[str], list[str]]


def restore_table(workspace: Workspace, wish: Wish, name: str) -> Done:
    """Restore beside everything, and copy one table of it to the database, where nothing of that name was.

    name: SCHEMA.TABLE. Raises ClusterError: exit 2 for a name that is none, 1 for what is not there.
    """
    source, database = where(workspace, wish), one_of(chosen(workspace, wish.database))
    schema, table = parts(name)
    beside = named(table, "restored", datetime.now(UTC))
    asked = request(wish)
    plan = planned(source, database, asked)
    for line in (*evidence(plan), f"to: {schema}.{beside}"):
        click.echo(line, err=True)
    if wish.dry:
        return Done(database, source.name, True, {**plan, "table": f"{schema}.{beside}"})
    live = Live(database, workspace.topology.databases[database], workspace)
    node = writer(live)
    arguments = {"database": database, "table": name, "at": wish.at, "backup": wish.backup}
    with recorded(workspace, "restore", ["restore", "table"], arguments=arguments, plain=wish.plain) as run:
        with run.stage("restore", f"Restore {database} to {plan['to']}, beside everything"):
            result = restored_beside(run, source, database, asked)
        with run.stage("table", f"Copy {name} to {schema}.{beside} on {node}"):
            ends = Ends(source, live.host(node), live.database.engine, result["socket"])
            rows = copied(ends, (schema, table), beside)
            ssh_run(source, f"systemctl stop cluster-backup-scratch@{database}")
            work(source, "discard", database, lambda _node, _text: None)
    return Done(database, source.name, False, {**result, "table": f"{schema}.{beside}", "rows": rows})


@dataclass(frozen=True)
class Ends:
    """From which server to which: that on what was restored, at a socket of the source, and that of the target."""

    source: Host
    target: Host
    engine: str
    socket: str

    @property
    def client(self) -> str:
        """The engine's client."""
        return f"{CLIENTS[self.engine]} --max-allowed-packet=1G"


def parts(name: str) -> tuple[str, str]:
    """Schema and table. Raises ClusterError (exit 2) for what is not both."""
    schema, _, table = name.partition(".")
    if not schema or not table:
        raise ClusterError(f'"{name}" names no table', hint="SCHEMA.TABLE", code=Exit.USAGE)
    return schema, table


def named(table: str, what: str, now: datetime) -> str:
    """The name of a copy of a table, no longer than a name may be."""
    end = f"_{what}_{now:%Y%m%d%H%M%S}"
    return table[: LONGEST - len(end)] + end


def copied(ends: Ends, name: tuple[str, str], beside: str) -> int:
    """Copy it under a name that tells that it is not whole yet, compare, rename; returns how many rows it has.

    Its foreign keys are left out: their names are taken by those of the live one. So are its triggers.
    """
    (schema, table), source, target = name, ends.source, ends.target
    there, here = asker(source, f"{ends.client} --socket={ends.socket}"), asker(target, ends.client)
    if there(HERE.format(text(schema), text(table))) != ["BASE TABLE"]:
        raise ClusterError(f"there was no table {schema}.{table} then", where=source.name, hint="another moment?")
    if not here(f"SELECT 1 FROM information_schema.schemata WHERE schema_name = {text(schema)}"):
        raise ClusterError(
            f"there is no schema {schema} any more", where=target.name, hint="make it, or restore all"
        )
    part = beside.replace("_restored_", "_restoring_")[-LONGEST:]
    for key in there(KEYS.format(text(schema), text(table))):
        there(f"ALTER TABLE {quoted(schema)}.{quoted(table)} DROP FOREIGN KEY {quoted(key)}")
    there(f"RENAME TABLE {quoted(schema)}.{quoted(table)} TO {quoted(schema)}.{quoted(part)}")
    stream(ends, schema, part)
    sums = [
        ask(f"CHECKSUM TABLE {quoted(schema)}.{quoted(part)} EXTENDED")[0].split("\t")[1] for ask in (there, here)
    ]
    if sums[0] != sums[1]:
        raise ClusterError(
            f"{schema}.{part} is not what was restored", why=f"its checksum is {sums[1]}, not {sums[0]}"
        )
    here(f"RENAME TABLE {quoted(schema)}.{quoted(part)} TO {quoted(schema)}.{quoted(beside)}")
    return int(here(f"SELECT COUNT(*) FROM {quoted(schema)}.{quoted(beside)}")[0])


def stream(ends: Ends, schema: str, table: str) -> None:
    """Its definition and rows, from server to server through this machine."""
    words = DUMP.format(
        program=DUMPS[ends.engine], socket=ends.socket, schema=ssh.quoted(schema), table=ssh.quoted(table)
    )
    give = pipe(ends.source, words, stdin=DEVNULL)
    take = pipe(
        ends.target,
        f"{ends.client} --binary-mode --default-character-set=utf8mb4 {ssh.quoted(schema)}",
        give.stdout,
    )
    assert give.stdout is not None
    give.stdout.close()
    _, said = take.communicate()
    assert give.stderr is not None
    complaint = give.stderr.read().decode(errors="replace").strip()
    if give.wait() != 0 or take.returncode != 0:
        why = (said.decode(errors="replace").strip() or complaint).split("\n")[-1]
        hint = f"what came is {schema}.{table}: drop it; then the same command again"
        raise ClusterError(f"{schema}.{table} did not come whole", where=ends.target.name, why=why, hint=hint)


def asker(host: Host, client: str) -> Ask:
    """Statements to a server there; the lines it says. Raises ClusterError with its words."""

    def ask(sql: str) -> list[str]:
        answer = ssh.run(host, client, stdin=sql, timeout=HOURS)
        if answer.rc != 0:
            raise ClusterError(
                f"{host.name} did not do what it was told", why=answer.err.strip().split("\n")[-1],
                code=Exit.FAILED if answer.reached else Exit.UNREACHABLE,
            )  # fmt: skip
        return answer.out.splitlines()

    return ask
