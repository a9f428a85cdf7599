"""`cluster up --restore-from`: a cluster from a copy of a backup node's repository and the recovery sheet alone.

What is there already is left alone: a folder with this cluster's topology, a repository on its node, a database
that holds tables, files that exist. So the same command goes on after an interruption, and is right where only
the control machine was lost.
"""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from cluster_cli import ssh
from cluster_cli.backups import filesets, notes, replacing, s3
from cluster_cli.backups.bundle import KNOWN_HOSTS, Bundle, put_back
from cluster_cli.backups.exchange import looks, noted, pipe
from cluster_cli.backups.nodes import backup_nodes, listed
from cluster_cli.backups.restoring import Done, Wish, planned, request
from cluster_cli.backups.sheet import UNKNOWN, Keys
from cluster_cli.backups.store import PARTS, Source, Store, fetched, last_words, read, restic
from cluster_cli.backups.store import place as place_of
from cluster_cli.databases.group_replication.gtid import GtidSet
from cluster_cli.databases.live import Live
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.events import Step
from cluster_cli.files import replace as write
from cluster_cli.inventory import Host
from cluster_cli.places import private
from cluster_cli.render.backup import file_sets
from cluster_cli.run import Run
from cluster_cli.secrets.names import backup_repository
from cluster_cli.secrets.store import Secrets
from cluster_cli.secrets.vault import VaultKey
from cluster_cli.topology.makers import backed_up, made_by, makers
from cluster_cli.workspace import Workspace

STAGE, TITLE = "store", "Bring the repository to its node"
COPIES = ("full", "incremental")
WAITING = "/var/lib/cluster-backup/waiting"  # roles/backup/files/adopt.py
TABLES = """SELECT COUNT(*) FROM information_schema.tables
WHERE table_schema NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys');"""
THERE = (
    "test -e {0}/config && echo there; test -e {0}/.coming/whole && echo whole; ls -A {0} 2>/dev/null | head -3"
)
TAKE = """set -e; mkdir -p -m 700 {0}; rm -rf {0}/.coming; mkdir -m 700 {0}/.coming
tar --extract --no-same-owner --directory={0}/.coming && touch {0}/.coming/whole"""
# `config` comes last: without it there is no repository yet.
PUT = """set -e; install -d -m 700 {1}; for name in {2}; do touch {1}/$name; done; mkdir -p -m 700 {0}/locks
for part in snapshots keys index data config; do [ -e {0}/$part ] || mv {0}/.coming/$part {0}/; done
rm -rf {0}/.coming; sync"""
# In a bucket it is there. A node that knows it, by its id, goes on with it; on a new one all in it waits.
WAIT = """set -e; test -e $(dirname {0})/repository && echo known && exit
install -d -m 700 {0}; for name in {1}; do touch {0}/$name; done; sync"""


@dataclass(frozen=True)
class Rebuilt:
    """A cluster whose description is back. store: whose repository, and where its copy is."""

    workspace: Workspace
    store: Store


def describe(target: Path, store: str, keys: Keys, access: s3.Access | None = None) -> Rebuilt:
    """Have topology, secrets and authorities in a folder again; one that is there already is used as it is.

    store, access: as store.fetched takes them. Raises ClusterError: exit 2 where the folder is another cluster's.
    """
    beside = target.absolute().parent / f".{target.name}.store"
    found = read(fetched(store, beside, access), keys)
    if target.is_dir() and (target / found.bundle.topology).is_file():
        workspace = Workspace.open(target / found.bundle.topology)
    else:
        workspace = Workspace.open(taken_over(found.bundle, target))
    pin(workspace, target / KNOWN_HOSTS)
    return Rebuilt(workspace, replace(found, node=owner(workspace, found.node, keys)))


def taken_over(bundle: Bundle, target: Path) -> Path:
    """Have the bundle in a new folder, and the vault's key where it belongs; returns the topology file."""
    key = VaultKey.of(bundle.cluster)
    if key.ours and bundle.vault_key and not key.path.exists():
        private(key.path.parent)
        write(key.path, bundle.vault_key + b"\n")
    return put_back(bundle, target)


def pin(workspace: Workspace, known: Path) -> None:
    """Have the host keys that came with the topology where they belong, unless there are some."""
    if known.exists() and not workspace.places.known_hosts.exists():
        write(workspace.places.known_hosts, known.read_bytes())
        known.unlink()


def owner(workspace: Workspace, node: str, keys: Keys) -> str:
    """Whose repository a key opens, by the secrets. Raises ClusterError (exit 2) where it is no node's of it."""
    known = Secrets.open(workspace.places.secrets, workspace.places.name).entries()
    for host in backup_nodes(workspace):
        secret = known.get(backup_repository(host.name))
        if secret and secret.value == keys[node]:
            return host.name
    raise ClusterError(
        "the repository is of no backup node of this cluster",
        where=str(workspace.places.topology),
        why="" if node == UNKNOWN else f"the sheet says it is {node}'s",
        hint="name a new folder",
        code=Exit.USAGE,
    )


