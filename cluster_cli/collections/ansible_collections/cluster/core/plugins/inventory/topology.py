"""topology.yml as an Ansible inventory, read by the same code as the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin

DOCUMENTATION = r"""
name: topology
short_description: Read a cluster's topology.yml
description:
  - Gives plain Ansible the same hosts, groups and variables as the C(cluster) command.
  - The cluster_cli package must be importable by the Python that runs Ansible.
options:
  plugin: {description: Not used; a topology is known by its file name., type: str}
author: the cluster maintainers
"""


class InventoryModule(BaseInventoryPlugin):  # type: ignore[misc]
    """Hosts with flat variables, and one group a role."""

    NAME = "cluster.core.topology"

    def verify_file(self, path: str) -> bool:
        """Only files called topology.yml, or <something>.topology.yml."""
        return super().verify_file(path) and path.endswith(("topology.yml", "topology.yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Load and render the topology into `inventory`."""
        super().parse(inventory, loader, path, cache)
        from cluster_cli.errors import ClusterError
        from cluster_cli.workspace import Workspace

        try:
            workspace = Workspace.open(Path(path))
            rendered = workspace.render()
        except ClusterError as error:
            raise AnsibleParserError(str(error)) from error
        for group in rendered.groups():
            inventory.add_group(group)
        for host in rendered.hosts:
            inventory.add_host(host.name)
            for group in host.groups:
                inventory.add_child(group, host.name)
            for key, value in host.vars.items():
                inventory.set_variable(host.name, key, value)
