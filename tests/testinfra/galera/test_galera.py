"""The group has a majority, and all nodes have the same data."""

import sandbox

SQL = "mariadb --no-defaults -BNe"
COLLECT = {
    "status": f"""{SQL} "SHOW STATUS LIKE 'wsrep%'" """,
    "variables": f"{SQL} 'SHOW VARIABLES'",
    "service": "systemctl is-active mariadb; systemctl is-enabled mariadb",
    "sockets": "systemctl is-enabled mariadb.socket mariadb-extra.socket",
    "anonymous": f"""{SQL} "SELECT COUNT(*) FROM mysql.global_priv WHERE user = ''" """,
    "open": f"""{SQL} "SELECT user, host FROM mysql.global_priv WHERE host <> 'localhost'
        AND COALESCE(JSON_VALUE(priv, '$.ssl_type'), 0) = 0" """,
    "schemas": f"{SQL} 'SHOW DATABASES'",
    "sandbox": sandbox.ask("mariadb"),
    "datadir": "stat --format=%a:%U /var/lib/mysql",
}
SYNCED = "4"


def table(outcome):
    """name -> value of what SHOW prints."""
    return dict(line.split("\t", 1) for line in outcome.stdout.splitlines() if "\t" in line)


def test_the_server_runs_and_starts_at_boot(observed):
    assert observed["service"].stdout.split() == ["active", "enabled"]


def test_nothing_starts_it_behind_our_back(observed):
    assert set(observed["sockets"].stdout.split()) == {"masked"}


def test_it_is_in_the_primary_component_with_all_others(node, observed):
    status = table(observed["status"])
    assert status["wsrep_cluster_status"] == "Primary"
    assert status["wsrep_local_state"] == SYNCED, status["wsrep_local_state_comment"]
    assert int(status["wsrep_cluster_size"]) == len(node.vars["galera_members"])


def test_all_hold_the_same_data(inventory, observed_on):
    groups = {}
    for node in inventory.group("galera"):
        found = table(observed_on(node.name)["status"]) if "status" in observed_on(node.name) else {}
        groups.setdefault(node.vars["galera_name"], set()).add(found.get("wsrep_cluster_state_uuid"))
    assert {name: len(uuids) for name, uuids in groups.items()} == dict.fromkeys(groups, 1)


def test_what_is_acknowledged_is_on_the_disk(observed):
    found = table(observed["variables"])
    wanted = {"innodb_flush_log_at_trx_commit": "1", "sync_binlog": "1", "binlog_format": "ROW", "log_bin": "ON"}
    assert {name: found[name] for name in wanted} == wanted


def test_nobody_comes_without_tls(observed):
    found = table(observed["variables"])
    assert found["require_secure_transport"] == "ON"
    assert "socket.ssl_cert" in found["wsrep_provider_options"]
    assert observed["open"].stdout == ""


def test_nobody_is_anonymous(observed):
    assert observed["anonymous"].stdout.strip() == "0"
    assert "test" not in observed["schemas"].stdout.split()


def test_schemas_are_there(node, observed):
    assert set(node.vars["galera_schemas"]) <= set(observed["schemas"].stdout.split())


def test_the_data_is_the_servers_alone(observed):
    mode, owner = observed["datadir"].stdout.strip().split(":")
    assert (mode[-1], owner) == ("5", "mysql") or mode[-1] == "0"


def test_the_server_can_do_little_to_its_node(observed):
    assert sandbox.exposure(observed["sandbox"]) <= 3.5
