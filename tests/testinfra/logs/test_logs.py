"""What is logged on a node is soon on every receiver, and only nodes of the cluster are listened to."""

import json
import secrets
import shlex

import pytest
import sandbox
import stranger_tls

MARK = secrets.token_hex(8)
KEPT, SECURITY = "/var/log/cluster/logs", "/var/log/cluster/security"
SENDER, RECEIVER = "/etc/cluster/logs/sender.conf", "/etc/cluster/logs/receiver.conf"
SHIPPING = "/etc/cluster/logs/shipping"
# Waits until all that was logged before now was sent to every endpoint, and tells how far each is.
SHIPPED = """
import json, time
began = time.time()
while True:
    with open("/run/cluster-log-shipper/status.json") as file:
        said = json.load(file)
    late = [name for name, row in said.items() if row["until"] < began]
    if not late or time.time() > began + 40:
        break
    time.sleep(0.5)
print(json.dumps({name: row["error"] or "it is too slow" for name, row in said.items() if name in late}))
"""
SECONDS = 45  # at the first `up` all that was logged since the boot goes first

COLLECT = {
    "service": "systemctl is-active cluster-log-sender",
    "receiver": f"test ! -e {RECEIVER} || systemctl is-active cluster-log-receiver",
    "config": f"{{ test ! -e {RECEIVER} || rsyslogd -N1 -f {RECEIVER}; }} && rsyslogd -N1 -f {SENDER}",
    "spool": "systemctl show -P ExecStartPre cluster-log-sender",
    "sandbox": sandbox.ask("cluster-log-sender"),
    "receiver sandbox": f"test ! -e {RECEIVER} || {{ {sandbox.ask('cluster-log-receiver')}; }}",
    "logged": f"logger -p daemon.info -t cluster-verify {MARK}; "
    f"logger -p authpriv.notice -t cluster-verify {MARK}",
    # a receiver waits until it has heard of all that it knows of, in both streams
    "received": f"""test -e {RECEIVER} || exit 0
        all=$(($(grep -c 'fromhost-ip ==' {RECEIVER}) * 2))
        for try in $(seq {SECONDS * 2}); do
            found=$(grep -rh ' 0 cluster-verify.*: {MARK}' {KEPT} {SECURITY} 2>/dev/null)
            test $(echo "$found" | grep -c .) -ge $all && break; sleep 0.5
        done; grep -rl ' 0 cluster-verify.*: {MARK}' {KEPT} {SECURITY} 2>/dev/null""",
    "files": f"find {KEPT} {SECURITY} -type f -exec stat -c '%U %G %a' {{}} + 2>/dev/null | sort -u",
    "rotation": "test ! -e /etc/logrotate.d/cluster-logs || logrotate --debug /etc/logrotate.d/cluster-logs",
    "shipped": f"test ! -e {SHIPPING}/settings.json || python3 -c {shlex.quote(SHIPPED)}",
    "shipper": f"test ! -e {SHIPPING}/settings.json || {sandbox.ask('cluster-log-shipper')}",
    "secrets": f"stat -c '%U %G %a' {SHIPPING}/secrets.json",
    "calls": stranger_tls.ask(SENDER, "/etc/cluster/certificates/logs"),
}


def test_it_runs_with_a_configuration_that_passes(node, observed):
    assert observed["service"].stdout == "active\n"
    assert observed["receiver"].stdout == ("active\n" if node.vars["logs_receives"] else "")
    assert observed["config"].rc == 0, observed["config"].stderr


def test_its_queues_are_looked_at_before_it_begins(observed):
    """How that ended is not known any more once systemd has read its units anew."""
    said = [line for line in observed["spool"].stdout.splitlines() if "/log-spool " in line]
    assert len(said) == 1
    assert "code=exited ; status=0" in said[0] or "code=(null)" in said[0], said


def test_what_is_logged_on_a_node_is_on_every_receiver(inventory, observed_on):
    hosts = inventory.group("logs")
    for receiver in (host for host in hosts if host.vars["logs_receives"]):
        files = observed_on(receiver.name)["received"].stdout.split()
        for stream, heard in (
            ("logs", {path.split("/")[-2] for path in files if path.startswith(KEPT)}),
            (
                "security",
                {path.split("/")[-1].removesuffix(".log") for path in files if path.startswith(SECURITY)},
            ),
        ):
            lost = {host.name for host in hosts} - heard
            assert not lost, f"{receiver.name} did not hear of {lost} within {SECONDS} s ({stream})"


def test_what_is_received_is_sent_on(node, observed):
    if node.vars["logs_ship"]:
        late = json.loads(observed["shipped"].stdout)
        urls = {each["name"]: each["url"] for each in node.vars["logs_ship"]}
        assert not late, "; ".join(f"{name} ({urls[name]}): {why}" for name, why in late.items())
        assert observed["secrets"].stdout == "root root 600\n"
        assert sandbox.exposure(observed["shipper"]) <= 2.5


def test_what_is_kept_only_administrators_read(node, observed):
    if node.vars["logs_receives"]:
        assert observed["files"].stdout.splitlines() == ["cluster-log-receiver adm 640"]
        assert observed["rotation"].rc == 0, observed["rotation"].stderr


@pytest.mark.parametrize(("who", "answer"), [("node", "answered"), ("stranger", "refused"), ("nobody", "refused")])
def test_a_receiver_speaks_with_nodes_of_the_cluster_alone(observed, who, answer):
    said = observed["calls"].stdout.splitlines()
    assert [line for line in said if line.startswith(f"{who} ")], observed["calls"]
    assert {line for line in said if line.startswith(f"{who} ")} == {f"{who} {answer}"}


def test_it_could_do_little_harm(node, observed):
    assert sandbox.exposure(observed["sandbox"]) <= 2.5  # it reads what all others write
    if node.vars["logs_receives"]:
        assert sandbox.exposure(observed["receiver sandbox"]) <= 2.5
