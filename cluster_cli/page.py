"""The status page of a node that watches: a console template, which Prometheus fills in whenever somebody looks.

Pure. Actions of that template stand in `[[ ... ]]`, since Ansible would take Prometheus's own braces for its own;
role prometheus puts those in. What an action gives, Prometheus escapes for where it stands (Go's html/template).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from cluster_cli.backups import state
from cluster_cli.databases.replication.look import span
from cluster_cli.graph import svg
from cluster_cli.history.results import SHOWN, TONES
from cluster_cli.inventory import Inventory
from cluster_cli.picture import picture
from cluster_cli.render import alerts, health
from cluster_cli.topology.makers import makers
from cluster_cli.topology.model import Topology
from cluster_cli.topology.monitoring import CRITICAL, Monitoring

PATH = "/consoles/index.html"
HOUR, SLOT = 3600, 120  # seconds: what is shown of the past, and a bar of it
SOONEST = 5  # seconds after which a browser asks again
FIGURES = (
    ("%.2f", "node_load1{%}"),
    ("%.0f %%", "100 - 100 * node_memory_MemAvailable_bytes{%} / node_memory_MemTotal_bytes{%}"),
    (
        "%.0f %%",
        '100 - 100 * node_filesystem_avail_bytes{%,mountpoint="/"} / node_filesystem_size_bytes{%,mountpoint="/"}',
    ),
    ("%+.2f ms", "1000 * cluster_clock_offset_seconds{%}"),
)
RUNS = f"sort_desc(topk({SHOWN}, max by (run, verb, about, who, result) (cluster_run_started_timestamp_seconds)))"
COLUMNS = {"copies": "copy", "files": "copy", "own": "copy", "binlogs": "fetch", "proof": "proof"}  # of backups
Row = dict[str, Any]


def page(topology: Topology, monitoring: Monitoring, inventory: Inventory, node: str) -> str:
    """The text of the page that this node's Prometheus shows."""
    interval = max(1, monitoring.interval // 1000)
    slot = max(SLOT, 2 * interval)
    nodes, virtual_ips = list(node_rows(inventory)), list(virtual_ip_rows(topology))
    marks = [(row["name"], row["variable"], row["state"]) for row in (*nodes, *virtual_ips)]
    drawing = svg(picture(topology, inventory), {name: f"[[ ${variable} ]]" for name, variable, _ in marks})
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            cluster=topology.name,
            node=node,
            refresh=max(SOONEST, interval),
            hour=HOUR,
            slot=slot,
            moments=range(1, HOUR, slot),  # PromQL has no offset of nothing
            all=health.ALL,
            state=health.NODE,
            problem=health.PROBLEM,
            problems=[
                (each.name, filled(each.says)) for each in health.problems(topology) if each.name != "alert"
            ],
            marks=marks,
            holders=holders(topology),
            drawing=drawing,
            virtual_ips=virtual_ips,
            backends=list(backend_rows(topology)),
            databases=list(database_rows(topology)),
            alerts=sorted(alert_rows(topology, node), key=lambda row: bool(row["tone"] != "bad")),
            asked=requests(topology, slot),
            backups=list(backup_rows(topology)),
            runs=RUNS,
            tones=TONES,
            nodes=nodes,
        )
    )


def addresses(inventory: Inventory) -> list[str]:
    """Where a browser finds it: on each node that watches."""
    return [
        f"https://{host.vars['prometheus_address']}:{host.vars['prometheus_port']}{PATH}"
        for host in inventory.group("prometheus")
    ]