def place(rebuilt: Rebuilt, run: Run, reachable: Sequence[str]) -> None:
    """Bring the repository to its node, unless one is there; then its databases wait to be restored.

    Nothing counts before all of it is there. Raises ClusterError where it does not come, or something else is.
    """
    node = rebuilt.store.node
    if node not in reachable:
        raise ClusterError(f"{node} is not in reach", why="the repository goes there", code=Exit.UNREACHABLE)
    host = rebuilt.workspace.inventory.host(node)
    target = str(host.vars["backup_store"])
    with run.stage(STAGE, TITLE):
        if host.vars.get("backup_s3"):
            find_in_bucket(rebuilt, run, host, target)
            return
        said = ssh.run(host, THERE.format(target)).out.split()
        if said[:1] == ["there"]:
            run.emit(Step(STAGE, f"{target} holds a repository already", node, keep=True))
            return
        if "whole" not in said:
            if set(said) - {".coming", "lost+found"}:
                raise ClusterError(
                    f"something else is in {target}",
                    where=node,
                    hint="move it away, and run the same command again",
                )
            pour(rebuilt.store.source, host, TAKE.format(target))
        answer = ssh.run(host, PUT.format(target, WAITING, waiting(rebuilt)), timeout=600)
        if answer.rc != 0:
            raise broke_off(host, answer.err)
        run.emit(Step(STAGE, f"the repository is in {target}", node, keep=True))


def find_in_bucket(rebuilt: Rebuilt, run: Run, host: Host, target: str) -> None:
    """See that the repository is in the node's bucket already; where the node is new, its databases wait.

    Raises ClusterError where it is not there: nothing is written to a bucket from here.
    """
    secrets = Secrets.open(rebuilt.workspace.places.secrets, rebuilt.workspace.places.name)
    key = secrets.entry(backup_repository(host.name)).value
    done = restic(s3.accesses(rebuilt.workspace)[host.name], key, "cat", "config")
    if done.returncode != 0:
        raise ClusterError(
            f"no repository of {host.name} can be read in {target}",
            where=str(rebuilt.workspace.places.topology),
            why=last_words(done),
            hint=f"copy {place_of(rebuilt.store.source)} there first, such as with rclone, or name another "
            "`store` in the topology; then the same command again",
        )
    answer = ssh.run(host, WAIT.format(WAITING, waiting(rebuilt)))
    if answer.rc != 0:
        raise broke_off(host, answer.err)
    known = answer.out.split() == ["known"]
    run.emit(Step(STAGE, f"the repository is in {target}{' already' if known else ''}", host.name, keep=True))


def waiting(rebuilt: Rebuilt) -> str:
    """The names of what waits to be restored from a repository that came."""
    return " ".join([*databases(rebuilt), *file_sets(rebuilt.workspace.topology)])


def pour(source: Source, host: Host, command: str) -> None:
    """Have a repository go to a node, as a tar. Raises ClusterError for one in a bucket."""
    if isinstance(source, s3.Access):
        raise ClusterError(
            f"the repository is in a bucket, and {host.name} is to have it in {host.vars['backup_store']}",
            where=source.repository,
            hint="copy the bucket to a directory first, such as with rclone, and name that; or give the node this "
            "`store` in the topology, and run the same command again",
        )
    give = subprocess.Popen(
        ["tar", "--create", "--file=-", "--directory", str(source), *PARTS], stdout=subprocess.PIPE
    )
    take = pipe(host, command, stdin=give.stdout)
    assert give.stdout
    give.stdout.close()
    _, said = take.communicate()
    if give.wait() != 0 or take.returncode != 0:
        raise broke_off(host, said.decode(errors="replace"))


def broke_off(host: Host, said: str) -> ClusterError:
    """The store did not come whole."""
    why = said.strip().split("\n")[-1]
    return ClusterError("the repository did not come", where=host.name, why=why, hint="run the same command again")


def go_on(rebuilt: Rebuilt, plain: bool) -> Mapping[str, str]:
    """End restores that were interrupted while data was exchanged: until then no server starts, nor by `up`."""
    return {
        name: of_database(rebuilt, name, (), plain)
        for name in backed_up(rebuilt.workspace.topology)
        if stopped_half_way(rebuilt.workspace, name)
    }


def databases(rebuilt: Rebuilt) -> tuple[str, ...]:
    """Those that are backed up in this repository."""
    return tuple(made_by(rebuilt.workspace.topology, rebuilt.store.node))


def stopped_half_way(workspace: Workspace, name: str) -> bool:
    """Whether the nodes of a database know of a restore that did not end; not where they know nothing yet."""
    try:
        note = noted(looks(Live(name, workspace.topology.databases[name], workspace)))
    except ClusterError:
        return False
    return note is not None and note.phase not in notes.ENDED


