"""The group has a majority and one primary, and all nodes have the same data."""

SQL = "mysql --no-defaults -BN --raw -e"
COLLECT = {
    "members": f"""{SQL} "SELECT member_id = @@server_uuid, member_host, member_state, member_role
        FROM performance_schema.replication_group_members" """,
    "variables": f"{SQL} 'SHOW GLOBAL VARIABLES'",
    "service": "systemctl is-active mysql; systemctl is-enabled mysql",
    "join": "systemctl is-active cluster-group-join; systemctl is-enabled cluster-group-join",
    "anonymous": f"""{SQL} "SELECT COUNT(*) FROM mysql.user WHERE user = ''" """,
    "open": f"""{SQL} "SELECT user, host FROM mysql.user WHERE host <> 'localhost' AND ssl_type = ''" """,
    "schemas": f"{SQL} 'SHOW DATABASES'",
    "datadir": "stat --format=%a:%U /var/lib/mysql",
    "closed": f"{SQL} 'SELECT @@super_read_only'; mysqld --print-defaults | grep -o super_read_only=.. | tail -1",
}


def table(outcome):
    """name -> value of what SHOW prints."""
    return dict(line.split("\t", 1) for line in outcome.stdout.splitlines() if "\t" in line)


def members(outcome):
    """(whether it is the node itself, address, state, role) of all members."""
    return [tuple(line.split("\t")) for line in outcome.stdout.splitlines()]


def test_the_server_runs_and_starts_at_boot(observed):
    assert observed["service"].stdout.split() == ["active", "enabled"]


def test_somebody_brings_it_back_into_its_group(observed):
    assert observed["join"].stdout.split() == ["active", "enabled"]


def test_all_nodes_are_in_the_group(node, observed):
    found = members(observed["members"])
    assert {state for _, _, state, _ in found} == {"ONLINE"}
    assert {address for _, address, _, _ in found} == set(node.vars["group_replication_members"])


def test_one_takes_writes_and_all_agree_who(databases, fences, observed_on):
    for name, database in databases.items():
        if database.mode != "group_replication":
            continue
        seen = {node: observed_on(node) for node in database.nodes}
        roles = {node: members(each["members"]) if "members" in each else [] for node, each in seen.items()}
        primaries = {tuple(at for _, at, _, role in found if role == "PRIMARY") for found in roles.values()}
        assert [len(each) for each in primaries] == [1], primaries
        writable = [node for node, each in seen.items() if "closed" in each and is_open(each["closed"])]
        assert len(writable) == (0 if name in fences else 1), (name, writable)


def is_open(outcome):
    """Whether a server takes writes."""
    return outcome.stdout.split()[:1] == ["0"]


def test_a_server_outside_its_group_takes_no_writes(observed):
    assert observed["closed"].stdout.splitlines()[-1] == "super_read_only=ON"
    found = table(observed["variables"])
    assert found["group_replication_start_on_boot"] == "OFF"
    assert found["group_replication_bootstrap_group"] == "OFF"
    assert found["group_replication_unreachable_majority_timeout"] == "5"


def test_what_is_acknowledged_is_on_the_disk(observed):
    found = table(observed["variables"])
    wanted = {"innodb_flush_log_at_trx_commit": "1", "sync_binlog": "1", "log_bin": "ON", "gtid_mode": "ON"}
    assert {name: found[name] for name in wanted} == wanted
    assert found["group_replication_consistency"] == "BEFORE_ON_PRIMARY_FAILOVER"


def test_nobody_comes_without_tls(observed):
    found = table(observed["variables"])
    assert found["require_secure_transport"] == "ON"
    assert found["group_replication_ssl_mode"] == "VERIFY_IDENTITY"
    assert found["group_replication_recovery_ssl_verify_server_cert"] == "ON"
    assert observed["open"].stdout == ""


def test_nobody_is_anonymous(observed):
    assert observed["anonymous"].stdout.strip() == "0"
    assert "test" not in observed["schemas"].stdout.split()


def test_schemas_are_there(node, observed):
    assert set(node.vars["group_replication_schemas"]) <= set(observed["schemas"].stdout.split())


def test_the_data_is_the_servers_alone(observed):
    mode, owner = observed["datadir"].stdout.strip().split(":")
    assert (mode[-1], owner) == ("0", "mysql")
