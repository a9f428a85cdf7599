"""One node takes writes, all others follow it, and a write waits until one of them has it."""

import json

SQL = "mariadb --no-defaults -BNe"
COLLECT = {
    "look": "python3 /usr/local/lib/cluster/replication look",
    "source": "mariadb --no-defaults -e 'SHOW SLAVE STATUS\\G'",
    "variables": f"{SQL} 'SHOW VARIABLES'",
    "service": "systemctl is-active mariadb; systemctl is-enabled mariadb",
    "sockets": "systemctl is-enabled mariadb.socket mariadb-extra.socket",
    "anonymous": f"""{SQL} "SELECT COUNT(*) FROM mysql.global_priv WHERE user = ''" """,
    "open": f"""{SQL} "SELECT user, host FROM mysql.global_priv WHERE host <> 'localhost'
        AND COALESCE(JSON_VALUE(priv, '$.ssl_type'), 0) = 0" """,
    "grants": f"{SQL} 'SHOW GRANTS FOR cluster_replication'",
    "schemas": f"{SQL} 'SHOW DATABASES'",
    "secret": "stat --format=%a:%U /etc/cluster/replication.json",
    "datadir": "stat --format=%a:%U /var/lib/mysql",
}


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
        assert is_replica(shown), shown["error"]
        assert shown["read_only"]
        assert shown["acknowledges"]


def test_one_takes_writes_and_all_others_follow_it(inventory, observed_on):
    by_database = {}
    for node in inventory.group("replication"):
        by_database.setdefault(node.vars["replication_name"], {})[node.name] = look(observed_on(node.name))
    for shown in by_database.values():
        heads = [name for name, each in shown.items() if each and not each.get("follows")]
        assert len(heads) == 1, heads
        assert {each["follows"] for each in shown.values() if each.get("follows")} <= set(heads)


def test_after_a_start_nobody_takes_writes(host):
    printed = host.check_output("my_print_defaults mariadbd")
    assert "--read_only=ON" in printed
    assert "--rpl_semi_sync_master_enabled=OFF" in printed


def test_what_is_acknowledged_is_on_the_disk_and_on_a_replica(observed):
    found, shown = table(observed["variables"]), look(observed)
    wanted = {
        "innodb_flush_log_at_trx_commit": "3",
        "sync_binlog": "1",
        "binlog_format": "ROW",
        "log_bin": "ON",
        "log_slave_updates": "ON",
        "gtid_strict_mode": "ON",
        "rpl_semi_sync_master_wait_point": "AFTER_SYNC",
        "rpl_semi_sync_slave_enabled": "ON",
    }
    if not shown.get("follows"):
        wanted |= {"rpl_semi_sync_master_enabled": "ON", "rpl_semi_sync_master_wait_no_slave": "ON"}
    else:
        wanted |= {"rpl_semi_sync_master_enabled": "OFF", "read_only": "ON"}
    assert {name: found[name] for name in wanted} == wanted
    assert int(found["rpl_semi_sync_master_timeout"]) > 10**15


def test_nobody_comes_without_tls(observed):
    assert table(observed["variables"])["require_secure_transport"] == "ON"
    assert observed["open"].stdout == ""
    if look(observed).get("follows"):
        assert "Master_SSL_Allowed: Yes" in observed["source"].stdout
        assert "Master_SSL_Verify_Server_Cert: Yes" in observed["source"].stdout


def test_who_fetches_may_only_fetch(observed):
    assert observed["grants"].stdout.startswith("GRANT REPLICATION SLAVE ON *.* TO `cluster_replication`@`%`")
    assert len(observed["grants"].stdout.splitlines()) == 1


def test_nobody_is_anonymous(observed):
    assert observed["anonymous"].stdout.strip() == "0"
    assert "test" not in observed["schemas"].stdout.split()


def test_schemas_are_there(node, observed):
    assert set(node.vars["replication_schemas"]) <= set(observed["schemas"].stdout.split())


def test_the_password_and_the_data_are_for_nobody_else(observed):
    assert observed["secret"].stdout.strip() == "600:root"
    mode, owner = observed["datadir"].stdout.strip().split(":")
    assert (mode[-1], owner) == ("5", "mysql") or mode[-1] == "0"
