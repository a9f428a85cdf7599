"""Rotation of a secret without an outage: let the new value in, use it, let the old one go.

Where it stands is written with the secret itself before a step begins, so it can be ended at any moment and
goes on with the step it was at; an ordinary `up` in between does that step's work and no more.
"""

from cluster_cli.errors import ClusterError, Exit
from cluster_cli.secrets.known import BY_NAME, Known, known_as
from cluster_cli.secrets.secret import Step
from cluster_cli.secrets.store import Secrets
from cluster_cli.stages import Stage, stages_for
from cluster_cli.topology.problems import did_you_mean
from cluster_cli.workspace import Workspace

WORDS: dict[Step, str] = {
    "accept": "let the new value in beside the old one",
    "use": "use the new value, still let the old one in",
    "drop": "let the old value in no more",
}


def rotatable(workspace: Workspace, name: str) -> Known:
    """The secret of that name. Raises ClusterError (exit 2) when it cannot be rotated, saying why."""
    known = known_as(name)
    if known is None:
        raise ClusterError(
            f"there is no secret {name} that could be rotated",
            hint=did_you_mean(name, [each.name for each in BY_NAME.values() if not each.fixed]),
            code=Exit.USAGE,
        )
    if known.fixed:
        raise ClusterError(f"{name} cannot be rotated", why=known.fixed, code=Exit.USAGE)
    if not stages(workspace, known):
        raise ClusterError(
            f"nothing in this cluster uses {name}", where=str(workspace.places.topology), code=Exit.USAGE
        )
    return known


def stages(workspace: Workspace, known: Known) -> tuple[Stage, ...]:
    """The stages that bring a secret to the nodes of this cluster."""
    return stages_for(set(workspace.render().groups()), known.stages)


def step_to_take(secrets: Secrets, known: Known) -> Step:
    """The step a rotation is at; one that has not begun begins. ClusterError: there is no such secret."""
    return secrets.entry(known.name).step or next_step(secrets, known) or "accept"


def next_step(secrets: Secrets, known: Known) -> Step | None:
    """Note that the step it is at is done everywhere; the next one, None when that was the last."""
    return secrets.advance(known.name, known.make).step
