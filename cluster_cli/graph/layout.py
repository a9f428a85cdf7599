"""Where everything goes: clients on top, then virtual addresses, then tier below tier, services aside.

All lengths are in SVG user units (CSS pixels at full size).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from cluster_cli.graph.views import CLIENTS, EdgeView, NodeView, Picture, Tier

CARD_W, CARD_H, GAP = 148, 54, 14
PER_ROW = 5
PAD, TITLE = 16, 18  # inside a tier's box: around the cards, and above them where the title stands inside
SIDE = 124  # left of the main column, for the titles of its tiers: lines would run through them inside
LANE = 68  # between two layers, for the edges and their labels
CLIENTS_W, VIP_W, PILL_H = 128, 190, 44
SINGLE_EDGES = 24  # more between two layers are drawn as one


@dataclass(frozen=True)
class Box:
    """A rectangle."""

    x: float
    y: float
    w: float
    h: float

    @property
    def mid(self) -> float:
        """The x of its middle."""
        return self.x + self.w / 2

    @property
    def bottom(self) -> float:
        """The y of its lower edge."""
        return self.y + self.h

    def moved(self, dx: float) -> "Box":
        """The same box further right."""
        return Box(self.x + dx, self.y, self.w, self.h)


@dataclass(frozen=True)
class Layer:
    """A row of the drawing: pills (clients, virtual addresses) without a box, or a tier of cards in one."""

    title: str
    box: Box
    items: dict[str, Box]
    nodes: dict[str, NodeView] = field(default_factory=dict)
    rows: int = 1

    def moved(self, dx: float) -> "Layer":
        """The same layer further right."""
        items = {name: box.moved(dx) for name, box in self.items.items()}
        return Layer(self.title, self.box.moved(dx), items, self.nodes, self.rows)


@dataclass(frozen=True)
class Bundle:
    """The edges between two layers. joined: too many to tell apart, to be drawn as one."""

    source: Layer
    target: Layer
    edges: tuple[EdgeView, ...]
    joined: bool

    @property
    def label(self) -> str:
        """What runs over them."""
        return ", ".join(dict.fromkeys(edge.label for edge in self.edges if edge.label))


@dataclass(frozen=True)
class Layout:
    """The drawing, placed. layers: the main column, top down; aside: services to its right."""

    width: float
    height: float
    layers: tuple[Layer, ...]
    aside: tuple[Layer, ...]
    bundles: tuple[Bundle, ...]


def place(picture: Picture) -> Layout:
    """Place everything in the picture."""
    main, services = _split(picture)
    column = _column(picture, main)
    width = max((layer.box.w for layer in column), default=0.0)
    column = [layer.moved(SIDE + (width - layer.box.w) / 2) for layer in column]
    aside = _stack(services, x=SIDE + width + LANE / 2 if column else 0.0)
    everything = [*column, *aside]
    return Layout(
        width=max((layer.box.x + layer.box.w for layer in everything), default=CARD_W),
        height=max((layer.box.bottom for layer in everything), default=CARD_H),
        layers=tuple(column),
        aside=tuple(aside),
        bundles=_bundles(column, picture.edges),
    )


def _split(picture: Picture) -> tuple[list[Tier], list[Tier]]:
    """The tiers requests pass, and those aside. A tier whose nodes edges reach only elsewhere is aside."""
    reached = {end for edge in picture.edges for end in (edge.source, edge.target)}
    main: list[Tier] = []
    aside: list[Tier] = []
    for tier in picture.tiers:
        mine = {node.name for node in tier[1]} & reached
        (main if mine or not picture.edges else aside).append(tier)
        reached -= mine
    return main, aside


def _column(picture: Picture, tiers: list[Tier]) -> list[Layer]:
    layers: list[Layer] = []
    y = 0.0
    if any(edge.source == CLIENTS for edge in picture.edges):
        layers.append(_pills([CLIENTS], CLIENTS_W, y))
        y = layers[-1].box.bottom + LANE
    vips = [vip.address for vip in picture.virtual_ips]
    for start in range(0, len(vips), PER_ROW):
        layers.append(_pills(vips[start : start + PER_ROW], VIP_W, y))
        y = layers[-1].box.bottom + (LANE if start + PER_ROW >= len(vips) else GAP)
    for title, nodes in tiers:
        layers.append(_tier(title, nodes, Box(0, y, 0, 0), _columns(len(nodes))))
        y = layers[-1].box.bottom + LANE
    return layers


def _stack(tiers: list[Tier], x: float) -> list[Layer]:
    """Services aside, one below the other, two cards abreast when one has many nodes."""
    layers: list[Layer] = []
    y = 0.0
    columns = 2 if any(len(nodes) > PER_ROW for _, nodes in tiers) else 1
    for title, nodes in tiers:
        layers.append(_tier(title, nodes, Box(x, y, 0, TITLE), columns))
        y = layers[-1].box.bottom + GAP
    return layers


def _pills(names: Sequence[str], width: float, y: float) -> Layer:
    items = {name: Box(i * (width + GAP), y, width, PILL_H) for i, name in enumerate(names)}
    return Layer("", Box(0, y, len(names) * (width + GAP) - GAP, PILL_H), items)


def _columns(count: int) -> int:
    """Cards per row: as even rows as PER_ROW allows."""
    return math.ceil(count / math.ceil(count / PER_ROW)) if count else 1


def _tier(title: str, nodes: tuple[NodeView, ...], corner: Box, columns: int) -> Layer:
    """A box of cards. corner: where it begins, and as its height the room for a title inside."""
    rows = max(math.ceil(len(nodes) / columns), 1)
    x, y = corner.x + PAD, corner.bottom + PAD
    items = {
        node.name: Box(x + i % columns * (CARD_W + GAP), y + i // columns * (CARD_H + GAP), CARD_W, CARD_H)
        for i, node in enumerate(nodes)
    }
    width = columns * (CARD_W + GAP) - GAP + 2 * PAD
    height = rows * (CARD_H + GAP) - GAP + 2 * PAD + corner.h
    return Layer(title, Box(corner.x, corner.y, width, height), items, {n.name: n for n in nodes}, rows)


def _bundles(layers: list[Layer], edges: tuple[EdgeView, ...]) -> tuple[Bundle, ...]:
    """Edges grouped by the two layers they join, source above target; ends nobody drew are left out."""
    home = {name: i for i, layer in reversed(list(enumerate(layers))) for name in layer.items}
    groups: dict[tuple[int, int], list[EdgeView]] = {}
    for edge in edges:
        if edge.source in home and edge.target in home and home[edge.source] != home[edge.target]:
            groups.setdefault((home[edge.source], home[edge.target]), []).append(edge)
    return tuple(
        Bundle(layers[a], layers[b], tuple(group), _too_many(layers[a], layers[b], group))
        for (a, b), group in groups.items()
    )


def _too_many(source: Layer, target: Layer, edges: list[EdgeView]) -> bool:
    pairs = {(edge.source, edge.target) for edge in edges}
    return len(pairs) > SINGLE_EDGES or source.rows > 1 or target.rows > 1
