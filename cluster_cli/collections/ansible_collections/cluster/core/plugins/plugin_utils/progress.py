"""Progress inside a long task: a line for people, which the CLI shows as a step of the run."""

from __future__ import annotations

from ansible.utils.display import Display

MARK = "progress of"


def tell(node: str, text: str) -> None:
    """Say how far a node is. cluster_cli/ansible_events.py knows the line by how it begins."""
    Display().display(f"{MARK} {node}: {text}")
