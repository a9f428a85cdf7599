"""The part of the topology that describes databases."""

from typing import Annotated, Literal

from pydantic import Field, PlainSerializer

from cluster_cli.topology.backup import DatabaseBackup
from cluster_cli.topology.base import Model, NodeList
from cluster_cli.topology.fields import Milliseconds, Name, Port, Setting, Span, Words, duration_text

# What MariaDB takes unquoted, without the dollar sign (Identifier Names); utf8mb4 needs none of them quoted.
SchemaName = Annotated[str, Words(r"[A-Za-z][A-Za-z0-9_]*", "a schema's name", "letters, digits and _", 64)]
AccountName = Annotated[str, Words(r"[a-z][a-z0-9_]*", "an account's name", "a-z, 0-9 and _, at most 32", 32)]
VariableName = Annotated[str, Words(r"[a-z][a-z0-9_]*", "a server variable", "such as max_connections", 64)]
Share = Annotated[int, Field(ge=5, le=80, strict=True)]
# Binary logs are kept for a week: who is behind can always be given what comes next.
Delay = Annotated[int, Span("1m", "3d"), PlainSerializer(duration_text)]
Behind = Annotated[int, Span("0s", "3d"), PlainSerializer(duration_text)]


DATABASE_PORT = 3306
DOORBELL = 9200  # where a node says over HTTP what it is fit for
GROUP, STATE_TRANSFER, INCREMENTAL = 4567, 4444, 4568  # Galera's documentation, "Firewall settings"
MODES = {"mariadb": ("galera", "replication"), "mysql": ("group_replication", "replication")}
PROCESS = {"mariadb": "mariadbd", "mysql": "mysqld"}
RESERVED = "cluster"  # how accounts begin that are the cluster's own
REPLICATION_ACCOUNT = "cluster_replication"  # as whom a node fetches from another, where it needs a password


class DatabasePorts(Model):
    """Where clients find a database at its load balancer."""

    write: Port = Field(default=3306, description="Port that leads to the one node that takes writes.")
    read: Port = Field(default=3307, description="Port that leads to any node that is up to date.")


class Account(Model):
    """An account of an application. Its password is made, and is among the cluster's secrets."""

    schemas: Annotated[tuple[SchemaName, ...], Field(min_length=1)] = Field(description="Schemas it may use.")
    rights: Literal["read", "write", "owner"] = Field(
        default="write",
        description="Read rows; or write them too; or also make and change tables.",
    )


class Database(Model):
    """A database on several nodes that hold the same data."""

    engine: Literal["mariadb", "mysql"] = Field(default="mariadb", description="The server.")
    mode: Literal["galera", "group_replication", "replication"] = Field(
        default="galera",
        description="How the nodes agree. galera (mariadb) and group_replication (mysql): a majority goes on by "
        "itself. replication (both): a replica has each write before it is acknowledged, and is promoted at "
        "your word.",
    )
    nodes: NodeList = Field(description="Nodes that hold the data.")
    arbiter: Name | None = Field(
        default=None, description="Node that votes and holds no data, for galera on two nodes, or four."
    )
    through: Name | None = Field(
        default=None,
        description="Load balancer (haproxy) that leads clients to the writer, and readers to all nodes. "
        "Left away: clients go to the nodes themselves.",
    )
    ports: DatabasePorts = Field(default_factory=DatabasePorts, description="Ports of the load balancer.")
    schemas: tuple[SchemaName, ...] = Field(default=(), description="Schemas to make. None is ever dropped.")
    accounts: dict[AccountName, Account] = Field(default={}, description="Accounts of applications, by name.")
    settings: dict[VariableName, Setting] = Field(
        default={},
        description="Server variables, such as max_connections. Those that keep the data safe are ours.",
    )
    max_lag: Milliseconds = Field(
        default=10_000, description="How far a node may be behind and still be given reads."
    )
    delayed: dict[Name, Delay] = Field(
        default={},
        description="Nodes that apply writes so much later than they receive them, for mode replication: what a "
        "mistake destroyed is still there. They are not read from, and take no writes while another node can.",
    )
    standby: dict[Name, Behind] = Field(
        default={},
        description="Nodes that are none of the database's and have a copy of it, each so much behind (0s for not "
        "at all), in a server that is reached from that node only. A node may stand by for several databases. "
        "For mariadb.",
    )
    spares: tuple[Name, ...] = Field(
        default=(),
        description="Nodes without a database that may take the place of one of its nodes: `cluster db replace`. "
        "A node may be a spare of several databases.",
    )
    memory_percent: Share = Field(
        default=40, description="Share of the node's memory for the cache of rows (innodb_buffer_pool_size)."
    )
    backup: DatabaseBackup = Field(
        default_factory=DatabaseBackup, description="How its backups differ from what section `backup` says."
    )

    @property
    def voters(self) -> tuple[str, ...]:
        """The nodes that have a say in who may go on: those with data, and the arbiter."""
        return (*self.nodes, self.arbiter) if self.arbiter else self.nodes

    def delay(self, node: str) -> int:
        """Seconds by which a node is to stay behind; 0 for none."""
        return self.delayed.get(node, 0) // 1000
