"""The part of the topology that says where a backup node keeps its repository: in a directory, or in a bucket."""

from typing import Annotated, Literal

from pydantic import Field

from cluster_cli.topology.base import Model
from cluster_cli.topology.fields import HOST, FilePath, SecretName, Words

StorePath = Annotated[
    str,
    Words(r"/[A-Za-z0-9_./-]*[A-Za-z0-9_-]", "an absolute path", "such as /srv/backup", 200),
    Field(json_schema_extra={"examples": ["/srv/backup"]}),
]
PORT = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6([0-4][0-9]{3}|5([0-4][0-9]{2}|5([0-2][0-9]|3[0-5]))))"
Endpoint = Annotated[
    str,
    Words(rf"https://{HOST}(:{PORT})?", "an https address", "no path, such as https://s3.example.com:9000"),
    Field(json_schema_extra={"examples": ["https://s3.eu-central-1.amazonaws.com"]}),
]
BucketName = Annotated[
    str,
    Words(
        r"[a-z0-9][a-z0-9.-]+[a-z0-9]",
        "a bucket's name",
        'lower-case letters, digits, "-" and ".", 3 to 63 characters',
        63,
    ),
    Field(json_schema_extra={"examples": ["shop-backups"]}),
]
PART = r"[A-Za-z0-9_-][A-Za-z0-9_.-]*"
Prefix = Annotated[
    str,
    Words(rf"{PART}(/{PART})*", "a prefix", "no slash before or after it, such as backups/shop", 200),
    Field(json_schema_extra={"examples": ["backups/shop"]}),
]
Region = Annotated[str, Words(r"[A-Za-z0-9-]+", "a region", "such as eu-central-1", 64)]
BY_NAME = (".amazonaws.com", ".aliyuncs.com")  # of those whose buckets are asked for by a name of their own


class S3(Model):
    """A bucket of an S3 store. The repository of a node is below `prefix`, in a part with the node's name."""

    endpoint: Endpoint = Field(description="Address of the store.")
    bucket: BucketName = Field(description="A bucket that is there already.")
    prefix: Prefix | None = Field(
        default=None, description="Part of the bucket that is ours. Left away: the cluster's name."
    )
    region: Region | None = Field(default=None, description="Region of the bucket. Left away: the store is asked.")
    bucket_lookup: Literal["dns", "path"] | None = Field(
        default=None,
        description="Whether the bucket is in the host's name or in the path. Left away: as the store wants it.",
    )
    authority: FilePath | None = Field(
        default=None,
        description="Certificate of the authority that signed the store's, where no machine knows it; "
        "relative to this file.",
    )
    access_key_id: SecretName = Field(description="Name of the secret that is the id of an access key.")
    secret_access_key: SecretName = Field(description="Name of the secret that is the key itself.")

    @property
    def lookup(self) -> Literal["dns", "path"]:
        """How the bucket is asked for."""
        wanted = self.endpoint.split(":")[1].endswith(BY_NAME) and "." not in self.bucket  # names of certificates
        return self.bucket_lookup or ("dns" if wanted else "path")

    def repository(self, cluster: str, node: str) -> str:
        """A node's repository, as restic takes it."""
        return f"s3:{self.endpoint}/{self.bucket}/{self.prefix or cluster}/{node}"


class Store(Model):
    """Where a backup node keeps its repository: in a directory, or in a bucket of an S3 store."""

    path: StorePath = Field(
        default="/srv/cluster-backup", description="A directory of the backup node, or a mount there."
    )
    s3: S3 | None = Field(default=None, description="In place of a directory, a bucket of an S3 store.")
