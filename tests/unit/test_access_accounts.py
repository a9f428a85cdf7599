"""roles/access/files/accounts.py: what it decides to do, before anything is done."""

import importlib.util
import pwd
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

SCRIPT = Path(__file__).parents[2] / "roles/access/files/accounts.py"
ACCOUNTS = {
    "alice": (1001, "cluster operator"),
    "bob": (1002, "Bob"),
    "carol": (1003, "Carol"),
    "news": (9, "news"),
}


def entry(name: str) -> SimpleNamespace:
    uid, gecos = ACCOUNTS[name]
    return SimpleNamespace(pw_name=name, pw_uid=uid, pw_gecos=gecos)


@pytest.fixture
def accounts(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """On a machine where alice was made by us and died half-way, bob is ours, carol is not."""
    spec = importlib.util.spec_from_file_location("access_accounts", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module.grp, "getgrnam", lambda _: SimpleNamespace(gr_mem=["bob", "gone"]))
    monkeypatch.setattr(module.pwd, "getpwall", lambda: [entry(name) for name in ACCOUNTS])
    monkeypatch.setattr(module.pwd, "getpwnam", entry)
    monkeypatch.setattr(module, "is_locked", lambda _: False)
    assert pwd.getpwnam is entry
    return module


def test_ours_are_the_group_and_those_we_marked(accounts: ModuleType) -> None:
    assert list(accounts.members()) == ["alice", "bob"]


def test_accounts_of_others_are_in_the_way(accounts: ModuleType) -> None:
    found = list(accounts.in_the_way(["alice", "bob", "carol", "news"], accounts.members()))
    assert [text.split(" ")[0] for text in found] == ["carol", "news"]
    assert "usermod -aG cluster-operators carol" in found[0]
    assert "account of the system" in found[1]


def test_one_is_made_one_joins_and_one_is_locked(accounts: ModuleType) -> None:
    done = [what for what, _ in accounts.steps(["alice", "dave"], accounts.members())]
    assert done == ["alice joined cluster-operators", "dave made", "bob locked"]


def test_who_is_locked_is_let_in_again_when_wanted_and_left_when_not(
    accounts: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "is_locked", lambda _: True)
    assert [what for what, _ in accounts.steps(["bob"], accounts.members())] == ["bob let in again"]


def test_keys_of_those_who_are_no_admins_are_limited(accounts: ModuleType) -> None:
    people = [
        {"name": "alice", "role": "admin", "keys": ["ssh-ed25519 A"], "principal": "operator-alice"},
        {"name": "dave", "role": "operator", "keys": ["ssh-ed25519 D"], "principal": "operator-dave"},
    ]
    found = {row["path"]: row.get("content", row.get("state")) for row in accounts.files(people, ["alice", "bob"])}
    assert found["/etc/ssh/cluster_operators/alice"] == "ssh-ed25519 A\n"
    assert found["/etc/ssh/cluster_operators/dave"] == "restrict,pty ssh-ed25519 D\n"
    assert found["/etc/ssh/auth_principals/dave"] == "operator-dave\n"
    assert found["/etc/ssh/cluster_operators/bob"] == found["/etc/ssh/auth_principals/bob"] == "absent"
