"""Where a cluster keeps its files on the control machine (XDG base directories)."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from platformdirs import user_state_path

PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """A folder or file that ships with us: in the wheel's bundle, or in the checkout around the package."""
    bundled = PACKAGE / "bundle" / name
    return bundled if bundled.exists() else PACKAGE.parent / name


def private(folder: Path) -> Path:
    """The folder, made if needed, readable by its owner only."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def runtime_root() -> Path:
    """The XDG runtime directory, or one of our own in the temporary directory where there is none."""
    given = os.environ.get("XDG_RUNTIME_DIR")
    if given and os.access(given, os.W_OK):
        return Path(given) / "cluster"
    return Path(tempfile.gettempdir()) / f"cluster-{os.getuid()}"


@dataclass(frozen=True)
class Places:
    """The places of one cluster. topology: its file, absolute; name: the cluster's name."""

    topology: Path
    name: str

    @cached_property
    def state(self) -> Path:
        """What survives a run: known hosts, the lab's key, the runs themselves."""
        return private(user_state_path("cluster") / self.name)

    @cached_property
    def sockets(self) -> Path:
        """Control sockets of SSH. Short, since a socket's path may have 108 bytes."""
        folder = private(runtime_root() / hashlib.sha256(str(self.state).encode()).hexdigest()[:8])
        if folder.stat().st_uid != os.getuid():
            raise PermissionError(f"{folder} belongs to somebody else")
        return folder

    @property
    def secrets(self) -> Path:
        """The encrypted secrets, beside the topology; those of the program sops where there is its file."""
        by_sops = self.topology.parent / "secrets.sops.yml"
        return by_sops if by_sops.exists() else self.topology.parent / "secrets.yml"

    @property
    def granted(self) -> Path:
        """The certificates operators were given, beside the topology, where a second operator sees them."""
        return self.topology.parent / "access.jsonl"

    @property
    def known_hosts(self) -> Path:
        """The host keys pinned for this cluster."""
        return self.state / "known_hosts"

    @property
    def operator_key(self) -> Path:
        """The private key with which lab nodes are reached."""
        return self.state / "operator_ed25519"

    @property
    def lock(self) -> Path:
        """The lock of this cluster."""
        return self.state / "lock"
