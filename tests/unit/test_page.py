"""The status page: it shows all there is, loads nothing from anywhere, and Ansible leaves it alone."""

import re

import pytest

from cluster_cli.backups.state import kinds
from cluster_cli.history.results import TONES
from cluster_cli.inventory import render
from cluster_cli.page import addresses, filled
from cluster_cli.render.alerts import each
from cluster_cli.render.connection import Access
from cluster_cli.render.health import problems
from cluster_cli.topology.load import parse
from cluster_cli.topology.makers import makers
from tests.e2e import alert_cases, health_cases

TOPOLOGY = alert_cases.topology()
INVENTORY = render(TOPOLOGY, Access("/t/topology.yml", "", "", "", ""))
PAGE = str(INVENTORY.host("mon1").vars["prometheus_page"])
SMALL = "name: s\nprovider: podman\nnetwork: {subnet: 192.0.2.0/24}\nnodes: {a: {}}\n"


def test_who_watches_has_a_page_of_its_own() -> None:
    assert "prometheus_page" not in INVENTORY.host("lb1").vars
    assert "by mon2" in INVENTORY.host("mon2").vars["prometheus_page"]
    assert addresses(INVENTORY)[0] == "https://192.0.2.61:9090/consoles/index.html"


@pytest.mark.parametrize("mark", ["{{", "{%", "{#"])
def test_ansible_finds_nothing_to_template(mark: str) -> None:
    assert mark not in PAGE


def test_every_block_ends() -> None:
    begins = re.findall(r"\[\[ (?:range|define|if|with) ", PAGE)
    assert len(begins) == len(re.findall(r"\[\[ end -?\]\]", PAGE))


def test_nothing_is_loaded_from_anywhere() -> None:
    assert set(re.findall(r"https?://[^\"'\s]+", PAGE)) == {"http://www.w3.org/2000/svg"}
    assert not re.findall(r"<script|<link|<img|<iframe|\b(?:src|href)=|@import|url\(", PAGE)
    assert "default-src 'none'" in PAGE


def test_everything_is_on_it() -> None:
    assert set(re.findall(r'data-node="([^"]+)"', PAGE)) == set(TOPOLOGY.nodes)
    assert re.findall(r'data-virtual-ip="([^"]+)"', PAGE) == ["192.0.2.100"]
    assert re.findall(r'data-backend="([^"]+)"', PAGE) == [
        "edge/shop",
        "edge/main-write",
        "edge/main-read",
        "inner/api",
    ]
    assert re.findall(r'data-writes="([^"]+)"', PAGE) == list(TOPOLOGY.databases)
    rules = {rule["alert"] for rule in each(TOPOLOGY)}
    assert set(re.findall(r'data-alert="([^"]+)"', PAGE)) == rules
    for problem in problems(TOPOLOGY):
        assert f'{{problem="{problem.name}"}}' in PAGE or problem.name == "alert"


def test_what_is_backed_up_is_on_it_with_the_kinds_of_run_there_are() -> None:
    told = dict(re.findall(r'data-backup="([^"]+)">(.*?)</tr>', PAGE))
    assert set(told) == {f"{name}/{node}" for name in kinds(TOPOLOGY) for node in makers(TOPOLOGY, name)}
    for place, row in told.items():
        for kind in ("copies", "binlogs", "proof", "files", "own"):
            assert (f'kind="{kind}"' in row) == (kind in kinds(TOPOLOGY)[place.split("/")[0]])


def test_every_end_of_a_run_has_its_tone() -> None:
    (tones,) = re.findall(r'<span class="pill (\S* if eq .Labels.result [^<]*?)">', PAGE)
    for words, tone in TONES.items():
        assert f'eq .Labels.result "{words}" ]]{tone}[[ else' in tones


def test_a_small_one_has_no_empty_parts() -> None:
    topology = parse(SMALL + "monitoring: {nodes: [a]}\n")
    page = render(topology, Access("/t/topology.yml", "", "", "", "")).host("a").vars["prometheus_page"]
    assert not re.findall('id="(?:virtual-ips|backends|database-|backups)', page)
    assert "haproxy_" not in page


def test_words_of_the_topology_are_text_and_labels_actions() -> None:
    assert filled("<b> of <instance> has <value> & more") == (
        "[[ .Labels.b ]] of [[ .Labels.instance ]] has [[ humanize .Value ]] &amp; more"
    )


def test_every_kind_of_problem_has_a_case() -> None:
    """Here, or as the alert whose expression it is."""
    cases = {name for name, _, _ in health_cases.CASES} | {case.alert for case in alert_cases.CASES}
    assert {problem.name for problem in problems(TOPOLOGY)} - cases == {"alert"}
