"""What is said to a MariaDB server so that its accounts are as wanted, and nothing when they are."""

from typing import Any

from cluster_cli.collections.ansible_collections.cluster.core.plugins.modules import mariadb_accounts as module

SHOP = {"name": "shop", "passwords": ["one"], "schemas": ["shop"], "rights": "write"}


class Server:
    """A server with these schemas and accounts."""

    def __init__(self, schemas: set[str], accounts: dict[tuple[str, str], tuple[str, set[str]]]) -> None:
        self._schemas, self._accounts = schemas, accounts

    def schemas(self) -> set[str]:
        return self._schemas

    def accounts(self) -> set[tuple[str, str]]:
        return set(self._accounts)

    def described(self, name: str) -> tuple[str, set[str]]:
        return self._accounts[name, "%"]


def said(server: Server, *accounts: dict[str, Any], schemas: tuple[str, ...] = ("shop",)) -> list[str]:
    return list(module.statements(server, schemas, accounts))


def described(account: dict[str, Any]) -> tuple[str, set[str]]:
    clause = module.identified([module.native(each) for each in account["passwords"]])
    return f"CREATE USER `shop`@`%` IDENTIFIED VIA {clause} REQUIRE SSL", module.granted(account)


DOORBELL = {(module.DOORBELL, "localhost"): ("", set[str]())}


def test_nothing_is_said_where_all_is_right() -> None:
    assert said(Server({"shop"}, DOORBELL | {("shop", "%"): described(SHOP)}), SHOP) == []


def test_the_hash_is_mariadbs() -> None:
    assert module.native("password") == "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"


def test_a_new_server_gets_everything_and_loses_what_is_open() -> None:
    found = said(Server({"test"}, {("", "localhost"): ("", set())}), SHOP)
    assert found[0] == "CREATE SCHEMA `shop` CHARACTER SET utf8mb4"
    assert "DROP SCHEMA test" in found
    assert "DROP USER ''@'localhost'" in found
    assert any(each.startswith("CREATE USER `shop`@`%`") and each.endswith("REQUIRE SSL") for each in found)
    assert any(each.endswith("ON `shop`.* TO `shop`@`%`") for each in found)


def test_two_passwords_are_let_in_while_one_is_rotated() -> None:
    two = SHOP | {"passwords": ["one", "two"]}
    found = said(Server({"shop"}, DOORBELL | {("shop", "%"): described(SHOP)}), two)
    assert len(found) == 1
    assert found[0].count("mysql_native_password") == 2


def test_a_right_too_many_is_taken_away() -> None:
    created, grants = described(SHOP)
    more = {each.replace("GRANT ", "GRANT DROP, ", 1) if "shop`.*" in each else each for each in grants}
    found = said(Server({"shop"}, DOORBELL | {("shop", "%"): (created, more)}), SHOP)
    assert found[0].startswith("REVOKE ALL PRIVILEGES")
    assert "DROP" not in found[1]


def test_who_follows_may_only_follow() -> None:
    follower = {**module.FOLLOWER, "passwords": ["one"]}
    who, whole = "`cluster_replication`@`%`", ("cluster_replication", "%")
    new = said(Server({"shop"}, DOORBELL), follower)
    assert [each.split(" IDENTIFIED")[0] for each in new] == [
        f"CREATE USER {who}",
        f"GRANT REPLICATION SLAVE ON *.* TO {who}",
    ]
    created, grants = described(follower)
    assert said(Server({"shop"}, DOORBELL | {whole: (created, grants)}), follower) == []
    more = {f"GRANT REPLICATION SLAVE, SUPER ON *.* TO {who}"}
    assert said(Server({"shop"}, DOORBELL | {whole: (created, more)}), follower)[0].startswith("REVOKE ALL")


def test_an_account_without_tls_or_locked_is_put_right() -> None:
    created, grants = described(SHOP)
    for other in (created.removesuffix(" REQUIRE SSL"), created + " ACCOUNT LOCK"):
        found = said(Server({"shop"}, DOORBELL | {("shop", "%"): (other, grants)}), SHOP)
        assert [each.startswith("ALTER USER") and "REQUIRE SSL ACCOUNT UNLOCK" in each for each in found] == [True]


class Asked(Server):
    """A server that tells the grants of the account that watches."""

    def __init__(self, grants: str) -> None:
        super().__init__({"shop"}, DOORBELL | {("prometheus", "localhost"): ("", set())})
        self.grants = grants

    def ask(self, _: str) -> list[list[str]]:
        return [[self.grants]]


def test_who_watches_comes_over_the_socket_and_sees_no_row() -> None:
    found = list(module.statements(Server({"shop"}, DOORBELL), (), (), "prometheus"))
    assert found == [
        "CREATE USER `prometheus`@localhost IDENTIFIED VIA unix_socket",
        "GRANT BINLOG MONITOR, PROCESS, SLAVE MONITOR ON *.* TO `prometheus`@localhost",
    ]


def test_who_watches_is_left_alone_where_all_is_right() -> None:
    right = "GRANT PROCESS, BINLOG MONITOR, SLAVE MONITOR ON *.* TO `prometheus`@`localhost`"
    assert list(module.statements(Asked(right), (), (), "prometheus")) == []
    assert len(list(module.statements(Asked("GRANT USAGE ON *.* TO x"), (), (), "prometheus"))) == 1


def test_nobody_watches_where_nobody_is_named() -> None:
    assert list(module.statements(Server({"shop"}, DOORBELL), (), ())) == []
