"""The one error type a person gets to see, and the exit codes scripts rely on."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every verb (contract, see docs/reference/exit-codes.md)."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CHANGES_PENDING = 3
    UNREACHABLE = 4
    VERIFY_FAILED = 5
    LOCKED = 75
    INTERRUPTED = 130


class ClusterError(Exception):
    """Something a person can act on, told as what, where, why, what next.

    what: one sentence, no full stop. where: a file, node or task. why: the
    cause as the failing program told it. hint: the next step, a command where
    there is one. code: the exit code the verb ends with.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        why: str = "",
        hint: str = "",
        code: Exit = Exit.FAILED,
    ) -> None:
        super().__init__(what)
        self.what, self.where, self.why, self.hint, self.code = what, where, why, hint, code

    def __str__(self) -> str:
        """The four parts, one a line, those that are empty left out."""
        rows = (("where", self.where), ("why", self.why), ("next", self.hint))
        return "\n".join([self.what, *(f"  {label + ':':<6} {text}" for label, text in rows if text)])
