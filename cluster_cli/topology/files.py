"""The files and directories a topology names must be there."""

from collections.abc import Iterator
from pathlib import Path

from cluster_cli.topology.logs_rules import endpoints
from cluster_cli.topology.model import Ssh, Topology
from cluster_cli.topology.problems import Path as At
from cluster_cli.topology.problems import Problem
from cluster_cli.topology.walks import frontends, stores

CERTIFICATE = b"-----BEGIN CERTIFICATE-----"  # RFC 7468 section 5.1
ARMOR = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"  # RFC 9580 section 6.2


def beside(topology: Path, name: str) -> Path:
    """A file named in the topology file at `topology`: relative to that file, with ~ for the home."""
    try:
        return topology.parent / Path(name).expanduser()
    except RuntimeError:  # ~somebody who does not exist
        return topology.parent / name


def missing_files(topology: Topology, path: Path) -> Iterator[Problem]:
    """A problem for each named file that is not there. path: the topology file."""
    for name, web in topology.web.items():
        if web.site and not is_there(beside(path, web.site), folder=True):
            hint = f"make {beside(path, web.site)}, or leave `site` away for a small page"
            yield Problem(("web", name, "site"), f"there is no directory {web.site}", hint)
    for at, ssh in keys(topology) if not topology.is_lab else ():
        if ssh.key and not is_there(beside(path, ssh.key), folder=False):
            yield Problem((*at, "key"), f"there is no private key {ssh.key}", "name an existing file")
    yield from repository_keys(topology, path)
    for at, name in certificate_files(topology):
        if not is_there(beside(path, name), folder=False):
            yield Problem(at, f"there is no file {name}", "name an existing file")
        elif at[-2:] == ("s3", "authority") and CERTIFICATE not in beside(path, name).read_bytes():
            yield Problem(at, f"{name} is no certificate", f"it has to have a line {CERTIFICATE.decode()}")


def repository_keys(topology: Topology, path: Path) -> Iterator[Problem]:
    """A problem for each repository whose key is not there, or is none that APT reads from such a file."""
    for name, repository in topology.system.repositories.items():
        at, key = ("system", "repositories", name, "signed_by"), beside(path, repository.signed_by)
        if not is_there(key, folder=False):
            yield Problem(at, f"there is no file {repository.signed_by}", "name an existing file")
        elif ARMOR not in key.read_bytes():
            what = f"{repository.signed_by} is no armored public key"
            yield Problem(at, what, f"it has to have a line {ARMOR.decode()}: gpg --export --armor KEY")


def certificate_files(topology: Topology) -> Iterator[tuple[At, str]]:
    """Every certificate and key the topology names."""
    for at, _, frontend in frontends(topology):
        for field in ("certificate", "key") if frontend.tls else ():
            if name := getattr(frontend.tls, field):
                yield (*at, "tls", field), name
    for at, endpoint in endpoints(topology):
        if endpoint.ca:
            yield (*at, "ca"), endpoint.ca
    acme = topology.certificates.acme
    if acme and acme.authority:
        yield ("certificates", "acme", "authority"), acme.authority
    for at, store in stores(topology):
        if store.s3 and store.s3.authority:
            yield (*at, "s3", "authority"), store.s3.authority


def keys(topology: Topology) -> Iterator[tuple[At, Ssh]]:
    """Every place that may name a private key."""
    yield ("ssh",), topology.ssh
    yield from ((("nodes", name, "ssh"), node.ssh) for name, node in topology.nodes.items())


def is_there(path: Path, *, folder: bool) -> bool:
    """Whether there is such a directory or file."""
    try:
        return path.is_dir() if folder else path.is_file()
    except (OSError, ValueError):
        return False
