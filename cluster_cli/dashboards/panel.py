"""What a dashboard is made of: each has a file here, and grafana_json.py makes Grafana's JSON of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["graph", "number", "table", "states"]
# What a cluster may have or not; parts.py says which a topology has.
Part = Literal[
    "balancers",
    "haproxy",
    "virtual_ips",
    "looks",
    "databases",
    "galera",
    "group_replication",
    "replication",
    "backup",
    "logs",
]
WIDTH = 24  # of a dashboard, in Grafana's columns


@dataclass(frozen=True)
class Query:
    """PromQL, with `$name` for a dashboard's variable; legend: `{{label}}` for a label of what it gives."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """One box. says: what it shows, for who points at it.

    unit: as Grafana calls it (its documentation, "Standard units"). width, height: in Grafana's columns and rows.
    words: what to show instead of a value. limits: from where on it is a warning, and bad; where `limits` falls,
    less is worse. needs: the part of a cluster it is about, so that it is empty in others. may_be_empty: why it
    may have nothing to show in a cluster that is well; where it says nothing, it must.
    """

    title: str
    queries: tuple[Query, ...]
    says: str
    kind: Kind = "graph"
    unit: str = "short"
    width: int = 12
    height: int = 8
    words: Mapping[int, str] = field(default_factory=dict)
    limits: tuple[float, float] | None = None
    highest: float | None = None
    stacked: bool = False
    needs: Part | None = None
    may_be_empty: str = ""


@dataclass(frozen=True)
class Row:
    """Panels under a heading, side by side as far as they fit."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Variable:
    """What a person may choose: the values that a label of a metric has. All of them until somebody chooses."""

    name: str
    title: str
    metric: str
    label: str


@dataclass(frozen=True)
class Dashboard:
    """A page. name: that of its file; its uid, which addresses and links have, is made of it and stays.

    needs: the part of a cluster it is about; clusters without it do not get it.
    """

    name: str
    title: str
    says: str
    rows: tuple[Row, ...]
    variables: tuple[Variable, ...] = ()
    needs: Part | None = None

    @property
    def uid(self) -> str:
        """By what Grafana knows it."""
        return f"cluster-{self.name}"

    def panels(self) -> Iterator[Panel]:
        """All its panels, in order."""
        for row in self.rows:
            yield from row.panels


def ask(expr: str, legend: str = "") -> tuple[Query, ...]:
    """One query."""
    return (Query(expr, legend),)


NODE = Variable("node", "Node", "cluster_unit_active", "instance")
DATABASE = Variable("database", "Database", "cluster_database_writable", "database")
YES_NO = {1: "yes", 0: "no"}
