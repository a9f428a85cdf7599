"""Secrets of a cluster: made on first need, kept encrypted beside the topology."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.representer import SafeRepresenter

from cluster_cli.errors import ClusterError, Exit
from cluster_cli.files import replace
from cluster_cli.secrets.secret import Secret, read
from cluster_cli.secrets.sops import SUFFIX, Sops
from cluster_cli.secrets.vault import Vault, VaultKey

LOCK_SECONDS = 60
Entries = dict[str, Secret]


class Seal(Protocol):
    """What encrypts the file."""

    def opened(self, sealed: bytes, path: Path) -> bytes:
        """The plain text of the file `path`."""

    def sealed(self, plain: bytes, path: Path) -> bytes:
        """`plain` as it may lie at `path`."""

    def editor(self, path: Path) -> str:
        """The command with which a person edits the file `path`."""

    def texts(self) -> tuple[str, ...]:
        """Keys of our own that must not be shown anywhere."""


@dataclass(frozen=True)
class Secrets:
    """Named secrets in one encrypted YAML file."""

    path: Path
    seal: Seal = field(repr=False)

    @classmethod
    def open(cls, path: Path, cluster: str) -> "Secrets":
        """The secrets in `path` (it need not exist yet) of the cluster called `cluster`."""
        path = Path(os.path.realpath(path))
        if not path.name.endswith(SUFFIX):
            return cls(path, Vault(VaultKey.of(cluster)))
        refuse_two_files(path)
        return cls(path, Sops())

    def names(self) -> list[str]:
        """The names of all secrets there are, sorted. Raises ClusterError when unreadable."""
        return sorted(self.entries())

    def get(self, name: str) -> str:
        """The secret called `name`. Raises ClusterError when it is missing or unreadable."""
        return self.entry(name).value

    def entry(self, name: str) -> Secret:
        """The secret called `name` with all that is known of it. Raises ClusterError as `get` does."""
        try:
            return self.entries()[name]
        except KeyError:
            raise ClusterError(
                f"there is no secret called {name!r}",
                where=str(self.path),
                why="it has not been made yet, or the file is of another cluster",
                hint="cluster up makes what is missing",
            ) from None

    def entries(self) -> Entries:
        """All secrets there are, by name. Raises ClusterError when unreadable."""
        try:
            sealed = self.path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise ClusterError(
                "the secrets cannot be read",
                where=str(self.path),
                why=error.strerror or str(error),
                hint="run as the user who owns the file",
            ) from None
        return self._parse(self.seal.opened(sealed, self.path)) if sealed or not self._by_sops else {}

    def ensure(self, name: str, make: Callable[[], str]) -> str:
        """The secret called `name`; made by `make` and kept if there is none.

        Safe when several processes ask at once: one of them makes it, all get the same.
        """
        return self.ensure_all({name: make})[name].value

    def ensure_all(self, makers: Mapping[str, Callable[[], str]]) -> Entries:
        """Every secret there is, after those of `makers` that are missing were made."""
        found = self.entries()
        missing = {name: make() for name, make in makers.items() if name not in found}
        if not missing:
            return found
        moment = datetime.now(UTC).isoformat(timespec="seconds")
        with self.locked():
            kept = self.entries()
            made = {name: Secret(value=value, made=moment) for name, value in missing.items()}
            self._write(made | kept)
            return made | kept

    def update(self, change: Callable[[Mapping[str, str]], Mapping[str, str | None]]) -> None:
        """Keep what `change` makes of the values there are, under the lock; None removes a secret."""
        moment = datetime.now(UTC).isoformat(timespec="seconds")
        with self.locked():
            kept = self.entries()
            fresh = change({name: secret.value for name, secret in kept.items()})
            if not fresh:
                return
            left = {name: secret for name, secret in kept.items() if name not in fresh}
            self._write(left | {name: Secret(value=value, made=moment) for name, value in fresh.items() if value})

    def advance(self, name: str, make: Callable[[], str]) -> Secret:
        """Take the rotation of a secret one step further; the first step lets in what `make` makes."""
        fresh = make()
        with self.locked():
            kept = self.entries()
            kept[name] = self.entry(name).after(fresh, datetime.now(UTC))
            self._write(kept)
            return kept[name]

    def plain(self) -> bytes:
        """All of them as one plain text, for a backup that seals them anew; `put_back` reads it."""
        found = self.entries()
        return written({name: found[name].plain() for name in sorted(found)})

    def put_back(self, plain: bytes) -> None:
        """Have exactly the secrets of such a text."""
        with self.locked():
            self._write(self._parse(plain))

    def texts(self) -> dict[str, tuple[str, ...]]:
        """Everything nobody else may read, by the name of the secret it belongs to."""
        found = {name: secret.texts for name, secret in self.entries().items()}
        return found | {"vault_key": self.seal.texts()}

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold a lock beside the file. Raises ClusterError when another process keeps it too long."""
        lock = FileLock(self.path.with_name(f".{self.path.name}.lock"), mode=0o600)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            held = lock.acquire(timeout=LOCK_SECONDS)
        except Timeout:
            raise ClusterError(
                "the secrets are in use by another run",
                where=str(self.path),
                why=f"its lock was not given back within {LOCK_SECONDS} s",
                hint="wait for the other run to end, then try again",
                code=Exit.LOCKED,
            ) from None
        except OSError as error:
            raise unwritable(self.path, error) from None
        with held:
            yield

    @property
    def edit(self) -> str:
        """The command with which a person edits them."""
        return self.seal.editor(self.path)

    @property
    def _by_sops(self) -> bool:
        return isinstance(self.seal, Sops)  # who wants SOPS begins with an empty file

    def _parse(self, plain: bytes) -> Entries:
        try:
            values = YAML(typ="safe", pure=True).load(plain.decode()) or {}
            return {str(name): read(value) for name, value in values.items()}
        except (YAMLError, ValueError, AttributeError):  # the message of any of them might show the text
            raise ClusterError(
                "the secrets are not a list of names and texts",
                where=str(self.path),
                why="the file was edited by hand",
                hint=self.edit,
            ) from None

    def _write(self, entries: Entries) -> None:
        sealed = self.seal.sealed(written({name: entries[name].plain() for name in sorted(entries)}), self.path)
        try:
            replace(self.path, sealed)
        except OSError as error:
            raise unwritable(self.path, error) from None


class Quoted(SafeRepresenter):
    """Every text in quotes, so that no other reader of YAML takes one for a number or a yes."""

    def text(self, value: str) -> Any:
        """One text."""
        return self.represent_scalar("tag:yaml.org,2002:str", value, style='"')


Quoted.add_representer(str, Quoted.text)


def written(values: Mapping[str, Any]) -> bytes:
    """The plain text of the file."""
    yaml, text = YAML(typ="safe", pure=True), StringIO()
    yaml.Representer = Quoted
    yaml.dump(dict(values), text)
    return text.getvalue().encode()


def refuse_two_files(path: Path) -> None:
    """Raises ClusterError when a vaulted file lies beside the one for SOPS: which one counts?"""
    other = path.with_name("secrets.yml")
    if other.exists():
        raise ClusterError(
            "there are two files of secrets",
            where=f"{other} and {path.name}",
            why="only one of them can be right",
            hint=f"remove the one you do not want; to move: ansible-vault view {other}, and give it to sops",
            code=Exit.USAGE,
        )


def unwritable(path: Path, error: OSError) -> ClusterError:
    """The error for a place we cannot write to."""
    return ClusterError(
        "the secrets cannot be written",
        where=str(path),
        why=error.strerror or str(error),
        hint=f"make {path.parent} writable for you, with room on its disk",
    )
