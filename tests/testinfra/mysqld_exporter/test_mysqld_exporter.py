"""A node tells how its database server is to those who show a certificate of the cluster, and to nobody else."""

import sandbox
import watching

COLLECT = {
    "sandbox": sandbox.ask("prometheus-mysqld-exporter"),
    "service": "systemctl is-active prometheus-mysqld-exporter; systemctl is-enabled prometheus-mysqld-exporter",
    "told": watching.ask("mysqld_exporter", "/metrics"),
    "rows": "runuser -u prometheus -- sh -c '$(command -v mariadb || command -v mysql) --no-defaults -BN -e "
    '"SELECT COUNT(*) FROM mysql.user"\'',
}


def test_it_runs_and_starts_at_boot(observed):
    assert observed["service"].stdout.split() == ["active", "enabled"]


def test_a_stranger_is_refused(observed):
    assert watching.stranger(observed["told"]) == "refused"


def test_it_is_let_in_by_the_server(observed):
    assert "mysql_up 1" in watching.pages(observed["told"])


def test_it_tells_of_connections(observed):
    told = [
        row for row in watching.pages(observed["told"]) if row.startswith("mysql_global_status_threads_connected")
    ]
    assert told


def test_its_account_sees_no_rows(observed):
    assert observed["rows"].rc != 0
    assert "denied" in observed["rows"].stderr


def test_who_breaks_in_finds_little(observed):
    assert sandbox.exposure(observed["sandbox"]) < 3
