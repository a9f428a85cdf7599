"""The part of the topology that describes logs: who receives and keeps them, and who else gets them."""

from typing import Annotated

from pydantic import Field, PlainSerializer

from cluster_cli.topology.base import Model, NodeList
from cluster_cli.topology.fields import FilePath, Name, SecretName, Span, Url, Words, duration_text

DAY = 86_400_000
LOGS_PORT = 2514  # RELP, in TLS with certificates on both sides; it has no port of its own
Kept = Annotated[int, Span("1d", "3650d"), PlainSerializer(duration_text)]
Size = Annotated[
    str,
    Words(r"[1-9][0-9]{0,4}[mg]", "a size", "such as 512m or 2g"),
    Field(json_schema_extra={"examples": ["512m", "2g"]}),
]

Index = Annotated[
    str,
    Words(
        r"[a-z0-9]([a-z0-9_.-]|%[YmdHGV])*",
        "an index",
        'lower-case letters, digits, "_", "-", "." and the date as %Y, %m, %d, such as cluster-%Y.%m.%d',
    ),
    Field(json_schema_extra={"examples": ["cluster-%Y.%m.%d"]}),
]
Tenant = Annotated[str, Words(r"[A-Za-z0-9!_.*'()-]+", "a tenant", "such as ops", 150)]


class Endpoint(Model):
    """One that is sent all logs, too. It lets us in by a user with a password, a key, or a token."""

    elasticsearch: Url | None = Field(
        default=None, description="Address of Elasticsearch or OpenSearch, without `/_bulk`."
    )
    loki: Url | None = Field(default=None, description="Address of Loki, without `/loki/api/v1/push`.")
    index: Index | None = Field(
        default=None,
        description="Index of Elasticsearch, or a data stream, with the date of the record, in UTC. "
        "Left away: cluster-%Y.%m.%d.",
    )
    tenant: Tenant | None = Field(default=None, description="Tenant of Loki, where it has several.")
    ca: FilePath | None = Field(
        default=None,
        description="File with the authority that signed its certificate. Left away: those the node trusts.",
    )
    user: str | None = Field(default=None, description="User there.")
    password: SecretName | None = Field(
        default=None, description="Name of the secret that is the user's password."
    )
    api_key: SecretName | None = Field(
        default=None, description="Name of the secret that is an API key of Elasticsearch, in its encoded form."
    )
    token: SecretName | None = Field(
        default=None, description="Name of the secret that is sent as a bearer token (RFC 6750)."
    )

    @property
    def url(self) -> str:
        """Its address."""
        return self.elasticsearch or self.loki or ""

    @property
    def kind(self) -> str:
        """The field that names its protocol."""
        return "elasticsearch" if self.elasticsearch else "loki"

    @property
    def secret(self) -> str | None:
        """Name of the secret it knows us by."""
        return self.password or self.api_key or self.token


class Logs(Model):
    """Where the logs of all nodes are gathered."""

    nodes: Annotated[NodeList, Field(max_length=2)] = Field(
        description="Nodes that receive them, over TLS with certificates on both sides. Two keep two copies."
    )
    keep: Kept = Field(default=30 * DAY, description="How long a receiver keeps them.")
    keep_security: Kept = Field(
        default=180 * DAY, description="How long it keeps logins, sudo and changes of configuration."
    )
    keep_size: Size | None = Field(
        default=None,
        description="Most they may need on a receiver's disk: the oldest go first, those of logins, sudo and "
        "changes of configuration when there are no others. Left away: they go by age alone.",
    )
    queue: Size = Field(
        default="1g", description="Most a node keeps on its disk for each receiver that is out of reach."
    )
    ship: dict[Name, Endpoint] = Field(
        default={}, description="Who is sent all of them besides, by each receiver, from then on."
    )


def mebibytes(size: str) -> int:
    """A size as it stands in the file, in MiB."""
    return int(size[:-1]) * (1024 if size.endswith("g") else 1)
