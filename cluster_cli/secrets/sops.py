"""Texts sealed by the program sops (https://getsops.io): who may open them is in the user's .sops.yaml.

The plain text goes through pipes; it is never an argument nor a file.
"""

import subprocess
from pathlib import Path

from cluster_cli.errors import ClusterError

SUFFIX = ".sops.yml"
SECONDS = 120  # a key service may ask a person
YAML_BOTH_WAYS = ("--input-type", "yaml", "--output-type", "yaml")


class Sops:
    """Seals with whatever keys the creation rules for the file name say."""

    def opened(self, sealed: bytes, path: Path) -> bytes:
        """The plain text of the file `path`. Raises ClusterError in the words of sops."""
        return run(path, ["--decrypt", *YAML_BOTH_WAYS, "/dev/stdin"], sealed, "opened")

    def sealed(self, plain: bytes, path: Path) -> bytes:
        """`plain`, encrypted by the rules for `path`. Needs sops 3.9, which is told text and name apart."""
        words = ["--encrypt", "--filename-override", str(path), *YAML_BOTH_WAYS, "/dev/stdin"]
        return run(path, words, plain, "sealed")

    def editor(self, path: Path) -> str:
        """The command with which a person edits the file `path`."""
        return f"sops edit {path}"

    def texts(self) -> tuple[str, ...]:
        """The keys are not ours, so we never see them."""
        return ()


def run(path: Path, words: list[str], given: bytes, what: str) -> bytes:
    """What sops prints for `given` on its standard input."""
    try:
        done = subprocess.run(
            ["sops", *words], input=given, capture_output=True, cwd=path.parent, timeout=SECONDS, check=False
        )
    except FileNotFoundError:
        raise ClusterError(
            "the program sops is missing",
            where=str(path),
            why="the secrets of this cluster are kept with it",
            hint="install sops 3.9 or newer",
        ) from None
    except subprocess.TimeoutExpired:
        raise failed(path, what, f"sops did not end within {SECONDS} s") from None
    if done.returncode != 0 or not done.stdout.strip():
        said = [line.strip() for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
        raise failed(path, what, " ".join(said[-3:]) or f"sops ended with code {done.returncode}")
    return done.stdout


def failed(path: Path, what: str, why: str) -> ClusterError:
    """The error in sops' own words."""
    return ClusterError(
        f"the secrets cannot be {what}",
        where=str(path),
        why=why,
        hint=f"see it work first: sops --decrypt {path}; who may is said in .sops.yaml",
    )
