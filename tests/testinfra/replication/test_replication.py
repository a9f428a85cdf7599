"""One node takes writes, all others follow it, and a write waits until one of them has it."""

import json

SQL = "$(command -v mariadb || command -v mysql) --no-defaults -BNe"
UNITS = {"mariadb": "mariadb", "mysql": "mysql"}


def by_engine(mariadb, mysql):
    """A command that is another one for each engine."""
    return lambda node: {"mariadb": mariadb, "mysql": mysql}[node.vars["replication_engine"]]


def unit_state(node):
    """What systemd says of the server."""
    unit = UNITS[node.vars["replication_engine"]]
    return f"systemctl is-active {unit}; systemctl is-enabled {unit}"


COLLECT = {
    "look": "python3 /usr/local/lib/cluster/replication look",
    "source": by_engine(
        "mariadb --no-defaults -e 'SHOW SLAVE STATUS\\G'", "mysql --no-defaults -E -e 'SHOW REPLICA STATUS'"
    ),
    "variables": f"{SQL} 'SHOW GLOBAL VARIABLES'",
    "service": unit_state,
    "sockets": by_engine("systemctl is-enabled mariadb.socket mariadb-extra.socket", "echo masked"),
    "at_start": by_engine("my_print_defaults mariadbd", "my_print_defaults mysqld"),
    "anonymous": f"""{SQL} "SELECT COUNT(*) FROM mysql.user WHERE user = ''" """,
    "open": by_engine(
        f"""{SQL} "SELECT user, host FROM mysql.global_priv WHERE host <> 'localhost'
        AND COALESCE(JSON_VALUE(priv, '$.ssl_type'), 0) = 0" """,
        f"""{SQL} "SELECT user, host FROM mysql.user WHERE host <> 'localhost' AND ssl_type = ''" """,
    ),
    "grants": f"{SQL} 'SHOW GRANTS FOR cluster_replication'",
    "schemas": f"{SQL} 'SHOW DATABASES'",
    "secret": "stat --format=%a:%U /etc/cluster/replication.json",
    "datadir": "stat --format=%a:%U /var/lib/mysql",
}
DURABLE = {
    "mariadb": {
        "innodb_flush_log_at_trx_commit": "3",
        "sync_binlog": "1",
        "binlog_format": "ROW",
        "log_bin": "ON",
        "log_slave_updates": "ON",
        "gtid_strict_mode": "ON",
        "rpl_semi_sync_master_wait_point": "AFTER_SYNC",
        "rpl_semi_sync_slave_enabled": "ON",
    },
    "mysql": {
        "innodb_flush_log_at_trx_commit": "1",
        "sync_binlog": "1",
        "binlog_format": "ROW",
        "log_bin": "ON",
        "log_replica_updates": "ON",
        "gtid_mode": "ON",
        "enforce_gtid_consistency": "ON",
        "relay_log_recovery": "OFF",
        "replica_preserve_commit_order": "ON",
        "rpl_semi_sync_source_wait_no_replica": "ON",
        "rpl_semi_sync_source_wait_point": "AFTER_SYNC",
        "rpl_semi_sync_replica_enabled": "ON",
    },
}
WAITS = {
    "mariadb": {"rpl_semi_sync_master_enabled": "ON", "rpl_semi_sync_master_wait_no_slave": "ON"},
    "mysql": {"rpl_semi_sync_source_enabled": "ON"},
}
FOLLOWS = {
    "mariadb": {"rpl_semi_sync_master_enabled": "OFF", "read_only": "ON"},
    "mysql": {"rpl_semi_sync_source_enabled": "OFF", "super_read_only": "ON"},
}
LONGEST = {
    "mariadb": ("rpl_semi_sync_master_timeout", 10**15),
    "mysql": ("rpl_semi_sync_source_timeout", 2**32 - 2),
}
CLOSED = {
    "mariadb": ("--read_only=ON", "--rpl_semi_sync_master_enabled=OFF"),
    "mysql": ("--super_read_only=ON", "--loose_rpl_semi_sync_source_enabled=OFF"),
}
VERIFIED = {
    "mariadb": ("Master_SSL_Allowed: Yes", "Master_SSL_Verify_Server_Cert: Yes"),
    "mysql": ("Source_SSL_Allowed: Yes", "Source_SSL_Verify_Server_Cert: Yes"),
}
RIGHTS = {"mariadb": "REPLICATION SLAVE", "mysql": "REPLICATION SLAVE BACKUP_ADMIN"}


