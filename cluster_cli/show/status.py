"""`status` for people: one screen, worst news first."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from cluster_cli.backups.notes import ENDED
from cluster_cli.databases.replication.look import span
from cluster_cli.graph import Health
from cluster_cli.logs import shipping
from cluster_cli.show import alerts
from cluster_cli.show.backups import status_lines
from cluster_cli.status.gather import gather
from cluster_cli.workspace import Workspace

Document = Mapping[str, Any]


def table(document: Document) -> Group:
    """The whole screen."""
    return Group(*head(document), *rest(document))


def head(document: Document) -> Iterator[Text]:
    """Whether all is well, and what is not."""
    verdict = Text("healthy", style="bold green") if document["healthy"] else Text("not healthy", style="bold red")
    yield Text.assemble((str(document["cluster"]), "bold"), " is ", verdict, f"  {document['at'][11:19]} UTC")
    yield from (Text(f"  {problem}", style="red") for problem in document["problems"])


def rest(document: Document) -> Iterator[Table | Text]:
    """Its nodes, and what they do."""
    yield nodes_table(document)
    yield from vip_lines(document)
    yield from backend_lines(document)
    yield from database_lines(document)
    yield from status_lines(document["backups"])
    yield from map(Text, shipping.lines(document["logs"]))
    yield from alerts.status_lines(document["alerts"])


def shown_addresses(row: Mapping[str, Any]) -> str:
    """The address the node is reached at, and below it those it has on other networks."""
    others = [f"{address} {network}" for network, address in row["addresses"].items() if address != row["address"]]
    return "\n".join([row["address"], *others])


def nodes_table(document: Document) -> Table:
    """A row a node."""
    grid = Table("node", "address", "up", "services", "clock", "disk", box=SIMPLE_HEAD, pad_edge=False)
    for name, row in document["nodes"].items():
        units = ", ".join(
            unit if state == "active" else f"{unit} ({state})" for unit, state in row["units"].items()
        )
        up = Text("yes", style="green") if row["reachable"] else Text("NO", style="bold red")
        disk = row.get("disk_percent")
        grid.add_row(
            name,
            shown_addresses(row),
            up,
            units,
            clock(document["time"].get(name)),
            "" if disk is None else f"{disk} %",
        )
    return grid


def clock(row: Mapping[str, Any] | None) -> str:
    """A clock in few words."""
    if not row or row["stratum"] is None:
        return ""
    words = f"{row['offset_seconds'] * 1000:+.2f} ms" if row["synchronised"] else "not synchronised"
    return f"{words}, stratum {row['stratum']}"


def vip_lines(document: Document) -> Iterator[Text]:
    """Who holds each virtual IP."""
    for address, row in document["virtual_ips"].items():
        holders, style = row["holders"], "green" if len(row["holders"]) == 1 else "bold red"
        away = f" (prefers {row['prefer']})" if row["prefer"] and holders and row["prefer"] not in holders else ""
        words = (" and ".join(holders) or "nobody") + away
        yield Text.assemble(f"virtual IP {address} ({row['load_balancer']}): ", (words, style))


def backend_lines(document: Document) -> Iterator[Text]:
    """Which servers of each backend are up."""
    for name, balancer in document["load_balancers"].items():
        for key, backend in balancer["backends"].items():
            line = Text(f"backend {key} of {name} ({balancer['engine']}): ")
            for server, row in backend["servers"].items():
                word, style = server_word(row["up"], alone=backend["one_at_a_time"] and serves(backend))
                line.append(f"{server} {word}  ", style=style)
            yield line


def serves(backend: Mapping[str, Any]) -> bool:
    """Whether any server of a backend is up."""
    return any(row["up"] for row in backend["servers"].values())


def server_word(up: bool, *, alone: bool) -> tuple[str, str]:
    """How a server is, and its colour. alone: another one has the connections, which is how it shall be."""
    if up:
        return "up", "green"
    return ("waits", "") if alone else ("DOWN", "bold red")


def database_lines(document: Document) -> Iterator[Text]:
    """What each database guarantees now, where it is found, and how its nodes are."""
    for name, row in document["databases"].items():
        style = "green" if row["may_fail"] and not row["fenced"] else "bold red"
        yield Text.assemble(f"database {name} ({row['engine']}, {row['mode']}): ", (row["guarantee"], style))
        doors = "  ".join(f"{kind} at {address}" for kind, address in row["addresses"].items())
        yield Text(f"  {doors}" if doors else "  clients go to the nodes themselves")
        yield Text("  " + "  ".join(database_node(row, node) for node in row["nodes"]))
        if row["standby"]:
            yield Text("  " + "  ".join(standby_node(node, each) for node, each in row["standby"].items()))
        if row["spares"]:
            spares = (each if document["nodes"][each]["reachable"] else f"{each} (DOWN)" for each in row["spares"])
            yield Text(f"  spares: {', '.join(spares)}")
        if row["restore"] and row["restore"]["phase"] in ENDED:
            yield Text(f"  it {row['restore']['told']}", style="yellow")


def database_node(row: Mapping[str, Any], name: str) -> str:
    """A node of a database in few words."""
    words = [name, row["nodes"][name]["state"] or "DOWN"]
    replica = row["replicas"].get(name) or {}
    lag, delay = replica.get("lag_seconds"), replica.get("delay_seconds")
    part = "(fenced)" if row["fenced"] else "(takes writes)"
    late = f"(delayed by {span(delay)})" if delay else f"({lag} s behind)" if lag else ""
    words += [part] if name == row["primary"] else [late] if late else []
    return " ".join(words)


def standby_node(name: str, row: Mapping[str, Any]) -> str:
    """A node that stands by in few words."""
    late = f" (late by {span(row['delay_seconds'])})" if row["delay_seconds"] else ""
    return f"{name} {row['state'] or 'DOWN'}{late}"


def health(workspace: Workspace) -> dict[str, Health]:
    """Each node's colour in a drawing."""
    document = gather(workspace.topology, workspace.inventory)
    return {name: colour(name, row, document) for name, row in document["nodes"].items()}


def colour(name: str, row: Mapping[str, Any], document: Document) -> Health:
    """One node's colour: bad when out of reach, warn when a problem names it."""
    if not row["reachable"]:
        return "bad"
    return "warn" if any(problem.startswith(f"{name}:") for problem in document["problems"]) else "ok"
