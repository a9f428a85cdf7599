"""The sections of the topology about networks: separate ones, and the interfaces of machines you have."""

from typing import Annotated, Literal

from pydantic import Field

from cluster_cli.topology.base import Model
from cluster_cli.topology.fields import Address, Interface, InterfaceAddress, Name, Subnet

Separate = Literal["management", "service", "storage"]
BondMode = Literal[
    "active-backup", "802.3ad", "balance-alb", "balance-rr", "balance-tlb", "balance-xor", "broadcast"
]
Mtu = Annotated[int, Field(ge=576, le=9216, strict=True)]
VlanId = Annotated[int, Field(ge=1, le=4094, strict=True)]


class SeparateNetwork(Model):
    """A network beside the cluster's."""

    subnet: Subnet = Field(description="Subnet in CIDR form. In a lab it gets a bridge of its own.")
    nodes: tuple[Name, ...] = Field(
        default=(),
        description="Nodes that are on it. Left away: in a lab all, else those with an address there.",
    )


class Networks(Model):
    """Networks beside the cluster's, each for one purpose."""

    management: SeparateNetwork | None = Field(
        default=None, description="Where SSH and Ansible come in, and where statistics pages listen."
    )
    service: SeparateNetwork | None = Field(
        default=None, description="Where clients come: frontends, virtual IPs, and VRRP between the balancers."
    )
    storage: SeparateNetwork | None = Field(
        default=None, description="For replication and disks, apart from all other traffic."
    )


class Addresses(Model):
    """A node's addresses on the separate networks. In a lab they are handed out when left away."""

    management: Address | None = Field(default=None, description="Its address on the management network.")
    service: Address | None = Field(default=None, description="Its address on the service network.")
    storage: Address | None = Field(default=None, description="Its address on the storage network.")


class NodeInterface(Model):
    """A network interface of an existing machine: a physical one, a bond or a VLAN."""

    bond: tuple[Interface, ...] = Field(default=(), description="Physical interfaces it joins into one.")
    mode: BondMode | None = Field(
        default=None, description="How a bond uses them; active-backup when left away. 802.3ad needs the switch."
    )
    vlan: VlanId | None = Field(default=None, description="Id of the VLAN it is.")
    link: Interface | None = Field(default=None, description="The interface the VLAN runs over.")
    network: Literal["cluster", Separate] | None = Field(
        default=None, description="Network of which it has the node's address."
    )
    addresses: tuple[InterfaceAddress, ...] = Field(default=(), description="Further addresses.")
    dhcp: bool = Field(default=False, description="Whether a DHCP server gives it an address.")
    mtu: Mtu | None = Field(default=None, description="Largest packet, in bytes. Left away: as it is.")


class Route(Model):
    """A static route."""

    to: Subnet = Field(description="Where to; 0.0.0.0/0 for everywhere else.")
    via: Address = Field(description="The router, an address in one of the node's networks.")
