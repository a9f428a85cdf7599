"""Run one program on this machine: always bounded, its own words kept for the error."""

import subprocess
from collections.abc import Sequence

from cluster_cli.errors import ClusterError

Done = subprocess.CompletedProcess[str]


def attempt(argv: Sequence[str], *, timeout: float, stdin: str | None = None) -> Done:
    """Run argv and hand back how it ended, whatever the exit code.

    timeout is in seconds. Raises ClusterError when the program is missing or does not end in time.
    """
    try:
        return subprocess.run(
            list(argv),
            input=stdin if stdin is not None else "",
            text=True,
            errors="replace",
            capture_output=True,
            timeout=timeout,
            check=False,
            start_new_session=True,  # Ctrl-C is ours to answer: an engine cut off half-way leaves debris
        )
    except FileNotFoundError as missing:
        raise ClusterError(f"{argv[0]} is not installed", why=str(missing)) from missing
    except subprocess.TimeoutExpired as late:
        raise ClusterError(
            f"{program(argv)} did not answer in {timeout:.0f} s",
            why=last_words(_text(late.stderr) or _text(late.stdout)),
            hint="run it by hand to see what it waits for: " + " ".join(argv[:12]),
        ) from late


def run(argv: Sequence[str], *, timeout: float, stdin: str | None = None, hint: str = "") -> str:
    """Run argv and return its standard output; raise ClusterError with its own words when it fails."""
    done = attempt(argv, timeout=timeout, stdin=stdin)
    if done.returncode:
        raise ClusterError(f"{program(argv)} failed", why=words_of(done), hint=hint)
    return done.stdout


def program(argv: Sequence[str]) -> str:
    """The program and its verb, without sudo and options: what a person calls the command."""
    words = [word for word in argv if not word.startswith("-") and word != "sudo"]
    skip = 1 if "--runtime" in argv[:4] else 0
    return " ".join([words[0], *words[1 + skip : 2 + skip]])


def words_of(done: Done) -> str:
    """What a failed program said, or its exit code when it said nothing."""
    return last_words(done.stderr or done.stdout) or f"exit code {done.returncode}"


def last_words(text: str, lines: int = 4) -> str:
    """The last few lines of a program's output that say something."""
    return "\n         ".join([line.strip() for line in text.splitlines() if line.strip()][-lines:])


def _text(output: bytes | str | None) -> str:
    """Output of a program that was stopped: bytes or text, depending on the Python version."""
    return output.decode(errors="replace") if isinstance(output, bytes) else output or ""
