"""The picture as mermaid text, for a README or a wiki page."""

import re
from collections.abc import Iterator

from cluster_cli.graph.views import CLIENTS, NodeView, Picture


def mermaid(picture: Picture) -> str:
    """A mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html), ending in a line feed."""
    return "\n".join(["flowchart TB", *(f"  {line}" for line in _lines(picture))]) + "\n"


def _lines(picture: Picture) -> Iterator[str]:
    if any(edge.source == CLIENTS for edge in picture.edges):
        yield f"{_id(CLIENTS)}([Clients])"
    for vip in picture.virtual_ips:
        prefer = f"<br/>prefers {_text(vip.prefer)}" if vip.prefer else ""
        yield f'{_id(vip.address)}{{{{"{_text(vip.address)}{prefer}"}}}}'
    drawn: set[str] = set()
    for number, (title, nodes) in enumerate(picture.tiers):
        yield from _tier(number, title, nodes, drawn)
    for edge in picture.edges:
        label = f'|"{_text(edge.label)}"|' if edge.label else ""
        yield f"{_id(edge.source)} -->{label} {_id(edge.target)}"


def _tier(number: int, title: str, nodes: tuple[NodeView, ...], drawn: set[str]) -> Iterator[str]:
    """One subgraph; a node that stands in an earlier one is mentioned under an id of its own."""
    yield f'subgraph tier{number}["{_text(title)}"]'
    for node in nodes:
        site = f"<br/>site {_text(node.site)}" if node.site else ""
        own = f"{_id(node.name)}_{number}" if node.name in drawn else _id(node.name)
        more = "".join(f"<br/>{_text(other)}" for other in node.others)
        yield f'  {own}["{_text(node.name)}<br/>{_text(node.address)}{more}{site}"]'
    yield "end"
    drawn |= {node.name for node in nodes}


def _id(name: str) -> str:
    """An id mermaid takes for any name (`end` is a word of its own there), the same for the same name."""
    return "n_" + re.sub(r"[^A-Za-z0-9]", lambda found: f"_{ord(found[0]):x}_", name)


def _text(text: str) -> str:
    """Text inside mermaid quotes."""
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
