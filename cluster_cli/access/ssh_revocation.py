"""The list of SSH certificates and keys that count no more, in OpenSSH's binary form (PROTOCOL.krl)."""

import subprocess
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from cluster_cli.errors import ClusterError

FINGERPRINT = "SHA256:"
GENERATED = slice(20, 28)  # the time of making, after the magic, the format and the list's version


def revocation_list(revoked: Iterable[str], authorities: Iterable[str]) -> bytes:
    """A list made by ssh-keygen(1), the same for the same input whenever it is made.

    revoked: ids of certificates, which count under all `authorities` (public key lines), and fingerprints
    (SHA256:...) of keys, which count with any certificate and with none.
    """
    lines = "".join(f"{'hash' if entry.startswith(FINGERPRINT) else 'id'}: {entry}\n" for entry in sorted(revoked))
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "wishes").write_text(lines)
        for number, authority in enumerate(authorities):
            (folder / "authority").write_text(authority + "\n")
            ssh_keygen(folder, "-k", *(["-u"] if number else []), "-f", "list", "-s", "authority", "wishes")
        made = bytearray((folder / "list").read_bytes())
    made[GENERATED] = bytes(8)
    return bytes(made)


def ssh_keygen(folder: Path, *words: str) -> None:
    """Run ssh-keygen in a folder; ClusterError with its own words when it fails."""
    done = subprocess.run(["ssh-keygen", "-q", *words], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ClusterError(
            "the list of revoked certificates cannot be made",
            where="access.revoked in the topology",
            why=" ".join(done.stderr.split()),
            hint="an entry is the id of a certificate, or a fingerprint (SHA256:...) of a key",
        )
