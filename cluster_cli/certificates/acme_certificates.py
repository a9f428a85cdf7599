"""The certificates frontends take from an ACME service: which are due, and ordering those."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cluster_cli.certificates.acme_account import account_key
from cluster_cli.certificates.acme_order import Service, order
from cluster_cli.certificates.certificate import covers, describe, now, read_chain
from cluster_cli.certificates.given import Given, acme_certificate, acme_secret
from cluster_cli.errors import ClusterError
from cluster_cli.events import Step
from cluster_cli.render.certificate_files import frontend_certificate
from cluster_cli.run import Run
from cluster_cli.secrets.store import Secrets
from cluster_cli.topology.files import beside
from cluster_cli.topology.model import Topology
from cluster_cli.topology.walks import frontends
from cluster_cli.workspace import Workspace

STAGE = "acme"
TIGHT = timedelta(days=14)  # with less time than that left, a failed renewal fails the run


@dataclass(frozen=True)
class Wanted:
    """A certificate from the service. certificate: its name on the nodes."""

    certificate: str
    names: tuple[str, ...]


def wanted(topology: Topology) -> tuple[Wanted, ...]:
    """Those the topology asks for."""
    return tuple(
        Wanted(
            frontend_certificate(str(path[1]), str(path[3])), tuple(name.lower() for name in frontend.tls.names)
        )
        for path, _, frontend in frontends(topology)
        if frontend.tls and frontend.tls.acme
    )


def due(given: Given | None, names: Sequence[str], moment: datetime) -> bool:
    """Whether a new one is needed: there is none, it lacks a name, or it is in the last third of its life."""
    if given is None:
        return True
    said = describe(read_chain(given.chain)[0])
    return moment >= said.renewed_from() or not all(covers(said, name) for name in names)


def order_due(run: Run, names: Sequence[str] = (), *, force: bool = False) -> bool:
    """Order what is due; whether anything came. names: only these certificates; force: also what is good.

    A renewal that nobody asked for, and that fails while the old certificate is good for long, is told and tried
    again next time. Raises ClusterError when one fails otherwise.
    """
    asked = [each for each in wanted(run.workspace.topology) if not names or each.certificate in names]
    if not asked:
        return False
    with run.stage(STAGE, "Get certificates from the ACME service"):
        secrets = Secrets.open(run.workspace.places.secrets, run.workspace.topology.name)
        came = [each for each in asked if ordered(run, secrets, each, force=force)]
        run.learn_secrets()
    return bool(came)


def ordered(run: Run, secrets: Secrets, each: Wanted, *, force: bool) -> bool:
    """Order one certificate if it is due, and keep it with its key; whether it came."""
    there = acme_certificate(secrets, each.certificate)
    if not force and not due(there, each.names, now()):
        return False
    try:
        given = order(service(run.workspace, secrets), each.names)
    except ClusterError as error:
        if force or there is None or describe(read_chain(there.chain)[0]).ends - now() < TIGHT:
            raise
        run.emit(Step(STAGE, f"{error.what}: {error.why}; the old one is good for now", keep=True))
        return False
    secrets.update(lambda _: {acme_secret(each.certificate): given.key + given.chain})
    run.emit(Step(STAGE, f"got a certificate for {', '.join(each.names)}", keep=True))
    return True


def service(workspace: Workspace, secrets: Secrets) -> Service:
    """The service the topology names. Raises ClusterError when it names none."""
    acme = workspace.topology.certificates.acme
    if acme is None:
        raise ClusterError("there is no ACME service", hint="add `certificates: {acme: {directory: ...}}`")
    authority = beside(workspace.places.topology, acme.authority) if acme.authority else None
    return Service(acme.directory, account_key(secrets), acme.email, authority)
