"""All nodes keep one time: clients follow the servers, servers an upstream or one of themselves."""

import sandbox

BOUND = 0.1  # seconds
NORMAL, ALONE = "Normal", "7F7F0101"

# the other servers that do not follow (or were not heard of yet); who goes its own way has stratum 10
RIVALS = "chronyc -c -n sources | awk -F, '$1 == \"=\" && $4 <= 10' | wc -l"


def servers(node):
    """The addresses of the cluster's servers a node asks."""
    return [server["address"] for server in [*node.vars["ntp_servers"], *node.vars["ntp_peers"]]]


def hear(node):
    """The command that tells the sources, once all servers were heard: a start or a new key takes some seconds."""
    heard = "awk -F, '$6 > 0 {print $3}'"
    missing = f'printf \'%s\\n\' {" ".join(servers(node))} | grep -vxF "$(echo "$now" | {heard})"'
    return f"""for try in $(seq 40); do now=$(chronyc -c -n sources)
        {missing} >/dev/null || break; sleep 0.5; done; echo "$now" """


COLLECT = {
    "sandbox": sandbox.ask("chrony"),
    "account": 'ps -o user:32= -p "$(systemctl show -P MainPID chrony)"',
    # right after its start chrony needs some seconds to make up its mind; servers, to agree on one of them
    "tracking": f"""for try in $(seq 40); do now=$(chronyc -c -n tracking)
        case $now in
        7F7F0101,*,Normal) [ "$({RIVALS})" = 0 ] && break;;
        *,Normal) break;;
        esac; sleep 0.5; done; echo "$now" """,
    "sources": hear,
    "container": "systemd-detect-virt --container",
    "command line": "tr '\\0' ' ' < /proc/$(cat /run/chrony/chronyd.pid)/cmdline",
    "open": "ss -Hlun 'sport = :323'",
    "keys": "stat -c '%U:%G %a' /etc/chrony/cluster.keys; awk '!/^#/ {print $1, $2}' /etc/chrony/cluster.keys",
    "authentication": "chronyc -c -n authdata",
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
    assert set(servers(node)) <= heard


def test_a_container_leaves_the_clock_of_its_host_alone(observed):
    in_container = observed["container"].rc == 0
    assert (" -x" in observed["command line"].stdout) is in_container


def test_all_its_servers_are_authenticated(node, observed):
    rows = [line.split(",") for line in observed["authentication"].stdout.split()]
    signed = {row[0] for row in rows if row[1] == "SK" and int(row[2]) > 0}
    assert set(servers(node)) <= signed


def test_its_keys_are_for_nobody_else(observed):
    mode, *keys = observed["keys"].stdout.splitlines()
    assert mode == "root:_chrony 640"
    assert keys
    assert all(key.endswith(" SHA256") for key in keys)


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


def test_it_could_do_little_harm(observed):
    assert sandbox.exposure(observed["sandbox"]) <= 3.0
    assert observed["account"].stdout.strip() != "root"
