"""The cluster's account at an ACME service: its key among the secrets, and what the service knows it by."""

import base64
import json
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from cluster_cli.certificates.authority import private_text
from cluster_cli.errors import ClusterError
from cluster_cli.secrets.store import Secrets

ACCOUNT = "acme_account_key"
COORDINATE_BYTES = 32


def account_key(secrets: Secrets, *, dry: bool = False) -> str:
    """The key of the account (PEM), made at first need. dry: made up for the moment instead."""
    if dry and ACCOUNT not in secrets.names():
        return new_key()
    return secrets.ensure(ACCOUNT, new_key)


def new_key() -> str:
    """A private key (ECDSA P-256) as PEM."""
    return private_text(ec.generate_private_key(ec.SECP256R1()))


def thumbprint(key: str) -> str:
    """The thumbprint of an account's key (RFC 7638): with it any balancer answers any challenge."""
    private = load_pem_private_key(key.encode(), password=None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise ClusterError("the key of the ACME account is not an ECDSA key", where=ACCOUNT)
    numbers = private.public_key().public_numbers()
    x, y = (text(number.to_bytes(COORDINATE_BYTES, "big")) for number in (numbers.x, numbers.y))
    members = {"crv": "P-256", "kty": "EC", "x": x, "y": y}
    return text(sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).digest())


def text(number: bytes) -> str:
    """Bytes as base64url without padding, as ACME writes them."""
    return base64.urlsafe_b64encode(number).rstrip(b"=").decode()
