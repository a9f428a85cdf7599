"""A rule of Prometheus's, as the topology gives it."""

from dataclasses import dataclass, field
from typing import Any

from cluster_cli.topology.monitoring import Monitoring, Severity

RUNBOOK = "docs/how-to/alerts.md#{}"
MILLISECONDS, SOON = 1000, 5  # what is not urgent may take five times as long


@dataclass(frozen=True)
class Alert:
    """A rule. expr: PromQL, whose every result fires; seconds: for how long it must hold before that."""

    name: str
    expr: str
    severity: Severity
    summary: str
    seconds: int
    labels: dict[str, str] = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        """The rule as a file of rules has it (Prometheus's documentation, "Alerting rules")."""
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": f"{self.seconds}s",
            "labels": {"severity": self.severity, **self.labels},
            "annotations": {"summary": self.summary, "runbook": RUNBOOK.format(self.name.lower())},
        }


@dataclass(frozen=True)
class Record:
    """A figure that is kept under a name of its own, so that rules can ask for its past."""

    name: str
    expr: str

    def described(self) -> dict[str, Any]:
        """The rule as a file of rules has it (Prometheus's documentation, "Recording rules")."""
        return {"record": self.name, "expr": self.expr}


def urgent(monitoring: Monitoring) -> int:
    """Seconds something urgent must hold."""
    return -(-monitoring.patience // MILLISECONDS)


def window(monitoring: Monitoring) -> str:
    """The time over which rates are taken: at least ten looks."""
    return f"{SOON * urgent(monitoring)}s"
