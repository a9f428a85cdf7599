"""A repository in a bucket of an S3 store, as this machine reads it: what opens it, and how restic is told."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cluster_cli.backups.nodes import backup_nodes
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.secrets.store import Secrets
from cluster_cli.topology.fields import HOST
from cluster_cli.topology.stores import PART, PORT
from cluster_cli.workspace import Workspace

SCHEME = "s3:"
REPOSITORY = re.compile(rf"s3:https://{HOST}(:{PORT})?(/{PART})+")
CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
CREDENTIALS = "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n"


@dataclass(frozen=True)
class Access:
    """What opens a repository in a bucket.

    repository: as restic takes it, s3:https://HOST/BUCKET/PREFIX. region, lookup (dns or path): empty where restic
    finds out. authority: certificates, PEM, of who signed the store's; empty where this machine knows them.
    """

    repository: str
    key_id: str
    secret: str = field(repr=False)
    region: str = ""
    lookup: str = ""
    authority: str = ""


@dataclass(frozen=True)
class Told:
    """How restic is told: words of its command line, its environment, and file descriptors it needs to have."""

    words: tuple[str, ...]
    environment: Mapping[str, str]
    files: tuple[int, ...] = ()


def accesses(workspace: Workspace) -> dict[str, Access]:
    """By backup node, of those whose repository is in a bucket. Raises ClusterError where a secret is missing."""
    hosts = [host for host in backup_nodes(workspace) if host.vars.get("backup_s3")]
    secrets = Secrets.open(workspace.places.secrets, workspace.places.name) if hosts else None
    found = {}
    for host in hosts:
        assert secrets
        s3 = host.vars["backup_s3"]
        found[host.name] = Access(
            repository=host.vars["backup_store"],
            key_id=secrets.entry(s3["access_key_id"]).value.strip(),
            secret=secrets.entry(s3["secret_access_key"]).value.strip(),
            region=s3["region"],
            lookup=s3["bucket_lookup"],
            authority=certificates(Path(s3["authority"])) if s3["authority"] else "",
        )
    return found


def certificates(file: Path) -> str:
    """The certificates in a file (RFC 7468), without what people wrote between them."""
    found = CERTIFICATE.findall(file.read_text(encoding="ascii", errors="replace").replace("\r", ""))
    return "".join(f"{each}\n" for each in found)


def typed(repository: str, key_id: str, secret: str) -> Access:
    """What somebody says who has no sheet."""
    return Access(repository, key_id.strip(), secret.strip())


def refuse_no_repository(where: str) -> None:
    """Raises ClusterError (exit 2) for what cannot be a repository in a bucket."""
    if not REPOSITORY.fullmatch(where):
        raise ClusterError(
            f"{where} is no store", hint="such as s3:https://host/bucket/shop/bak2", code=Exit.USAGE
        )


@contextmanager
def opening(access: Access) -> Iterator[Told]:
    """How restic is told; what is secret is in the memory of both, and in no file, argument or environment."""
    words = [
        *(["-o", f"s3.region={access.region}"] if access.region else []),
        *(["-o", f"s3.bucket-lookup={access.lookup}"] if access.lookup else []),
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with ExitStack() as stack:
        files = [stack.enter_context(in_memory(CREDENTIALS.format(access.key_id, access.secret)))]
        environment["AWS_SHARED_CREDENTIALS_FILE"] = f"/proc/self/fd/{files[0]}"
        if access.authority:
            files.append(stack.enter_context(in_memory(access.authority)))
            words += ["--cacert", f"/proc/self/fd/{files[1]}"]
        yield Told(tuple(words), environment, tuple(files))


@contextmanager
def in_memory(text: str) -> Iterator[int]:
    """The descriptor of a file that has no name (memfd_create(2))."""
    handle = os.memfd_create("cluster")
    try:
        os.write(handle, text.encode())
        yield handle
    finally:
        os.close(handle)
