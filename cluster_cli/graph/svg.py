"""The picture as a standalone SVG that follows the reader's light or dark mode."""

import textwrap
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

from cluster_cli.graph.layout import Box, Bundle, Layer, Layout, place
from cluster_cli.graph.views import CLIENTS, NodeView, Picture

STYLE = Path(__file__).parent.parent / "templates" / "graph.css"
MARGIN = 12
LEGEND = 34
SITE_COLOURS = 6
HEALTH_WORDS: dict[str, str] = {
    "ok": "healthy",
    "warn": "degraded",
    "bad": "not healthy",
    "unknown": "health not known",
}
HEALTH_SIGNS: dict[str, str] = {
    "ok": '<path d="m-3.5 0 2.5 3 4.5-5.5"/>',
    "warn": '<path d="M0-4v4.4M0 3.6v.2"/>',
    "bad": '<path d="m-3-3 6 6m0-6-6 6"/>',
    "unknown": '<path d="M-3.5 0h7"/>',
}


def svg(picture: Picture, health: Mapping[str, str] | None = None) -> str:
    """One SVG element with its style inside. health: per node or virtual address, drawn where given.

    What is no Health is taken for something that stands for one, to be filled in later: all signs are drawn then,
    each with the class of the Health it is for.
    """
    layout = place(picture)
    legend = LEGEND if len(picture.sites) > 1 else 0
    width, height = layout.width + 2 * MARGIN, layout.height + 2 * MARGIN + legend
    body = "\n".join(_body(picture, layout, health or {}))
    name = escape(picture.cluster)
    page = f'<rect class="cg-page" {_rect(Box(-MARGIN, -MARGIN, width, height))}/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="cg" role="img" aria-labelledby="cg-title cg-desc" '
        f'viewBox="{-MARGIN} {-MARGIN} {width:g} {height:g}" width="{width:g}" height="{height:g}">\n'
        f'<title id="cg-title">Topology of {name}</title>\n'
        f'<desc id="cg-desc">{escape(_description(picture))}</desc>\n'
        f"<style>{STYLE.read_text(encoding='utf-8')}</style>\n{page}\n{body}\n</svg>\n"
    )


def _body(picture: Picture, layout: Layout, health: Mapping[str, str]) -> Iterator[str]:
    sites = {site: i % SITE_COLOURS for i, site in enumerate(picture.sites)}
    prefer = {vip.address: vip.prefer for vip in picture.virtual_ips}
    for layer in (*layout.layers, *layout.aside):
        yield _tier_box(layer)
    for bundle in layout.bundles:
        yield from _bundle_lines(bundle, prefer)
    for layer in (*layout.layers, *layout.aside):
        for name, box in layer.items.items():
            if name in layer.nodes:
                yield _card(layer.nodes[name], box, sites, health.get(name))
            else:
                yield _pill(name, box, prefer.get(name, ""), health.get(name))
    for layer in layout.layers:
        yield from _title_beside(layer)
    yield from map(_title_inside, layout.aside)
    for bundle in layout.bundles:
        yield from _bundle_label(bundle)
    if len(sites) > 1:
        yield from _legend(sites, layout.height + MARGIN)


def _tier_box(layer: Layer) -> str:
    return f'<rect class="cg-tier" {_rect(layer.box)} rx="12"/>' if layer.nodes else ""


def _title_beside(layer: Layer) -> Iterator[str]:
    """The title of a tier left of its box, one line per part."""
    lines = [line for part in layer.title.split(" · ") for line in textwrap.wrap(part, 17)]
    lines += [f"{len(layer.nodes)} nodes"] if layer.rows > 1 else []
    y = layer.box.y + layer.box.h / 2 - (len(lines) - 1) * 8 + 4
    for i, line in enumerate(lines):
        kind = "cg-head" if i == 0 else "cg-note"
        yield f'<text class="{kind} cg-end" x="{layer.box.x - 12:g}" y="{y + 16 * i:g}">{escape(line)}</text>'


def _title_inside(layer: Layer) -> str:
    title = escape(_cut(layer.title, 22))
    return f'<text class="cg-head" x="{layer.box.x + 16:g}" y="{layer.box.y + 23:g}">{title}</text>'


def _bundle_lines(bundle: Bundle, prefer: Mapping[str, str]) -> Iterator[str]:
    if bundle.joined:
        title = f"{len(bundle.source.items)} to {len(bundle.target.items)}: {bundle.label}"
        yield _curve(bundle.source.box, bundle.target.box, "cg-edge cg-many", title)
        return
    labels: dict[tuple[str, str], list[str]] = {}
    for edge in bundle.edges:
        labels.setdefault((edge.source, edge.target), []).append(edge.label)
    for (source, target), texts in labels.items():
        second = bool(prefer.get(source)) and prefer[source] != target
        title = f"{source} to {target}{', when needed' if second else ''}: {', '.join(filter(None, texts))}"
        style = "cg-edge cg-second" if second else "cg-edge"
        yield _curve(bundle.source.items[source], bundle.target.items[target], style, title.rstrip(": "))