def table(outcome):
    """name -> value of what SHOW VARIABLES prints."""
    return dict(line.split("\t", 1) for line in outcome.stdout.splitlines() if "\t" in line)


def look(outcomes):
    """What the node shows."""
    return json.loads(outcomes["look"].stdout or "{}") if "look" in outcomes else {}


def is_replica(shown):
    """Whether a node follows one and keeps up."""
    return bool(shown.get("follows")) and (shown["io"], shown["sql"]) == ("Yes", "Yes")


def test_the_server_runs_and_starts_at_boot(observed):
    assert observed["service"].stdout.split() == ["active", "enabled"]


def test_nothing_starts_it_behind_our_back(observed):
    assert set(observed["sockets"].stdout.split()) == {"masked"}


def test_it_takes_writes_or_follows_who_does(node, databases, fences, observed):
    shown = look(observed)
    assert shown["running"], shown
    if not shown.get("follows"):
        assert shown["master"], "it follows nobody and waits for no replica"
        assert shown["clients"] > 0, "no replica acknowledges"
        closed = any(node.name in databases[name].nodes for name in fences)
        assert shown["read_only"] == closed, "it is read-only without a fence, or takes writes behind one"
    else:
        assert is_replica(shown) or (shown["held"] and shown["io"] == "Yes"), shown["error"]
        assert shown["read_only"]
        assert shown["acknowledges"]


def test_it_applies_later_what_it_receives_where_that_is_wished(node, observed):
    shown = look(observed)
    if shown.get("follows"):
        assert shown["delay"] == node.vars.get("replication_delay", 0)


def test_one_takes_writes_and_all_others_follow_it(inventory, observed_on):
    by_database = {}
    for node in inventory.group("replication"):
        by_database.setdefault(node.vars["replication_name"], {})[node.name] = look(observed_on(node.name))
    for shown in by_database.values():
        heads = [name for name, each in shown.items() if each and not each.get("follows")]
        assert len(heads) == 1, heads
        assert {each["follows"] for each in shown.values() if each.get("follows")} <= set(heads)


def test_after_a_start_nobody_takes_writes(node, observed):
    printed = observed["at_start"].stdout.split()
    assert set(CLOSED[node.vars["replication_engine"]]) <= set(printed)


def test_what_is_acknowledged_is_on_the_disk_and_on_a_replica(node, observed):
    engine, found = node.vars["replication_engine"], table(observed["variables"])
    wanted = DURABLE[engine] | (FOLLOWS if look(observed).get("follows") else WAITS)[engine]
    assert {name: found[name] for name in wanted} == wanted
    name, least = LONGEST[engine]
    assert int(found[name]) > least


def test_nobody_comes_without_tls(node, observed):
    assert table(observed["variables"])["require_secure_transport"] == "ON"
    assert observed["open"].stdout == ""
    if look(observed).get("follows"):
        for line in VERIFIED[node.vars["replication_engine"]]:
            assert line in observed["source"].stdout


def test_who_fetches_may_only_fetch(node, observed):
    lines = [line.split(" ON *.* TO ")[0] for line in observed["grants"].stdout.splitlines()]
    assert " ".join(line.removeprefix("GRANT ") for line in lines) == RIGHTS[node.vars["replication_engine"]]


def test_nobody_is_anonymous(observed):
    assert observed["anonymous"].stdout.strip() == "0"
    assert "test" not in observed["schemas"].stdout.split()


def test_schemas_are_there(node, observed):
    if look(observed).get("delay"):
        return  # one that was added lately comes in time
    assert set(node.vars["replication_schemas"]) <= set(observed["schemas"].stdout.split())


def test_the_password_and_the_data_are_for_nobody_else(observed):
    assert observed["secret"].stdout.strip() == "600:root"
    mode, owner = observed["datadir"].stdout.strip().split(":")
    assert (mode[-1], owner) == ("5", "mysql") or mode[-1] == "0"
