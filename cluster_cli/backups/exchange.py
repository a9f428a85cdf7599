"""Nodes of a database that exchange their data: asked how they are, told to do one step (role backup_source)."""

import json
import subprocess
from collections.abc import Callable, Sequence
from typing import Any

from cluster_cli import ssh
from cluster_cli.backups.nodes import PROGRAM
from cluster_cli.backups.notes import Note, read
from cluster_cli.databases.live import Live
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.inventory import Host

EXCHANGE = "python3 -I /usr/local/lib/cluster/exchanger"
STEP_SECONDS, COPY_SECONDS = 900.0, 86400.0
MEGA = 1 << 20
Look = dict[str, Any]  # roles/backup_source/files/exchange.py, look


def looks(live: Live) -> dict[str, Look]:
    """What each node has. Raises ClusterError (exit 4) unless all of them tell: a restore concerns every node."""
    return live.on_all(live.nodes, lambda node: step(live, node, "look", seconds=60))


def step(live: Live, node: str, *words: str, stdin: str = "", seconds: float = STEP_SECONDS) -> dict[str, Any]:
    """Have a node do one step; what it answers. Raises ClusterError with its reason."""
    answer = live.run(node, f"{EXCHANGE} {' '.join(words)}", stdin=stdin, seconds=seconds)
    if answer.rc == 0:
        found: dict[str, Any] = json.loads(answer.out.splitlines()[-1])
        return found
    on = "mend it, and run the same command again: it goes on; or back: the same with --undo"
    raise ClusterError(
        f"{node} could not do its part ({words[0]})",
        where=f"database {live.name}",
        why=answer.err.strip() or f"exit code {answer.rc}",
        hint="bring it in reach, or make room; nothing was changed" if words[0] in ("look", "room") else on,
        code=Exit.FAILED if answer.reached else Exit.UNREACHABLE,
    )


def noted(found: dict[str, Look]) -> Note | None:
    """The note on the whole database that is kept, by any node: a run that was killed may not have told all."""
    notes = [note for look in found.values() if (note := read(look["note"])) and not note.node]
    return notes[0] if notes else None


def kept(live: Live, what: Note) -> Note | None:
    """The note that is kept now where this one belongs."""
    return read(step(live, what.node, "look", seconds=60)["note"]) if what.node else noted(looks(live))


def note(live: Live, what: Note) -> Note:
    """Have the nodes keep a note that it is about; returns it."""
    nodes = (what.node,) if what.node else live.nodes
    live.on_all(nodes, lambda node: step(live, node, "note", stdin=what.text()))
    return what


def weigh(source: Host, database: str) -> dict[str, Any]:
    """{bytes, version} of what a backup node restored. Raises ClusterError where it has nothing."""
    answer = ssh.run(source, f"{PROGRAM} weigh {database}", timeout=60)
    if answer.rc != 0:
        raise ClusterError(f"{source.name} does not tell what it restored", why=answer.err.strip()[-300:])
    found: dict[str, Any] = json.loads(answer.out)
    return found


def stream(source: Host, live: Live, seed: str, count: int, tell: Callable[[str, str], None]) -> None:
    """Have the restored files go from a backup node to a node of the database, through this machine over SSH.

    Nodes of databases take data from nobody but the operator. count: bytes that are to come. Raises ClusterError
    where it broke off; what came then does not count.
    """
    give = pipe(source, f"{PROGRAM} give {live.name}", stdin=subprocess.DEVNULL)
    take = pipe(live.host(seed), f"{EXCHANGE} receive", stdin=give.stdout)
    assert give.stdout is not None
    give.stdout.close()
    while True:
        try:
            _, said = take.communicate(timeout=2)
            break
        except subprocess.TimeoutExpired:
            came = step(live, seed, "look", seconds=60)["coming"]
            tell(seed, f"{came // MEGA} of {count // MEGA} MB")
    complaint = give.stderr.read().decode(errors="replace") if give.stderr else ""
    if give.wait() != 0 or take.returncode != 0:
        why = (complaint or said.decode(errors="replace")).strip().split("\n")[-1]
        raise ClusterError(
            f"the restored data did not come to {seed}",
            where=source.name,
            why=why,
            hint="run the same command again",
        )
    step(live, seed, "received", str(count))


def pipe(host: Host, command: str, stdin: Any) -> "subprocess.Popen[bytes]":
    """A command on a node as root, with its ends in our hands."""
    words = f"sudo -n sh -c {ssh.quoted(command)}" if host.vars["ansible_become"] else command
    return subprocess.Popen([*ssh.argv(host), words], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def everywhere(live: Live, nodes: Sequence[str], *words: str, stdin: str = "") -> dict[str, dict[str, Any]]:
    """The same step on several nodes at once."""
    return live.on_all(nodes, lambda node: step(live, node, *words, stdin=stdin))
