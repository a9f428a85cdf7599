"""The certificates of a node: whole, good, and the ones its services show to a client."""

import os
from datetime import UTC, datetime

import client
import pytest
import tls

from cluster_cli.certificates.authority import CLOCK_SKEW, Authority, Terms, why_renew
from cluster_cli.certificates.certificate import describe, fingerprint, is_key_of, read_chain, split
from cluster_cli.certificates.cluster_authority import ISSUING
from cluster_cli.secrets.store import Secrets

FOLDER = "/etc/cluster/certificates"
PUBLIC = """
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
import pathlib
for path in sorted(pathlib.Path("/etc/cluster/certificates").glob("*/key.pem")):
    key = load_pem_private_key(path.read_bytes(), None).public_key()
    print("==", path.parent.name)
    print(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())
"""
COLLECT = {
    "authority": f"cat {FOLDER}/ca.pem",
    "chains": f"cd {FOLDER} && for name in */; do echo == ${{name%/}}; cat $name/cert.pem; done",
    "publics": f"python3 -c '{PUBLIC}'",
    "private": f"find {FOLDER} -name 'key.pem' -o -name 'combined.pem' | xargs stat -c '%n %a %U %G'",
    "combined": f"cd {FOLDER} && for d in */; do "
    "[ ! -e $d/combined.pem ] || cat $d/cert.pem $d/key.pem | cmp - $d/combined.pem; done",
}
ENGINES = ("haproxy", "nginx")


def sections(text):
    """The parts of an outcome by the names before them."""
    rows = [part.split("\n", 1) for part in text.split("== ")[1:]]
    return {name.strip(): body for name, body in rows}


def issuing(node):
    """The issuing authority as the control machine keeps it."""
    secrets = Secrets.open(node.vars["cluster_secrets"], node.vars["cluster_name"])
    return Authority.read(secrets.get(ISSUING), ISSUING)


def doors(node):
    """The frontends of this node that speak TLS, when its balancer is set up."""
    return [
        (frontend, *client.place(node, frontend))
        for engine in ENGINES
        if engine in node.groups
        for frontend in node.vars[f"{engine}_frontends"]
        if "tls" in frontend
    ]


def test_every_certificate_is_good(node, observed):
    chains, publics = sections(observed["chains"].stdout), sections(observed["publics"].stdout)
    authority, now = issuing(node), datetime.now(UTC)
    for row in node.vars["certificates_wanted"]:
        if row["source"] != "authority":
            assert is_key_of(publics[row["name"]], read_chain(chains[row["name"]])[0])
            continue
        names, addresses = split([*row["names"], *row["addresses"]])
        said = describe(read_chain(chains[row["name"]])[0])
        terms = Terms(names, addresses, row["usage"], said.life - CLOCK_SKEW)
        why = why_renew(chains[row["name"]], publics[row["name"]], authority, terms, now)
        assert why in ("", "it is in the last third of its life"), f"{row['name']}: {why}"  # the next up renews it


def test_the_node_trusts_the_root(node, observed):
    assert read_chain(observed["authority"].stdout) == (issuing(node).root,)


def test_keys_are_closed(node, observed):
    """Those too of what the node has no part in any more."""
    groups = {row["name"]: row["group"] for row in node.vars["certificates_wanted"]}
    for line in observed["private"].stdout.splitlines():
        path, mode, owner, group = line.split()
        wanted = groups.get(path.split("/")[-2], group)
        assert (mode, owner, group) == ("600" if wanted == "root" else "640", "root", wanted), path


def test_combined_files_are_chain_and_key(observed):
    assert (observed["combined"].rc, observed["combined"].stdout) == (0, "")


@pytest.fixture
def served(node):
    """The certificate each frontend shows a client that checks chain and name."""
    if "MOLECULE_SCENARIO_NAME" in os.environ and os.environ["MOLECULE_SCENARIO_NAME"] == "certificates":
        pytest.skip("no service runs in this scenario")
    found = {}
    for frontend, address, port in doors(node):
        with client.connect(address, port, tls.of_frontend(node, frontend)) as connection:
            found[frontend["tls"]["certificate"]] = connection.getpeercert(binary_form=True)
    if not found:
        pytest.skip("no frontend of this node speaks TLS")
    return found


def test_clients_are_shown_the_certificate_on_disk(served, observed):
    chains = sections(observed["chains"].stdout)
    for folder, shown in served.items():
        on_disk = read_chain(chains[folder.rsplit("/", 1)[1]])[0]
        assert fingerprint(on_disk) == fingerprint(tls.from_bytes(shown)), f"{folder} was renewed and not reloaded"
