#!/usr/bin/python
"""The certificates that lie on a node: which there are, and new ones put in place."""

import grp
import os
import stat

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cluster.core.plugins.module_utils import folders, ledger

DOCUMENTATION = r"""
module: certificates
short_description: Give a node the certificates its services need
description:
  - Looks at the certificates there are; the controller decides which of them are still good.
  - For those that are not, the node makes a private key, which never leaves it, and a signing request; the
    controller signs it. C(community.crypto.openssl_privatekey) and C(community.crypto.openssl_csr_pipe) do the
    node's part.
  - Certificate and key are written beside the old ones, proven to belong together, and renamed into place.
  - In check mode nothing is made; the result says what would be issued, why, and until when.
options:
  wanted:
    description: The certificates of the node's services.
    type: list
    elements: dict
    required: true
    suboptions:
      name: {description: 'Name of its folder below C(/etc/cluster/certificates).', type: str, required: true}
      names: {description: DNS names it is for., type: list, elements: str, default: []}
      addresses: {description: Addresses it is for., type: list, elements: str, default: []}
      usage: {description: What it proves., type: str, choices: [server, client, both], default: server}
      group: {description: 'Who may read the key, besides root.', type: str, default: root}
      combined: {description: 'Whether chain and key are wanted in one file too.', type: bool, default: false}
      source:
        description: Where it comes from.
        type: str
        choices: [authority, files, acme]
        default: authority
      certificate: {description: 'Own certificate with its chain, a path on the controller.', type: path}
      key: {description: 'Its key, a path on the controller.', type: path}
      renew: {description: 'Renew it even if it is good.', type: bool, default: false}
  scope:
    description: What the authority of the cluster may certify.
    type: dict
    required: true
    suboptions:
      names: {description: 'DNS names, with all below them.', type: list, elements: str, required: true}
      networks: {description: Networks in CIDR form., type: list, elements: str, required: true}
  life_seconds: {description: How long a certificate is good for., type: int, required: true}
  look: {description: 'Only look, for the action plugin.', type: bool, default: false}
  install:
    description: What to put in place, from the action plugin.
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: Name of its folder., type: str, required: true}
      certificate: {description: 'The certificate with its chain, as PEM.', type: str, required: true}
      key: {description: 'The private key, where it does not come from the node.', type: str}
  authority: {description: 'The certificate to trust, from the action plugin.', type: str, default: ''}
notes:
  - The action plugin takes the name of the cluster and the path of its secrets from the host variables
    C(cluster_name) and C(cluster_secrets).
author: the cluster maintainers
"""

EXAMPLES = r"""
- name: Give out the certificates
  cluster.core.certificates:
    wanted:
      - {name: edge-secure, names: [shop.internal], addresses: [10.0.0.100], combined: true}
    scope: {names: [shop.internal], networks: [10.0.0.0/24]}
    life_seconds: 7776000
"""

RETURN = r"""
issued:
  description: The certificates that were issued, or would be, with the reason.
  type: dict
  returned: always
"""

FOLDER = "/etc/cluster/certificates"
AUTHORITY = os.path.join(FOLDER, "ca.pem")
FRESH_KEY = "/run/cluster-%s.key"  # where community.crypto leaves a new key, in memory
OPTIONS = {
    "name": {"type": "str", "required": True},
    "names": {"type": "list", "elements": "str", "default": []},
    "addresses": {"type": "list", "elements": "str", "default": []},
    "usage": {"type": "str", "choices": ["server", "client", "both"], "default": "server"},
    "group": {"type": "str", "default": "root"},
    "combined": {"type": "bool", "default": False},
    "source": {"type": "str", "choices": ["authority", "files", "acme"], "default": "authority"},
    "certificate": {"type": "path"},
    "key": {"type": "path", "no_log": False},
    "renew": {"type": "bool", "default": False},
}
SCOPE = {
    "names": {"type": "list", "elements": "str", "required": True},
    "networks": {"type": "list", "elements": "str", "required": True},
}
INSTALL = {
    "name": {"type": "str", "required": True},
    "certificate": {"type": "str", "required": True},
    "key": {"type": "str", "no_log": True},
}


