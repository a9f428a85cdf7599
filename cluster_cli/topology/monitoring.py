"""The part of the topology that describes monitoring: who watches, how closely, and who is told."""

from typing import Annotated, Literal

from pydantic import Field, PlainSerializer

from cluster_cli.topology.base import Model, NodeList
from cluster_cli.topology.fields import HostName, Name, Port, SecretName, Span, Url, Words, duration_text

DAY = 86_400_000
# The ports these programs are known by (the wiki of Prometheus, "Default port allocations").
PROMETHEUS_PORT, ALERTMANAGER_PORT, GOSSIP_PORT = 9090, 9093, 9094
GRAFANA_PORT = 3000  # Grafana's documentation, "http_port"
NODE_PORT, BALANCER_PORT, DATABASE_SERVER_PORT, PROBER_PORT = 9100, 9101, 9104, 9115
WATCHER = "prometheus"  # the account of the system, and of databases, that looks

Severity = Literal["critical", "warning"]
CRITICAL: Severity = "critical"
Interval = Annotated[int, Span("1s", "5m"), PlainSerializer(duration_text)]
Patience = Annotated[int, Span("2s", "1h"), PlainSerializer(duration_text)]
Retention = Annotated[int, Span("1h", "400d"), PlainSerializer(duration_text)]
Offset = Annotated[int, Span("1ms", "10s"), PlainSerializer(duration_text)]
Latency = Annotated[int, Span("10ms", "5m"), PlainSerializer(duration_text)]
Ahead = Annotated[int, Span("6h", "7d"), PlainSerializer(duration_text)]
Percent = Annotated[int, Field(ge=1, le=99, strict=True)]
MailAddress = Annotated[
    str,
    Words(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+", "a mail address", "such as ops@example.com", 254),
    Field(json_schema_extra={"examples": ["ops@example.com"]}),
]


class Webhook(Model):
    """An HTTP address that is sent alerts as JSON (Alertmanager's documentation, "webhook_config")."""

    url: Url | None = Field(default=None, description="The address.")
    url_secret: SecretName | None = Field(
        default=None, description="Instead of it, the name of the secret that is the address."
    )
    token: SecretName | None = Field(
        default=None, description="Name of the secret that is sent as a bearer token (RFC 6750)."
    )


class Email(Model):
    """A mailbox."""

    to: MailAddress = Field(description="Who is written to.")
    sender: MailAddress = Field(description="Who writes.")
    server: HostName = Field(description="The mail server that takes it.")
    port: Port = Field(default=587, description="Its port for submission (RFC 6409).")
    user: str | None = Field(default=None, description="User at the mail server.")
    password: SecretName | None = Field(
        default=None, description="Name of the secret that is the user's password."
    )
    tls: bool = Field(default=True, description="Whether TLS is insisted on.")


class Receiver(Model):
    """Somebody who is told when an alert fires, and when it resolves. A webhook or a mailbox."""

    webhook: Webhook | None = Field(default=None, description="An HTTP address.")
    email: Email | None = Field(default=None, description="A mailbox.")
    severities: Annotated[tuple[Severity, ...], Field(min_length=1)] = Field(
        default=("critical", "warning"), description="Of which alerts."
    )
    repeat: Annotated[int, Span("1m", "7d"), PlainSerializer(duration_text)] = Field(
        default=4 * 3_600_000, description="How soon it is told again of what still fires."
    )


class Thresholds(Model):
    """From where on something is wrong."""

    disk_percent: Percent = Field(
        default=85,
        description="How full a file system may be, by space and by inodes, before it is a warning. "
        "It is critical when half of the rest is gone, too.",
    )
    memory_percent: Percent = Field(default=90, description="How much of a node's memory may be in use.")
    clock_offset: Offset = Field(default=100, description="How far a clock may be off.")
    error_percent: Percent = Field(default=5, description="Share of a backend's answers that may be errors (5xx).")
    latency: Latency = Field(default=1000, description="Mean time a backend's servers may take to answer.")
    connections_percent: Percent = Field(
        default=85, description="Share of the connections of a balancer or database that may be in use."
    )
    ahead: Ahead = Field(
        default=DAY,
        description="How far ahead warnings look of what will run out, by the last quarter of that time. For "
        "connections and sessions, which change faster, a sixth of it.",
    )


class Grafana(Model):
    """Dashboards in Grafana, which Debian does not have: its package comes from a repository of yours."""

    nodes: Annotated[NodeList, Field(max_length=4)] | None = Field(
        default=None, description="Nodes that serve it. Left away: those that watch."
    )
    repository: Name | None = Field(
        default=None,
        description="The one of `system.repositories` its package comes from, used for nothing else, and on these "
        "nodes. Left away: what package sources the nodes have.",
    )


class Monitoring(Model):
    """Metrics of all nodes, kept and judged by nodes that watch."""

    nodes: Annotated[NodeList, Field(max_length=4)] = Field(
        description="Nodes that watch. Each has all metrics and judges by itself; they tell you of an alert once."
    )
    interval: Interval = Field(default=15_000, description="How often everything is looked at.")
    patience: Patience = Field(
        default=60_000,
        description="How long something urgent must be wrong before an alert fires. What is not, takes five times "
        "as long.",
    )
    retention: Retention = Field(default=15 * DAY, description="How long metrics are kept.")
    retention_gigabytes: Annotated[int, Field(ge=1, le=100_000, strict=True)] | None = Field(
        default=None, description="The oldest metrics go when they need more than this. Left away: by age alone."
    )
    receivers: dict[Name, Receiver] = Field(
        default={}, description="Who is told. Without any, `cluster alerts` and `cluster status` tell."
    )
    thresholds: Thresholds = Field(default_factory=Thresholds, description="From where on something is wrong.")
    grafana: Grafana | None = Field(
        default=None, description="Dashboards in Grafana. Without it there is the status page."
    )

    @property
    def grafana_nodes(self) -> tuple[str, ...]:
        """The nodes that serve Grafana; none where it is not wanted."""
        return (self.grafana.nodes or self.nodes) if self.grafana else ()
