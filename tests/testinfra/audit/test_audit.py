"""Records of logins and commands reach every collector, and only from nodes of the cluster."""

import base64
import secrets
from datetime import UTC, datetime, timedelta

import pytest
import sandbox
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

MARK = secrets.token_hex(8)
KEPT, CONFIG = "/var/log/cluster/audit", "/etc/rsyslog.d/20-cluster-audit.conf"
SECONDS = 20


def stranger() -> str:
    """A certificate with its key (PEM), named as a node might be, that nobody we know has signed."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stranger")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    return (certificate + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())).decode()


# Opens a RELP session with the first collector: once as the node, once as a stranger, once as nobody.
CALL = """
import base64, re, ssl, socket, sys, tempfile
found = re.search(r'target="([^"]+)" port="(\\d+)"', open("%s").read())
folder = re.search(r'tls.myCert="(.+?)/cert.pem"', open("%s").read())[1]
def call(*chain):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if chain:
        context.load_cert_chain(*chain)
    try:
        with socket.create_connection((found[1], int(found[2])), 5) as raw, context.wrap_socket(raw) as line:
            data = "relp_version=0\\nrelp_software=verification\\ncommands=syslog"
            line.settimeout(5)
            line.sendall(f"1 open {len(data)} {data}\\n".encode())
            return "answered" if line.recv(100).startswith(b"1 rsp") else "refused"
    except OSError as error:
        return "refused"
if found:
    with tempfile.NamedTemporaryFile() as file:
        file.write(base64.b64decode("%s"))
        file.flush()
        print("node", call(f"{folder}/cert.pem", f"{folder}/key.pem"))
        print("stranger", call(file.name))
        print("nobody", call())
""" % (CONFIG, CONFIG, base64.b64encode(stranger().encode()).decode())  # noqa: UP031 (braces all over)

COLLECT = {
    "sandbox": sandbox.ask("rsyslog"),
    "service": "systemctl is-active rsyslog",
    "config": "rsyslogd -N1",
    "sent": f"logger -p authpriv.notice -t cluster-verify {MARK}",
    # a collector waits until it has heard of itself and of all that it knows of
    "received": f"""test -d {KEPT} || exit 0
        all=$(($(grep -c 'fromhost-ip ==' {CONFIG}) + 1))
        for try in $(seq {SECONDS * 2}); do
            found=$(grep -l 'cluster-verify.* uid=0 .*{MARK}' {KEPT}/*.log 2>/dev/null)
            test $(echo "$found" | wc -w) -ge $all && break; sleep 0.5
        done; echo "$found" """,
    "files": f"find {KEPT} -type f -exec stat -c '%U %G %a' {{}} + 2>/dev/null | sort -u",
    "calls": f"echo {base64.b64encode(CALL.encode()).decode()} | base64 -d | python3 -",
    "kernel": "systemd-detect-virt --quiet --container && echo container || auditctl -s",
    "rules": "command -v auditctl >/dev/null && auditctl -l",
}


def test_it_runs_with_a_configuration_that_passes(observed):
    assert observed["service"].stdout == "active\n"
    assert observed["config"].rc == 0, observed["config"].stderr


def test_every_collector_has_the_records_of_every_node(inventory, observed_on):
    hosts = inventory.group("audit")
    for collector in (host for host in hosts if host.vars["audit_collects"]):
        files = observed_on(collector.name)["received"].stdout.split()
        heard = {path.rsplit("/", 1)[1].removesuffix(".log") for path in files}
        assert heard == {host.name for host in hosts}, f"{collector.name} did not hear of all within {SECONDS} s"


def test_what_is_kept_only_administrators_read(node, observed):
    if node.vars["audit_collects"]:
        assert observed["files"].stdout.splitlines() == ["root adm 640"]


@pytest.mark.parametrize(("who", "answer"), [("node", "answered"), ("stranger", "refused"), ("nobody", "refused")])
def test_a_collector_speaks_with_nodes_of_the_cluster_alone(node, observed, who, answer):
    if node.vars["audit_collectors"]:
        assert f"{who} {answer}" in observed["calls"].stdout.splitlines(), observed["calls"]


def test_the_kernel_records_what_people_do_as_root(observed):
    if observed["kernel"].stdout == "container\n":
        pytest.skip("the kernel's audit is not for containers: no auditd here")
    assert "enabled 1" in observed["kernel"].stdout or "enabled 2" in observed["kernel"].stdout
    for key in ("people-as-root", "accounts", "ssh", "cluster", "audit", "time", "modules"):
        assert f"key={key}" in observed["rules"].stdout or f"-k {key}" in observed["rules"].stdout, key


def test_it_could_do_little_harm(observed):
    assert sandbox.exposure(observed["sandbox"]) <= 3.5  # it reads what all others write
