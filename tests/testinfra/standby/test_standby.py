"""A node that stands by has a copy of each database, follows it as late as is wished, and lets nobody else in."""

import json

import sandbox

PROGRAM = "python3 -IB /usr/local/lib/cluster/standby"


def for_each(command):
    """One command for each database; what they print is parted by lines that begin with a #."""
    return lambda node: "; ".join(
        f"echo '# {each['name']}'; {command.format(each['name'])}" for each in node.vars["standby_databases"]
    )


COLLECT = {
    "look": f"{PROGRAM} look",
    "masked": "systemctl is-enabled mariadb.service mariadb.socket mariadb-extra.socket",
    "units": for_each("systemctl is-active mariadb@{0} cluster-standby@{0}"),
    "boot": for_each("systemctl is-enabled mariadb@{0} cluster-standby@{0}"),
    "variables": for_each("mariadb --no-defaults --socket=/run/mysqld/{}.sock -BN -e 'SHOW GLOBAL VARIABLES'"),
    "source": for_each("mariadb --no-defaults --socket=/run/mysqld/{}.sock -e 'SHOW SLAVE STATUS\\G'"),
    "places": for_each("stat --format=%a:%U /var/lib/cluster-standby/{}"),
    "secret": "stat --format=%a:%U:%G /etc/cluster/standby.json",
    "listens": "ss -Hlntp | grep mariadbd || true",
    "follower": lambda node: sandbox.ask(f"cluster-standby@{node.vars['standby_databases'][0]['name']}"),
    "server": lambda node: sandbox.ask(f"mariadb@{node.vars['standby_databases'][0]['name']}"),
}
WANTED = {
    "skip_networking": "ON",
    "read_only": "ON",
    "log_bin": "OFF",
    "gtid_strict_mode": "ON",
    "event_scheduler": "OFF",
    "rpl_semi_sync_slave_enabled": "OFF",
    "rpl_semi_sync_master_enabled": "OFF",
}


def parted(outcome):
    """What was printed of each database, as lists of lines."""
    found = {}
    for line in outcome.stdout.splitlines():
        if line.startswith("# "):
            lines = found[line[2:]] = []
        else:
            lines.append(line)
    return found


def test_it_follows_as_late_as_is_wished(node, observed):
    shown = json.loads(observed["look"].stdout)
    assert set(shown) == {each["name"] for each in node.vars["standby_databases"]}
    for each in node.vars["standby_databases"]:
        row = shown[each["name"]]
        assert row["io"] == "Yes", row["why"]
        assert row["sql"] == "Yes" or row["held"], row["why"]
        assert row["delay"] == each["delay"]
        assert row["follows"] in {member["name"] for member in each["nodes"]}


def test_it_runs_and_starts_at_boot(observed):
    for name, states in parted(observed["units"]).items():
        assert states == ["active", "active"], name
    for name, states in parted(observed["boot"]).items():
        assert states == ["enabled", "enabled"], name


def test_the_packages_own_server_does_not_run(observed):
    assert set(observed["masked"].stdout.split()) == {"masked"}


def test_it_acknowledges_nothing_and_is_written_to_by_nobody(observed):
    for name, lines in parted(observed["variables"]).items():
        found = dict(line.split("\t", 1) for line in lines if "\t" in line)
        assert {key: found[key] for key in WANTED} == WANTED, name


def test_nobody_reaches_it_over_the_network(observed):
    assert observed["listens"].stdout == ""


def test_it_knows_whom_it_fetches_from(observed):
    for name, lines in parted(observed["source"]).items():
        text = "\n".join(lines)
        assert "Master_SSL_Allowed: Yes" in text, name
        assert "Master_SSL_Verify_Server_Cert: Yes" in text, name
        assert "Using_Gtid: Slave_Pos" in text, name


def test_the_password_and_the_data_are_for_nobody_else(observed):
    assert observed["secret"].stdout.strip() == "640:root:mysql"
    assert {line for lines in parted(observed["places"]).values() for line in lines} == {"700:mysql"}


def test_who_breaks_into_it_can_do_little(observed):
    assert sandbox.exposure(observed["follower"]) < 2.5
    assert sandbox.exposure(observed["server"]) < 3.5