def environment() -> Environment:
    """Where the page's own template is, and how it is filled in."""
    return Environment(
        loader=PackageLoader("cluster_cli", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def node_rows(inventory: Inventory) -> Iterator[Row]:
    """Each node, and the queries for what is told of it."""
    for number, host in enumerate(inventory.hosts):
        here = f'instance="{host.name}"'
        yield {
            "name": host.name,
            "address": host.address,
            "variable": f"node{number}",
            "state": f"{health.NODE}{{{here}}}",
            "figures": [(form, expr.replace("%", here)) for form, expr in FIGURES],
        }


def virtual_ip_rows(topology: Topology) -> Iterator[Row]:
    """Each virtual IP: bad when it is not held by exactly one."""
    for name, balancer in topology.load_balancers.items():
        for vip in balancer.virtual_ips:
            held = f'cluster_virtual_ip_held{{address="{vip.address}"}}'
            yield {
                "name": str(vip.address),
                "address": str(vip.address),
                "balancer": name,
                "prefer": vip.prefer or "",
                "variable": f"vip{str(vip.address).replace('.', '_')}",
                "held": f"{held} == 1",
                "state": f"2 * (count({held} == 1) != bool 1) or vector(2)",
            }


def backend_rows(topology: Topology) -> Iterator[Row]:
    """Each backend, and the query for which of its servers are up."""
    for name, balancer in topology.load_balancers.items():
        for key, backend in balancer.backends.items():
            yield {
                "balancer": name,
                "name": key,
                "up": health.up(balancer, [key]),
                "down": "waits" if backend.one_at_a_time else "down",
                "tone": "unknown" if backend.one_at_a_time else "bad",
            }


def database_rows(topology: Topology) -> Iterator[Row]:
    """Each database."""
    for name, database in topology.databases.items():
        yield {
            "name": name,
            "engine": database.engine,
            "mode": database.mode,
            "nodes": database.nodes,
            "delayed": {node: span(database.delay(node)) for node in database.delayed},
            "one_writer": database.mode != "galera",
        }


def backup_rows(topology: Topology) -> Iterator[Row]:
    """What each backup node backs up, and by column of the table the labels of that kind of run."""
    for name, kinds in state.kinds(topology).items():
        for node in makers(topology, name):
            here = f'database="{name}",instance="{node}"'
            yield {
                "name": name,
                "node": node,
                "kinds": {COLUMNS[kind]: f'{{{here},kind="{kind}"}}' for kind in kinds},
            }


def alert_rows(topology: Topology, node: str) -> Iterator[Row]:
    """Each alert a watching node can fire, with the query for what does: its value, and since when as a label."""
    for rule in alerts.each(topology, node):
        added = ", ".join(("alertname", "alertstate", *rule["labels"]))
        series = ",".join(
            f'{key}="{value}"' for key, value in {"alertname": rule["alert"], **rule["labels"]}.items()
        )
        fires = f'ALERTS{{{series},alertstate="firing"}}'
        since = f'0 * count_values without () ("since", ALERTS_FOR_STATE{{{series}}})'
        both = f"({rule['expr']}) + ignoring ({added}, since) group_left (since) {since}"
        yield {
            "name": rule["alert"],
            "tone": "bad" if rule["labels"]["severity"] == CRITICAL else "warn",
            "expr": f"({both}) and ignoring ({added}, since) {fires}",
            "says": filled(rule["annotations"]["summary"]),
            "runbook": rule["annotations"]["runbook"],
        }


def requests(topology: Topology, slot: int) -> str:
    """What the haproxy balancers were asked over HTTP, as a share of ten of the most; empty without any."""
    if not any(each.engine == "haproxy" for each in topology.load_balancers.values()):
        return ""
    rate = f"sum(rate(haproxy_frontend_http_requests_total[{slot}s]%s))"
    most = f"max_over_time({rate % ''}[{HOUR}s:{slot}s])"
    return f"10 * {rate % ' offset %ds'} / ignoring () ({most} > 0)"


def holders(topology: Topology) -> list[str]:
    """The nodes that may have a virtual IP, or a database's writes: each has a colour."""
    found = [each.nodes for each in topology.load_balancers.values() if each.virtual_ips]
    found += [each.nodes for each in topology.databases.values()]
    return list(dict.fromkeys(name for names in found for name in names))


def filled(text: str) -> Markup:
    """What is said of a result: `<label>`, `<value>` and `<duration>` become actions (see render/alerts.py)."""
    places: Mapping[str, str] = {"value": "humanize .Value", "duration": "humanizeDuration .Value"}
    actions = re.sub(
        r"&lt;([a-z_]+)&gt;",
        lambda found: f"[[ {places.get(found[1], f'.Labels.{found[1]}')} ]]",
        str(escape(text)),
    )
    return Markup(actions)
