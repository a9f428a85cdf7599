"""How a run ended, in few words and in a colour: pure."""

from cluster_cli.errors import Exit

SHOWN = 20  # runs that nodes keep and a page shows
WORDS: dict[int | None, str] = {
    None: "no end",  # killed
    Exit.OK: "ok",
    Exit.CHANGES_PENDING: "changes pending",
    Exit.UNREACHABLE: "node unreachable",
    Exit.VERIFY_FAILED: "verify failed",
    Exit.INTERRUPTED: "interrupted",
}
FAILED = "failed"  # any other end
TONES = {"ok": "ok", "changes pending": "ok", "interrupted": "warn", "no end": "warn"}  # of any other: bad


def result(code: int | None) -> str:
    """What came of a run. code: its exit code; None when it never ended."""
    return WORDS.get(code, FAILED)


def tone(words: str) -> str:
    """ok, warn or bad."""
    return TONES.get(words, "bad")
