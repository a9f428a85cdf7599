"""The key of the root in a file of its own, in ansible-vault's format, under a passphrase of its own."""

from pathlib import Path

from cluster_cli.certificates.cluster_authority import TlsAuthority
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.files import replace
from cluster_cli.secrets.vault import decrypt, encrypt


def take(authority: TlsAuthority, file: Path, passphrase: str) -> None:
    """Write the root's key to the file, read it back, and only then remove it from the secrets."""
    root = authority.root()
    write(file, encrypt(root.text().encode(), passphrase.encode()))
    if opened(file, passphrase) != root.text():
        raise ClusterError("the file was not written as it should be", where=str(file), hint="try another medium")
    authority.forget_root()


def write(file: Path, content: bytes) -> None:
    """Write a file only its owner reads. Raises ClusterError when it cannot be written."""
    try:
        replace(file, content)
    except OSError as error:
        raise ClusterError(
            "the file cannot be written", where=str(file), why=error.strerror or str(error)
        ) from None


def bring(authority: TlsAuthority, file: Path, passphrase: str) -> None:
    """Put the root's key back. Raises ClusterError when the passphrase is wrong, or it is another cluster's."""
    authority.bring_online(opened(file, passphrase), str(file))


def opened(file: Path, passphrase: str) -> str:
    """The text in the file."""
    try:
        return decrypt(file.read_bytes(), passphrase.encode(), file).decode()
    except ClusterError as error:
        hint = "try the passphrase again, or another copy of the file"
        raise ClusterError("the root's key cannot be read", where=str(file), why=error.why, hint=hint) from None


def refuse_to_overwrite(file: Path) -> None:
    """Raises ClusterError (exit 2) when there is such a file: it may be the only copy of another root."""
    if file.exists():
        raise ClusterError(
            "there is such a file already", where=str(file), hint="name another one", code=Exit.USAGE
        )
