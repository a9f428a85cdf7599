"""The node's half of the firewall: whom rules let in, and the words of a refusal."""

from typing import Any

import pytest
from ansible_collections.cluster.core.plugins.modules import firewall


def rule(**other: Any) -> dict[str, Any]:
    return {"protocol": "tcp", "port": 22, "addresses": [], "sources": ["10.0.0.0/24"], **other}


class RefusedError(Exception):
    """What fail_json raises here."""


class Module:
    def __init__(self, rules: list[dict[str, Any]]) -> None:
        self.params = {"rules": rules}

    def fail_json(self, msg: str) -> None:
        raise RefusedError(msg)


@pytest.mark.parametrize(
    ("caller", "rules", "inside"),
    [
        ("10.0.0.7 50000 10.0.0.11 22", [rule()], True),
        ("::ffff:10.0.0.7 50000 ::ffff:10.0.0.11 22", [rule()], True),
        ("127.0.0.1 50000 127.0.0.1 22", [], True),
        ("192.0.2.7 50000 10.0.0.11 22", [rule()], False),
        ("192.0.2.7 50000 10.0.0.11 22", [rule(sources=["10.0.0.0/24", "192.0.2.0/24"])], True),
        ("192.0.2.7 50000 10.0.0.11 22", [rule(sources=["0.0.0.0/0"])], True),
        ("10.0.0.7 50000 10.0.0.11 2222", [rule()], False),
        ("10.0.0.7 50000 10.0.0.11 22", [rule(protocol="udp")], False),
        ("10.0.0.7 50000 10.0.0.11 22", [rule(addresses=["10.0.0.12"])], False),
        ("10.0.0.7 50000 10.0.0.11 22", [rule(addresses=["10.0.0.11"])], True),
        ("fe80::7 50000 fe80::11 22", [rule(sources=["0.0.0.0/0"])], False),
    ],
)
def test_who_is_let_in(caller: str, rules: list[dict[str, Any]], inside: bool) -> None:
    assert firewall.lets_in(rules, caller) is inside


@pytest.mark.parametrize(
    ("caller", "rules", "line"),
    [
        ("192.0.2.7 5 10.0.0.11 22", [rule()], "firewall: {operators: [192.0.2.7/32]}"),
        ("192.0.2.7 5 10.0.0.11 2222", [rule()], "firewall: {open: [{port: 2222, sources: [192.0.2.7/32]}]}"),
        ("fe80::7 5 fe80::11 22", [rule()], "the rules are for IPv4 only"),
    ],
)
def test_a_refusal_names_the_line_to_add(
    monkeypatch: pytest.MonkeyPatch, caller: str, rules: list[dict[str, Any]], line: str
) -> None:
    monkeypatch.setattr(firewall, "calling", lambda: caller)
    with pytest.raises(RefusedError) as raised:
        firewall.refuse_lockout(Module(rules))
    assert line in str(raised.value)
    assert caller.split()[0] in str(raised.value)


def test_without_ssh_nobody_can_be_shut_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firewall, "calling", lambda: "")
    firewall.refuse_lockout(Module([]))
