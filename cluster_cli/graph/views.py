"""Plain values a drawing is made from; whoever knows the topology fills them in."""

from dataclasses import dataclass
from typing import Literal

CLIENTS = "clients"  # the source of edges that come from outside the cluster

Health = Literal["ok", "warn", "bad", "unknown"]


@dataclass(frozen=True)
class NodeView:
    """A machine. roles: what it does, most telling first; site: where it stands, empty when there is one.

    others: its addresses on other networks, such as `service 10.0.2.11`.
    """

    name: str
    address: str
    roles: tuple[str, ...] = ()
    site: str = ""
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class VipView:
    """A virtual address. prefer: the node that holds it when all is well, empty when none is preferred."""

    address: str
    prefer: str = ""


@dataclass(frozen=True)
class EdgeView:
    """Something talks to something: CLIENTS, a virtual address or a node. label: over what, `http 80`."""

    source: str
    target: str
    label: str = ""


Tier = tuple[str, tuple[NodeView, ...]]


@dataclass(frozen=True)
class Picture:
    """All there is to draw. tiers: title (`Web · shop`) and nodes, in the
    order requests pass them.

    A tier none of whose nodes is on an edge (time, monitoring) stands aside. A node may be in several tiers;
    edges belong to the first.
    """

    cluster: str
    virtual_ips: tuple[VipView, ...] = ()
    tiers: tuple[Tier, ...] = ()
    edges: tuple[EdgeView, ...] = ()

    @property
    def nodes(self) -> tuple[NodeView, ...]:
        """Every node once, in the order of the tiers."""
        return tuple({node.name: node for _, nodes in self.tiers for node in nodes}.values())

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites by name."""
        return tuple(sorted({node.site for node in self.nodes if node.site}))
