"""How much a service could do to its node if somebody broke into it, by systemd's own measure."""

import re

from cluster_cli.collect import Outcome


def ask(service: str) -> str:
    """The command for COLLECT: systemd's verdict, then the accounts of the service's workers."""
    return (
        f"systemd-analyze --no-pager security {service} | tail -n 1; "
        f"main=$(systemctl show -P MainPID {service}); "
        'ps -o user:32= --ppid "$main" --ppid "$(pgrep -d, -P "$main" || echo "$main")" | sort -u'
    )


def exposure(outcome: Outcome) -> float:
    """systemd's figure, from 0 (it can do nothing) to 10 (anything)."""
    found = re.search(r"exposure level for \S+: ([\d.]+)", outcome.stdout)
    assert found, outcome
    return float(found[1])


def workers(outcome: Outcome) -> set[str]:
    """The accounts of the processes that talk to the network."""
    return set(outcome.stdout.splitlines()[1:])
