"""All nodes keep one time: clients follow the servers, servers an upstream or one of themselves."""

BOUND = 0.1  # seconds
NORMAL, ALONE = "Normal", "7F7F0101"

COLLECT = {
    # right after its start chrony needs some seconds to make up its mind
    "tracking": """for try in $(seq 40); do now=$(chronyc -c -n tracking)
        case $now in *,Normal) break;; esac; sleep 0.5; done; echo "$now" """,
    "sources": """for try in $(seq 40); do now=$(chronyc -c -n sources)
        echo "$now" | grep -q '^.,[*]' && break
        chronyc -c -n tracking | grep -q '^7F7F0101,.*,Normal$' && break
        sleep 0.5; done; echo "$now" """,
    "container": "systemd-detect-virt --container",
    "command line": "tr '\\0' ' ' < /proc/$(cat /run/chrony/chronyd.pid)/cmdline",
    "open": "ss -Hlun 'sport = :323'",
}


class Tracking:
    """The columns of `chronyc -c tracking` that count."""

    def __init__(self, outcome):
        columns = outcome.stdout.strip().split(",")
        assert len(columns) > 5, f"chronyd does not answer: {outcome.stdout}{outcome.stderr}"
        self.reference, self.stratum, self.leap = columns[0], int(columns[2]), columns[-1]
        self.offset = float(columns[4])


def test_it_is_synchronised(observed):
    tracking = Tracking(observed["tracking"])
    assert tracking.leap == NORMAL
    assert abs(tracking.offset) < BOUND


def test_a_client_does_not_go_its_own_way(node, observed):
    if node.vars["ntp_role"] == "client":
        assert Tracking(observed["tracking"]).reference != ALONE


def test_it_hears_from_all_its_servers(node, observed):
    rows = [line.split(",") for line in observed["sources"].stdout.split()]
    heard = {row[2] for row in rows if int(row[5], 8) > 0}
    assert {server["address"] for server in [*node.vars["ntp_servers"], *node.vars["ntp_peers"]]} <= heard


def test_a_container_leaves_the_clock_of_its_host_alone(observed):
    in_container = observed["container"].rc == 0
    assert (" -x" in observed["command line"].stdout) is in_container


def test_it_takes_no_commands_from_the_network(observed):
    assert observed["open"].stdout == ""


def test_servers_have_a_sane_stratum_and_clients_come_after_them(inventory, observed_on):
    strata = {host.name: Tracking(observed_on(host.name)["tracking"]).stratum for host in inventory.group("ntp")}
    roles = {host.name: host.vars["ntp_role"] for host in inventory.group("ntp")}
    servers = [stratum for name, stratum in strata.items() if roles[name] == "server"]
    clients = [stratum for name, stratum in strata.items() if roles[name] == "client"]
    assert all(1 <= stratum <= 11 for stratum in servers), strata
    assert all(stratum > min(servers) for stratum in clients), strata


def test_one_server_at_most_goes_its_own_way(inventory, observed_on):
    found = {host.name: Tracking(observed_on(host.name)["tracking"]).reference for host in inventory.group("ntp")}
    assert list(found.values()).count(ALONE) <= 1, found


def test_all_nodes_agree(inventory, observed_on):
    offsets = {host.name: Tracking(observed_on(host.name)["tracking"]).offset for host in inventory.group("ntp")}
    assert max(offsets.values()) - min(offsets.values()) < BOUND, offsets
