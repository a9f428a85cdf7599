"""Every query of the dashboards, asked of a live Prometheus: there is data, or a reason for none."""

import base64
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cluster_cli.dashboards import DASHBOARDS, dashboards
from cluster_cli.dashboards.grafana_json import alerts
from cluster_cli.dashboards.panel import Dashboard
from cluster_cli.dashboards.parts import parts
from cluster_cli.topology.model import Topology

from .conftest import Stack

WINDOW, SHOWN = "30s", "5m"  # a lab has new values every second or two, and not for long
# Asks on the node, whose certificate opens Prometheus. Prints how many rows came for each, or what was wrong.
ASK = """
import base64, json, ssl, sys, urllib.error, urllib.parse, urllib.request, zlib
folder = "/etc/cluster/certificates"
context = ssl.create_default_context(cafile=folder + "/ca.pem")
context.load_cert_chain(folder + "/monitoring/cert.pem", folder + "/monitoring/key.pem")
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
def asked(path, **words):
    try:
        answer = opener.open(sys.argv[1] + "/api/v1/" + path, urllib.parse.urlencode(words).encode(), 10)
    except urllib.error.HTTPError as error:
        return json.load(error)["error"]
    found = json.load(answer)["data"]
    return len(found["result"] if isinstance(found, dict) else found)
known = json.loads(zlib.decompress(base64.b64decode(sys.argv[2])))
rows = [asked("query", query=expr) for expr in known["queries"]]
for metric, label in known["labels"]:
    rows.append(asked("series", **{"match[]": '{__name__="%s",%s!=""}' % (metric, label)}))
print(json.dumps(rows))
"""


@dataclass(frozen=True)
class Asked:
    """A question of a panel or variable, what came back (rows, or an error), and whether nothing may come."""

    where: str
    what: str
    came: int | str
    may_be_empty: bool

    @property
    def well(self) -> bool:
        """Whether it is as it ought to be."""
        return isinstance(self.came, int) and (self.came > 0 or self.may_be_empty)


def filled(expr: str) -> str:
    """PromQL as Grafana sends it while nobody chose anything: all of every variable."""
    known = expr.replace("$__rate_interval", WINDOW).replace("$__range", SHOWN)
    return re.sub(r"\$[a-z_]+", ".*", known)


def ask_all(stack: Stack, node: str) -> list[Asked]:
    """Every question of every dashboard, those too that this cluster does not get, of the Prometheus of a node."""
    topology = stack.workspace.topology
    panels = list(questions(topology))
    labels = [(each, variable) for each in DASHBOARDS for variable in each.variables]
    came = counted(
        stack,
        node,
        [filled(expr) for _, expr, _ in panels],
        [(variable.metric, variable.label) for _, variable in labels],
    )
    found = [Asked(where, expr, rows, empty) for (where, expr, empty), rows in zip(panels, came, strict=False)]
    there = dashboards(topology)
    return found + [
        Asked(f"{each.name}: ${variable.name}", variable.metric, rows, each not in there)
        for (each, variable), rows in zip(labels, came[len(panels) :], strict=True)
    ]


def counted(
    stack: Stack, node: str, queries: Sequence[str], labels: Sequence[tuple[str, str]] = ()
) -> list[int | str]:
    """How many rows come for each query, and series for each metric with a label; or what is wrong with it."""
    known = {"queries": queries, "labels": labels}
    words = base64.b64encode(zlib.compress(json.dumps(known).encode(), 9)).decode()
    told = stack.workspace.inventory.host(node).vars
    url = f"https://{told['prometheus_address']}:{told['prometheus_port']}"
    came: list[int | str] = json.loads(stack.on(node, f"python3 -I -c '{quoted(ASK)}' {url} {words}", 120))
    return came


def questions(topology: Topology) -> Iterator[tuple[str, str, bool]]:
    """(where it stands, PromQL, whether nothing may come) of every query."""
    yield "all: critical alerts", alerts()["target"]["expr"], True
    for each in DASHBOARDS:
        yield from of(each, topology)


def of(dashboard: Dashboard, topology: Topology) -> Iterator[tuple[str, str, bool]]:
    """Those of one dashboard: where a panel needs what the cluster has not, nothing may come."""
    there = parts(topology)
    for panel in dashboard.panels():
        lacking = {need for need in (dashboard.needs, panel.needs) if need} - there
        for query in panel.queries:
            yield f"{dashboard.name}: {panel.title}", query.expr, bool(panel.may_be_empty or lacking)


def quoted(program: str) -> str:
    """A program for a shell's single quotes."""
    return program.replace("'", "'\\''")
