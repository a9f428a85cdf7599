"""Where the balancers of a database lead its writes, and how they are made to lead them elsewhere.

What they remember is the one entry of a stick table (docs/adr/0021); haproxy's management guide, section 9.3.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from cluster_cli.collect import Outcome
from cluster_cli.databases.live import Live
from cluster_cli.databases.plan import refused
from cluster_cli.errors import ClusterError
from cluster_cli.status.answers import haproxy_servers, table_server
from cluster_cli.topology.doors import WRITE

LEAVING = "/run/cluster-leaving"  # while it is young, the doorbell says no to writes (roles/doorbell)
KEY = 1  # of the entry (roles/haproxy: stick on int(1))


def table(live: Live) -> str:
    """The backend for writes, whose stick table it is."""
    return f"{live.name}-{WRITE}"


def writer(live: Live) -> str | None:
    """The node to which all balancers that answer lead writes; None when they do not agree."""
    said = live.balance(f"show table {table(live)}")
    found = {table_server(Outcome(0, text, ""), table(live), live.nodes) for text in said.values()} - {None}
    return found.pop() if len(found) == 1 else None


def reached(live: Live) -> set[str]:
    """The nodes that a balancer finds fit for writes at this moment, whether or not we reach them from here."""
    views = (
        haproxy_servers(Outcome(0, text, "")).get(table(live), {}) for text in live.balance("show stat").values()
    )
    return {node for view in views for node, up in view.items() if up}


def refuse_reached(live: Live, given_up: Sequence[str], seen: tuple[str, ...]) -> None:
    """Raise ClusterError when a balancer reaches a node that is to be given up: two groups would take writes."""
    if given_up and (alive := sorted(set(given_up) & reached(live))):
        why = "the balancers still reach it, so it may be taking writes at this moment"
        raise refused(f"{', '.join(alive)} is not lost", why, "bring it in reach from here", seen)


@contextmanager
def held_back(live: Live, node: str) -> Iterator[None]:
    """Cut the sessions of who has the writes, and let new connections wait at the balancers for who comes next.

    The node's own word comes first: a check would find it fit again. Killed in here, it is fit again soon.
    Raises ClusterError when the node does not hear it.
    """
    backend = table(live)
    if (answer := live.run(node, f"touch {LEAVING}")).rc != 0:
        raise refused(f"{node} did not hear that it is to hand over", answer.err.strip(), "see: cluster status")
    try:
        live.balance(f"set server {backend}/{node} health down", f"shutdown sessions server {backend}/{node}")
        yield
    finally:
        live.run(node, f"rm -f {LEAVING}")


def lead(live: Live, to: str, before: str | None = None) -> None:
    """Lead all writes to a node from now on, and cut the sessions of the one that had them.

    A server whose health is set stays so until its next check says otherwise, which by then says the same.

    Raises ClusterError when the balancers do not agree on it afterwards.
    """
    number = live.nodes.index(to) + 1
    health = [f"set server {table(live)}/{before} health down"] if before else []
    health += [f"set server {table(live)}/{to} health up"]
    turn = (f"clear table {table(live)} key {KEY}", f"set table {table(live)} key {KEY} data.server_id {number}")
    cut = [f"shutdown sessions server {table(live)}/{before}"] if before else []
    live.balance(*health, *turn, *cut)
    live.balance(*turn, *cut)  # again: meanwhile a connection over another balancer may have told of the old one
    if live.balancers() and (after := writer(live)) != to:
        why = f"the balancers lead writes to {after or 'nobody they agree on'}"
        raise ClusterError("the writes did not move", why=why, hint="see: cluster status")
