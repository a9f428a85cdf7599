"""Secrets of a cluster: made on first need, kept ansible-vault encrypted beside the topology."""

import os
import secrets as csprng
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_config_path
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from cluster_cli.errors import ClusterError, Exit

KEY_FILE_ENV = "CLUSTER_VAULT_KEY_FILE"
LOCK_SECONDS = 60
HELPER_SECONDS = 120


def password() -> str:
    """256 bits from the system's CSPRNG, in characters every configuration file takes unquoted."""
    return csprng.token_urlsafe(32)


@dataclass(frozen=True)
class Secrets:
    """Named secrets in one vaulted YAML file."""

    path: Path
    key: "VaultKey" = field(repr=False)

    @classmethod
    def open(cls, path: Path, cluster: str) -> "Secrets":
        """The secrets in `path` (it need not exist yet) of the cluster called `cluster`."""
        return cls(Path(os.path.realpath(path)), VaultKey.of(cluster))

    def names(self) -> list[str]:
        """The names of all secrets there are, sorted. Raises ClusterError when unreadable."""
        return sorted(self._read())

    def get(self, name: str) -> str:
        """The secret called `name`. Raises ClusterError when it is missing or unreadable."""
        try:
            return self._read()[name]
        except KeyError:
            raise ClusterError(
                f"there is no secret called {name!r}",
                where=str(self.path),
                why="it has not been made yet, or the file is of another cluster",
                hint="cluster up makes what is missing",
            ) from None

    def ensure(self, name: str, make: Callable[[], str]) -> str:
        """The secret called `name`; made by `make` and kept if there is none.

        Safe when several processes ask at once: one of them makes it, all get the same.
        """
        found = self._read().get(name)
        if found is not None:
            return found
        fresh = make()
        with self._locked():
            kept = self._read()
            if name not in kept:
                self._write({**kept, name: fresh})
                return fresh
            return kept[name]

    @contextmanager
    def _locked(self) -> Iterator[None]:
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
            raise _unwritable(self.path, error) from None
        with held:
            yield

    def _read(self) -> dict[str, str]:
        try:
            vaulted = self.path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise ClusterError(
                "the secrets cannot be read",
                where=str(self.path),
                why=error.strerror or str(error),
                hint="run as the user who owns the file",
            ) from None
        return _parse(_decrypt(vaulted, self.key.existing(self.path), self.path), self.path)

    def _write(self, values: dict[str, str]) -> None:
        text = StringIO()
        YAML(typ="safe", pure=True).dump(values, text)
        vaulted = _encrypt(text.getvalue().encode(), self.key.existing_or_new())
        try:
            _replace(self.path, vaulted)
        except OSError as error:
            raise _unwritable(self.path, error) from None


@dataclass(frozen=True)
class VaultKey:
    """Where the key of one cluster's secrets lies. ours: made by us, so ours to make and to check."""

    path: Path
    ours: bool

    @classmethod
    def of(cls, cluster: str) -> "VaultKey":
        """The file CLUSTER_VAULT_KEY_FILE names, else one in the user's configuration directory."""
        if named := os.environ.get(KEY_FILE_ENV):
            return cls(Path(named).expanduser(), ours=False)
        return cls(user_config_path("cluster") / cluster / "vault-key", ours=True)

    def existing(self, needed_for: Path) -> bytes:
        """The key. Raises ClusterError when it is missing, empty, or open to other users."""
        try:
            text = self._run() if self._is_helper() else self.path.read_bytes()
        except FileNotFoundError:
            raise ClusterError(
                "the key of the secrets is missing",
                where=str(self.path),
                why=f"{needed_for} is encrypted with it",
                hint=f"put the key back from its backup, or point {KEY_FILE_ENV} to it",
            ) from None
        except OSError as error:
            raise self._broken(error.strerror or str(error)) from None
        if self.ours and self.path.stat().st_mode & 0o077:
            raise self._broken("other users can read it", f"chmod 600 {self.path}")
        if not text.strip():
            raise self._broken("it is empty")
        return text.strip()

    def existing_or_new(self) -> bytes:
        """The key; a new one when it is ours to make and there is none."""
        if self.ours and not self.path.exists():
            try:
                self._make()
            except OSError as error:
                raise self._broken(error.strerror or str(error)) from None
        return self.existing(self.path)

    def _make(self) -> None:
        """Publish a whole key or none; whoever comes second keeps the first one's."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = _draft(self.path, f"{password()}\n".encode())
        try:
            os.link(draft, self.path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        _sync_directory(self.path.parent)

    def _is_helper(self) -> bool:
        return not self.ours and self.path.is_file() and os.access(self.path, os.X_OK)

    def _run(self) -> bytes:
        try:
            done = subprocess.run(
                [self.path.absolute()],
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=HELPER_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise self._broken(f"the helper did not answer within {HELPER_SECONDS} s") from None
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise self._broken(said[-1] if said else f"the helper ended with code {done.returncode}")
        return done.stdout

    def _broken(self, why: str, hint: str = "") -> ClusterError:
        return ClusterError(
            "the key of the secrets cannot be used",
            where=str(self.path),
            why=why,
            hint=hint or f"mend the file, or point {KEY_FILE_ENV} to the right one",
        )


def _decrypt(vaulted: bytes, key: bytes, path: Path) -> bytes:
    """The plain text. Ansible is imported here and not above: it costs every verb half a second."""
    from ansible.errors import AnsibleError
    from ansible.parsing.vault import VaultLib, VaultSecret, is_encrypted

    if not is_encrypted(vaulted):
        raise ClusterError(
            "the secrets are not encrypted, or the file is damaged",
            where=str(path),
            why="it does not begin as an ansible-vault file does",
            hint="put the file back from its backup",
        )
    try:
        return bytes(VaultLib([("default", VaultSecret(key))]).decrypt(vaulted))
    except (AnsibleError, ValueError, IndexError):
        raise ClusterError(
            "the secrets cannot be decrypted",
            where=str(path),
            why="the key is another one, or the file was changed or cut short",
            hint=f"put file and key back from the same backup; {KEY_FILE_ENV} names another key",
        ) from None


def _encrypt(plain: bytes, key: bytes) -> bytes:
    from ansible.parsing.vault import VaultLib, VaultSecret

    return bytes(VaultLib().encrypt(plain, secret=VaultSecret(key)))


def _parse(plain: bytes, path: Path) -> dict[str, str]:
    try:
        values = YAML(typ="safe", pure=True).load(plain.decode())
    except (YAMLError, UnicodeDecodeError):  # the message of either would show the text
        values = None
    if isinstance(values, dict) and all(isinstance(value, str) for value in values.values()):
        return values
    raise ClusterError(
        "the secrets are not a list of names and texts",
        where=str(path),
        why="the file was edited by hand",
        hint=f"ansible-vault edit {path}",
    )


def _replace(path: Path, content: bytes) -> None:
    """Write so that a reader, or a power cut, sees the old file or the new one."""
    draft = _draft(path, content)
    try:
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def _draft(path: Path, content: bytes) -> Path:
    """A file beside `path`, mode 0600, with `content` on the disk."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unwritable(path: Path, error: OSError) -> ClusterError:
    return ClusterError(
        "the secrets cannot be written",
        where=str(path),
        why=error.strerror or str(error),
        hint=f"make {path.parent} writable for you, with room on its disk",
    )
