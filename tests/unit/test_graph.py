"""The drawing and its mermaid twin: everything is there, nothing overlaps, nothing breaks out."""

import itertools
import xml.etree.ElementTree as ET

import pytest

from cluster_cli.graph import CLIENTS, EdgeView, Health, NodeView, Picture, VipView, mermaid, svg
from cluster_cli.graph.layout import PER_ROW, Box, Layer, place


def picture(webs: int = 2, balancers: int = 2, vips: int = 2) -> Picture:
    """Clients, virtual addresses, balancers, web servers, and time aside on lb1."""
    lbs = tuple(NodeView(f"lb{i}", f"10.0.0.{i}", ("haproxy",), "ab"[i % 2]) for i in range(1, balancers + 1))
    web = tuple(NodeView(f"web{i}", f"10.0.1.{i}", ("web",), "ab"[i % 2]) for i in range(1, webs + 1))
    addresses = tuple(VipView(f"10.0.9.{i}", f"lb{i}") for i in range(1, vips + 1))
    edges = [EdgeView(CLIENTS, vip.address, "http 80") for vip in addresses]
    edges += [EdgeView(vip.address, lb.name) for vip in addresses for lb in lbs]
    edges += [EdgeView(lb.name, node.name, "shop 8080") for lb in lbs for node in web]
    time = (lbs[0], NodeView("mon1", "10.0.0.99"))
    tiers = (("Load balancers · edge", lbs), ("Web · shop", web), ("Time", time))
    return Picture("shop", addresses, tiers, tuple(edges))


def overlap(a: Box, b: Box) -> bool:
    return a.x < b.x + b.w and b.x < a.x + a.w and a.y < b.bottom and b.y < a.bottom


def inside(inner: Box, outer: Layer) -> bool:
    box = outer.box
    return box.x <= inner.x and inner.x + inner.w <= box.x + box.w and inner.bottom <= box.bottom


@pytest.mark.parametrize(("webs", "balancers", "vips"), [(1, 1, 1), (2, 2, 2), (5, 2, 1), (6, 3, 7), (34, 4, 2)])
def test_nothing_overlaps_and_cards_stay_in_their_boxes(webs: int, balancers: int, vips: int) -> None:
    layout = place(picture(webs, balancers, vips))
    layers = [*layout.layers, *layout.aside]
    assert not any(overlap(a.box, b.box) for a, b in itertools.combinations(layers, 2))
    for layer in layers:
        assert all(inside(box, layer) for box in layer.items.values())
        assert not any(overlap(a, b) for a, b in itertools.combinations(layer.items.values(), 2))
        assert layer.box.x + layer.box.w <= layout.width
        assert layer.box.bottom <= layout.height


def test_layers_go_from_clients_down_and_unreached_services_stand_aside() -> None:
    layout = place(picture())
    assert [next(iter(layer.items)) for layer in layout.layers] == [CLIENTS, "10.0.9.1", "lb1", "web1"]
    assert [layer.title for layer in layout.aside] == ["Time"]


def test_wide_tiers_wrap_into_even_rows_and_their_edges_are_joined() -> None:
    layout = place(picture(webs=PER_ROW + 1))
    web = layout.layers[-1]
    assert web.rows == 2
    assert [bundle.joined for bundle in layout.bundles] == [False, False, True]


def test_edges_to_nowhere_are_left_out() -> None:
    lonely = Picture("x", (), (("Web", (NodeView("web1", "10.0.0.1"),)),), (EdgeView("gone", "web1"),))
    assert place(lonely).bundles == ()


def test_a_picture_without_edges_is_one_column() -> None:
    plain = Picture("x", tiers=(("Web", (NodeView("web1", "10.0.0.1"),)),))
    assert [layer.title for layer in place(plain).layers] == ["Web"]
    ET.fromstring(svg(plain))
    ET.fromstring(svg(Picture("empty")))


def test_svg_is_well_formed_and_names_everything() -> None:
    drawing = svg(picture())
    ET.fromstring(drawing)
    for name in ("lb1", "web2", "10.0.9.1", "prefers lb1", "site a", "shop 8080", "Topology of shop"):
        assert name in drawing
    assert "when needed" in drawing
    assert "prefers-color-scheme" in drawing


def test_svg_says_health_in_words_and_shape() -> None:
    health: dict[str, Health] = {"web1": "bad", "10.0.9.1": "ok", "lb1": "warn", "lb2": "unknown"}
    drawing = svg(picture(), health)
    assert "web1 10.0.1.1, site b, not healthy" in drawing
    assert "virtual address 10.0.9.1, prefers lb1, healthy" in drawing
    assert drawing.count('class="cg-sign"') == 5  # lb1 also stands among the time servers


def test_svg_escapes_and_refers_to_nothing_outside() -> None:
    evil = Picture("<script>", tiers=(("<b>", (NodeView("<i>", "&", ("<u>",)),)),))
    drawing = svg(evil)
    ET.fromstring(drawing)
    assert "<script>" not in drawing
    assert drawing.replace("http://www.w3.org/2000/svg", "").count("http") == 0


def test_long_names_are_cut_but_told_in_full_on_hover() -> None:
    long = "a-very-long-node-name-indeed"
    drawing = svg(Picture("x", tiers=(("Web", (NodeView(long, "10.0.0.1"),)),)))
    assert ">a-very-long-…<" in drawing
    assert f"<title>{long} " in drawing


def test_mermaid_text() -> None:
    assert mermaid(picture(webs=1, balancers=1, vips=1)) == (
        "flowchart TB\n"
        "  n_clients([Clients])\n"
        '  n_10_2e_0_2e_9_2e_1{{"10.0.9.1<br/>prefers lb1"}}\n'
        '  subgraph tier0["Load balancers · edge"]\n'
        '    n_lb1["lb1<br/>10.0.0.1<br/>site b"]\n'
        "  end\n"
        '  subgraph tier1["Web · shop"]\n'
        '    n_web1["web1<br/>10.0.1.1<br/>site b"]\n'
        "  end\n"
        '  subgraph tier2["Time"]\n'
        '    n_lb1_2["lb1<br/>10.0.0.1<br/>site b"]\n'
        '    n_mon1["mon1<br/>10.0.0.99"]\n'
        "  end\n"
        '  n_clients -->|"http 80"| n_10_2e_0_2e_9_2e_1\n'
        "  n_10_2e_0_2e_9_2e_1 --> n_lb1\n"
        '  n_lb1 -->|"shop 8080"| n_web1\n'
    )


def test_mermaid_ids_never_collide() -> None:
    nodes = (NodeView("a-b", "1"), NodeView("a.b", "2"), NodeView("end", "3"))
    text = mermaid(Picture("x", tiers=(("T", nodes),)))
    assert "n_a_2d_b[" in text
    assert "n_a_2e_b[" in text
    assert "n_end[" in text
