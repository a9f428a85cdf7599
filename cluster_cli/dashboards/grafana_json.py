"""A dashboard as Grafana reads it (its documentation, "Dashboard JSON model"): pure."""

from collections.abc import Iterator
from typing import Any

from cluster_cli.dashboards.panel import WIDTH, Dashboard, Panel, Row, Variable

SCHEMA = 39  # of Grafana 10.4; a newer one brings it up to its own when it reads it
TAG = "cluster"  # what all of them have, and by what they link to each other
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
KINDS = {"graph": "timeseries", "number": "stat", "table": "table", "states": "state-timeline"}
GOOD, WARN, BAD, NEUTRAL = "green", "orange", "red", "blue"
Json = dict[str, Any]


def to_json(dashboard: Dashboard) -> Json:
    """The whole page."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.says,
        "tags": [TAG],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,  # one cross-hair for all panels
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "30s",
        "timezone": "browser",
        "links": [links()],
        "annotations": {"list": [alerts()]},
        "templating": {"list": [source(), *(variable(each) for each in dashboard.variables)]},
        "panels": list(panels(dashboard)),
    }


def links() -> Json:
    """The way to the others, with the same time and the same choices."""
    return {
        "title": "Dashboards",
        "type": "dashboards",
        "tags": [TAG],
        "asDropdown": True,
        "includeVars": True,
        "keepTime": True,
        "icon": "external link",
        "targetBlank": False,
        "tooltip": "",
        "url": "",
    }


def alerts() -> Json:
    """A line where a critical alert fires."""
    return {
        "name": "Critical alerts",
        "datasource": SOURCE,
        "enable": True,
        "hide": False,
        "iconColor": BAD,
        "target": {
            "refId": "Anno",
            "expr": 'ALERTS{alertstate="firing",severity="critical"}',
            "interval": "60s",
        },
        "titleFormat": "{{alertname}} {{instance}}",
    }


def source() -> Json:
    """The choice between the Prometheus servers, each of which has all metrics."""
    return {
        "name": "datasource",
        "label": "Seen by",
        "type": "datasource",
        "query": "prometheus",
        "current": {"selected": True, "text": "default", "value": "default"},
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "refresh": 1,
        "regex": "",
    }


def variable(found: Variable) -> Json:
    """A choice among the values of a label."""
    query = f"label_values({found.metric}, {found.label})"
    return {
        "name": found.name,
        "label": found.title,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": found.name},
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "hide": 0,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "refresh": 2,  # when the time that is shown is another
        "regex": "",
        "sort": 1,
    }


def panels(dashboard: Dashboard) -> Iterator[Json]:
    """Headings and panels with their places, from left to right and downwards."""
    top, number = 0, 0
    for row in dashboard.rows:
        number += 1
        yield heading(row, number, top)
        left, top, tallest = 0, top + 1, 0
        for found in row.panels:
            if left + found.width > WIDTH:
                left, top, tallest = 0, top + tallest, 0
            number += 1
            yield panel(found, number, {"x": left, "y": top, "w": found.width, "h": found.height})
            left, tallest = left + found.width, max(tallest, found.height)
        top += tallest


def heading(row: Row, number: int, top: int) -> Json:
    """What stands above a row."""
    place = {"x": 0, "y": top, "w": WIDTH, "h": 1}
    return {"id": number, "type": "row", "title": row.title, "gridPos": place, "collapsed": False, "panels": []}


def panel(found: Panel, number: int, place: dict[str, int]) -> Json:
    """One box."""
    at_once = found.kind in ("number", "table")
    targets = [
        {
            "refId": chr(ord("A") + index),
            "datasource": SOURCE,
            "expr": query.expr,
            "legendFormat": query.legend or "__auto",
            "instant": at_once,
            "range": not at_once,
            "format": "table" if found.kind == "table" else "time_series",
        }
        for index, query in enumerate(found.queries)
    ]
    return {
        "id": number,
        "type": KINDS[found.kind],
        "title": found.title,
        "description": found.says,
        "datasource": SOURCE,
        "gridPos": place,
        "targets": targets,
        "fieldConfig": {"defaults": defaults(found), "overrides": []},
        "options": options(found),
        "transformations": without_names() if found.kind == "table" else [],
    }


def defaults(found: Panel) -> Json:
    """How values are written and coloured."""
    row: Json = {"unit": found.unit, "thresholds": thresholds(found), "color": colour(found), "mappings": []}
    if found.words:
        shown = {
            str(value): {"text": text, "index": index} for index, (value, text) in enumerate(found.words.items())
        }
        row["mappings"] = [{"type": "value", "options": shown}]
    if found.highest is not None:
        row |= {"min": 0, "max": found.highest}
    if found.kind == "graph":
        row["custom"] = {
            "drawStyle": "line",
            "fillOpacity": 20 if found.stacked else 0,
            "lineWidth": 1,
            "showPoints": "never",
            "spanNulls": False,
            "stacking": {"mode": "normal" if found.stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "line" if found.limits else "off"},
        }
    elif found.kind == "states":
        row["custom"] = {"fillOpacity": 80, "lineWidth": 0}
    return row


def thresholds(found: Panel) -> Json:
    """From where on a value is coloured how."""
    if found.limits is None:
        steps: list[Json] = [{"color": NEUTRAL, "value": None}]
    else:
        warn, bad = found.limits
        rising = [(GOOD, None), (WARN, warn), (BAD, bad)]
        falling = [(BAD, None), (WARN, bad), (GOOD, warn)]
        steps = [{"color": name, "value": value} for name, value in (falling if warn > bad else rising)]
    return {"mode": "absolute", "steps": steps}


def colour(found: Panel) -> Json:
    """By its series in a graph, by its value elsewhere."""
    return {"mode": "palette-classic" if found.kind == "graph" else "thresholds"}


def options(found: Panel) -> Json:
    """What is a panel's own."""
    if found.kind == "graph":
        return {
            "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    if found.kind == "number":
        return {
            "colorMode": "background",
            "graphMode": "none",
            "justifyMode": "auto",
            "orientation": "auto",
            "textMode": "auto",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        }
    if found.kind == "states":
        return {
            "mergeValues": True,
            "showValue": "never",
            "rowHeight": 0.8,
            "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []},
            "tooltip": {"mode": "single", "sort": "none"},
        }
    return {"showHeader": True, "cellHeight": "sm"}


def without_names() -> list[Json]:
    """A table without the columns that say nothing: the time it was asked, and what the metric is called."""
    hidden = {"Time": True, "__name__": True, "job": True, "alertstate": True}
    return [{"id": "organize", "options": {"excludeByName": hidden, "indexByName": {}, "renameByName": {}}}]
