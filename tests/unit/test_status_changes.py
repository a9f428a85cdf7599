"""What is told to have changed between two looks."""

from typing import Any

from cluster_cli.status.changes import changes


def document(**parts: Any) -> dict[str, Any]:
    """A well cluster, but for what is given."""
    return {"problems": [], "alerts": [], "virtual_ips": {}, "databases": {}, **parts}


def alert(severity: str, state: str = "firing", summary: str = "web1 is slow") -> dict[str, Any]:
    return {"name": "Slow", "severity": severity, "state": state, "summary": summary}


def vip(*holders: str) -> dict[str, Any]:
    return document(virtual_ips={"10.0.0.100": {"holders": list(holders)}})


def writes(primary: str | None, guarantee: str = "all is safe") -> dict[str, Any]:
    return document(databases={"main": {"primary": primary, "guarantee": guarantee}})


def test_what_stayed_is_not_told() -> None:
    same = vip("lb1") | {"problems": ["web1: the disk is 91 % full"], "alerts": [alert("warning")]}
    assert changes(same, same) == []


def test_a_problem_that_begins_and_one_that_is_over() -> None:
    found = changes(document(problems=["lb1: chrony is failed"]), document(problems=["web2: nginx is failed"]))
    assert found == [
        {"kind": "worse", "what": "web2: nginx is failed"},
        {"kind": "better", "what": "over: lb1: chrony is failed"},
    ]


def test_other_figures_are_no_other_problem() -> None:
    old = document(problems=["lb1: the clock is +0.123 s off", "web1: the disk is 91 % full"])
    new = document(problems=["lb1: the clock is -12.5 s off", "web1: the disk is 92 % full"])
    assert changes(old, new) == []


def test_numbers_in_names_and_addresses_count() -> None:
    for old, new in (
        ("web1 does not answer", "web2 does not answer"),
        ("virtual IP 10.0.0.100 is held by no node", "virtual IP 10.0.0.101 is held by no node"),
    ):
        assert len(changes(document(problems=[old]), document(problems=[new]))) == 2


def test_a_virtual_ip_moves() -> None:
    assert changes(vip("lb1"), vip("lb2")) == [{"kind": "moved", "what": "virtual IP 10.0.0.100: lb2, before lb1"}]
    (gone,) = changes(vip("lb1"), vip())
    assert gone["what"] == "virtual IP 10.0.0.100: nobody, before lb1"


def test_writes_move_and_guarantees_change() -> None:
    found = [each["what"] for each in changes(writes("db1"), writes("db2", "one may fail"))]
    assert found == ["database main, writes: db2, before db1", "database main: one may fail, before all is safe"]


def test_a_warning_is_told_and_a_critical_alert_once() -> None:
    (begun,) = changes(document(), document(alerts=[alert("warning")]))
    assert begun == {"kind": "worse", "what": "alert Slow: web1 is slow"}
    both = document(alerts=[alert("critical")], problems=["alert Slow: web1 is slow"])
    assert len(changes(document(), both)) == 1
    assert changes(document(), document(alerts=[alert("warning", "silenced")])) == []
