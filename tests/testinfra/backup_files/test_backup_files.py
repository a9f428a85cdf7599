"""A node gives its files to backup nodes, whole and the same each time, and to nobody else."""

import json

import giving
import sandbox

COLLECT = {
    "service": "systemctl is-active cluster-backup-files; systemctl is-enabled cluster-backup-files",
    "others": lambda node: giving.ask(
        "/etc/cluster/backup-files.json", f"/files?set={next(iter(node.vars['backup_files_sets']))}"
    ),
    "sandbox": sandbox.ask("cluster-backup-files"),
    "capabilities": "grep CapEff /proc/$(systemctl show -P MainPID cluster-backup-files)/status",
    "exchange": lambda node: " && ".join(
        f"python3 -I /usr/local/lib/cluster/files-exchange look {name}" for name in node.vars["backup_files_sets"]
    ),
}
DAC_READ_SEARCH = 1 << 2  # capability.h
MOST_EXPOSED = 3.0


def test_it_runs_and_starts_at_boot(observed):
    assert observed["service"].stdout.split() == ["active", "enabled"]


def test_it_can_read_and_no_more(observed):
    assert int(observed["capabilities"].stdout.split()[1], 16) == DAC_READ_SEARCH
    assert sandbox.exposure(observed["sandbox"]) < MOST_EXPOSED


def test_nobody_else_is_given_anything(observed):
    """Neither who shows no certificate, nor a node that makes no backups."""
    assert observed["others"].stdout.split() == ["refused", "403"]


def test_no_restore_stopped_half_way(observed):
    found = [json.loads(line) for line in observed["exchange"].stdout.splitlines()]
    assert found
    assert not any(each["coming"] for each in found), found
