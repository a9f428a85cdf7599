"""A node of a database gives copies to backup nodes, and to nobody else; no restore of it stopped half-way."""

import json

import giving

COLLECT = {
    "restore": "python3 -I /usr/local/lib/cluster/exchanger look",
    "service": "systemctl is-active cluster-backup-source; systemctl is-enabled cluster-backup-source",
    "account": "systemctl show -P User cluster-backup-source",
    "others": giving.ask("/etc/cluster/backup-source.json", "/state"),
    "secrets": "grep -ls RESTIC /etc/cluster/* /root/.* 2>/dev/null; find / -xdev -name 'backup.key' 2>/dev/null",
}


def test_it_runs_and_starts_at_boot(observed):
    assert observed["service"].stdout.split() == ["active", "enabled"]


def test_it_runs_without_rights(observed):
    assert observed["account"].stdout.strip() == "mysql"


def test_nobody_else_is_given_anything(node, observed):
    """Neither who shows no certificate, nor a node that makes no backups."""
    stranger = "200" if node.name in node.vars["backup_source_askers"] else "403"
    assert observed["others"].stdout.split() == ["refused", stranger]


def test_the_node_has_no_key_of_the_repository(node, observed):
    if node.name not in node.vars["backup_source_askers"]:
        assert observed["secrets"].stdout.split() == []


def test_no_restore_stopped_half_way(observed):
    note = json.loads(observed["restore"].stdout)["note"]
    assert note is None or note["phase"] in ("restored", "undone"), note
