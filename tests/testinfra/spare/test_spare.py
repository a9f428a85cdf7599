"""A spare node has no server of a database, now and after a start."""

UNITS = "mariadb mysql cluster-doorbell cluster-backup-source cluster-room"
COLLECT = {
    "running": f"systemctl is-active {UNITS}",
    "at boot": f"systemctl is-enabled {UNITS} 2>/dev/null",
    "listens": "ss -Hlnt | awk '{print $4}' | grep -E ':(3306|4567|9200|9201)$' || true",
}


def test_no_server_runs(observed):
    assert "active" not in observed["running"].stdout.split()
    assert observed["listens"].stdout == ""


def test_none_would_after_a_start(observed):
    assert "enabled" not in observed["at boot"].stdout.split()
