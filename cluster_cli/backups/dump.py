"""`cluster backup dump`: a database as SQL, in a file of this machine."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from cluster_cli.backups import dump_stream, notes
from cluster_cli.databases import balancers
from cluster_cli.databases.asked import known, outcomes
from cluster_cli.databases.live import Live
from cluster_cli.databases.modes import described, question
from cluster_cli.databases.operation import Wish as Named
from cluster_cli.databases.operation import named
from cluster_cli.databases.plan import refused
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.events import Step
from cluster_cli.run import Run, recorded
from cluster_cli.show.backups import size
from cluster_cli.show.run import given
from cluster_cli.topology.problems import did_you_mean
from cluster_cli.workspace import Workspace

STAGE = "dump"
SUFFIX = ".sql.gz"
MEGA = 1_000_000
LATE = 10  # seconds a node may be behind, and still be as good as another
MANY = 1_000_000
CLIENTS = """
SELECT COUNT(*) FROM information_schema.processlist
WHERE user NOT IN ('', 'system user', 'event_scheduler', 'root', 'mysql') AND user NOT LIKE 'cluster%'
"""
# One view of all rows (InnoDB's), with the GTID position it is of. Only MySQL keeps others from writing, a moment.
PROGRAMS = {
    "mariadb": ("mariadb-dump", "--no-defaults", "--single-transaction", "--master-data=2", "--gtid"),
    "mysql": (
        "mysqldump",
        "--no-defaults",
        "--single-transaction",
        "--source-data=2",
        "--set-gtid-purged=COMMENTED",
    ),
}
OF_SCHEMAS = ("--routines", "--events", "--triggers", "--databases")
OF_TABLES = ("--triggers",)  # and no USE: the reader says into which schema
THERE = """
SELECT schema_name, '' FROM information_schema.schemata
WHERE schema_name NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')
UNION ALL SELECT table_schema, table_name FROM information_schema.tables
WHERE table_schema NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')
"""
Tables = Mapping[str, Sequence[str]]  # names of tables, by schema


@dataclass(frozen=True)
class Wish:
    """What is to be dumped. Neither schemas nor tables: all but the server's own. rate: megabytes of SQL a second.

    into: a folder, or the file.
    """

    database: str | None
    into: Path
    schemas: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    node: str | None = None
    rate: float | None = None
    plain: bool = False


@dataclass(frozen=True)
class Dumped:
    """A dump that is whole. load: the command that puts it in; bytes: of the file, sql_bytes: unpacked."""

    database: str
    node: str
    position: str
    schemas: tuple[str, ...]
    tables: tuple[str, ...]
    file: str
    bytes: int
    sql_bytes: int
    seconds: float
    load: str

    def as_json(self) -> str:
        """For scripts (docs/reference/backups.md)."""
        return json.dumps({"schema_version": 1, "verb": "backup-dump", **asdict(self)}, indent=1)

    def __str__(self) -> str:
        """For people."""
        what = ", ".join(self.tables or self.schemas)
        return (
            f"{what} of {self.database}, as on {self.node} at {self.position or 'an unknown position'}: "
            f"{size(self.sql_bytes)} of SQL in {self.seconds:.1f} s, {size(self.bytes)} in {self.file}"
        )


def dump(workspace: Workspace, wish: Wish) -> Dumped:
    """Have a node dump it, and keep it once it is whole.

    It changes nothing, so it holds no lock: a failover does not wait for it. Raises ClusterError: exit 2 for what
    is not there or cannot be said, 1 where no node is fit or the dump broke off, 4 where the node was lost.
    """
    name = named(workspace, Named("dump", wish.database, {"node": wish.node} if wish.node else {}))
    live, target = Live(name, workspace.topology.databases[name], workspace), file_for(wish.into, name)
    node = source(live, wish.node)
    schemas, tables = chosen(there(live, node), wish.schemas, wish.tables)
    words = command(live.database.engine, schemas, tables)
    arguments = {"database": name, "node": node, "schemas": schemas, "tables": tables, "into": str(target)}
    began = monotonic()
    with (
        recorded(workspace, "backup-dump", [STAGE], arguments=arguments, plain=wish.plain, locked=False) as run,
        run.stage(STAGE, f"Dump {', '.join(tables or schemas)} from {node}"),
        dump_stream.whole_or_nothing(target) as file,
    ):
        script = dump_stream.program(words, wish.rate * MEGA if wish.rate else None)
        seen = dump_stream.receive(dump_stream.remote(live.host(node)), script, file, teller(run, node))
    return Dumped(
        name,
        node,
        seen.position,
        schemas,
        tables,
        str(target),
        seen.packed,
        seen.size,
        round(monotonic() - began, 3),
        load(target, name, schemas if tables else (), str(given(workspace))),
    )


def file_for(into: Path, name: str) -> Path:
    """The file it will be. Raises ClusterError (exit 2) where it cannot be one, or is there already."""
    target = into / f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}{SUFFIX}" if into.is_dir() else into
    if not target.name.endswith(".gz"):
        hint = f"name a folder that is there, or a file that ends in {SUFFIX}"
        raise ClusterError(
            f"{into} is no folder, and its name does not say that it is packed", hint=hint, code=Exit.USAGE
        )
    if not target.parent.is_dir():
        raise ClusterError(
            f"there is no folder {target.parent}", hint=f"make it: mkdir -p {target.parent}", code=Exit.USAGE
        )
    dump_stream.refuse_taken(target)
    return target.absolute()


def source(live: Live, wanted: str | None) -> str:
    """The node it is taken from. Raises ClusterError where none is fit, or the one that is wanted is not."""
    if wanted:
        known(live, wanted)
    found = outcomes(live, live.nodes, question(live.database))
    row = described(live.workspace.topology, live.name, found, balancers.writer(live))
    if row["restore"] and row["restore"]["phase"] not in notes.ENDED:
        raise refused("the database is being restored", row["restore"]["told"], "end that first")
    able = fit(row, wanted)
    if not able:
        states = (
            f"{name}: {each['state'] or 'its server does not answer'}" for name, each in row["nodes"].items()
        )
        raise refused(f"{wanted or 'no node'} is fit to be dumped", "; ".join(states), "see: cluster status")
    busy = live.on_all(able, lambda node: clients(live, node)) if len(able) > 1 else {}
    return min(able, key=lambda node: busy.get(node, 0))


def fit(row: Mapping[str, Any], wanted: str | None = None) -> list[str]:
    """The nodes it may be taken from, the least late first.

    Those that follow, but for those that are late on purpose, and for those that are late besides where others
    are not; without any the one that takes writes. Who is wanted needs only a server that answers. row: as in
    `status`.
    """
    if wanted:
        return [wanted] if row["nodes"][wanted]["state"] else []
    late = {
        name: each.get("lag_seconds") or 0
        for name, each in row["replicas"].items()
        if each["running"] and not each.get("delay_seconds")
    }
    able = [name for name in sorted(late, key=lambda name: late[name]) if late[name] <= LATE]
    return able or sorted(late, key=lambda name: late[name])[:1] or [row["primary"]] * bool(row["primary"])


def clients(live: Live, node: str) -> int:
    """How many connections of applications a node has: the fewer, the less it is in their way."""
    try:
        return int(live.ask(node, CLIENTS)[0][0])
    except ClusterError:
        return MANY


def there(live: Live, node: str) -> Tables:
    """The schemas of a node's server, but for its own, with their tables."""
    found: dict[str, list[str]] = {}
    for schema, table in live.ask(node, THERE, seconds=60):
        found.setdefault(schema, []).extend([table] if table else [])
    return found