def _curve(start: Box, end: Box, style: str, title: str) -> str:
    """From the lower edge of one box to the upper edge of the other, with an arrow head."""
    x1, y1, x2, y2 = start.mid, start.bottom, end.mid, end.y - 5
    bend = (y2 - y1) * 0.5
    path = f"M{x1:g} {y1:g}C{x1:g} {y1 + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2:g}"
    head = f"M{x2 - 4:g} {y2 - 3:g}L{x2:g} {y2 + 4:g}L{x2 + 4:g} {y2 - 3:g}Z"
    lines = f'<path d="{path}"/><path class="cg-tip" d="{head}"/>'
    return f'<g class="{style}"><title>{escape(title)}</title>{lines}</g>'


def _bundle_label(bundle: Bundle) -> Iterator[str]:
    text = _cut(bundle.label, 60)
    if bundle.joined:
        many = f"{len(bundle.source.items)} × {len(bundle.target.items)}"
        text = f"{text} · {many}" if text else many
    if not text:
        return
    source, target = bundle.source.box, bundle.target.box
    x, y = (source.mid + target.mid) / 2, (source.bottom + target.y) / 2 - 2
    width = len(text) * 6.4 + 18
    yield f'<rect class="cg-tag" x="{x - width / 2:g}" y="{y - 11:g}" width="{width:g}" height="20" rx="10"/>'
    full = f"<title>{escape(bundle.label)}</title>"
    yield f'<text class="cg-label" x="{x:g}" y="{y + 3:g}">{full}{escape(text)}</text>'


def _card(node: NodeView, box: Box, sites: Mapping[str, int], health: str | None) -> str:
    site = f", site {node.site}" if node.site else ""
    state = f", {_word(health)}" if health else ""
    addresses = ", ".join([node.address, *node.others])
    title = f"{node.name} {addresses}{site}{state}: {', '.join(node.roles) or 'no roles'}"
    style = f"cg-card cg-{health}" if health else "cg-card"
    x = box.x + 14
    parts = [
        f'<g class="{style}"><title>{escape(title)}</title>',
        f'<rect class="cg-face" {_rect(box)} rx="8"/>',
        _site_mark(node.site, box, sites) if len(sites) > 1 and node.site else "",
        f'<text class="cg-name" x="{x:g}" y="{box.y + 23:g}">{escape(_cut(node.name, 13))}</text>',
        f'<text class="cg-addr" x="{x:g}" y="{box.y + 41:g}">{escape(_cut(node.address, 17))}</text>',
        _health_mark(health, box) if health else "",
        "</g>",
    ]
    return "".join(parts)


def _pill(name: str, box: Box, prefer: str, health: str | None) -> str:
    """Clients or a virtual address."""
    text, kind = ("Clients", "cg-clients") if name == CLIENTS else (name, "cg-vip")
    second = f"prefers {prefer}" if prefer else "virtual address"
    state = f", {_word(health)}" if health else ""
    title = text if name == CLIENTS else f"virtual address {name}, {second}{state}"
    small = f'<text class="cg-note" x="{box.mid:g}" y="{box.y + 35:g}">{escape(_cut(second, 28))}</text>'
    y = box.y + (27 if name == CLIENTS else 19)
    return (
        f'<g class="{kind} cg-{health or "plain"}"><title>{escape(title)}</title>'
        f'<rect class="cg-face" {_rect(box)} rx="{box.h / 2:g}"/>'
        f'<text class="cg-name cg-mid" x="{box.mid:g}" y="{y:g}">{escape(_cut(text, 20))}</text>'
        f"{'' if name == CLIENTS else small}{_health_mark(health, box, 22) if health else ''}</g>"
    )


def _site_mark(site: str, box: Box, sites: Mapping[str, int]) -> str:
    bar = Box(box.x, box.y + 9, 4, box.h - 18)
    return f'<rect class="cg-site{sites[site]}" {_rect(bar)} rx="2"/>'


def _health_mark(health: str, box: Box, inset: float = 16) -> str:
    """A sign in a disc: told apart by shape as well as colour."""
    at = f"translate({box.x + box.w - inset:g} {box.y + (17 if inset == 16 else box.h / 2):g})"
    every = "".join(f'<g class="cg-for-{each}">{sign}</g>' for each, sign in HEALTH_SIGNS.items())
    return f'<g class="cg-sign" transform="{at}"><circle r="8"/>{HEALTH_SIGNS.get(health, every)}</g>'


def _word(health: str) -> str:
    return HEALTH_WORDS.get(health, health)


def _legend(sites: Mapping[str, int], y: float) -> Iterator[str]:
    x = 2.0
    for site, number in sites.items():
        text = _cut(f"site {site}", 24)
        yield f'<rect class="cg-site{number}" x="{x:g}" y="{y + 1:g}" width="12" height="12" rx="3"/>'
        yield f'<text class="cg-key" x="{x + 18:g}" y="{y + 11:g}">{escape(text)}</text>'
        x += 18 + len(text) * 7 + 22


def _description(picture: Picture) -> str:
    """The drawing in words, for those who do not see it."""
    vips = [
        f"virtual address {v.address}" + (f" prefers {v.prefer}" * bool(v.prefer)) for v in picture.virtual_ips
    ]
    tiers = [f"{title}: {', '.join(node.name for node in nodes)}" for title, nodes in picture.tiers]
    return ". ".join([*vips, *tiers]) + "."


def _rect(box: Box) -> str:
    return f'x="{box.x:g}" y="{box.y:g}" width="{box.w:g}" height="{box.h:g}"'


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
