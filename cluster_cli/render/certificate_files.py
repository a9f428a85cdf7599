"""Where certificates lie on a node, for the variables of the roles that use them."""

FOLDER = "/etc/cluster/certificates"
AUTHORITY = f"{FOLDER}/ca.pem"  # what a service trusts: the certificate of the root


def folder(name: str) -> str:
    """The folder of a certificate: cert.pem, key.pem, and combined.pem where it was declared so."""
    return f"{FOLDER}/{name}"


def frontend_certificate(balancer: str, frontend: str) -> str:
    """The name of a frontend's certificate."""
    return f"{balancer}-{frontend}"
