"""Texts sealed with ansible-vault, and the key that opens them."""

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from platformdirs import user_config_path

from cluster_cli.errors import ClusterError
from cluster_cli.files import draft, sync_directory
from cluster_cli.secrets.secret import password

KEY_FILE_ENV = "CLUSTER_VAULT_KEY_FILE"
HELPER_SECONDS = 120
MISSING = "the key of the secrets is missing"


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

    @property
    def successor(self) -> "VaultKey":
        """The key that takes over in the middle of a change of keys."""
        real = Path(os.path.realpath(self.path))
        return VaultKey(real.with_name(f"{real.name}.new"), ours=True)

    @property
    def is_helper(self) -> bool:
        """Whether a program gives the key."""
        return not self.ours and self.path.is_file() and os.access(self.path, os.X_OK)

    def existing(self, needed_for: Path) -> bytes:
        """The key. Raises ClusterError when it is missing, empty, or open to other users."""
        try:
            text = self._run() if self.is_helper else self.path.read_bytes()
        except FileNotFoundError:
            raise ClusterError(
                MISSING,
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
        fresh = draft(self.path, f"{password()}\n".encode())
        try:
            os.link(fresh, self.path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
        sync_directory(self.path.parent)

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


@dataclass(frozen=True)
class Vault:
    """Seals with a key, in ansible-vault's format."""

    key: VaultKey = field(repr=False)

    def opened(self, sealed: bytes, path: Path) -> bytes:
        """The plain text of the file `path`. Raises ClusterError when the key is wrong or the text damaged.

        Whoever ended a change of keys half-way (`rekey`) may have left a file that its successor opens.
        """
        key = self.key.existing(path)
        try:
            return decrypt(sealed, key, path)
        except ClusterError:
            if not self.key.successor.path.exists():
                raise
        return decrypt(sealed, self.key.successor.existing(path), path)

    def sealed(self, plain: bytes, path: Path) -> bytes:
        """`plain`, encrypted; with the successor's key where the file there is sealed with it."""
        return encrypt(plain, self._key_in_use(path))

    def editor(self, path: Path) -> str:
        """The command with which a person edits the file `path`."""
        return f"ansible-vault edit --vault-password-file {self.key.path} {path}"

    def _key_in_use(self, path: Path) -> bytes:
        if self.key.successor.path.exists() and path.exists():
            after = self.key.successor.existing(path)
            if opens(path.read_bytes(), after):
                return after
        return self.key.existing_or_new()

    def texts(self) -> tuple[str, ...]:
        """The keys there are."""
        keys = [key for key in (self.key, self.key.successor) if key.path.exists()]
        return tuple(key.existing(key.path).decode(errors="replace") for key in keys)


def decrypt(sealed: bytes, key: bytes, path: Path) -> bytes:
    """The plain text. Ansible is imported here and not above: it costs every verb half a second."""
    from ansible.errors import AnsibleError
    from ansible.parsing.vault import VaultLib, VaultSecret, is_encrypted

    if not is_encrypted(sealed):
        raise ClusterError(
            "the secrets are not encrypted, or the file is damaged",
            where=str(path),
            why="it does not begin as an ansible-vault file does",
            hint="put the file back from its backup",
        )
    try:
        return bytes(VaultLib([("default", VaultSecret(key))]).decrypt(sealed))
    except (AnsibleError, ValueError, IndexError):
        raise ClusterError(
            "the secrets cannot be decrypted",
            where=str(path),
            why="the key is another one, or the file was changed or cut short",
            hint=f"put file and key back from the same backup; {KEY_FILE_ENV} names another key",
        ) from None


def opens(sealed: bytes, key: bytes) -> bool:
    """Whether this key opens it."""
    try:
        decrypt(sealed, key, Path())
    except ClusterError:
        return False
    return True


def encrypt(plain: bytes, key: bytes) -> bytes:
    """`plain` in ansible-vault's format."""
    from ansible.parsing.vault import VaultLib, VaultSecret

    return bytes(VaultLib().encrypt(plain, secret=VaultSecret(key)))
