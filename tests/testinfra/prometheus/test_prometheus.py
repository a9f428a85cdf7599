"""A node that watches reaches all it is to ask, and judges by the rules of the topology."""

import json
import re
import ssl
import urllib.request

import sandbox
import watching

ASKED = watching.ask("prometheus", "/api/v1/targets?state=active", "/api/v1/rules", "/api/v1/alertmanagers")
PAGE = "/consoles/index.html"
YET = r'"health":"(down|unknown)"|"activeTargets":\[\]|"activeAlertmanagers":\[\]'


def answers_of(node):
    """The command that asks until every target was asked and answered, for a while.

    A Prometheus that was started just now takes five seconds to know whom to ask.
    """
    return f"""for try in $(seq 20); do found=$({ASKED(node)})
        printf '%s' "$found" | grep -qE '{YET}' || break; sleep 1; done
        printf '%s\\n' "$found" """


COLLECT = {
    "sandbox": sandbox.ask("prometheus"),
    "service": "systemctl is-active prometheus; systemctl is-enabled prometheus",
    "config": "promtool check config /etc/prometheus/prometheus.yml",
    "answers": answers_of,
    "page": watching.ask("prometheus", PAGE),
    "memory": "grep VmRSS /proc/$(systemctl show -P MainPID prometheus)/status",
}
MEGABYTES = 300


def stranger(node):
    """What the control machine meets that shows no certificate: refused, silence, or an answer."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    try:
        opener.open(f"https://{node.vars['prometheus_address']}:{node.vars['prometheus_port']}/metrics", timeout=3)
        return "answered"
    except OSError:
        return "refused"


ASK = {"stranger": stranger}


def answers(observed):
    """The targets, the rules, the Alertmanagers it knows."""
    return [json.loads(row)["data"] for row in watching.pages(observed["answers"]) if row]


def test_it_runs_and_starts_at_boot(observed):
    assert observed["service"].stdout.split() == ["active", "enabled"]


def test_strangers_are_refused(asked, observed):
    assert watching.stranger(observed["answers"]) == "refused"
    assert asked["stranger"] == "refused"


def test_its_configuration_passes_the_checker(observed):
    assert observed["config"].rc == 0, observed["config"].stderr


def test_it_asks_everything_it_is_to_ask(node, observed):
    targets = answers(observed)[0]["activeTargets"]
    known = {tuple(sorted(each["labels"].items())): each for each in targets}
    wanted = {
        tuple(sorted({"job": job["name"], **target["labels"]}.items()))
        for job in node.vars["prometheus_jobs"]
        for target in job["targets"]
    }
    assert set(known) == wanted
    silent = {key: each["lastError"] for key, each in known.items() if each["health"] != "up"}
    assert not silent


def test_it_judges_by_all_rules(node, observed):
    rules = [rule for group in answers(observed)[1]["groups"] for rule in group["rules"]]
    assert sorted(rule["name"] for rule in rules) == sorted(
        rule.get("alert") or rule["record"] for group in node.vars["prometheus_groups"] for rule in group["rules"]
    )
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] == "err"} == {}


def test_summaries_name_what_fires(observed):
    rules = [rule for group in answers(observed)[1]["groups"] for rule in group["rules"]]
    summaries = [rule["annotations"]["summary"] for rule in rules if rule["type"] == "alerting"]
    assert any("{{ $labels.instance }}" in text for text in summaries)
    assert [text for text in summaries if "<" in text] == []


def test_it_knows_whom_to_tell(node, observed):
    known = {each["url"].split("/")[2] for each in answers(observed)[2]["activeAlertmanagers"]}
    assert known == set(node.vars["prometheus_alertmanagers"])


def test_its_page_shows_all_nodes(node, observed):
    shown = "\n".join(watching.pages(observed["page"]))
    wanted = re.findall(r'data-node="[^"]+"', node.vars["prometheus_page"])
    assert wanted
    assert [each for each in wanted if each not in shown] == []
    assert "{{" not in shown
    assert "[[" not in shown


def test_it_takes_little(observed):
    assert int(observed["memory"].stdout.split()[1]) < MEGABYTES * 1024


def test_who_breaks_in_finds_little(observed):
    assert sandbox.exposure(observed["sandbox"]) < 3
