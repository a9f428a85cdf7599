"""A client that speaks TLS: it trusts the cluster's root and nothing else, or what an own certificate hangs on."""

import ssl
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.x509 import Certificate, load_der_x509_certificate

from cluster_cli.certificates.authority import Authority
from cluster_cli.certificates.certificate import describe, read_chain, to_text
from cluster_cli.certificates.cluster_authority import ISSUING
from cluster_cli.certificates.given import acme_certificate, own_certificate
from cluster_cli.secrets.store import Secrets

FOLDER = "/etc/cluster/certificates"


@dataclass(frozen=True)
class Tls:
    """How a client comes in. name: what it asks for, empty for the address itself."""

    context: ssl.SSLContext
    name: str = ""


def of_frontend(node: Any, frontend: dict[str, Any]) -> Tls | None:
    """How a client reaches a frontend; None for plain text."""
    if "tls" not in frontend:
        return None
    wanted = certificate_of(node, frontend)
    given = given_chain(node, wanted) if wanted["source"] != "authority" else ""
    if not given:
        return Tls(trusting(root_certificate(node.vars["cluster_secrets"], node.vars["cluster_name"])))
    names = describe(read_chain(given)[0]).names
    return Tls(trusting(given), next(iter(sorted(names)), ""))


def certificate_of(node: Any, frontend: dict[str, Any]) -> dict[str, Any]:
    """The certificate a frontend serves, as it was declared."""
    found = [
        row for row in node.vars["certificates_wanted"] if f"{FOLDER}/{row['name']}" in frontend["tls"].values()
    ]
    return dict(found[0])


def given_chain(node: Any, wanted: dict[str, Any]) -> str:
    """The chain of a certificate that does not come from the cluster's authority; empty when there is none yet."""
    if wanted["source"] == "files":
        return own_certificate(Path(wanted["certificate"]), Path(wanted["key"]), node.vars["cluster_name"]).chain
    secrets = Secrets.open(Path(node.vars["cluster_secrets"]), node.vars["cluster_name"])
    found = acme_certificate(secrets, wanted["name"])
    return found.chain if found else ""


@cache
def root_certificate(secrets: str, cluster: str) -> str:
    """The certificate of the cluster's root as the control machine knows it, not as a node tells it."""
    kept = Secrets.open(Path(secrets), cluster).get(ISSUING)
    return to_text([Authority.read(kept, ISSUING).root])


@cache
def trusting(text: str) -> ssl.SSLContext:
    """A client that trusts what this chain ends in, and nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=text)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.set_alpn_protocols(["http/1.1"])
    return context


def from_bytes(found: bytes) -> Certificate:
    """A certificate as it was sent."""
    return load_der_x509_certificate(found)
