"""A cluster as a verb works on it: its topology, its places, its rendered inventory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cluster_cli.errors import ClusterError, Exit
from cluster_cli.places import Places
from cluster_cli.topology.load import find, load
from cluster_cli.topology.model import Topology
from cluster_cli.topology.problems import did_you_mean

if TYPE_CHECKING:
    from cluster_cli.inventory import Host, Inventory

PUBLIC_KEY_SUFFIX = ".pub"


@dataclass(frozen=True)
class Workspace:
    """What every verb opens first."""

    topology: Topology
    places: Places

    @classmethod
    def open(cls, cluster: str | Path) -> Workspace:
        """Read the topology meant by CLUSTER. Raises ClusterError (exit 2) when it cannot be used."""
        path = find(cluster).absolute()
        topology = load(path)
        return cls(topology, Places(path, topology.name))

    def render(self) -> Inventory:
        """The inventory; the operator's public key joins the admin user's keys once there is one."""
        from cluster_cli.inventory import render  # slow to load, and who only validates needs none
        from cluster_cli.render.connection import Access

        public = Path(f"{self.places.operator_key}{PUBLIC_KEY_SUFFIX}")
        keys = tuple(public.read_text().splitlines()) if self.topology.is_lab and public.exists() else ()
        return render(self.topology, Access.of(self.places, keys))

    @cached_property
    def inventory(self) -> Inventory:
        """The inventory as it was when first asked for."""
        return self.render()

    @property
    def sha256(self) -> str:
        """The digest of the topology file, to tell which one a run used."""
        return hashlib.sha256(self.places.topology.read_bytes()).hexdigest()

    def group(self, name: str) -> tuple[Host, ...]:
        """The nodes of a role, or `all`; ClusterError (exit 2) when no node has it."""
        hosts = self.inventory.group(name)
        if not hosts:
            known = ["all", *self.inventory.groups()]
            raise ClusterError(f'no node has the role "{name}"', hint=did_you_mean(name, known), code=Exit.USAGE)
        return hosts

    def host(self, name: str) -> Host:
        """The node of that name; ClusterError (exit 2) with the nearest known one when there is none."""
        try:
            return self.inventory.host(name)
        except KeyError:
            names = [host.name for host in self.inventory.hosts]
            raise ClusterError(
                f'there is no node "{name}" in {self.places.topology}',
                hint=did_you_mean(name, names),
                code=Exit.USAGE,
            ) from None
