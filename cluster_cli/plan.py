"""What `up` would change: the stages in check mode, their changes as plain rows. Nothing is touched."""

from collections.abc import Sequence
from dataclasses import dataclass

from cluster_cli.certificates.cluster_certificates import refuse_bad_certificates
from cluster_cli.events import Event, TaskEnded, fan_out
from cluster_cli.lab.stand import lab_of
from cluster_cli.run import Run
from cluster_cli.runner import converge
from cluster_cli.secrets.by_hand import refuse_missing
from cluster_cli.stages import stages_for
from cluster_cli.up import CONTACT, LAB, Outcome, contact_all


@dataclass(frozen=True)
class Change:
    """Something `up` would do on a node. diff: as unified diff, empty where there is none to show."""

    node: str
    stage: str
    task: str
    diff: str = ""


@dataclass(frozen=True)
class Plan:
    """Everything `up` would do, and what kept us from seeing more."""

    changes: tuple[Change, ...]
    outcome: Outcome


def plan(run: Run, *, only: Sequence[str] = (), nodes: Sequence[str] = ()) -> Plan:
    """Compare every node with the topology. Raises ClusterError when no node can be looked at."""
    refuse_bad_certificates(run.workspace)
    refuse_missing(run.workspace)
    changes = missing_nodes(run)
    if len(changes) == len(run.workspace.topology.nodes):
        return Plan(tuple(changes), Outcome())
    outcome = Outcome()
    absent = {change.node for change in changes}
    wanted = [name for name in run.workspace.topology.nodes if name not in absent and (not nodes or name in nodes)]
    reachable = contact_all(run, outcome, wanted)
    inventory = run.workspace.render()
    stages = stages_for(set(inventory.groups()), tuple(only))

    def note(event: Event) -> None:
        if isinstance(event, TaskEnded) and event.status == "changed":
            changes.append(Change(event.node, event.stage, event.task, event.diff))

    outcome.converged = converge(
        inventory,
        stages,
        run.folder.path,
        fan_out(run.emit, note),
        limit=reachable,
        check=True,
        redact=run.redact,
    )
    return Plan(tuple(changes), outcome)


def missing_nodes(run: Run) -> list[Change]:
    """The lab's nodes that do not run."""
    if not run.workspace.topology.is_lab:
        return []
    with run.stage(LAB, "Look at the lab's nodes"):
        states = lab_of(run.workspace).states()
    return [
        Change(name, LAB, "start the node" if name in states else "make the node")
        for name in run.workspace.topology.nodes
        if states.get(name) != "running"
    ]


def stages_of(run_stages: Sequence[str], *, lab: bool) -> list[str]:
    """The names of everything a plan goes through, for the display."""
    return [*([LAB] if lab else []), CONTACT, *run_stages]
