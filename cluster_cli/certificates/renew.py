"""Renew certificates and bring them to the services: the stages that use them, and no other."""

from collections.abc import Sequence
from dataclasses import replace

from cluster_cli.certificates.acme_certificates import order_due
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.inventory import Host, Inventory
from cluster_cli.run import Run
from cluster_cli.runner import converge
from cluster_cli.stages import WITH_CERTIFICATES, Stage, stages_for
from cluster_cli.topology.problems import did_you_mean
from cluster_cli.up import Outcome, contact_all, make_secrets, verify_run
from cluster_cli.workspace import Workspace

STAGES = ("certificates", "audit", "load_balancer")


def stages(workspace: Workspace) -> tuple[Stage, ...]:
    """The stages a renewal goes through."""
    return stages_for(set(workspace.render().groups()), WITH_CERTIFICATES)


def renew(run: Run, *, nodes: Sequence[str] = (), names: Sequence[str] = (), force: bool = False) -> Outcome:
    """Renew what is due on these nodes, with `force` also what is still good. Both empty: all.

    Services reload on one node at a time. What they serve is verified afterwards.
    """
    make_secrets(run)
    outcome = Outcome()
    reachable = contact_all(run, outcome, nodes)
    order_due(run, names, force=force)
    inventory = run.workspace.render()
    asked = marked(inventory, nodes, names) if force else inventory
    outcome.converged = converge(
        asked, stages(run.workspace), run.folder.path, run.emit, limit=reachable, redact=run.redact
    )
    if not outcome.converged.stopped:
        outcome.verified = verify_run(run, reachable, ("certificates",))
    return outcome


def marked(inventory: Inventory, nodes: Sequence[str], names: Sequence[str]) -> Inventory:
    """The inventory with these certificates marked to be renewed."""
    return replace(
        inventory,
        hosts=tuple(
            with_renewal(host, names) if not nodes or host.name in nodes else host for host in inventory.hosts
        ),
    )


def with_renewal(host: Host, names: Sequence[str]) -> Host:
    """A node whose certificates of these names are to be renewed."""
    wanted = [
        {**row, "renew": not names or row["name"] in names} for row in host.vars.get("certificates_wanted", ())
    ]
    return replace(host, vars={**host.vars, "certificates_wanted": wanted}) if wanted else host


def refuse_unknown(inventory: Inventory, nodes: Sequence[str], names: Sequence[str]) -> None:
    """Raises ClusterError (exit 2) when there are no certificates, or none of that name on these nodes."""
    known = {
        row["name"]
        for host in inventory.group("certificates")
        if not nodes or host.name in nodes
        for row in host.vars["certificates_wanted"]
    }
    if not known:
        what = f"{' and '.join(nodes)} has no certificates" if nodes else "no node has certificates"
        raise ClusterError(what, hint="give a frontend `tls: {}`, then: cluster up", code=Exit.USAGE)
    for name in names:
        if name not in known:
            raise ClusterError(
                f'there is no certificate "{name}"', hint=did_you_mean(name, known), code=Exit.USAGE
            )
