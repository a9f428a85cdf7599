"""Another key for the vaulted secrets, so that at no moment both files are useless.

The new key lies beside the old one before anything is sealed with it, and takes its place after the file was
read with it. In between, whoever finds that the old key does not open the file tries the new one.
"""

from pathlib import Path

from cluster_cli.errors import ClusterError, Exit
from cluster_cli.files import replace, sync_directory
from cluster_cli.secrets.secret import password
from cluster_cli.secrets.store import Secrets
from cluster_cli.secrets.vault import KEY_FILE_ENV, Vault, VaultKey, decrypt, encrypt, opens


def rekey(secrets: Secrets) -> Path:
    """Seal the secrets with a new key; returns where it lies. Ends what an interrupted call began.

    Raises ClusterError when the key is not a file of ours to replace; then nothing was changed.
    """
    key = replaceable(secrets)
    with secrets.locked():
        try:
            sealed = secrets.path.read_bytes()
            if not sealed_with(sealed, key.successor):
                seal_anew(secrets, key, sealed)
            return take_over(key)
        except OSError as error:
            raise ClusterError(
                "the key was not changed",
                where=str(error.filename or key.path),
                why=error.strerror or str(error),
                hint="the old key still opens the secrets; make the place writable, then run this again",
            ) from None


def replaceable(secrets: Secrets) -> VaultKey:
    """The key, when it is a file that may be replaced. Raises ClusterError (exit 2) with the other way."""
    path = secrets.path
    if not isinstance(secrets.seal, Vault):
        raise ClusterError(
            "these secrets are kept with sops, which has keys of its own",
            where=str(path),
            hint=f"sops rotate -i {path}; after a change of who may read it: sops updatekeys {path}",
            code=Exit.USAGE,
        )
    if not path.exists():
        hint = "cluster up makes them"
        raise ClusterError("there are no secrets yet", where=str(path), hint=hint, code=Exit.USAGE)
    key = secrets.seal.key
    if key.is_helper:
        raise ClusterError(
            "the key is given by a helper program, so it is not ours to replace",
            where=str(key.path),
            why=f"{KEY_FILE_ENV} names it",
            hint="put a new key where the helper takes it from, keep the old one in a file, then: "
            f"ansible-vault rekey --vault-password-file OLD --new-vault-password-file {key.path} {path}",
            code=Exit.USAGE,
        )
    return key


def sealed_with(sealed: bytes, key: VaultKey) -> bool:
    """Whether this key is there and opens it."""
    return key.path.exists() and opens(sealed, key.existing(key.path))


def seal_anew(secrets: Secrets, key: VaultKey, sealed: bytes) -> None:
    """Make the successor, seal with it, and read the file again; the old file comes back if that fails."""
    plain = decrypt(sealed, key.existing(secrets.path), secrets.path)
    replace(key.successor.path, f"{password()}\n".encode())
    fresh = key.successor.existing(secrets.path)
    replace(secrets.path, encrypt(plain, fresh))
    if decrypt(secrets.path.read_bytes(), fresh, secrets.path) != plain:
        replace(secrets.path, sealed)
        why = "the file did not read as it was written"
        raise ClusterError("the key was not changed", where=str(secrets.path), why=why)


def take_over(key: VaultKey) -> Path:
    """Put the successor in the key's place, which loses the old key."""
    place = key.successor.path.with_name(key.successor.path.name.removesuffix(".new"))
    key.successor.path.replace(place)
    sync_directory(place.parent)
    return place
