"""How Ansible reaches a node."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster_cli.places import Places
from cluster_cli.topology.base import DEFAULT_USER
from cluster_cli.topology.files import beside
from cluster_cli.topology.model import Node, Ssh, Topology


@dataclass(frozen=True)
class Access:
    """Paths on the control machine that connections need, as text."""

    topology: str
    secrets: str
    known_hosts: str
    sockets: str
    lab_key: str
    admin_keys: tuple[str, ...] = ()

    @classmethod
    def of(cls, places: Places, admin_keys: tuple[str, ...] = ()) -> "Access":
        """The access kept in a cluster's places. admin_keys: public keys that may log in as admin."""
        return cls(
            topology=str(places.topology),
            secrets=str(places.secrets),
            known_hosts=str(places.known_hosts),
            sockets=str(places.sockets),
            lab_key=str(places.operator_key),
            admin_keys=admin_keys,
        )


def ssh_of(topology: Topology, node: Node) -> Ssh:
    """A node's SSH settings over the cluster's."""
    common = topology.ssh.model_dump(exclude_none=True)
    return Ssh.model_validate(common | node.ssh.model_dump(exclude_none=True))


def ssh_options(access: Access, ssh: Ssh) -> list[str]:
    """Options every connection is made with: host keys are always checked, against our own file."""
    options = [
        f"UserKnownHostsFile={access.known_hosts}",
        "GlobalKnownHostsFile=/dev/null",
        "StrictHostKeyChecking=yes",
        "HashKnownHosts=no",
        "BatchMode=yes",
        "ConnectTimeout=10",
        "ServerAliveInterval=5",
        "ServerAliveCountMax=3",
        "LogLevel=ERROR",  # the nodes' banner is for people, it would stand in every error message
    ]
    return options + ([f"ProxyJump={ssh.jump}"] if ssh.jump else [])


def connection_vars(topology: Topology, access: Access, name: str, address: str) -> dict[str, Any]:
    """Ansible's connection variables for one node, and where lookups find the cluster's secrets."""
    ssh = ssh_of(topology, topology.nodes[name])
    key = access.lab_key if topology.is_lab else ssh.key
    found: dict[str, Any] = {
        "cluster_name": topology.name,
        "cluster_secrets": access.secrets,
        "ansible_host": address,
        "ansible_port": ssh.port or 22,
        "ansible_user": ssh.user or DEFAULT_USER,
        "ansible_become": ssh.sudo is not False,
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_host_key_checking": True,
        "ansible_control_path_dir": access.sockets,
        "ansible_ssh_common_args": " ".join(f"-o {option}" for option in ssh_options(access, ssh)),
    }
    if key:
        found["ansible_ssh_private_key_file"] = str(beside(Path(access.topology), key))
        found["ansible_ssh_common_args"] += " -o IdentitiesOnly=yes"
    return found
