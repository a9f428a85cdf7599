"""A backup node makes backups on schedule, has a repository only it can open, and is given copies."""

import json

PROGRAM = "python3 -B /usr/local/lib/cluster/backup"
SERVERS = {"mariadb": ("mariadb.service", "mariadb.socket", "mariadb-extra.socket"), "mysql": ("mysql.service",)}
ACCESS = "/etc/cluster/backup-s3.ini"


def in_bucket(node):
    """Whether its repository is in a bucket, and not here."""
    return bool(node.vars.get("backup_s3"))


COLLECT = {
    "timers": "systemctl is-active cluster-backup.target $(systemctl show -P Wants cluster-backup.target)",
    "boot": "systemctl is-enabled cluster-backup.target",
    "masked": lambda node: f"systemctl is-enabled {' '.join(SERVERS[node.vars['backup_engine']])}",
    "list": f"{PROGRAM} list",
    "look": f"{PROGRAM} look",
    "key": "stat --format=%a:%U /etc/cluster/backup.key",
    "store": lambda node: f"stat --format=%a:%U {ACCESS if in_bucket(node) else node.vars['backup_store']}",
    "plain": lambda node: f"grep -rlsa 'CREATE TABLE' {node.vars['backup_store']} | head -1",
}


def test_every_backup_has_its_timer(node, observed):
    timers = 4 * len(node.vars["backup_databases"]) + len(node.vars["backup_sets"])
    assert observed["timers"].stdout.split() == ["active"] * (1 + timers)
    assert observed["boot"].stdout.strip() == "enabled"


def test_the_server_runs_only_for_a_proof(observed):
    assert set(observed["masked"].stdout.split()) == {"masked"}


def test_the_repository_opens_with_the_key(observed):
    assert observed["list"].rc == 0, observed["list"].stderr
    assert "backups" in json.loads(observed["list"].stdout)


def test_key_and_repository_are_for_one_account(node, observed):
    assert observed["key"].stdout.strip() == "400:mysql"
    assert observed["store"].stdout.strip() == f"{400 if in_bucket(node) else 700}:mysql"
    assert observed["plain"].stdout == ""


def test_nodes_of_databases_answer(node, observed):
    seen = json.loads(observed["look"].stdout)
    for database in node.vars["backup_databases"]:
        found = seen[database["name"]]
        assert found["silent"] == []
        assert any(state["fit"] for state in found["nodes"].values()), found
        assert all(state["position"] for state in found["nodes"].values())


def test_no_proof_failed(observed):
    """Copies and fetches that failed are made again soon, and told by status; a proof is asked for once a day."""
    state = json.loads(observed["list"].stdout)["databases"]
    failed = {name: kinds["proof"]["bad"] for name, kinds in state.items() if kinds.get("proof", {}).get("bad")}
    assert failed == {}
