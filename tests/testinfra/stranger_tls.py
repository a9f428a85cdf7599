"""Somebody nobody knows, with a certificate nobody signed, who opens a RELP session as a node would."""

import base64
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


def certificate() -> str:
    """A certificate with its key (PEM), named as a node might be, that nobody we know has signed."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stranger")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
    signed = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    return (signed + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())).decode()


# Opens a RELP session with each that a configuration of rsyslog sends to: as the node, as a stranger, as nobody.
CALL = """
import base64, re, ssl, socket, tempfile
def call(address, port, *chain):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if chain:
        context.load_cert_chain(*chain)
    try:
        with socket.create_connection((address, port), 5) as raw, context.wrap_socket(raw) as line:
            data = "relp_version=0\\nrelp_software=verification\\ncommands=syslog"
            line.settimeout(5)
            line.sendall(f"1 open {len(data)} {data}\\n".encode())
            return "answered" if line.recv(100).startswith(b"1 rsp") else "refused"
    except OSError as error:
        return "refused"
places = set(re.findall(r'target="([^"]+)" port="(\\d+)"', open("%s").read()))
for address, port in sorted(places):
    with tempfile.NamedTemporaryFile() as file:
        file.write(base64.b64decode("%s"))
        file.flush()
        print("node", call(address, int(port), "%s/cert.pem", "%s/key.pem"))
        print("stranger", call(address, int(port), file.name))
        print("nobody", call(address, int(port)))
"""


def ask(config: str, folder: str) -> str:
    """The command for COLLECT. config: rsyslog's, which names the places; folder: the node's own certificate."""
    text = CALL % (config, base64.b64encode(certificate().encode()).decode(), folder, folder)
    return f"echo {base64.b64encode(text.encode()).decode()} | base64 -d | python3 -"
