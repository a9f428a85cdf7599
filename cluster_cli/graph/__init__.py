"""The picture of a cluster: clients, virtual addresses, tiers of nodes, and what talks to what."""

from cluster_cli.graph.mermaid import mermaid
from cluster_cli.graph.svg import svg
from cluster_cli.graph.views import CLIENTS, EdgeView, Health, NodeView, Picture, VipView

__all__ = [
    "CLIENTS",
    "EdgeView",
    "Health",
    "NodeView",
    "Picture",
    "VipView",
    "mermaid",
    "svg",
]
