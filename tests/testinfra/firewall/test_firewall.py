"""What a node lets in, as nft and strangers see it, and that nothing listens which the topology does not say."""

import json
import re
import socket

import pytest

from cluster_cli.topology.listeners import LOOPBACK, listeners

UNUSED = 9  # discard (RFC 863): nothing of ours listens there, so only a filter keeps quiet about it
QUIET_SECONDS = 1.0
SHOW = "nft -s -t list table inet cluster"
UNITS = {"sshd": "ssh", "chronyd": "chrony"}  # where the unit has another name than the process
DHCP = {("udp", 68), ("udp", 546)}  # a client waiting for its answer

COLLECT = {
    "running": SHOW,
    "on disk": f"unshare --net sh -c 'nft -f /etc/cluster/firewall.nft && {SHOW}'",
    "service": "systemctl is-active cluster-firewall; systemctl is-enabled cluster-firewall",
    "way back": "cat /run/cluster/firewall/armed",
    "counters": "nft -j list counters table inet cluster",
    "sockets": "ss -Hlntup",
    "applied": "cat /var/lib/cluster/ledger.json",
}


def answers(node):
    """What a stranger's call to a port nobody declared comes to: refused, open or silence."""
    try:
        with socket.create_connection((node.address, UNUSED), timeout=QUIET_SECONDS):
            return "open"
    except TimeoutError:
        return "silence"
    except ConnectionRefusedError:
        return "refused"


ASK = {"unused port": answers}


def one_form(listing):
    """A set of one range is listed as the range once it was put back from a listing; newer nft counts a set."""
    return re.sub(r"\t# count \d+$", "", re.sub(r"\{ ([0-9./-]+) \}", r"\1", listing), flags=re.MULTILINE)


def test_the_rules_that_run_are_those_on_disk(node, observed):
    if not node.vars["firewall_enabled"]:
        assert observed["running"].stdout == ""
        pytest.skip("the topology has the firewall switched off")
    assert observed["on disk"].rc == 0, observed["on disk"].stderr
    assert one_form(observed["running"].stdout) == one_form(observed["on disk"].stdout)
    assert "hook input" in observed["running"].stdout
    assert "policy drop" in observed["running"].stdout


def test_they_are_loaded_at_boot(node, observed):
    if node.vars["firewall_enabled"]:
        assert observed["service"].stdout.split() == ["active", "enabled"]


def test_no_timer_is_about_to_take_them_back(observed):
    assert observed["way back"].stdout == "", "an unfinished run: `cluster up` goes on with it"


def test_every_rule_is_counted(node, observed):
    rows = json.loads(observed["counters"].stdout or "{}").get("nftables", [])
    counters = {row["counter"]["name"] for row in rows if "counter" in row}
    assert {rule["name"] for rule in node.vars["firewall_rules"]} <= counters


def test_a_port_nobody_declared_does_not_even_refuse(node, asked):
    assert asked["unused port"] == ("silence" if node.vars["firewall_enabled"] else "refused")


def sockets(outcome):
    """Every listening socket as (protocol, address, port) with its processes; '*' is every address."""
    found = {}
    for line in outcome.stdout.splitlines():
        protocol, _, _, _, local, _, *users = line.split()
        address, port = local.rsplit(":", 1)
        address = address.split("%")[0].strip("[]")
        address = {"0.0.0.0": "*", "::": "*", "::1": str(LOOPBACK)}.get(address, address)
        names = {part.split('"')[0] for part in " ".join(users).split('(("')[1:]}
        names |= {part.split('"')[0] for part in " ".join(users).split('),("')[1:]}
        found.setdefault((protocol, address, int(port)), set()).update(names)
    return found


def declared(node, config):
    """The topology's listeners of this node by the same keys."""
    topology = config.cluster_workspace.topology
    return {
        (each.protocol, str(each.address or "*"), each.port): each
        for each in listeners(topology)
        if each.node == node.name
    }


def test_nothing_listens_that_is_not_declared(node, observed, pytestconfig):
    """On machines you have, software of yours may keep to itself; in a lab nobody else is there."""
    known, lab = declared(node, pytestconfig), pytestconfig.cluster_workspace.topology.is_lab
    everywhere = {(protocol, port) for protocol, _, port in known if not known[protocol, _, port].ours}
    strangers = {
        f"{protocol} {address}:{port} of {', '.join(sorted(names)) or 'an unknown process'}"
        for (protocol, address, port), names in sockets(observed["sockets"]).items()
        if (protocol, address, port) not in known
        and (protocol, port) not in DHCP | everywhere
        and (lab or not address.startswith("127."))
    }
    if strangers:
        hint = "close it, or declare it under `firewall.open` in the topology"
        pytest.fail(f"{'; '.join(sorted(strangers))} listens: {hint}", pytrace=False)


def test_what_is_declared_listens(node, observed, pytestconfig):
    """Unless its role was not applied yet."""
    found = sockets(observed["sockets"])
    applied = {"ssh", *json.loads(observed["applied"].stdout or "{}").get("services", [])}
    running = set().union(*found.values())
    missing = {
        f"{each.who}: {each.process} on {':'.join(map(str, key))}, there is {sorted(found.get(key, ()))}"
        for key, each in declared(node, pytestconfig).items()
        if each.ours and (UNITS.get(each.process, each.process) in applied or each.process in running)
        if not {each.process, "systemd"} & found.get(key, set())
    }
    if missing:
        pytest.fail("; ".join(sorted(missing)), pytrace=False)
