"""Accounts of a MySQL server: what has to be said, and of whose password a stored text is."""

import pytest
from ansible_collections.cluster.core.plugins.modules import mysql_accounts

from cluster_cli.collections.ansible_collections.cluster.core.plugins.module_utils import mysql_server

SALT = b"saltsaltsaltsaltsalt"
WHO = "`shop`@`%`"
HOW = f"ALTER USER {WHO} IDENTIFIED WITH caching_sha2_password BY"


def stored(password: str) -> bytes:
    return b"$A$005$" + SALT + mysql_server.sha256_crypt(password.encode(), SALT, 5000).encode()


def test_the_digest_is_sha_crypts() -> None:
    """The second example of Ulrich Drepper's specification."""
    found = mysql_server.sha256_crypt(b"Hello world!", b"saltstringsaltst", 10000)
    assert found == "3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA"


def test_a_stored_text_is_of_one_password() -> None:
    assert mysql_server.matches(stored("one"), "one")
    assert not mysql_server.matches(stored("one"), "two")
    assert not mysql_server.matches(b"", "")
    assert not mysql_server.matches(b"*94BDCEBE19083CE2A1F959FD02F964C7AF4CFC29", "test")


@pytest.mark.parametrize(
    ("kept", "wanted", "said"),
    [
        ((b"one", b""), ["one"], []),
        ((b"one", b"two"), ["one", "two"], []),
        ((b"one", b"two"), ["two", "one"], []),
        ((b"one", b""), ["one", "two"], [f"{HOW} 'two' RETAIN CURRENT PASSWORD"]),
        ((b"one", b""), ["two", "one"], [f"{HOW} 'two' RETAIN CURRENT PASSWORD"]),
        ((b"two", b"one"), ["two"], [f"ALTER USER {WHO} DISCARD OLD PASSWORD"]),
        ((b"one", b"two"), ["two"], [f"{HOW} 'two'", f"ALTER USER {WHO} DISCARD OLD PASSWORD"]),
        ((b"old", b""), ["one"], [f"{HOW} 'one'"]),
        ((b"old", b""), ["one", "two"], [f"{HOW} 'one'", f"{HOW} 'two' RETAIN CURRENT PASSWORD"]),
    ],
)
def test_passwords_come_and_go(kept: tuple[bytes, bytes], wanted: list[str], said: list[str]) -> None:
    texts = tuple(stored(each.decode()) if each else b"" for each in kept)
    assert list(mysql_server.let_in(WHO, texts, wanted)) == said


def test_a_new_account_must_come_over_tls() -> None:
    found = list(mysql_server.let_in(WHO, (), ["it's", "b\\c"]))
    assert found[0] == f"CREATE USER {WHO} IDENTIFIED WITH caching_sha2_password BY 'it''s' REQUIRE SSL"
    assert found[1] == f"{HOW} 'b\\\\c' RETAIN CURRENT PASSWORD"


def test_what_was_said_is_told_without_the_password() -> None:
    told = mysql_server.told(f"{HOW} 'it''s' RETAIN CURRENT PASSWORD")
    assert told == f"{HOW} '...' RETAIN CURRENT PASSWORD"
    assert mysql_server.told("DROP SCHEMA test") == "DROP SCHEMA test"


class Says:
    """A server that grants what a test wants."""

    def __init__(self, *grants: str) -> None:
        self.grants = grants

    def ask(self, _sql: str) -> list[list[str]]:
        return [[each] for each in self.grants]


def test_all_rights_are_those_of_an_owner() -> None:
    wanted = mysql_accounts.wanted_grants({"name": "shop", "schemas": ["shop"], "rights": "owner"})
    says = Says(f"GRANT USAGE ON *.* TO {WHO}", f"GRANT ALL PRIVILEGES ON `shop`.* TO {WHO}")
    assert list(mysql_accounts.granted(says, WHO, wanted, is_new=False)) == []


def test_rights_are_exactly_those() -> None:
    account = {"name": "shop", "schemas": ["my_shop"], "rights": "read"}
    wanted = mysql_accounts.wanted_grants(account)
    usage, right = f"GRANT USAGE ON *.* TO {WHO}", f"GRANT SHOW VIEW, SELECT ON `my\\_shop`.* TO {WHO}"
    assert list(mysql_accounts.granted(Says(usage, right), WHO, wanted, is_new=False)) == []
    more = f"GRANT SHOW VIEW, SELECT, DROP ON `my\\_shop`.* TO {WHO}"
    said = list(mysql_accounts.granted(Says(usage, more), WHO, wanted, is_new=False))
    assert said == [
        f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {WHO}",
        f"GRANT SELECT, SHOW VIEW ON `my\\_shop`.* TO {WHO}",
    ]


def test_who_copies_has_the_rights_for_it_and_keeps_others() -> None:
    who = "`mysql`@`localhost`"
    new = list(mysql_accounts.helper_statements(Says(), {}, "mysql", mysql_accounts.COPIES))
    assert new[0] == f"CREATE USER {who} IDENTIFIED WITH auth_socket"
    assert new[2] == f"GRANT BACKUP_ADMIN ON *.* TO {who}"
    there = {("mysql", "localhost"): (False, False, "auth_socket")}
    static = f"GRANT SELECT, RELOAD, PROCESS, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO {who}"
    whole = Says(static, f"GRANT BACKUP_ADMIN ON *.* TO {who}", f"GRANT EXECUTE ON `a`.* TO {who}")
    assert list(mysql_accounts.helper_statements(whole, there, "mysql", mysql_accounts.COPIES)) == []
    assert list(mysql_accounts.helper_statements(Says(static), there, "mysql", mysql_accounts.COPIES)) == new[1:]
