"""What a control machine needs to take over a cluster, as one archive: gathered, packed, unpacked, put back."""

import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cluster_cli.errors import ClusterError, Exit
from cluster_cli.files import replace, sync_directory
from cluster_cli.places import private
from cluster_cli.secrets.store import Secrets
from cluster_cli.secrets.vault import VaultKey
from cluster_cli.topology.files import beside, certificate_files
from cluster_cli.topology.model import Topology
from cluster_cli.workspace import Workspace

FORMAT = 1
MOST_BYTES = 16 << 20
ABOUT, FOLDER, SECRETS, KNOWN_HOSTS, VAULT_KEY = (
    "about.json",
    "cluster/",
    "secrets.yml",
    "known_hosts",
    "vault-key",
)


@dataclass(frozen=True)
class Bundle:
    """A cluster's own files.

    topology: the name of its file; files: those of its folder by their place there, the topology among them.
    secrets: the plain text of all; vault_key: empty where it is not ours. known_hosts: the pinned keys.
    """

    cluster: str
    topology: str
    files: Mapping[str, bytes]
    secrets: bytes = field(repr=False)
    known_hosts: bytes = b""
    vault_key: bytes = field(default=b"", repr=False)

    def packed(self) -> bytes:
        """The same files always give the same bytes."""
        about = {"format": FORMAT, "cluster": self.cluster, "topology": self.topology}
        entries = {ABOUT: json.dumps(about).encode(), SECRETS: self.secrets, KNOWN_HOSTS: self.known_hosts}
        entries |= {VAULT_KEY: self.vault_key} | {FOLDER + name: each for name, each in self.files.items()}
        target = io.BytesIO()
        with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name in sorted(entries):
                info = tarfile.TarInfo(name)
                info.size, info.mode = len(entries[name]), 0o600
                tar.addfile(info, io.BytesIO(entries[name]))
        return target.getvalue()


def digest(packed: bytes) -> str:
    """By which a version is known; it tells nothing of what is in it, since keys are."""
    return hashlib.sha256(packed).hexdigest()


def squeezed(packed: bytes) -> bytes:
    """As it is sealed."""
    return gzip.compress(packed, mtime=0)


def read(squeezed: bytes, where: str) -> Bundle:
    """The bundle in an archive. Raises ClusterError where it is none, or of a newer version of ours."""
    try:
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(squeezed))) as tar:
            found = {info.name: file.read() for info in tar if (file := tar.extractfile(info))}
        about = json.loads(found[ABOUT])
        if about["format"] != FORMAT:
            raise ClusterError(
                "these files were kept by another version of cluster",
                where=where,
                why=f"they have format {about['format']}, and this one knows {FORMAT}",
                hint="use the version that kept them",
            )
        files = {name.removeprefix(FOLDER): each for name, each in found.items() if name.startswith(FOLDER)}
        return Bundle(
            about["cluster"], about["topology"], files, found[SECRETS], found[KNOWN_HOSTS], found[VAULT_KEY]
        )
    except (OSError, EOFError, tarfile.TarError, ValueError, KeyError) as error:
        raise ClusterError("the cluster's own files cannot be read", where=where, why=str(error)) from None


def gather(workspace: Workspace) -> Bundle:
    """All there is of a cluster on this machine. Raises ClusterError where it is too much to be kept so."""
    places, folder = workspace.places, workspace.places.topology.parent
    named = [path for path in (*inside(workspace.topology, places.topology), places.granted) if path.is_file()]
    found = {os.path.relpath(path, folder): path.read_bytes() for path in [places.topology, *named]}
    if (count := sum(map(len, found.values()))) > MOST_BYTES:
        raise ClusterError(
            "the files the topology names are too large to be kept with it",
            where=str(folder),
            why=f"they are {count >> 20} MB; {MOST_BYTES >> 20} MB are kept",
            hint="let the nodes have large sites from elsewhere, and leave `site` away",
        )
    key = VaultKey.of(places.name)
    return Bundle(
        cluster=places.name,
        topology=places.topology.name,
        files=found,
        secrets=Secrets.open(places.secrets, places.name).plain(),
        known_hosts=places.known_hosts.read_bytes() if places.known_hosts.exists() else b"",
        vault_key=key.existing(places.secrets) if key.ours and key.path.exists() else b"",
    )


def named_by(topology: Topology, path: Path) -> Iterator[Path]:
    """Every file and directory a topology names, besides the operators' own SSH keys. path: the topology file."""
    yield from (beside(path, web.site) for web in topology.web.values() if web.site)
    yield from (beside(path, each.signed_by) for each in topology.system.repositories.values())
    yield from (beside(path, name) for _, name in certificate_files(topology))


def inside(topology: Topology, path: Path) -> Iterator[Path]:
    """Those files that lie in the topology's folder, directories walked through."""
    for found in named_by(topology, path):
        if not lies_outside(found, path):
            yield from sorted(each for each in found.rglob("*") if each.is_file()) if found.is_dir() else (found,)


def outside(topology: Topology, path: Path) -> list[str]:
    """What a topology names that lies elsewhere, and so is not kept with it."""
    return [str(found) for found in named_by(topology, path) if lies_outside(found, path)]


def lies_outside(found: Path, topology: Path) -> bool:
    """Whether a file is not below the topology's folder."""
    return Path(os.path.relpath(found, topology.parent)).parts[0] == os.pardir


def refuse_occupied(folder: Path) -> None:
    """Raises ClusterError (exit 2) where something is in a folder already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ClusterError(
            "there is something there already", where=str(folder), hint="name a new folder", code=Exit.USAGE
        )


def put_back(bundle: Bundle, folder: Path) -> Path:
    """Make a folder the cluster's again: topology, secrets, what belongs to them; returns the topology file.

    All of it or nothing. The secrets are sealed with the key of this machine, made where there is none. Raises
    ClusterError where the folder is not empty.
    """
    refuse_occupied(folder)
    coming = folder.absolute().parent / f".{folder.name}.coming"
    shutil.rmtree(coming, ignore_errors=True)  # of one that was interrupted
    private(coming)
    for name, content in {**bundle.files, KNOWN_HOSTS: bundle.known_hosts}.items():
        place = coming / name
        if not place.resolve().is_relative_to(coming.resolve()):
            raise ClusterError(
                "a file would not lie in the folder", where=name, why="the archive was not made by us"
            )
        place.parent.mkdir(parents=True, exist_ok=True)
        replace(place, content)
    Secrets.open(coming / SECRETS, bundle.cluster).put_back(bundle.secrets)
    coming.replace(folder)
    sync_directory(folder.absolute().parent)
    return folder / bundle.topology
