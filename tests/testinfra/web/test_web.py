"""Web servers, asked directly and not through a balancer."""

import json

import client
import sandbox

COLLECT = {
    "nginx sandbox": sandbox.ask("nginx"),
    "apache sandbox": sandbox.ask("apache2"),
    "nginx": "systemctl is-active nginx; systemctl is-enabled nginx",
    "apache": "systemctl is-active apache2; systemctl is-enabled apache2",
    "nginx config": "nginx -t -q",
    "apache config": "apache2 -t -f /etc/apache2/apache2.conf",
}


def test_service_runs_and_starts_at_boot(node, observed):
    assert observed[node.vars["web_engine"]].stdout.split() == ["active", "enabled"]


def test_configuration_on_disk_passes_the_checker(node, observed):
    outcome = observed[f"{node.vars['web_engine']} config"]
    assert outcome.rc == 0, outcome.stderr


def test_health_page_of_every_site_names_this_node(node):
    for site in node.vars["web_sites"]:
        answer = client.get(node.address, site["port"], site["health_path"])
        assert answer.status == 200, f"{site['name']} answers {answer.status}"
        told = json.loads(answer.body)
        assert (told["status"], told["node"]) == ("ok", node.vars.get("web_node_name", node.name))


def test_every_site_answers_and_says_who_served_it(node):
    for site in node.vars["web_sites"]:
        answer = client.get(node.address, site["port"])
        good = answer.status < 500 if site["upstream"] else answer.status == 200
        assert good, f"{site['name']} answers {answer.status}"
        assert answer.server == node.vars.get("web_node_name", node.name)


def test_what_is_not_there_is_not_found(node):
    for site in node.vars["web_sites"]:
        if not site["upstream"]:
            assert client.get(node.address, site["port"], "/no-such-page").status == 404


def test_it_could_do_little_harm(node, observed):
    found = observed[f"{node.vars['web_engine']} sandbox"]
    assert sandbox.exposure(found) <= 3.0
    assert sandbox.workers(found) == {"www-data"}
