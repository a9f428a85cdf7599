"""Which certificates the services of a node have: each service declares its own in a line or two, below."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Literal, get_args

from cluster_cli.render.backup import CERTIFICATE, fetches, gives, gives_files
from cluster_cli.render.balancing import balancer_of
from cluster_cli.render.certificate_files import frontend_certificate
from cluster_cli.render.connection import Access
from cluster_cli.render.databases import certificate_name
from cluster_cli.render.monitoring import CERTIFICATE as MONITORING
from cluster_cli.render.system import domain, known_names
from cluster_cli.topology.addresses import addresses, addresses_on, subnet_of
from cluster_cli.topology.fields import is_address
from cluster_cli.topology.files import beside
from cluster_cli.topology.makers import stands_by
from cluster_cli.topology.model import Frontend, LoadBalancer, Topology
from cluster_cli.topology.monitoring import WATCHER
from cluster_cli.topology.networks import Separate

MILLISECONDS = 1000


@dataclass(frozen=True)
class Certificate:
    """A certificate of a node's service, to be found in certificate_files.folder(name).

    names, addresses: besides those of the node. usage: what it proves. group: who may read the key, besides
    root. combined: whether combined.pem, chain and key in one file, is wanted. source: the cluster's
    authority; or files, the operator's own; or acme. files: those of the operator, relative to the topology.
    """

    name: str
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    usage: Literal["server", "client", "both"] = "server"
    group: str = "root"
    combined: bool = False
    source: Literal["authority", "files", "acme"] = "authority"
    files: tuple[str, str] | None = None


def declared(topology: Topology, node: str) -> tuple[Certificate, ...]:
    """The certificates of a node. A role joins with a line here."""
    return (
        *frontend_certificates(topology, node),
        *([Certificate("audit", usage="both")] if topology.audit else ()),
        *database_certificates(topology, node),
        *backup_certificates(topology, node),
        *([Certificate("logs", usage="both")] if topology.logs else ()),
        *monitoring_certificates(topology, node),
    )


def frontend_certificates(topology: Topology, node: str) -> Iterator[Certificate]:
    """One for each frontend of the node's balancer that speaks TLS."""
    found = balancer_of(topology, node)
    if found is None:
        return
    key, balancer = found
    names, vips = virtual_names(topology, balancer)
    for front_name, frontend in balancer.frontends.items():
        if frontend.tls:
            asked = tuple(name.lower() for name in frontend.tls.names)
            yield Certificate(
                name=frontend_certificate(key, front_name),
                names=(*(name for name in asked if not is_address(name)), *names),
                addresses=(*(name for name in asked if is_address(name)), *vips),
                combined=balancer.engine == "haproxy",
                source=source(frontend),
                files=own_files(frontend),
            )


def database_certificates(topology: Topology, node: str) -> Iterator[Certificate]:
    """That of the database the node holds: for clients, who come through its balancer, and for peers."""
    for name, database in topology.databases.items():
        if node in database.voters:
            balancer = topology.load_balancers.get(database.through or "")
            names, vips = virtual_names(topology, balancer) if balancer else ([], [])
            group = "mysql" if node in database.nodes else "root"
            yield Certificate(certificate_name(name), tuple(names), tuple(vips), usage="both", group=group)


def backup_certificates(topology: Topology, node: str) -> Iterator[Certificate]:
    """By which who is given copies or files, and who gives them, know each other."""
    if gives(topology, node) or fetches(topology, node) or stands_by(topology, node):
        yield Certificate(CERTIFICATE, usage="both", group="mysql")
    elif gives_files(topology, node):
        yield Certificate(CERTIFICATE, usage="both")


def monitoring_certificates(topology: Topology, node: str) -> Iterator[Certificate]:
    """By which those that watch and those that tell know each other."""
    if topology.monitoring:
        found = balancer_of(topology, node)
        combined = bool(found and found[1].engine == "haproxy")
        yield Certificate(MONITORING, usage="both", group=WATCHER, combined=combined)


def source(frontend: Frontend) -> Literal["authority", "files", "acme"]:
    """Where a frontend's certificate comes from."""
    if own_files(frontend):
        return "files"
    return "acme" if frontend.tls and frontend.tls.acme else "authority"


def own_files(frontend: Frontend) -> tuple[str, str] | None:
    """A frontend's own certificate and key, as the topology names them."""
    tls = frontend.tls
    return (tls.certificate, tls.key) if tls and tls.certificate and tls.key else None


def virtual_names(topology: Topology, balancer: LoadBalancer) -> tuple[list[str], list[str]]:
    """The names and addresses of a balancer's virtual IPs."""
    vips = [str(vip.address) for vip in balancer.virtual_ips]
    rows = [row for row in known_names(topology) if row["address"] in vips]
    return [name for row in rows for name in row["names"]], vips


def node_names(topology: Topology, node: str) -> tuple[str, ...]:
    """The names of a node."""
    return (node, f"{node}.{domain(topology)}")


def node_addresses(topology: Topology, node: str) -> tuple[str, ...]:
    """The addresses of a node, on all networks."""
    everywhere = [addresses(topology), *(addresses_on(topology, network) for network in get_args(Separate))]
    return tuple(dict.fromkeys(str(known[node]) for known in everywhere if node in known))


def certificates_vars(topology: Topology, access: Access, name: str) -> dict[str, Any]:
    """The certificates of the node's services; empty when none needs one."""
    found = declared(topology, name)
    if not found:
        return {}
    return {
        "certificates_wanted": [wanted(topology, access, name, certificate) for certificate in found],
        "certificates_scope": scope(topology),
        "certificates_life_seconds": topology.certificates.life // MILLISECONDS,
    }


def wanted(topology: Topology, access: Access, node: str, certificate: Certificate) -> dict[str, Any]:
    """One certificate as the role takes it."""
    files = [str(beside(Path(access.topology), path)) for path in certificate.files or ()]
    row = asdict(certificate) | {
        "names": sorted({*certificate.names, *node_names(topology, node)}),
        "addresses": sorted({*certificate.addresses, *node_addresses(topology, node)}),
        "certificate": files[0] if files else "",
        "key": files[1] if files else "",
    }
    del row["files"]
    return row


def scope(topology: Topology) -> dict[str, list[str]]:
    """What the cluster's authority may certify: its domain, its network, and what else its certificates say."""
    subnet, suffix = subnet_of(topology), domain(topology)
    names, found = {suffix}, set()
    for node in topology.nodes:
        for certificate in declared(topology, node):
            if certificate.source != "files":
                names |= {*node_names(topology, node), *certificate.names}
                found |= {*node_addresses(topology, node), *certificate.addresses}
    outside = {f"{address}/32" for address in found if not subnet or IPv4Address(address) not in subnet}
    return {
        "names": sorted(name for name in names if not name.endswith(f".{suffix}")),
        "networks": sorted({*([str(subnet)] if subnet else []), *outside}),
    }
