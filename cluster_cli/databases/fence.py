"""The mark of a fenced database on its nodes: a piece of the server's configuration, which restarts keep."""

from collections.abc import Sequence

from cluster_cli.backups import notes
from cluster_cli.databases.live import Live
from cluster_cli.databases.modes import FENCES
from cluster_cli.databases.plan import Plan, refused

NOTE = "# Written by `cluster db fence`; taken away by `cluster db unfence`.\n"
TEXTS = {
    "mariadb": f"{NOTE}[mariadbd]\nread_only = ON\n",
    "mysql": f"{NOTE}[mysqld]\nsuper_read_only = ON\n",
}


def weighed(live: Live, silent: Sequence[str], seen: tuple[str, ...], node: str = "") -> Plan:
    """The decision to fence, which every node must hear. Raises ClusterError while some are silent.

    node: the one that is told; empty for all.
    """
    if silent:
        what, why = f"{', '.join(silent)} would not hear of it", "it might come back and take writes:"
        raise refused(what, why, "bring it in reach first: cluster up", seen)
    stake = f"applications cannot write to {live.name} until `cluster db unfence {live.name}`"
    return Plan(node, f"stop the writes of {live.name}", seen, stake)


def refuse_half_restored(live: Live) -> None:
    """Raise ClusterError while data is being exchanged: nobody may write before that is done or taken back."""
    for answer in live.on_all(live.nodes, lambda node: live.run(node, notes.QUESTION)).values():
        note = notes.heard(answer.out)
        if note and not note.node and note.phase in notes.SHUT:
            raise refused(f"{live.name} cannot be opened now", notes.sentence(note), "see: cluster status")


def mark(live: Live, nodes: Sequence[str]) -> None:
    """Have the mark on these nodes. Raises ClusterError where it cannot be written."""
    path = FENCES[live.database.engine]
    put = f"cat > {path}.new && chmod 644 {path}.new && mv {path}.new {path}"  # the server reads it, not only root
    told(live, nodes, put, TEXTS[live.database.engine])


def unmark(live: Live, nodes: Sequence[str]) -> None:
    """Have it no more. Raises ClusterError where it cannot be taken away."""
    told(live, nodes, f"rm -f {FENCES[live.database.engine]}", "")


def told(live: Live, nodes: Sequence[str], command: str, text: str) -> None:
    """Run it on all these nodes."""
    answers = {node: live.run(node, command, stdin=text) for node in nodes}
    if silent := [f"{node}: {answer.err.strip()}" for node, answer in answers.items() if answer.rc != 0]:
        raise refused(
            "the mark of a fenced database could not be changed everywhere",
            "; ".join(silent),
            "bring the node in reach, then run this again",
        )
