"""The doorbell tells what a database node is fit for, to those who may ask."""

import http.client

from cluster_cli.databases.modes import fenced

COLLECT = {
    "service": "systemctl is-active cluster-doorbell; systemctl is-enabled cluster-doorbell",
    "room": "systemctl is-active cluster-room; systemctl is-enabled cluster-room",
    "itself": """python3 -c 'import http.client, sys
def ask(path):
    connection = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]), timeout=3)
    connection.request("GET", path)
    return str(connection.getresponse().status)
print(ask("/write"), ask("/read"), ask("/"))' $(sed -n "s|^ExecStart=.*doorbell [a-z_/]* ||p" \
    /etc/systemd/system/cluster-doorbell.service)""",
}


def doorbell(node):
    """What the node says of itself for writes and for reads, as a balancer asks; None where we are not let in."""
    found = {}
    for path in ("/write", "/read"):
        connection = http.client.HTTPConnection(
            node.vars["doorbell_address"], node.vars["doorbell_port"], timeout=3
        )
        try:
            connection.request("GET", path)
            found[path] = connection.getresponse().status
        except OSError:
            found[path] = None
        finally:
            connection.close()
    return found


ASK = {"doorbell": doorbell}


def test_it_runs_and_starts_at_boot(observed):
    assert observed["service"].stdout.split() == ["active", "enabled"]


def test_a_full_disk_is_watched_for_where_a_group_elects(node, observed):
    if node.vars["doorbell_mode"] != "replication":
        assert observed["room"].stdout.split() == ["active", "enabled"]


def test_the_node_may_be_read_from_unless_it_is_delayed(node, observed):
    write, read, nothing = observed["itself"].stdout.split()
    wanted = write if node.vars["doorbell_max_lag_seconds"] < 0 else "200"
    assert (read, nothing) == (wanted, "503")
    assert write in ("200", "503")


def test_somebody_takes_writes_and_nobody_of_a_fenced_database(databases, fences, observed_on):
    for name, database in databases.items():
        said = {node: observed_on(node)["itself"].stdout.split()[:1] for node in database.nodes}
        writers = [node for node, words in said.items() if words == ["200"]]
        if name in fences:
            assert not writers, f"{fenced(name)}, and {', '.join(writers)} would take them all the same"
        else:
            assert writers, f"no node of database {name} takes writes"


def test_a_fence_is_on_all_nodes_of_a_database(databases, fences, record_property):
    for name, marked in fences.items():
        without = set(databases[name].nodes) - set(marked)
        forget = f"but {', '.join(sorted(without))} would not know after a restart: cluster db fence {name}, again"
        assert not without, f"{fenced(name)}, {forget}"
        record_property("told", fenced(name))


def test_a_balancer_hears_the_same(asked, observed):
    """This machine is let in as a balancer only without a firewall, or when it is one."""
    if set(asked["doorbell"].values()) != {None}:
        assert [str(code) for code in asked["doorbell"].values()] == observed["itself"].stdout.split()[:2]
