"""Package repositories besides those a node has."""

from typing import Annotated

from pydantic import Field

from cluster_cli.topology.base import Model, NodeList
from cluster_cli.topology.fields import PATH_LETTERS, FilePath, Words

Uri = Annotated[
    str,
    Words(
        rf"(https?://|file:/){PATH_LETTERS}+",
        "the address of a repository",
        "it begins with http://, https:// or file:/, such as https://packages.example.com/debian",
        1000,
    ),
]
Suite = Annotated[
    str,
    Words(
        r"([A-Za-z0-9][A-Za-z0-9._-]*/)*([A-Za-z0-9][A-Za-z0-9._-]*)?/?|\./",
        "a suite",
        'such as bookworm, or a folder that ends in "/" for a repository without suites',
    ),
    Field(min_length=1),
]
Component = Annotated[str, Words(r"[A-Za-z0-9][A-Za-z0-9._/-]*", "a component", "such as main")]
PackagePattern = Annotated[
    str, Words(r"[a-z0-9*][a-z0-9+.*-]*", "a package name or pattern", "such as mysql-server or mysql-*")
]


class Pin(Model):
    """Which packages a repository is good for."""

    packages: Annotated[tuple[PackagePattern, ...], Field(min_length=1)] = Field(
        description="Packages taken from it, by name or by pattern. Any other only where nobody else has it."
    )
    priority: Annotated[int, Field(ge=101, le=1001, strict=True)] = Field(
        default=990,
        description="How much its version of these counts (apt_preferences). Above 1000 also when it is older.",
    )


class Repository(Model):
    """A repository of Debian packages, and the key that signs it."""

    uri: Uri = Field(description="Where it is.")
    suite: Suite = Field(description='Suite, such as bookworm; "./" for a repository without suites.')
    components: tuple[Component, ...] = Field(
        default=(), description="Components. Left away: main; none where the suite is a folder."
    )
    signed_by: FilePath = Field(description="Its public key, armored (.asc), relative to this file.")
    nodes: NodeList | None = Field(default=None, description="Nodes that use it. Left away: all.")
    pin: Pin | None = Field(
        default=None, description="What it is good for. Left away: any package whose version is the newest."
    )

    @property
    def is_flat(self) -> bool:
        """Whether it is a folder of packages without suites (sources.list(5))."""
        return self.suite.endswith("/")
