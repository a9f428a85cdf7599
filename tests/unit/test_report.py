"""The report: the dict for scripts and the page for people, from literal journal records."""

import json
from html.parser import HTMLParser
from typing import Any

from cluster_cli.graph import NodeView, Picture
from cluster_cli.report import Endpoint, build, to_html, versions

PICTURE = Picture("shop", tiers=(("Web", (NodeView("web1", "10.0.0.1"), NodeView("web2", "10.0.0.2"))),))
STARTED = {
    "t": 0,
    "type": "RunStarted",
    "run": "r1",
    "cluster": "shop",
    "verb": "up",
    "started": "2026-05-04T10:22:33+00:00",
}
VERSIONS = {"cluster": "1.0", "ansible-core": "2.19"}


def task(node: str, status: str, **more: Any) -> dict[str, Any]:
    known = {"t": 1, "type": "TaskEnded", "stage": "web", "role": "web", "task": "Configure nginx"}
    return known | {"node": node, "status": status, "seconds": 1.0} | more


def check(node: str, outcome: str, message: str = "", test: str = "test_answers[x]") -> dict[str, Any]:
    known = {"t": 2, "type": "TestEnded", "role": "web", "node": node, "test": test}
    return known | {"outcome": outcome, "seconds": 0.1, "message": message}


def stage(name: str, seconds: float, failed: int = 0) -> list[dict[str, Any]]:
    end = {"t": 3, "type": "StageEnded", "stage": name, "seconds": seconds, "changed": 2}
    started = {"t": 1, "type": "StageStarted", "stage": name, "title": name.title()}
    return [started, end | {"failed": failed, "unreachable": 0}]


def ended(code: int) -> dict[str, Any]:
    return {"t": 9, "type": "RunEnded", "code": code, "seconds": 12.5}


def report(*records: dict[str, Any], picture: Picture = PICTURE) -> dict[str, Any]:
    endpoints = [Endpoint("shop", "http://10.0.0.100/", ("web1", "web2"))]
    facts = {"who": "eva", "host": "desk", "pid": 7, "args": ["lab"]}
    return build([STARTED, *records], picture, endpoints, "ab" * 32, facts, VERSIONS)


GOOD = (
    task("web2", "changed", message="/etc/nginx", diff="-a\n+b"),
    task("web1", "changed"),
    *stage("web", 5.0),
    check("web1", "passed"),
    check("", "passed", test="test_one_holder"),
    ended(0),
)
BAD = (task("web2", "failed", message="<nginx> says no"), check("web1", "failed", "502\nnot 200"), ended(5))


def test_what_a_passed_test_tells_is_kept() -> None:
    made = report(check("web1", "passed", "database shop is fenced"), ended(0))
    assert made["verify"]["matrix"]["web1"]["web"]["tests"][0]["message"] == "database shop is fenced"
    assert "database shop is fenced" in to_html(made)


def test_the_dict_says_what_happened_and_is_json() -> None:
    made = report(*GOOD)
    assert json.loads(json.dumps(made))["run"] == "r1"
    assert (made["schema_version"], made["code"], made["verdict"], made["seconds"]) == (1, 0, "done", 12.5)
    assert made["changed"] == 2
    assert list(made["changes"]) == ["web1", "web2"]
    assert made["changes"]["web2"][0]["diff"] == "-a\n+b"
    assert made["stages"][0] | {"title": ""} == {
        "name": "web",
        "title": "",
        "seconds": 5.0,
        "changed": 2,
        "failed": 0,
        "unreachable": 0,
    }
    assert made["endpoints"] == [
        {"name": "shop", "url": "http://10.0.0.100/", "served_by": ("web1", "web2")},
    ]
    assert made["by"] == {"who": "eva", "host": "desk", "args": ["lab"]}


def test_verification_is_a_matrix_with_a_row_for_the_whole_cluster() -> None:
    verify = report(*GOOD)["verify"]
    assert (verify["passed"], verify["failed"], verify["roles"]) == (2, 0, ["web"])
    assert verify["matrix"]["(cluster)"]["web"]["tests"][0]["test"] == "test_one_holder"
    assert verify["matrix"]["web1"]["web"]["passed"] == 1


def test_a_test_that_ran_again_counts_once() -> None:
    verify = report(check("web1", "failed", "no"), check("web1", "passed"))["verify"]
    assert (verify["passed"], verify["failed"]) == (1, 0)


def test_failures_keep_their_messages_and_rescued_ones_are_left_out() -> None:
    rescued = task("web1", "failed", ignored=True)
    made = report(rescued, *BAD)
    assert [(f["node"], f["message"]) for f in made["failures"]] == [("web2", "<nginx> says no")]
    assert made["verify"]["matrix"]["web1"]["web"]["tests"][0]["message"] == "502\nnot 200"


def test_a_node_that_was_lost_while_facts_were_gathered_is_told() -> None:
    lost = {key: value for key, value in task("web1", "unreachable").items() if key != "role"}
    found = report(lost, ended(4))
    assert found["failures"][0]["role"] == ""
    assert "Configure nginx" in to_html(found)


def test_a_killed_run_and_an_empty_journal_still_make_a_report() -> None:
    made = report(task("web1", "changed"))
    assert (made["code"], made["verdict"], made["seconds"]) == (None, "not finished", 1.0)
    assert "not finished" in to_html(made)
    assert "<html" in to_html(build([], Picture("x"), tool_versions=VERSIONS))


def test_versions_are_those_installed() -> None:
    assert versions()["ansible-core"][0].isdigit()


def test_the_page_leads_with_the_verdict() -> None:
    assert "2 changes made, and all 2 checks passed." in to_html(report(*GOOD))
    assert "1 task failed, 1 check failed." in to_html(report(*BAD))
    assert "Nothing had to change." in to_html(report(ended(0)))
    assert "1 change would be made." in to_html(report(task("web1", "changed"), ended(3)))
    assert "All 2 checks passed." in to_html(report(*GOOD) | {"verb": "verify"})


def test_the_page_shows_failures_escaped() -> None:
    page = to_html(report(*BAD))
    assert "&lt;nginx&gt; says no" in page
    assert "502\nnot 200" in page
    assert "✗ 1 of 1" in page


def test_the_page_tells_the_same_failure_of_many_nodes_once() -> None:
    page = to_html(
        report(task("web1", "failed", message="disk full"), task("web2", "failed", message="disk full"))
    )
    assert page.count("disk full") == 1
    assert "web1, web2" in page


def test_the_page_is_the_same_from_json() -> None:
    made = report(*GOOD)
    assert to_html(json.loads(json.dumps(made))) == to_html(made)


def test_only_web_addresses_become_links() -> None:
    evil = build([STARTED], PICTURE, [Endpoint("x", "javascript:alert(1)")], tool_versions=VERSIONS)
    assert 'href="javascript' not in to_html(evil)


class Outside(HTMLParser):
    """Finds what a page would load, and tags that were never closed."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [f"{tag} {key}" for key, _ in attrs if key == "src" or (key == "href" and tag != "a")]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_loads_nothing() -> None:
    page = to_html(report(*GOOD[:-1], *BAD))
    parser = Outside()
    parser.feed(page)
    assert parser.open == []
    assert parser.loads == []
    assert "<script" not in page
    assert "url(" not in page
    assert "@import" not in page
