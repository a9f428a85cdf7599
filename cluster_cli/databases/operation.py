"""A verb that changes who does what in a database: look and decide, ask, decide again under the lock, do it."""

import importlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from types import ModuleType
from typing import Any

import click

from cluster_cli.databases.live import Apply, Live, Tell
from cluster_cli.databases.plan import Plan, refused
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.events import Step
from cluster_cli.outcome import errors
from cluster_cli.run import Run, recorded
from cluster_cli.runner import converge
from cluster_cli.show.run import confirm_name, given
from cluster_cli.stages import stages_for
from cluster_cli.topology.databases import Database
from cluster_cli.topology.problems import did_you_mean
from cluster_cli.up import Outcome
from cluster_cli.workspace import Workspace

# What a mode has no verb for, because its engine does it by itself: (why, what next).
BY_ITSELF = {
    ("galera", "failover"): (
        "a Galera group goes on by itself as long as a majority of its nodes is there",
        "see how it is: cluster status; after a total outage: cluster recover",
    ),
    ("group_replication", "failover"): (
        "the group elects a new primary by itself as long as a majority of its nodes is there",
        "see how it is: cluster status; after a total outage: cluster recover",
    ),
    ("galera", "rejoin"): (
        "a Galera node fetches what it missed by itself when its server starts",
        "start it: cluster up --only database --node NODE",
    ),
    **{
        (mode, verb): ("its nodes apply at once what they receive", "have a moment back: cluster restore")
        for mode in ("galera", "group_replication")
        for verb in ("hold", "release")
    },
    ("replication", "recover"): (
        "nobody is elected here, so there is nothing to recover",
        "if the primary is back: cluster up --only database; if it is lost: cluster failover",
    ),
}

STANDBY, EVERY_MODE = "standby", ("replace",)


@dataclass(frozen=True)
class Wish:
    """What was asked for. yes: do not ask back; dry: only say what would be done."""

    verb: str
    database: str | None
    options: Mapping[str, Any]
    yes: bool = False
    dry: bool = False
    plain: bool = False


@dataclass(frozen=True)
class Done:
    """What came of it. seconds: None when it was only asked what would be done."""

    database: str
    plan: Plan
    seconds: float | None

    def as_json(self, verb: str) -> str:
        """For scripts (docs/reference/databases.md)."""
        plan = self.plan
        row = {"node": plan.node, "will": plan.will, "stake": plan.stake, "evidence": list(plan.evidence)}
        return json.dumps(
            {"schema_version": 1, "verb": verb, "database": self.database, **row, "seconds": self.seconds},
            indent=1,
        )


def operate(cluster: Path, wish: Wish) -> Done:
    """Do what was asked for, once it is known to be right.

    Raises ClusterError: exit 2 for a database that is not there, 1 for what must not be done (nothing was
    changed then), 75 while another run is at work.
    """
    workspace = Workspace.open(cluster)
    live = Live(name := named(workspace, wish), workspace.topology.databases[name], workspace)
    verb = verb_of(part(live.database, wish), wish.verb)
    plan: Plan = verb.weigh(live, **wish.options)
    for line in plan.evidence:
        click.echo(line, err=True)
    if wish.dry:
        click.echo(f"would: {plan.will}", err=True)
        return Done(name, plan, None)
    if plan.stake:
        confirm_name(name, plan.stake, wish.yes)
    began = monotonic()
    arguments = {"database": name, **wish.options}
    with (
        recorded(workspace, wish.verb, [wish.verb], arguments=arguments, plain=wish.plain) as run,
        run.stage(wish.verb, plan.will),
    ):
        live = replace(live, tell=teller(run, wish.verb), apply=applier(run))
        again: Plan = verb.weigh(live, **wish.options)
        if plan.stake and (again.node, again.stake) != (plan.node, plan.stake):
            why = f"it was to be: {plan.will}; now it would be: {again.will}"
            raise refused("things changed while you were asked", why, "look again: cluster status")
        verb.carry_out(live, again)
    click.echo(f"next: cluster {again.then} {given(workspace)}", err=True)
    return Done(name, again, round(monotonic() - began, 3))


def teller(run: Run, verb: str) -> Tell:
    """Progress as steps of the run."""
    return lambda node, text: run.emit(Step(verb, text, node, keep=not node))


def applier(run: Run) -> Apply:
    """The stage `database` on some nodes, inside the run."""

    def apply(nodes: Sequence[str], variables: Mapping[str, Any]) -> None:
        inventory = run.workspace.render().with_vars(variables)
        stages = stages_for(set(inventory.groups()), ("database",))
        done = converge(inventory, stages, run.folder.path, run.emit, limit=nodes, redact=run.redact)
        if done.failed or done.unreachable or done.interrupted:
            raise errors(Outcome(converged=done), run.folder, given(run.workspace))[0]

    return apply


def named(workspace: Workspace, wish: Wish) -> str:
    """The database that is meant: the named one, that of a named node, or the only one there is."""
    known = workspace.topology.databases
    if wish.database in known:
        return str(wish.database)
    if wish.database:
        hint = did_you_mean(wish.database, known) or "see them: cluster status"
        raise ClusterError(f'there is no database "{wish.database}"', hint=hint, code=Exit.USAGE)
    node = wish.options.get("node")
    found = [name for name, each in known.items() if not node or node in (*each.nodes, *each.standby)]
    if len(found) == 1:
        return found[0]
    why = f"there are {', '.join(found)}" if found else "the topology has none" + (f" on {node}" if node else "")
    raise ClusterError("no database is named", why=why, hint="name it", code=Exit.USAGE)


def part(database: Database, wish: Wish) -> str:
    """Where a wish's verb is found: the mode, or those that stand by; empty where it is one for all."""
    if wish.verb in EVERY_MODE:
        return ""
    return STANDBY if wish.options.get("node") in database.standby else database.mode


def verb_of(mode: str, verb: str) -> ModuleType:
    """The module of a mode's verb; empty: of one for all. Raises ClusterError where the mode has none."""
    if (mode, verb) in BY_ITSELF:
        why, hint = BY_ITSELF[mode, verb]
        raise ClusterError(f"mode {mode} has no {verb}", why=why, hint=hint, code=Exit.USAGE)
    return importlib.import_module(".".join(filter(None, ("cluster_cli.databases", mode, verb))))