def restore(rebuilt: Rebuilt, plain: bool) -> Mapping[str, str]:
    """Have databases and files back where nothing is; what was done with each, in words.

    Each is tried. Raises the first ClusterError after all were, when what was done is told.
    """
    workspace, source = rebuilt.workspace, rebuilt.store.node
    said = listed((workspace.inventory.host(source),))[source]
    if why := said.get("why"):
        raise ClusterError(
            f"{source} does not tell what it has", why=why, hint="mend it, and run the same command again"
        )
    found: dict[str, str] = {}
    failed: list[ClusterError] = []
    for name in (*backed_up(workspace.topology), *file_sets(workspace.topology)):
        try:
            found[name] = of_any(rebuilt, name, said["backups"], plain)
        except ClusterError as error:
            failed.append(error)
            found[name] = f"is not back: {error.what}"
    if failed:
        tell(found)
        raise failed[0]
    return found


def of_any(rebuilt: Rebuilt, name: str, rows: Sequence[Mapping[str, Any]], plain: bool) -> str:
    """A database, or files of nodes."""
    topology = rebuilt.workspace.topology
    if name in file_sets(topology):
        return of_files(rebuilt, name, rows, plain)
    if name in databases(rebuilt):
        return of_database(rebuilt, name, rows, plain)
    return f"is not in this repository, but in that of {', '.join(makers(topology, name))}"


def of_database(rebuilt: Rebuilt, name: str, rows: Sequence[Mapping[str, Any]], plain: bool) -> str:
    """One database: as it was at the last fetch, from the newest copy that was proven."""
    workspace, source = rebuilt.workspace, rebuilt.store.node
    live = Live(name, workspace.topology.databases[name], workspace)
    note = noted(looks(live))
    under_way = note is not None and note.phase not in notes.ENDED
    tables = 0 if under_way else int(live.ask(replacing.seed_of(live), TABLES)[0][0])
    if tables or (note and not under_way):
        let_go_on(rebuilt, name)
        return f"has {tables} tables, and was left as it is"
    wish: Wish | None = Wish(name, node=source, plain=plain)
    if not under_way and (wish := able(rebuilt, name, rows, plain)) is None:
        let_go_on(rebuilt, name)
        return "was never backed up, and is empty"
    assert wish
    done: Done = replacing.replace_data(workspace, wish, yes=True)
    return f"is as it was at {done.result['to']}"


def able(rebuilt: Rebuilt, name: str, rows: Sequence[Mapping[str, Any]], plain: bool) -> Wish | None:
    """The best wish the repository can fulfil; None without a copy. Raises ClusterError where it fulfils none."""
    source = rebuilt.workspace.inventory.host(rebuilt.store.node)
    refused: ClusterError | None = None
    for copy, position in ways(rows, name):
        wish = Wish(name, position, copy, source.name, plain=plain)
        try:
            planned(source, name, request(wish))
        except ClusterError as error:
            refused = refused or error
        else:
            return wish
    if refused:
        raise refused
    return None


def ways(rows: Sequence[Mapping[str, Any]], name: str) -> list[tuple[str, str]]:
    """(copy to begin with, position it leads to) of a database's newest history, the best first. Pure.

    What leads furthest is best; of those that lead equally far, one of which a restore was proven; then a newer.
    """
    mine = [row for row in rows if row["database"] == name]
    history = next((row["id"] for row in reversed(mine) if row["kind"] == "restored"), "")
    here = [row for row in mine if row["history"] == history and row["kind"] != "restored"]
    logs = [row["position"] for row in here if row["kind"] == "binlogs"]
    found = [(max([row["position"], *logs[-1:]], key=count), row) for row in here if row["kind"] in COPIES]
    found.sort(key=lambda each: (count(each[0]), each[1]["proven"], each[1]["at"]), reverse=True)
    return [(row["id"], position) for position, row in found]


def count(position: str) -> int:
    """How many transactions a position of a database's backups has before it.

    MariaDB numbers those of its one domain, 0 where nothing was written yet; MySQL's are a set.
    """
    return len(GtidSet.parse(position)) if ":" in position else int(position.rsplit("-", 1)[-1] or 0)


def of_files(rebuilt: Rebuilt, name: str, rows: Sequence[Mapping[str, Any]], plain: bool) -> str:
    """Files of nodes: the paths where nothing is."""
    if not any(row["kind"] == "files" and row["files"] == name for row in rows):
        let_go_on(rebuilt, name)
        return "were never backed up"
    wish = Wish(name, node=rebuilt.store.node, plain=plain)
    filesets.restore_in_place(rebuilt.workspace, name, wish, yes=True, absent=True)
    let_go_on(rebuilt, name)
    return f"are back where nothing was; what was there stays, and cluster backups {name} shows them as they were"


def let_go_on(rebuilt: Rebuilt, name: str) -> None:
    """Have it backed up from now on."""
    host = rebuilt.workspace.inventory.host(rebuilt.store.node)
    answer = ssh.run(host, f"rm -f {WAITING}/{name}")
    if answer.rc != 0:
        hint = "run the same command again"
        raise ClusterError(f"nothing is fetched of {name}", where=host.name, why=answer.err.strip(), hint=hint)


def tell(found: Mapping[str, str]) -> None:
    """What was done, a line each."""
    for name, words in found.items():
        click.echo(f"{name} {words}", err=True)
