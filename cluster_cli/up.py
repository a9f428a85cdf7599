"""What `up` does, in order: lab, contact, converge, verify. Returns its outcome, prints nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from cluster_cli import contact
from cluster_cli.access.operator_key import authority_of
from cluster_cli.backups import own
from cluster_cli.certificates.acme_certificates import order_due
from cluster_cli.certificates.cluster_certificates import make_ready
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.events import Step
from cluster_cli.lab.stand import stand_up
from cluster_cli.run import Run
from cluster_cli.runner import Converged, converge
from cluster_cli.secrets.by_hand import refuse_missing
from cluster_cli.secrets.known import needed
from cluster_cli.secrets.store import Secrets
from cluster_cli.stages import WITH_CERTIFICATES, Stage, stages_for
from cluster_cli.verify import Verified, verify

CONTACT, LAB, VERIFY = "contact", "lab", "verify"


@dataclass
class Outcome:
    """What came of a run: its parts, and the errors to tell."""

    converged: Converged = field(default_factory=Converged)
    verified: Verified | None = None
    unreachable: list[ClusterError] = field(default_factory=list)

    @property
    def code(self) -> Exit:
        """The exit code: the worst of what happened, in the order of the contract."""
        if self.converged.interrupted or (self.verified and self.verified.interrupted):
            return Exit.INTERRUPTED
        if self.converged.failed:
            return Exit.FAILED
        if self.unreachable or self.converged.unreachable:
            return Exit.UNREACHABLE
        if self.verified and not self.verified.ok:
            return Exit.VERIFY_FAILED
        return Exit.OK

    @property
    def done(self) -> bool:
        """Whether all was done on all nodes, but for what may have failed in a stage that is apart."""
        return not (self.converged.stopped or self.unreachable or self.converged.unreachable)


def lab_alone(only: Sequence[str]) -> bool:
    """Whether the nodes are wanted and nothing on them."""
    return set(only) == {LAB}


def planned(run_stages: Sequence[Stage], *, lab: bool, verifying: bool) -> list[str]:
    """The names of everything a run will go through, for the display."""
    return [
        *([LAB] if lab else []),
        CONTACT,
        *(stage.name for stage in run_stages),
        *([own.STAGE] if "backup" in {stage.name for stage in run_stages} else []),
        *([VERIFY] if verifying else []),
    ]


def up(
    run: Run,
    *,
    only: Sequence[str] = (),
    nodes: Sequence[str] = (),
    verifying: bool = True,
    debug: bool = False,
    reached: Callable[[Run, Sequence[str]], None] | None = None,
) -> Outcome:
    """Make the topology true and verify it. only: stages; nodes: nodes; both empty for all.

    reached: what is to be done first on the nodes that answer.

    The lab's nodes are made whatever `only` says; when it says "lab" alone, that is all.

    Raises ClusterError when nothing could be done at all; everything else,
    a failed task or a node out of reach, is in the outcome.
    """
    workspace = run.workspace
    make_secrets(run)
    if workspace.topology.is_lab or LAB in only:  # a cluster that is no lab is refused there
        with run.stage(LAB, "Make the lab's nodes"):
            stand_up(workspace, lambda node, text: run.emit(Step(LAB, text, node)))
    outcome = Outcome()
    reachable = contact_all(run, outcome, nodes)
    if lab_alone(only):
        return outcome
    if reached:
        reached(run, reachable)
    inventory = workspace.render()
    stages = stages_for(set(inventory.groups()), tuple(only))
    outcome.converged = converge(
        inventory, stages, run.folder.path, run.emit, limit=reachable, debug=debug, redact=run.redact
    )
    if outcome.converged.stopped:
        return outcome
    if "load_balancer" in {stage.name for stage in stages} and order_due(run):
        outcome.converged = bring_certificates(run, outcome.converged, reachable)
        if outcome.converged.stopped:
            return outcome
    if "ssh_trust" in {stage.name for stage in stages}:
        contact.trust_authority(workspace, authority_of(workspace).publics("host"))
    if "backup" in {stage.name for stage in stages}:
        keep_own_files(run, reachable)
    if verifying:
        some = reachable if len(reachable) < len(inventory.hosts) else ()
        roles = to_verify(stages, outcome.converged, set(inventory.groups()), everything=not only)
        if roles is not None:
            outcome.verified = verify_run(run, some, roles)
    return outcome


def to_verify(
    stages: Sequence[Stage], converged: Converged, groups: set[str], *, everything: bool
) -> Sequence[str] | None:
    """The roles to verify, empty for all, None where none is left: not those of stages that failed, which is told.

    groups: the roles there are; everything: whether all stages were run.
    """
    failed = {task.stage for task in converged.failures}
    if everything and not failed:
        return ()
    roles = [role for each in stages if each.name not in failed for role in each.roles if role in groups]
    return roles if roles or not failed else None


def keep_own_files(run: Run, reachable: Sequence[str]) -> None:
    """Have the backup nodes among these keep what this machine knows of the cluster."""
    if hosts := [host for host in run.workspace.inventory.group("backup") if host.name in reachable]:
        own.keep_in(run, hosts)


def bring_certificates(run: Run, before: Converged, reachable: Sequence[str]) -> Converged:
    """Bring the certificates that just came to the services that use them."""
    inventory = run.workspace.render()
    stages = stages_for(set(inventory.groups()), WITH_CERTIFICATES)
    done = converge(inventory, stages, run.folder.path, run.emit, limit=reachable, redact=run.redact)
    return replace(done, changed=before.changed + done.changed)


def make_secrets(run: Run) -> None:
    """Make the secrets that are missing before anything is touched, so that none is made behind our back."""
    workspace = run.workspace
    secrets = Secrets.open(workspace.places.secrets, workspace.topology.name)
    secrets.ensure_all({known.name: known.make for known in needed(workspace.topology)})
    refuse_missing(workspace)
    make_ready(workspace)
    run.learn_secrets()


def contact_all(run: Run, outcome: Outcome, nodes: Sequence[str]) -> list[str]:
    """Call the nodes; those that answer, in order. Raises ClusterError when a key changed or nobody answers."""
    with run.stage(CONTACT, "Reach every node"):
        contacts = contact.call(run.workspace, str(run.head))
        for row in contacts.values():
            if row.first and row.pinned and not run.workspace.topology.is_lab:
                run.emit(Step(CONTACT, f"first contact, host key pinned: {row.pinned}", row.node, keep=True))
        contact.refuse_changed(contacts)
        wanted = {name: row for name, row in contacts.items() if not nodes or name in nodes}
        outcome.unreachable = contact.unusable(wanted)
        reachable = [name for name, row in wanted.items() if row.verdict == "ok"]
        if not reachable:
            raise nobody(outcome.unreachable)
    return reachable


def nobody(errors: Sequence[ClusterError]) -> ClusterError:
    """The error when no node can be worked on: the first one's own, with the number of the others."""
    first = errors[0]
    others = f" ({len(errors)} nodes in all, none can be worked on)" if len(errors) > 1 else ""
    return ClusterError(first.what + others, why=first.why, hint=first.hint, code=Exit.UNREACHABLE)


def verify_run(run: Run, nodes: Sequence[str] = (), roles: Sequence[str] = ()) -> Verified:
    """Verify as a stage of a run; JUnit lies in the run's directory."""
    with run.stage(VERIFY, "Verify every node"):
        junit = run.folder.path / "junit.xml"
        return verify(run.workspace, run.emit, nodes=nodes, roles=roles, junit=junit, redact=run.redact)
