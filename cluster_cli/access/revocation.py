"""Certificates and keys count no more: in the topology first, then on every node."""

from collections.abc import Sequence

from cluster_cli.run import Run, recorded
from cluster_cli.runner import converge
from cluster_cli.stages import STAGES
from cluster_cli.topology import edit
from cluster_cli.up import CONTACT, Outcome, contact_all
from cluster_cli.workspace import Workspace

STAGE = next(stage for stage in STAGES if stage.name == "ssh_trust")  # where the list is


def revoke(workspace: Workspace, entries: Sequence[str], *, plain: bool = False) -> tuple[Run, Outcome]:
    """Add entries to access.revoked and tell every node. A node out of reach is in the outcome.

    Raises ClusterError when the topology cannot be written, or no node can be reached; what stands in the
    topology by then is told by the next `up`.
    """
    arguments = {"revoked": list(entries)}
    with recorded(workspace, "access-revoke", [CONTACT, STAGE.name], arguments=arguments, plain=plain) as run:
        if entries:
            edit.revoke(workspace.places.topology, entries)
        outcome = Outcome()
        reachable = contact_all(run, outcome, ())
        inventory = Workspace.open(workspace.places.topology).render()
        outcome.converged = converge(inventory, [STAGE], run.folder.path, run.emit, limit=reachable)
        run.code = outcome.code
    return run, outcome
