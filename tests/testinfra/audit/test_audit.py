"""Records of logins and commands reach every collector, and only from nodes of the cluster."""

import secrets

import pytest
import sandbox
import stranger_tls

MARK = secrets.token_hex(8)
KEPT, CONFIG = "/var/log/cluster/audit", "/etc/rsyslog.d/20-cluster-audit.conf"
SECONDS = 20


COLLECT = {
    "sandbox": sandbox.ask("rsyslog"),
    "service": "systemctl is-active rsyslog",
    "config": "rsyslogd -N1",
    "sent": f"logger -p authpriv.notice -t cluster-verify {MARK}",
    # a collector waits until it has heard of itself and of all that it knows of
    "received": f"""test -d {KEPT} || exit 0
        all=$(($(grep -c 'fromhost-ip ==' {CONFIG}) + 1))
        for try in $(seq {SECONDS * 2}); do
            found=$(grep -l 'cluster-verify.* uid=0 .*{MARK}' {KEPT}/*.log 2>/dev/null)
            test $(echo "$found" | wc -w) -ge $all && break; sleep 0.5
        done; echo "$found" """,
    "files": f"find {KEPT} -type f -exec stat -c '%U %G %a' {{}} + 2>/dev/null | sort -u",
    "calls": stranger_tls.ask(CONFIG, "/etc/cluster/certificates/audit"),
    "kernel": "systemd-detect-virt --quiet --container && echo container || auditctl -s",
    "rules": "command -v auditctl >/dev/null && auditctl -l",
}


def test_it_runs_with_a_configuration_that_passes(observed):
    assert observed["service"].stdout == "active\n"
    assert observed["config"].rc == 0, observed["config"].stderr


def test_every_collector_has_the_records_of_every_node(inventory, observed_on):
    hosts = inventory.group("audit")
    for collector in (host for host in hosts if host.vars["audit_collects"]):
        files = observed_on(collector.name)["received"].stdout.split()
        heard = {path.rsplit("/", 1)[1].removesuffix(".log") for path in files}
        assert heard == {host.name for host in hosts}, f"{collector.name} did not hear of all within {SECONDS} s"


def test_what_is_kept_only_administrators_read(node, observed):
    if node.vars["audit_collects"]:
        assert observed["files"].stdout.splitlines() == ["root adm 640"]


@pytest.mark.parametrize(("who", "answer"), [("node", "answered"), ("stranger", "refused"), ("nobody", "refused")])
def test_a_collector_speaks_with_nodes_of_the_cluster_alone(node, observed, who, answer):
    said = [line for line in observed["calls"].stdout.splitlines() if line.startswith(who)]
    assert said == [f"{who} {answer}"] * len(node.vars["audit_collectors"]), observed["calls"]


def test_the_kernel_records_what_people_do_as_root(observed):
    if observed["kernel"].stdout == "container\n":
        pytest.skip("the kernel's audit is not for containers: no auditd here")
    assert "enabled 1" in observed["kernel"].stdout or "enabled 2" in observed["kernel"].stdout
    for key in ("people-as-root", "accounts", "ssh", "cluster", "audit", "time", "modules"):
        assert f"key={key}" in observed["rules"].stdout or f"-k {key}" in observed["rules"].stdout, key


def test_it_could_do_little_harm(observed):
    assert sandbox.exposure(observed["sandbox"]) <= 3.5  # it reads what all others write
