"""Order a certificate from an ACME service (RFC 8555).

The challenge is HTTP-01 in its stateless form: every balancer answers any token from its configuration, so no file
has to be brought anywhere, and it does not matter which balancer the service asks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from cluster_cli.certificates.acme_account import new_key
from cluster_cli.certificates.given import Given, ended
from cluster_cli.errors import ClusterError

PATIENCE = timedelta(seconds=90)
USER_AGENT = "cluster"


@dataclass(frozen=True)
class Service:
    """An ACME service and our account there. account: its key (PEM); authority: what to trust, or the system's."""

    directory: str
    account: str
    email: str | None = None
    authority: Path | None = None


def order(service: Service, names: Sequence[str]) -> Given:
    """A certificate for these names, with a new key. Raises ClusterError with the service's own words."""
    try:
        import acme.errors
        import requests
    except ImportError:
        raise ClusterError(
            "the library for ACME is not installed",
            why="a frontend says `acme: true`",
            hint="pip install 'cluster-toolkit[acme]'",
        ) from None
    key = new_key()
    try:
        return Given(ended(obtained(service, signing_request(key, names))), key)
    except (acme.errors.Error, requests.RequestException, ValueError) as error:
        raise ClusterError(
            f"the ACME service gave no certificate for {', '.join(names)}",
            where=service.directory,
            why=words(error),
            hint="these names have to lead to the balancer, on port 80, from where the service stands",
        ) from None


def obtained(service: Service, request: bytes) -> str:
    """Place the order, have the challenges checked, and take the chain."""
    client, account = registered(service)
    placed = client.new_order(request)
    for authorization in placed.authorizations:
        if authorization.body.status.name == "pending":  # the service may remember that we proved a name before
            for challenge in authorization.body.challenges:
                if challenge.chall.typ == "http-01":
                    client.answer_challenge(challenge, challenge.response(account))
    deadline = datetime.now() + PATIENCE  # the library compares with the naive local time
    return str(client.poll_and_finalize(placed, deadline).fullchain_pem)


def registered(service: Service) -> tuple[Any, Any]:
    """A client of the service with our account, and the account's key as the library has it."""
    from acme import client, errors, messages
    from josepy.jwa import ES256
    from josepy.jwk import JWKEC
    from josepy.util import ComparableECKey

    account = JWKEC(key=ComparableECKey(private_key(service.account)))
    trusted: Any = str(service.authority) if service.authority else True  # as `requests` takes it
    network = client.ClientNetwork(account, alg=ES256, user_agent=USER_AGENT, verify_ssl=trusted)
    found = client.ClientV2(client.ClientV2.get_directory(service.directory, network), network)
    wanted = messages.NewRegistration.from_data(email=service.email, terms_of_service_agreed=True)
    try:
        found.new_account(wanted)
    except errors.ConflictError as known:
        found.query_registration(messages.RegistrationResource(uri=known.location, body=messages.Registration()))
    return found, account


def private_key(text: str) -> ec.EllipticCurvePrivateKey:
    """The account's key. Raises ValueError when it is another kind."""
    key = load_pem_private_key(text.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("the account's key is not an ECDSA key")
    return key


def signing_request(key: str, names: Sequence[str]) -> bytes:
    """A request (PEM) for these names, signed by the key."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    request = builder.add_extension(alternatives, critical=False).sign(private_key(key), SHA256())
    return request.public_bytes(Encoding.PEM)


def words(error: Exception) -> str:
    """What the service said, in one line; failed challenges with their reasons."""
    failed = getattr(error, "failed_authzrs", None)
    if not failed:
        return str(error) or type(error).__name__
    reasons = (
        f"{authorization.body.identifier.value}: {challenge.error.detail}"
        for authorization in failed
        for challenge in authorization.body.challenges
        if challenge.error
    )
    return "; ".join(reasons)
