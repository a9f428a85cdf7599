"""The part of the topology that describes backups: who makes them, when, and for how long they are kept."""

from typing import Annotated, Literal

from pydantic import Field, PlainSerializer

from cluster_cli.topology.base import Model, NodeList
from cluster_cli.topology.fields import Name, Span, Words, duration_text
from cluster_cli.topology.stores import Store

DAY = 86_400_000
OWN_FILES = "cluster"  # what the cluster's own files are called among the backups
SOURCE_PORT = (
    9201  # where a database's node gives copies to backup nodes, over TLS with certificates on both sides
)
FILES_PORT = 9202  # where any node gives files to them, the same way


def pieces(form: str) -> str:
    """A field of a calendar event: values, ranges and steps, or any value (systemd.time(7), "Calendar Events")."""
    one = rf"(\*|({form})(\.\.({form}))?)(/[0-9]{{1,2}})?"
    return rf"({one}(,{one})*)"


DAY_NAME = "(Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
DATE = rf"({pieces('[12][0-9]{3}')}-)?{pieces('0?[1-9]|1[0-2]')}-{pieces('0?[1-9]|[12][0-9]|3[01]')}"
TIME = rf"{pieces('[01]?[0-9]|2[0-3]')}:{pieces('[0-5]?[0-9]')}(:{pieces('[0-5]?[0-9]')})?"
WEEKDAYS = rf"({DAY_NAME}((\.\.|,){DAY_NAME})*)"
CALENDAR = rf"((minutely|hourly|daily|weekly|monthly)|({WEEKDAYS} )?({DATE} )?{TIME})"
Calendar = Annotated[
    str,
    Words(CALENDAR, "a calendar event of systemd", 'such as "Sun 01:00", "*-*-* 03:30" or hourly', 100),
    Field(json_schema_extra={"examples": ["Sun 01:00", "*-*-* 03:30"]}),
]
KeptPath = Annotated[
    str,
    Words(
        r"/[^\x00-\x1f\x7f]*[^\x00-\x1f\x7f/]", "an absolute path", "such as /srv/www, no slash at its end", 1000
    ),
    Field(json_schema_extra={"examples": ["/srv/www"]}),
]
BinlogInterval = Annotated[int, Span("10s", "1h"), PlainSerializer(duration_text)]
Jitter = Annotated[int, Span("0s", "6h"), PlainSerializer(duration_text)]
Age = Annotated[int, Span("1m", "90d"), PlainSerializer(duration_text)]
Reach = Annotated[int, Span("1h", "400d"), PlainSerializer(duration_text)]
Kept = Annotated[int, Field(ge=0, le=1000, strict=True)]


class Schedule(Model):
    """When backups are made: calendar events of systemd, in the nodes' time zone. Missed ones are caught up."""

    full: Calendar = Field(default="Sun 01:00", description="A copy of everything.")
    incremental: Calendar = Field(
        default="Mon..Sat 01:00", description="A copy of what changed since the copy before."
    )
    binlogs: BinlogInterval = Field(
        default=60_000,
        description="How often what was written is fetched: what may be lost when all nodes of a database are.",
    )
    proof: Calendar = Field(
        default="*-*-* 03:30", description="Restore the newest copy in a scratch instance and compare every row."
    )
    files: Calendar = Field(default="*-*-* 02:00", description="Copies of the files of nodes.")
    jitter: Jitter = Field(
        default=600_000, description="Copies and proofs begin up to this much later, by chance."
    )


class Keep(Model):
    """How long backups are kept. A copy that others build on stays as long as they do."""

    daily: Kept = Field(default=7, description="Days of which the last full copy is kept.")
    weekly: Kept = Field(default=5, description="Weeks of which it is kept.")
    monthly: Kept = Field(default=6, description="Months of which it is kept.")
    binlogs: Reach = Field(
        default=14 * DAY, description="How far back any moment can be restored, besides those of the copies."
    )


class FileSet(Model):
    """Files of nodes that are backed up together: sites, configuration, what a service keeps."""

    nodes: NodeList = Field(description="Nodes that have them. Each is fetched by itself.")
    paths: Annotated[tuple[KeptPath, ...], Field(min_length=1, max_length=100)] = Field(
        description="Files and directories, with all that is in them on the same file system."
    )
    fetched: Calendar | None = Field(
        default=None, description="When they are fetched. Left away: as `schedule.files` says."
    )


class Overdue(Model):
    """When `status` says that a backup is missing."""

    copies: Age = Field(default=2 * DAY, description="Age of the last copy, full or incremental.")
    binlogs: Age = Field(default=900_000, description="Age of the last fetch of what was written.")
    proof: Age = Field(default=2 * DAY, description="Age of the last proven restore.")
    files: Age = Field(default=2 * DAY, description="Age of the last fetch of a node's files.")


class Backup(Model):
    """Backups of all databases, and of files of nodes, made by nodes that fetch them."""

    nodes: NodeList = Field(
        description="Nodes that fetch backups. Each has a repository of its own: two nodes keep two copies."
    )
    files: dict[Name, FileSet] = Field(
        default_factory=dict, description="Files of nodes that are backed up, by a name of yours."
    )
    store: Store = Field(default_factory=Store, description="Where the repository is.")
    stores: dict[Name, Store] = Field(
        default_factory=dict, description="Where that of a single backup node is instead, by its name."
    )
    schedule: Schedule = Field(default_factory=Schedule, description="When. A database may have its own.")
    keep: Keep = Field(default_factory=Keep, description="For how long.")
    overdue: Overdue = Field(default_factory=Overdue, description="When `status` complains.")
    compression: Literal["off", "auto", "max"] = Field(
        default="auto", description="How hard restic tries to make it small."
    )
    megabytes_per_second: Annotated[int, Field(ge=1, le=100_000, strict=True)] | None = Field(
        default=None, description="At most so much is read from a database's node. Left away: what it can spare."
    )

    def store_of(self, node: str) -> Store:
        """Where a backup node keeps its repository."""
        return self.stores.get(node, self.store)


class DatabaseBackup(Model):
    """How a database's backups differ from the others'."""

    enabled: bool = Field(default=True, description="Whether it is backed up.")
    nodes: NodeList | None = Field(
        default=None,
        description="Which of the backup nodes make them. Left away: all. "
        "A backup node has databases of one engine.",
    )
    full: Calendar | None = Field(default=None, description="A copy of everything.")
    incremental: Calendar | None = Field(default=None, description="A copy of what changed.")
    binlogs: BinlogInterval | None = Field(default=None, description="How often what was written is fetched.")
    proof: Calendar | None = Field(default=None, description="Restore and compare.")
