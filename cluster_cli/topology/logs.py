"""The part of the topology that describes logs: who receives them, and for how long they are kept."""

from typing import Annotated

from pydantic import Field, PlainSerializer

from cluster_cli.topology.base import Model, NodeList
from cluster_cli.topology.fields import Span, Words, duration_text

DAY = 86_400_000
LOGS_PORT = 2514  # RELP, in TLS with certificates on both sides; it has no port of its own
Kept = Annotated[int, Span("1d", "3650d"), PlainSerializer(duration_text)]
Size = Annotated[
    str,
    Words(r"[1-9][0-9]{0,4}[mg]", "a size", "such as 512m or 2g"),
    Field(json_schema_extra={"examples": ["512m", "2g"]}),
]


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


def mebibytes(size: str) -> int:
    """A size as it stands in the file, in MiB."""
    return int(size[:-1]) * (1024 if size.endswith("g") else 1)
