"""What somebody asks of the logs, as the commands that answer it: pure."""

from dataclasses import dataclass

from cluster_cli.logs.record import FIELDS
from cluster_cli.ssh import quoted

TIMES = "times are as journalctl(1) takes them: -1h, today, 2026-11-27 14:03:27"
READER = "python3 -I /usr/local/lib/cluster/logs"  # role logs puts it on receivers


@dataclass(frozen=True)
class Query:
    """nodes, services: all when empty. since, until: as journalctl(1) takes them, until: "" for no end."""

    nodes: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    since: str = "-10min"
    until: str = ""
    security: bool = False
    follow: bool = False

    def of_receiver(self) -> str:
        """The command for a receiver."""
        words = [f"--since={quoted(self.since)}"]
        words += [f"--until={quoted(self.until)}"] if self.until else []
        words += [f"--node={quoted(node)}" for node in self.nodes]
        words += [f"--service={quoted(service)}" for service in self.services]
        words += ["--security"] if self.security else []
        words += ["--follow"] if self.follow else []
        return " ".join([READER, *words])

    def of_journal(self) -> str:
        """The command for a node's own journal."""
        words = ["journalctl", "--no-pager", "-q", "-o", "json", f"--output-fields={','.join(FIELDS)}"]
        words += [f"--since={quoted(self.since)}"]
        words += [f"--until={quoted(self.until)}"] if self.until else []
        words += [f"-u {quoted(service)}" for service in self.services]
        words += ["--facility=auth,authpriv"] if self.security else []
        words += ["-f", "-n", "20"] if self.follow else []
        return " ".join(words)