def read(path):
    """A file's text, empty when there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except FileNotFoundError:
        return ""


def public_of(private):
    """The public key of a private key as PEM; empty when there is none, or nothing that can read it yet."""
    try:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

        key = load_pem_private_key(private.encode(), password=None)
    except (ImportError, ValueError, TypeError):
        return ""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def public_in(certificate):
    """The public key of the first certificate of a chain as PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def group_id(module, name):
    """The number of a group; fails in plain words when there is none."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        module.fail_json(msg=f"there is no group {name} on this node; is the package of its service installed?")


def mode_of(item):
    """The mode of the files with the key."""
    return 0o600 if item["group"] == "root" else 0o640


def closed(item, path):
    """Whether a file with a key is open to whom it should be, and to nobody else."""
    try:
        info = os.stat(path)
        group = grp.getgrnam(item["group"]).gr_gid
    except (FileNotFoundError, KeyError):
        return False
    return (stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid) == (mode_of(item), 0, group)


def look(item):
    """What there is of one certificate."""
    folder = os.path.join(FOLDER, item["name"])
    certificate, key = (read(os.path.join(folder, name)) for name in ("cert.pem", "key.pem"))
    combined = os.path.join(folder, "combined.pem")
    private = ["key.pem"] + (["combined.pem"] if item["combined"] else [])
    return {
        "certificate": certificate,
        "public": public_of(key),
        "closed": all(closed(item, os.path.join(folder, name)) for name in private),
        "whole": read(combined) == (certificate + key if item["combined"] else ""),
    }


def write(path, text, mode, group):
    """A file beside its place, on the disk, with its owner and mode from the first moment; returns its name."""
    handle = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        os.fchown(handle, 0, group)
        os.fchmod(handle, mode)
        file.write(text)
        file.flush()
        os.fsync(handle)
    return path + ".new"


def install(module, item, given):
    """Prove that certificate and key belong together, then rename all files of it into place."""
    folder, fresh = os.path.join(FOLDER, item["name"]), FRESH_KEY % item["name"]
    key = given["key"] or read(fresh)
    if public_of(key) != public_in(given["certificate"]):
        module.fail_json(msg=f"{folder} was not touched: the certificate does not belong to the key")
    folders.make(folder)
    group, certificate = group_id(module, item["group"]), given["certificate"]
    texts = {"key.pem": key, "cert.pem": certificate} | (
        {"combined.pem": certificate + key} if item["combined"] else {}
    )
    staged = []
    for name, text in texts.items():
        mode = 0o644 if name == "cert.pem" else mode_of(item)
        staged.append((write(os.path.join(folder, name), text, mode, group), os.path.join(folder, name)))
    for draft, path in staged:
        ledger.note_file(path)
        os.rename(draft, path)
    if "combined.pem" not in texts and os.path.exists(os.path.join(folder, "combined.pem")):
        os.unlink(os.path.join(folder, "combined.pem"))
    if os.path.exists(fresh):
        os.unlink(fresh)


def trust(text):
    """Put the certificate of the authority where services find it."""
    folders.make(FOLDER)
    draft = write(AUTHORITY, text, 0o644, 0)
    ledger.note_file(AUTHORITY)
    os.rename(draft, AUTHORITY)


def main():
    module = AnsibleModule(
        argument_spec={
            "wanted": {"type": "list", "elements": "dict", "required": True, "options": OPTIONS},
            "scope": {"type": "dict", "required": True, "options": SCOPE},
            "life_seconds": {"type": "int", "required": True},
            "look": {"type": "bool", "default": False},
            "install": {"type": "list", "elements": "dict", "default": [], "options": INSTALL},
            "authority": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    wanted = {item["name"]: item for item in module.params["wanted"]}
    if module.params["look"] or module.check_mode:
        if not module.check_mode:
            for item in wanted.values():
                group_id(module, item["group"])  # before a key is made for it
        present = {name: look(item) for name, item in wanted.items()}
        module.exit_json(changed=False, present=present, authority=read(AUTHORITY))
    for given in module.params["install"]:
        install(module, wanted[given["name"]], given)
    if module.params["authority"]:
        trust(module.params["authority"])
    module.exit_json(changed=True)


if __name__ == "__main__":
    main()
