"""What `down` does: a lab's nodes go; from machines that stay, what we installed goes."""

from collections.abc import Callable

from cluster_cli import contact, ssh
from cluster_cli.lab.stand import lab_of
from cluster_cli.run import Run, noted
from cluster_cli.runner import converge
from cluster_cli.stages import REMOVE
from cluster_cli.up import Outcome, contact_all
from cluster_cli.workspace import Workspace


def remove_lab(workspace: Workspace, notify: Callable[[str, str], None]) -> list[str]:
    """Remove the lab's nodes, volumes and network; the names of what was removed."""
    lab = lab_of(workspace)
    with noted(workspace, "down", {}):
        ssh.close_all(workspace.inventory.hosts)
        removed = lab.down(notify)
        workspace.places.known_hosts.unlink(missing_ok=True)
    return removed


def remove_from_machines(run: Run) -> Outcome:
    """Undo on every node what its ledger says we did; nodes out of reach are in the outcome."""
    outcome = Outcome()
    reachable = contact_all(run, outcome, ())
    inventory = run.workspace.render()
    outcome.converged = converge(
        inventory, [REMOVE], run.folder.path, run.emit, limit=reachable, redact=run.redact
    )
    contact.forget_authority(run.workspace)
    return outcome
