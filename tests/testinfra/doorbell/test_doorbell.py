"""The doorbell tells what a database node is fit for, to those who may ask."""

import http.client

COLLECT = {
    "service": "systemctl is-active cluster-doorbell; systemctl is-enabled cluster-doorbell",
    "itself": """python3 -c 'import http.client, sys
def ask(path):
    connection = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]), timeout=3)
    connection.request("GET", path)
    return str(connection.getresponse().status)
print(ask("/write"), ask("/read"), ask("/"))' $(sed -n "s/^ExecStart=.*doorbell [a-z_]* //p" \
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


def test_the_node_may_be_read_from(observed):
    write, read, nothing = observed["itself"].stdout.split()
    assert (read, nothing) == ("200", "503")
    assert write in ("200", "503")


def test_somebody_takes_writes(inventory, observed_on):
    writers = {}
    for node in inventory.group("doorbell"):
        said = observed_on(node.name)["itself"].stdout.split()[:1]
        writers.setdefault((node.vars["doorbell_mode"], group(node)), []).extend(said)
    assert {key: "200" in said for key, said in writers.items()} == dict.fromkeys(writers, True)


def group(node):
    """The database a node is of."""
    return node.vars[f"{node.vars['doorbell_mode']}_name"]


def test_a_balancer_hears_the_same(asked, observed):
    """This machine is let in as a balancer only without a firewall, or when it is one."""
    if set(asked["doorbell"].values()) != {None}:
        assert [str(code) for code in asked["doorbell"].values()] == observed["itself"].stdout.split()[:2]
