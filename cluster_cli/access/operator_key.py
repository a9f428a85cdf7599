"""The key with which lab nodes are reached: among the cluster's secrets, and as a file for ssh."""

from pathlib import Path

from cluster_cli.access.ssh_authority import ClusterAuthority
from cluster_cli.runner import write_private
from cluster_cli.secrets.store import Secrets
from cluster_cli.workspace import Workspace


def authority_of(workspace: Workspace) -> ClusterAuthority:
    """The cluster's SSH authority."""
    return ClusterAuthority(
        Secrets.open(workspace.places.secrets, workspace.topology.name), workspace.topology.name
    )


def ensure_operator_key(workspace: Workspace) -> str:
    """Put the operator's key where ssh finds it, making it at first need; returns its public line.

    While the key is rotated the file beside it has two public lines, so that both are let in.
    """
    private, publics = authority_of(workspace).operator_key()
    path = workspace.places.operator_key
    write_changed(path, private)
    write_changed(Path(f"{path}.pub"), "\n".join(publics) + "\n")
    return publics[0]


def write_changed(path: Path, text: str) -> None:
    """Write a file only we may read, unless it says so already."""
    if not path.exists() or path.read_text() != text:
        write_private(path, text)