def chosen(
    found: Tables, schemas: Sequence[str], tables: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(schemas, tables): all schemas without a wish; of tables (SCHEMA.TABLE) also their schema.

    Raises ClusterError (exit 2) for what is not there, and what cannot be of one moment.
    """
    if schemas and tables:
        hint = "one dump for the schemas, another for the tables"
        raise ClusterError("a dump has schemas, or tables of one schema", hint=hint, code=Exit.USAGE)
    all_tables = {f"{schema}.{table}" for schema, names in found.items() for table in names}
    for what, wanted, names in (("schema", schemas, set(found)), ("table", tables, all_tables)):
        for each in wanted:
            if each not in names:
                near = did_you_mean(each, sorted(names))
                raise ClusterError(f'there is no {what} "{each}"', hint=near, code=Exit.USAGE)
    if tables:
        of = {schema for schema in found for table in tables if table.removeprefix(f"{schema}.") in found[schema]}
        if len(of) != 1:
            hint = f"dump whole schemas: {' '.join(f'--schema {each}' for each in sorted(of))}"
            raise ClusterError("tables of one dump are of one schema", hint=hint, code=Exit.USAGE)
        return tuple(of), tuple(dict.fromkeys(tables))
    if not found:
        raise ClusterError(
            "there is nothing to dump", why="it has no schema but the server's own", code=Exit.USAGE
        )
    return tuple(dict.fromkeys(schemas)) or tuple(sorted(found)), ()


def command(engine: str, schemas: Sequence[str], tables: Sequence[str]) -> list[str]:
    """The command on the node; as root at the server's own socket, so without a password."""
    start = [*PROGRAMS[engine], "--default-character-set=utf8mb4"]
    if tables:
        return [*start, *OF_TABLES, "--", *schemas, *(each.removeprefix(f"{schemas[0]}.") for each in tables)]
    return [*start, *OF_SCHEMAS, "--", *schemas]


def load(file: Path, name: str, into: Sequence[str], cluster: str) -> str:
    """The command that puts it in: into the schemas it names itself, or where it names none into the one given."""
    shell = shlex.join(["cluster", "db", "shell", name, "-C", cluster or "."])
    read = f"zcat {shlex.quote(str(file))}"
    return f"(echo {shlex.quote(f'USE `{into[0]}`;')}; {read}) | {shell}" if into else f"{read} | {shell}"


def teller(run: Run, node: str, clock: Callable[[], float] = monotonic) -> dump_stream.Told:
    """Progress as steps: every second at first, seldomer the longer it takes."""
    began = last = clock()

    def told(sql: int, packed: int) -> None:
        nonlocal last
        now = clock()
        if now - last >= max(1.0, (now - began) / 50):
            last, speed = now, sql / (now - began)
            run.emit(Step(STAGE, f"{size(sql)} of SQL, {size(packed)} packed, {size(speed)}/s", node))

    return told
