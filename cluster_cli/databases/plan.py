"""What a verb would do to a database, and by what that was decided."""

from dataclasses import dataclass, field
from typing import Any

from cluster_cli.errors import ClusterError


@dataclass(frozen=True)
class Plan:
    """A decision. node: whom it is about; will: what is done, in a sentence; evidence: what was seen, a line each.

    stake: what may be lost or interrupted; empty when nothing, and then nobody is asked. details: what
    `carry_out` needs besides. then: the verb that comes next.
    """

    node: str
    will: str
    evidence: tuple[str, ...] = ()
    stake: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    then: str = "status"


def refused(what: str, why: str, hint: str, evidence: tuple[str, ...] = ()) -> ClusterError:
    """The error for what must not be done: nothing was changed. evidence: what was seen."""
    seen = "".join(f"\n         {line}" for line in evidence)
    return ClusterError(what, why=why + seen, hint=hint)
