"""An Alertmanager answers those who show a certificate of the cluster, and knows the others of its kind."""

import json

import sandbox
import watching

COLLECT = {
    "sandbox": sandbox.ask("prometheus-alertmanager"),
    "service": "systemctl is-active prometheus-alertmanager; systemctl is-enabled prometheus-alertmanager",
    "status": watching.ask("alertmanager", "/api/v2/status"),
    "config": "amtool check-config /etc/prometheus/alertmanager.yml",
    "amtool": "amtool silence query",
    "file": "stat -c '%U %G %a' /etc/prometheus/alertmanager.yml",
    "sockets": "ss -Hlnt",
}


def test_it_runs_and_starts_at_boot(observed):
    assert observed["service"].stdout.split() == ["active", "enabled"]


def test_a_stranger_is_refused(observed):
    assert watching.stranger(observed["status"]) == "refused"


def test_its_configuration_passes_the_checker_and_is_in_use(node, observed):
    assert observed["config"].rc == 0, observed["config"].stderr
    used = json.loads("".join(watching.pages(observed["status"])))["config"]["original"]
    for receiver in node.vars["alertmanager_receivers"]:
        assert receiver["name"] in used


def test_it_knows_the_others_of_its_kind(node, observed):
    status = json.loads("".join(watching.pages(observed["status"])))["cluster"]
    others = node.vars["alertmanager_peers"]
    assert len(status.get("peers", [])) == (len(others) + 1 if others else 0), status
    assert status["status"] in (("ready", "settling") if others else ("disabled",))


def test_a_person_on_the_node_can_silence(observed):
    assert observed["amtool"].rc == 0, observed["amtool"].stderr


def test_nobody_else_reads_its_secrets(observed):
    assert observed["file"].stdout.split() == ["root", "prometheus", "640"]


def test_alone_it_listens_for_no_others(node, observed):
    listening = f":{node.vars['alertmanager_gossip_port']} " in observed["sockets"].stdout
    assert listening == bool(node.vars["alertmanager_peers"])


def test_who_breaks_in_finds_little(observed):
    assert sandbox.exposure(observed["sandbox"]) < 3
