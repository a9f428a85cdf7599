"""The sections of the topology about security: who may talk, who may log in, with which certificates."""

from typing import Annotated, Literal

from pydantic import Field, PlainSerializer

from cluster_cli.topology.base import Model, NodeList
from cluster_cli.topology.fields import (
    FilePath,
    HostName,
    Name,
    Port,
    PublicKey,
    Span,
    Subnet,
    UserName,
    duration_text,
)

Life = Annotated[int, Span("1h", "825d"), PlainSerializer(duration_text)]
Window = Annotated[int, Span("15m", "1d"), PlainSerializer(duration_text)]
LOGIN_SPAN = Span("1m", "30d")
LoginLife = Annotated[int, LOGIN_SPAN, PlainSerializer(duration_text)]


class Opening(Model):
    """A port of something the cluster does not manage."""

    port: Port = Field(description="Port to open.")
    protocol: Literal["tcp", "udp"] = Field(default="tcp", description="Protocol.")
    sources: tuple[Subnet, ...] = Field(default=(), description="Networks that may use it. Left away: anyone.")
    nodes: tuple[Name, ...] = Field(default=(), description="Nodes it is opened on. Left away: all.")


class Firewall(Model):
    """Default-deny on every node: only what this file says talks to what is let in."""

    enabled: bool = Field(default=True, description="Whether the nodes drop what is not declared.")
    operators: tuple[Subnet, ...] = Field(
        default=(),
        description="Networks control machines and operators come from. "
        "Left away: in a lab this machine, else the management network or the cluster's.",
    )
    clients: tuple[Subnet, ...] = Field(
        default=(), description="Networks that may use the frontends, besides operators. Left away: anyone."
    )
    open: tuple[Opening, ...] = Field(
        default=(), description="Ports of your own software, which the cluster does not know."
    )
    rollback: Annotated[int, Span("5s", "10m"), PlainSerializer(duration_text)] = Field(
        default=30_000,
        description="Time after which new rules are taken back unless the control machine could come in again. "
        "New interfaces have twice as long.",
    )


class Tls(Model):
    """TLS at a frontend."""

    names: tuple[HostName, ...] = Field(
        default=(),
        description="Names clients use. The node, the virtual IPs and their names are always included.",
    )
    certificate: FilePath | None = Field(
        default=None, description="Your own certificate with its chain (PEM), instead of one of the cluster's."
    )
    key: FilePath | None = Field(
        default=None, description="Its private key (PEM), plain or encrypted with ansible-vault."
    )
    acme: bool = Field(default=False, description="Take the certificate from the ACME service below certificates.")
    minimum: Literal["1.2", "1.3"] = Field(default="1.2", description="Oldest version of TLS that is spoken.")


class Acme(Model):
    """An ACME service (RFC 8555) that gives certificates to public frontends."""

    directory: Annotated[str, Field(pattern=r"^https://\S+$")] = Field(description="URL of its directory.")
    email: str | None = Field(default=None, description="Where it may write to.")
    authority: FilePath | None = Field(
        default=None, description="Certificate (PEM) to trust when talking to it. Left away: the system's."
    )


class Certificates(Model):
    """TLS certificates."""

    life: Life = Field(
        default=90 * 86_400_000, description="How long a certificate is good for. Renewed in its last third."
    )
    acme: Acme | None = Field(default=None, description="An ACME service for frontends that ask for it.")


class Updates(Model):
    """Security updates, installed without anybody asking."""

    enabled: bool = Field(default=True, description="Whether security updates are installed at night.")
    start: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = Field(
        default="02:00", description="When the first node may begin, in the nodes' time zone."
    )
    span: Window = Field(
        default=4 * 3_600_000,
        description="Length of the window. Redundant nodes each have their own part of it.",
    )
    reboot: bool = Field(
        default=False, description="Whether a node reboots within its part when an update needs it."
    )


class Hardening(Model):
    """Settings an auditor looks for."""

    enabled: bool = Field(default=True, description="Whether the nodes are hardened.")
    banner: str = Field(
        default="This is a private system with restricted access: only authorized use is allowed.\n"
        "What is done here is logged and monitored.",
        description="What is shown before a login.",
    )
    updates: Updates = Field(default_factory=Updates, description="Security updates.")


class Operator(Model):
    """A person who may log in to the nodes."""

    role: Literal["admin", "operator", "read-only"] = Field(
        description="admin: root by sudo; operator: look, and restart, reload or drain services; read-only: look."
    )
    keys: tuple[PublicKey, ...] = Field(
        default=(), description="Public SSH keys that may log in. Left away: only by certificate (cluster access)."
    )


class Access(Model):
    """Who may log in, and to do what."""

    operators: dict[UserName, Operator] = Field(default={}, description="People, by their account's name.")
    revoked: tuple[str, ...] = Field(
        default=(),
        description="Ids of SSH certificates that count no more, as `cluster access list` shows them.",
    )
    life: LoginLife = Field(default=12 * 3_600_000, description="How long a certificate for an operator is good.")


class Audit(Model):
    """Where the records of logins and commands are gathered."""

    collectors: NodeList = Field(description="Nodes that receive them, over TLS with certificates on both sides.")
