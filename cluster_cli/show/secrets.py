"""The secrets of a cluster as a table or JSON, never their values; and one step of a rotation on screen."""

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from cluster_cli.errors import Exit
from cluster_cli.outcome import errors, write_report
from cluster_cli.run import recorded
from cluster_cli.secrets.known import Known, known_as, needed
from cluster_cli.secrets.rotate import WORDS, stages
from cluster_cli.secrets.secret import Secret, Step
from cluster_cli.secrets.store import Secrets
from cluster_cli.show.run import given, show_errors
from cluster_cli.topology.model import Topology
from cluster_cli.up import keep_own_files, planned, up
from cluster_cli.workspace import Workspace

SCHEMA_VERSION = 1
FOREIGN = Known("", "not one of ours: somebody put it there", lambda: "", lambda _: False, (), "it is not ours")


def secrets_document(topology: Topology, secrets: Secrets) -> dict[str, Any]:
    """Every secret there is, and those the topology needs and `up` will make."""
    entries = secrets.entries()
    names = sorted({*entries, *(known.name for known in needed(topology))})
    rows = [secret_row(name, known_as(name) or FOREIGN, entries.get(name)) for name in names]
    return {"schema_version": SCHEMA_VERSION, "path": str(secrets.path), "secrets": rows}


def secret_row(name: str, known: Known, secret: Secret | None) -> dict[str, Any]:
    """One secret, without its value."""
    return {
        "name": name,
        "what": known.what,
        "there": secret is not None,
        "made": (secret.made if secret else "") or None,
        "number": secret.number if secret else None,
        "stages": list(known.stages),
        "rotates": not known.fixed,
        "rotation": secret.step if secret else None,
    }


def secrets_table(document: Mapping[str, Any]) -> Table:
    """The document for people."""
    table = Table("secret", "what it is", "made", "used by", "rotation", box=SIMPLE_HEAD, pad_edge=False)
    table.columns[0].no_wrap = True
    for row in document["secrets"]:
        made = (row["made"] or "not noted") if row["there"] else "not yet"
        table.add_row(row["name"], row["what"], made[:10], ", ".join(row["stages"]), rotation_words(row))
    return table


def rotation_words(row: Mapping[str, Any]) -> str:
    """Where a rotation stands, or that there can be none."""
    step: Step | None = row["rotation"]
    return f"under way: {WORDS[step]}" if step else "" if row["rotates"] else "cannot be"


def rotate_step(workspace: Workspace, known: Known, step: Step, *, plain: bool, debug: bool) -> Exit:
    """One step of a rotation as a recorded run: its progress, its errors, its report."""
    workspace = Workspace.open(workspace.places.topology)  # the step before may have changed the inventory
    found = stages(workspace, known)
    only = tuple(stage.name for stage in found)
    names = planned(found, lab=workspace.topology.is_lab, verifying=True)
    arguments = {"secret": known.name, "step": step}
    with recorded(workspace, "rotate", names, arguments=arguments, plain=plain) as run:
        outcome = up(run, only=only, debug=debug)
        if outcome.code == Exit.OK:
            keep_own_files(run, list(workspace.topology.nodes))
        run.code = outcome.code
    write_report(workspace, run.folder)
    show_errors(errors(outcome, run.folder, given(workspace)))
    return outcome.code
