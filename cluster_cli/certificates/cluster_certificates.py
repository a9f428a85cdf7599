"""The certificates of a cluster: its authority made ready, the operator's own checked, those on the nodes read."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from cluster_cli.certificates.authority import Scope
from cluster_cli.certificates.certificate import describe, fingerprint, now, read_chain
from cluster_cli.certificates.cluster_authority import TlsAuthority
from cluster_cli.certificates.given import faults, own_certificate
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.inventory import Host, Inventory
from cluster_cli.secrets.store import Secrets
from cluster_cli.status.limits import WARN_DAYS, WARN_SHARE
from cluster_cli.topology.files import beside
from cluster_cli.topology.load import refused
from cluster_cli.topology.problems import Problem
from cluster_cli.topology.walks import frontends
from cluster_cli.workspace import Workspace

QUESTION = (
    "cd /etc/cluster/certificates 2>/dev/null && for n in */; do echo == ${n%/}; cat $n/cert.pem; done; true"
)
Rows = dict[str, dict[str, Any]]


def authority_of(workspace: Workspace) -> TlsAuthority:
    """The cluster's TLS authority. Raises ClusterError (exit 2) when no node has certificates."""
    hosts = workspace.render().group("certificates")
    if not hosts:
        hint = "give a frontend `tls: {}`, then: cluster up"
        raise ClusterError("no node has certificates", hint=hint, code=Exit.USAGE)
    scope = hosts[0].vars["certificates_scope"]
    secrets = Secrets.open(workspace.places.secrets, workspace.topology.name)
    return TlsAuthority(
        secrets, workspace.topology.name, Scope(frozenset(scope["names"]), frozenset(scope["networks"]))
    )


def make_ready(workspace: Workspace) -> None:
    """Check what is given, and make or renew the authority, before anything is touched.

    Raises ClusterError when an own certificate will not do (exit 2), or when the authority needs the root's
    key and that is offline.
    """
    refuse_bad_certificates(workspace)
    if workspace.render().group("certificates"):
        authority_of(workspace).issuing()


def refuse_bad_certificates(workspace: Workspace) -> None:
    """Raises TopologyError (exit 2) with all that is wrong with the operator's own certificates."""
    if problems := list(own_certificate_problems(workspace)):
        raise refused(workspace.places.topology, problems)


def own_certificate_problems(workspace: Workspace) -> Iterator[Problem]:
    """What is wrong with the certificates of the operator's own that the topology names."""
    path, name = workspace.places.topology, workspace.topology.name
    for at, _, frontend in frontends(workspace.topology):
        tls = frontend.tls
        if tls is None or not tls.certificate or not tls.key:
            continue
        try:
            given = own_certificate(beside(path, tls.certificate), beside(path, tls.key), name)
        except ClusterError as error:
            yield Problem((*at, "tls", "certificate"), f"{error.what}: {error.where}", error.why or error.hint)
            continue
        for fault in faults(given, tls.names, now()):
            yield Problem((*at, "tls", "certificate"), fault, "get the right files from whoever issued them")


def read_answer(text: str) -> dict[str, str]:
    """The certificates of a node by name, from what QUESTION printed."""
    parts = (part.split("\n", 1) for part in text.split("== ")[1:])
    return {part[0].strip(): part[1] for part in parts if len(part) == 2}


def rows(host: Host, chains: Mapping[str, str], moment: datetime) -> Rows:
    """A row for each certificate a node should have. chains: those it has."""
    return {
        wanted["name"]: row(host.name, wanted["name"], chains.get(wanted["name"], ""), moment)
        for wanted in host.vars.get("certificates_wanted", ())
    }


def row(node: str, name: str, chain: str, moment: datetime) -> dict[str, Any]:
    """What is known of one certificate, with what ought to be done about it."""
    try:
        certificate = read_chain(chain)[0]
    except ClusterError:
        return {"expires": None, "days_left": None, "warning": f"there is none; next: cluster up --node {node}"}
    said = describe(certificate)
    left = said.days_left(moment)
    return {
        "names": sorted(said.names),
        "addresses": sorted(said.addresses),
        "usage": said.usage,
        "issuer": said.issuer,
        "serial": said.serial,
        "fingerprint": fingerprint(certificate),
        "begins": said.begins.isoformat(),
        "expires": said.ends.isoformat(),
        "days_left": left,
        "warning": warning(left, said.life.days, node, name),
    }


def warning(left: float, life: float, node: str, name: str) -> str:
    """What an end that is near, or past, means for the operator; empty while it is far."""
    if left <= 0:
        return f"it has expired; next: cluster certs renew {name} --node {node}"
    if left < min(WARN_DAYS, life / WARN_SHARE):
        return f"it ends in {left:g} days; next: cluster certs renew {name} --node {node}"
    return ""


def document(workspace: Workspace, inventory: Inventory, chains: Mapping[str, str | None]) -> dict[str, Any]:
    """What `cluster certs` tells. chains: by node, what it answered; None when it did not."""
    moment = now()
    hosts = inventory.group("certificates")
    return {
        "schema_version": 1,
        "cluster": workspace.topology.name,
        "at": moment.isoformat(),
        "nodes": {
            host.name: rows(host, read_answer(chains[host.name] or ""), moment)
            for host in hosts
            if chains.get(host.name) is not None
        },
        "unreachable": [host.name for host in hosts if chains.get(host.name) is None],
        "warning": authority_of(workspace).warning() if hosts else "",
    }
