"""What a node of a database with a primary and replicas shows of itself: pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

from cluster_cli.databases.replication import gtid

ALIVE = ("Yes", "Connecting", "Preparing")  # an IO thread that runs, with its source or in search of it
# The source does not have what this node has, or no more what it needs (MariaDB's documentation, "Error Codes";
# MySQL's "Server Error Message Reference").
DIVERGED, MYSQL_DIVERGED = 1236, 13114
UNITS = ((86400, "d"), (3600, "h"), (60, "m"))
STUCK_SECONDS = 5  # in which a primary that is well has acknowledged what waits


@dataclass(frozen=True)
class Look:
    """What the program on the node says (roles/replication/files/server.py).

    running: its server answers. blank: it never held anything of a database, or was emptied, or a copy to it did
    not end. head: it follows nobody. follows: the node it follows, or an address that is none of ours. master: it
    waits for replicas before it acknowledges. clients: replicas that acknowledge. stalled: clients that wait
    for an acknowledgement; stalled_seconds: the longest of them. position, history: of its own binary log.
    received: up to where it received. stale_password: it would log in to its source with a password that is not
    the one to use. held: an operator has it apply nothing. delay: seconds by which it applies later what it
    receives; stale_delay: they are to be others. strangers: addresses of those that follow it as its nodes do, and
    are none.
    """

    running: bool = False
    blank: bool = False
    fenced: bool = False
    held: bool = False
    read_only: bool = True
    master: bool = False
    clients: int = 0
    stalled: int = 0
    stalled_seconds: int = 0
    follows: str = ""
    io: str = ""
    sql: str = ""
    errno: int = 0
    error: str = ""
    acknowledges: bool = False
    lag: float | None = None
    position: str = ""
    history: str = ""
    received: str = ""
    stale_password: bool = False
    delay: int = 0
    stale_delay: bool = False
    strangers: Sequence[str] = ()
    why: str = ""

    @property
    def head(self) -> bool:
        """Whether it has data and follows nobody."""
        return self.running and not self.blank and not self.follows

    @property
    def writable(self) -> bool:
        """Whether applications may write to it."""
        return self.head and not self.read_only

    @property
    def stuck(self) -> bool:
        """Whether its clients wait without end for replicas it still counts.

        It does not hear them any more: a connection on which nothing arrives lives on for a quarter of an hour
        (tcp_retries2 in tcp(7)). Or it heard them too late: a replica that has a write does not say so again.
        """
        return self.stalled_seconds >= STUCK_SECONDS

    @property
    def replicates(self) -> bool:
        """Whether both its threads are at work, and its source answers."""
        return self.running and bool(self.follows) and self.io == "Yes" and self.sql == "Yes"

    @property
    def diverged(self) -> bool:
        """Whether its source says that it cannot go on from where it is."""
        return self.errno in (DIVERGED, MYSQL_DIVERGED)

    @property
    def most(self) -> str:
        """Up to where it has or has received."""
        return gtid.joined((self.position, self.received))

    @property
    def waiting(self) -> int:
        """How many transactions it has received and not applied."""
        return gtid.distance(self.received, self.position)


def at_once(looks: Mapping[str, Look | None], names: Iterable[str]) -> list[str]:
    """Those of these nodes that apply at once what they receive."""
    return [name for name in names if (look := looks.get(name)) and not look.delay]


def span(seconds: int) -> str:
    """A delay as the topology writes it, in the largest unit that fits."""
    size, unit = next((each for each in UNITS if seconds % each[0] == 0), (1, "s"))
    return f"{seconds // size}{unit}"


def read(text: str) -> Look:
    """From what the program printed, its first line. Raises ValueError when that is not one of its answers."""
    lines = text.splitlines()
    row = json.loads(lines[0]) if lines else None
    if not isinstance(row, dict):
        raise ValueError(f"not an answer: {text[:80]!r}")
    names = {each.name for each in fields(Look)}
    return Look(**{name: value for name, value in row.items() if name in names})


def shown(name: str, look: Look | None) -> str:
    """A node as evidence."""
    if look is None:
        return f"{name} did not answer"
    if look.blank:
        return f"{name} holds no data"
    if not look.running:
        return f"{name}: its server does not run{f' ({look.why})' if look.why else ''}"
    part = f"follows {look.follows}" if look.follows else "takes writes" if look.writable else "follows nobody"
    part += " and is held" if look.held else ""
    part += f" delayed by {span(look.delay)}" if look.delay else ""
    more = f", received up to {look.received}" if look.waiting else ""
    trouble = f" ({look.error})" if look.error else ""
    return f"{name} {part}, is at {look.position or 'nothing'}{more}{trouble}"
