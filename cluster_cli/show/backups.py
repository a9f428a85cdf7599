"""`backups` for people."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Column, Table
from rich.text import Text

from cluster_cli.backups.nodes import Meant
from cluster_cli.backups.state import KINDS, OF_FILES, span, words

Document = Mapping[str, Any]


def document(
    cluster: str, found: Mapping[str, Document], names: Meant, makers: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """What backup nodes have of these names (docs/reference/backups.md).

    found: by node, as they say it. makers: the nodes that make backups of each database.
    """
    return {
        "schema_version": 1,
        "cluster": cluster,
        "nodes": {
            node: {
                "why": said.get("why", ""),
                "store": said.get("store"),
                "unfinished": said.get("unfinished", 0),
                "databases": {name: of_database(said, name) for name in names.databases if node in makers[name]},
                "files": {name: of_files(said, name) for name in names.sets},
                **({"own": own_files(said)} if names.own else {}),
            }
            for node, said in found.items()
        },
    }


def of_database(said: Document, name: str) -> dict[str, Any]:
    """The backups a node has of a database, and its last proof."""
    proof = (said.get("databases", {}).get(name, {}).get("proof", {})) or {}
    good = proof.get("good") or {}
    proven = set(good.get("chain", ()))
    rows = [each for each in said["backups"] if each["database"] == name]
    return {
        "backups": [{**each, "time": moment(each["at"]), "proven": each["id"] in proven} for each in rows],
        "proof": {"good": good or None, "failed": (proof.get("bad") or {}).get("why")},
    }


def of_files(said: Document, name: str) -> list[dict[str, Any]]:
    """The copies a node has of a set of files, from old to new."""
    rows = [each for each in said["backups"] if each["kind"] == "files" and each["files"] == name]
    fields = ("id", "kind", "node", "bytes", "stored", "seconds", "digest")
    return [{**{field: each[field] for field in fields}, "time": moment(each["at"])} for each in rows]


def own_files(said: Document) -> list[dict[str, Any]]:
    """The versions a node has of the cluster's own files, from old to new."""
    rows = [each for each in said["backups"] if each["kind"] == "cluster"]
    names = ("id", "kind", "bytes", "stored", "digest")
    return [{**{name: each[name] for name in names}, "time": moment(each["at"])} for each in rows]


def moment(at: float) -> str:
    """Seconds since 1970 as a date and a time, UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def tables(document: Document) -> Group:
    """The whole screen: a table for each node and database; fetches of binary logs are summed up."""
    return Group(*(part for node, said in document["nodes"].items() for part in of_node(node, said)))


def of_node(node: str, said: Document) -> Iterator[Table | Text]:
    """What one node has."""
    if said["why"]:
        yield Text(f"{node}: {said['why']}", style="bold red")
        return
    for name, found in said["databases"].items():
        yield Text.assemble((f"{name} on {node}", "bold"), f"  {said['store']}")
        yield copies_table(found["backups"])
        yield from (Text(line) for line in logs(found["backups"]))
        yield verdict(found["proof"])
    for name, rows in said["files"].items():
        yield Text.assemble((f"{name} on {node}", "bold"), f"  {said['store']}")
        yield files_table(rows)
    if "own" in said:
        yield own_line(node, said["own"])


def files_table(rows: list[Document]) -> Table:
    """A row a copy."""
    grid = Table("id, with its time (UTC)", "from", "read", "kept", "took", box=SIMPLE_HEAD, pad_edge=False)
    for each in rows:
        grid.add_row(
            each["id"], each["node"], size(each["bytes"]), size(each["stored"]), f"{each['seconds']:.1f} s"
        )
    return grid


def own_line(node: str, rows: list[Document]) -> Text:
    """The cluster's own files."""
    if not rows:
        return Text(f"the cluster's own files were never kept on {node}: cluster up", style="yellow")
    return Text(f"the cluster's own files on {node}: {len(rows)} versions, the last {rows[-1]['id']}")


def copies_table(backups: list[Document]) -> Table:
    """A row a copy; one where the database was put back, from which nothing before leads on."""
    first = Column("id, with its time (UTC)", no_wrap=True)
    grid = Table(first, "from", "read", "kept", "took", "proven", box=SIMPLE_HEAD, pad_edge=False)
    for each in backups:
        if each["kind"] == "restored":
            grid.add_row(Text(f"{each['time'][:19]}  {each['position']}", style="yellow"))
        elif each["kind"] != "binlogs":
            proven = Text("yes", style="green") if each["proven"] else Text("")
            took = f"{each['seconds']:.1f} s"
            grid.add_row(each["id"], each["node"], size(each["bytes"]), size(each["stored"]), took, proven)
    return grid


def logs(backups: list[Document]) -> Iterator[str]:
    """How far what was written reaches."""
    found = [each for each in backups if each["kind"] == "binlogs"]
    if found:
        kept = size(sum(each["stored"] for each in found))
        last = found[-1]
        yield f"  what was written: {len(found)} fetches, {kept}, up to {last['position']} ({last['time'][:19]})"


def verdict(proof: Document) -> Text:
    """The last proven restore."""
    if proof["failed"]:
        return Text(f"  the last proof failed: {proof['failed']}", style="bold red")
    if not proof["good"]:
        return Text("  no restore was proven yet", style="yellow")
    good = proof["good"]
    text = (
        f"  proven {moment(good['at'])[:19]}: {good['rows']} rows of {good['tables']} tables at {good['position']}"
    )
    return Text(f"{text}, restored in {good['seconds']:.1f} s", style="green")


def size(count: float) -> str:
    """Bytes in their largest unit."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def status_lines(rows: Mapping[str, Any]) -> Iterator[Text]:
    """For `cluster status`: how old the last runs are."""
    for database, nodes in rows.items():
        for node, found in nodes.items():
            if "own" in found:
                age = found["own"]["age_seconds"]
                kept = "never kept" if age is None else f"last changed and kept {span(age)} ago"
                yield Text(f"the cluster's own files on {node}: {kept}")
                continue
            kinds = [kind for kind in (*KINDS, *OF_FILES) if kind in found]
            ages = [(kind, found[kind]["age_seconds"], found[kind]["failed"]) for kind in kinds]
            parts = [
                f"{words(kind)[9:]} {'never' if age is None else span(age) + ' ago'}" for kind, age, _ in ages
            ]
            style = "bold red" if any(failed for *_, failed in ages) else ""
            yield Text.assemble(f"backups of {database} on {node}: ", (", ".join(parts), style))
