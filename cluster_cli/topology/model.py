"""The topology as frozen, typed values. Every field's description is its documentation."""

from typing import Annotated, Literal

from pydantic import Field

from cluster_cli.topology.backup import Backup
from cluster_cli.topology.base import Count, Model, NodeList, Weight
from cluster_cli.topology.databases import Database
from cluster_cli.topology.fields import (
    Address,
    AdvertInterval,
    FilePath,
    Folder,
    HostKey,
    HostName,
    Image,
    Interface,
    JumpHost,
    Locale,
    Milliseconds,
    Name,
    Package,
    Port,
    PublicKey,
    Setting,
    SettingName,
    Subnet,
    Timezone,
    Url,
    UrlPath,
    UserName,
)
from cluster_cli.topology.logs import Logs
from cluster_cli.topology.monitoring import Monitoring
from cluster_cli.topology.networks import Addresses, Networks, NodeInterface, Route
from cluster_cli.topology.repositories import Repository
from cluster_cli.topology.security import Access, Audit, Certificates, Firewall, Hardening, Tls


class Network(Model):
    """The network the nodes and virtual IPs live in."""

    subnet: Subnet | None = Field(
        default=None,
        description="Subnet in CIDR form. In a lab it is derived from the cluster's name when left away.",
    )


class Ssh(Model):
    """How the nodes are reached. Any node may override any of it."""

    user: UserName | None = Field(default=None, description="User to log in as; admin when left away.")
    port: Port | None = Field(default=None, description="Port of the SSH server; 22 when left away.")
    key: FilePath | None = Field(
        default=None,
        description="Private key file. Left away: the lab's own key, or your SSH agent and default keys.",
    )
    jump: JumpHost | None = Field(
        default=None, description="Bastion to go through, as host, user@host or user@host:port."
    )
    sudo: bool | None = Field(
        default=None, description="Whether the user becomes root by sudo; true when left away."
    )
    host_key: HostKey | None = Field(
        default=None,
        description="The host key to expect, as in known_hosts (ssh-ed25519 AAAA...). "
        "Left away: pinned at first contact.",
    )


class Lab(Model):
    """How lab nodes are made."""

    image: Image | None = Field(
        default=None,
        description="Stock image to build the node image from, such as registry.example.com/debian:12. "
        "Left away: built from Debian packages, no image registry needed.",
    )


class Node(Model):
    """One machine."""

    address: Address | None = Field(
        default=None,
        description="Its address. Required for existing machines; handed out in a lab when left away.",
    )
    site: Name | None = Field(default=None, description="Where it stands: a rack, a room, a datacenter.")
    weight: Weight = Field(
        default=1, description="Its share of the traffic as a backend server, 0 for none (drained)."
    )
    addresses: Addresses = Field(
        default_factory=Addresses,
        description="Its addresses on the separate networks. "
        "An existing machine is on those it has one for; in a lab they are handed out when left away.",
    )
    interfaces: dict[Interface, NodeInterface] = Field(
        default={},
        description="Its network interfaces, where the cluster is to configure them (systemd-networkd). "
        "Those that are not named are left alone.",
    )
    routes: tuple[Route, ...] = Field(default=(), description="Static routes over these interfaces.")
    take_over: bool = Field(
        default=False,
        description="Whether its interfaces are taken over from ifupdown, NetworkManager or netplan. "
        "Without it, a machine they manage is refused.",
    )
    release: Literal["bookworm", "sid"] = Field(
        default="bookworm", description="Debian release of a lab's node. An existing machine has its own."
    )
    ssh: Ssh = Field(default_factory=Ssh, description="How this node is reached, where it differs.")


class System(Model):
    """What every node has in common."""

    timezone: Timezone = Field(default="Etc/UTC", description="Time zone name.")
    locale: Locale = Field(default="C.UTF-8", description="Locale of the system.")
    packages: tuple[Package, ...] = Field(
        default=(), description="Packages to install on every node besides those the roles need."
    )
    repositories: dict[Name, Repository] = Field(
        default={}, description="Package repositories besides those the nodes have: a name to a repository."
    )
    sysctl: dict[SettingName, Setting] = Field(default={}, description="Kernel settings for every node.")
    admin_keys: tuple[PublicKey, ...] = Field(
        default=(), description="Public SSH keys that may log in as the admin user."
    )


class Time(Model):
    """Time synchronisation: the cluster's servers, and where they get the time from."""

    servers: NodeList = Field(description="Nodes that serve time to the others.")
    upstream: tuple[HostName, ...] = Field(
        default=(), description="Servers outside. Without any, the cluster's servers agree among themselves."
    )


class VirtualIp(Model):
    """An address that moves between the nodes of a load balancer by VRRP (RFC 5798)."""

    address: Address = Field(description="The address clients use.")
    prefer: Name | None = Field(default=None, description="Node that holds it when all are well.")
    router_id: Annotated[int, Field(ge=1, le=255, strict=True)] | None = Field(
        default=None,
        description="VRRP router id, unique in the network. Left away: the last octet of the address.",
    )


class Vrrp(Model):
    """How the balancers of a pair tell each other that they live."""

    advert_interval: AdvertInterval = Field(
        default=100,
        description="Time between two advertisements. A dead holder is noticed after three and some.",
    )
    mode: Literal["unicast", "multicast"] = Field(default="unicast", description="How advertisements travel.")
    preempt: bool = Field(
        default=True, description="Whether a preferred node takes its address back when it returns."
    )
    interface: Interface | None = Field(
        default=None, description="Network interface. Left away: the one with the node's address."
    )


class Frontend(Model):
    """A port clients connect to."""

    bind: Port = Field(description="Port to listen on.")
    address: Address | None = Field(
        default=None, description="Virtual IP to listen on only. Left away: all addresses."
    )
    mode: Literal["http", "tcp"] = Field(default="http", description="What is balanced: requests or connections.")
    backend: Name | None = Field(default=None, description="Backend that answers.")
    redirect: Name | None = Field(
        default=None,
        description="Frontend with TLS that clients are sent to, instead of a backend. "
        "On port 443 that one then also tells browsers to come by TLS from now on (HSTS).",
    )
    tls: Tls | None = Field(
        default=None, description="Speak TLS with clients. An empty map takes a certificate of the cluster's own."
    )


class Check(Model):
    """How a backend server is found healthy."""

    type: Literal["http", "tcp", "none"] | None = Field(
        default=None, description="Left away: http in mode http, tcp in mode tcp."
    )
    port: Port | None = Field(default=None, description="Port that is asked. Left away: the backend's.")
    path: UrlPath | None = Field(
        default=None,
        description="Path an HTTP check asks for. Left away: the health page of the web service on that port.",
    )
    host: HostName | None = Field(default=None, description="Host header of an HTTP check.")
    expect: Annotated[int, Field(ge=100, le=599, strict=True)] = Field(
        default=200, description="Status that means healthy."
    )
    interval: Milliseconds = Field(default=1000, description="Time between two checks.")
    timeout: Milliseconds = Field(default=500, description="Time a check may take.")
    fall: Count = Field(default=2, description="Failed checks until a server is down.")
    rise: Count = Field(default=2, description="Good checks until it is up again.")


class Backend(Model):
    """The servers behind a frontend."""

    nodes: NodeList = Field(description="Nodes that serve.")
    port: Port = Field(description="Port they serve on.")
    mode: Literal["http", "tcp"] = Field(default="http", description="Must be that of its frontends.")
    balance: Literal["roundrobin", "leastconn", "source"] = Field(
        default="roundrobin", description="In turn, to the least busy, or by the client's address."
    )
    check: Check = Field(default_factory=Check, description="Health check.")
    one_at_a_time: bool = Field(
        default=False,
        description="Whether all connections go to one server, as long as it is up: for what may have one writer. "
        "It keeps them when another one returns. Only with haproxy, in mode tcp.",
    )
    sticky: Literal["none", "cookie", "source"] = Field(
        default="none", description="Whether a client stays with its server: by a cookie, or by its address."
    )
    retries: Annotated[int, Field(ge=0, le=10, strict=True)] = Field(
        default=3,
        description="How often a request is tried again, on another server, before it fails.",
    )
    connect_timeout: Milliseconds = Field(default=500, description="Time a server may take to accept.")
    server_timeout: Milliseconds = Field(
        default=5000, description="Time a server may take to answer, before another one is asked."
    )


class Stats(Model):
    """The balancer's own page and metrics."""

    port: Port = Field(default=8404, description="Port on the node's own address.")
    allow: tuple[Subnet, ...] = Field(
        default=(), description="Networks that may read it besides operators. Left away: the cluster's nodes."
    )


class LoadBalancer(Model):
    """One or more nodes that share virtual IPs and spread traffic."""

    engine: Literal["haproxy", "nginx"] = Field(default="haproxy", description="The software that balances.")
    nodes: Annotated[NodeList, Field(max_length=16)] = Field(description="Nodes it runs on.")
    virtual_ips: tuple[VirtualIp, ...] = Field(default=(), description="Two crossed ones make a dual-master pair.")
    vrrp: Vrrp = Field(default_factory=Vrrp, description="How virtual IPs move.")
    frontends: dict[Name, Frontend] = Field(default={}, description="Ports clients connect to.")
    backends: dict[Name, Backend] = Field(default={}, description="Servers behind them.")
    stats: Stats = Field(default_factory=Stats, description="The balancer's own page and metrics.")
    max_connections: Annotated[int, Field(ge=10, le=1_000_000, strict=True)] = Field(
        default=4000, description="Connections a node serves at once."
    )
    client_timeout: Milliseconds = Field(default=30000, description="Time a client may be silent.")


class Web(Model):
    """A web server on some nodes."""

    nodes: NodeList = Field(description="Nodes it runs on.")
    engine: Literal["nginx", "apache"] = Field(default="nginx", description="The web server.")
    port: Port = Field(default=80, description="Port it listens on.")
    health_path: UrlPath = Field(default="/healthz", description="Path of its health page.")
    site: Folder | None = Field(
        default=None,
        description="Directory with your site, relative to the topology. "
        "Left away: a small page that names the node.",
    )
    upstream: Url | None = Field(default=None, description="Application to pass requests to, instead of a site.")


class Topology(Model):
    """A cluster."""

    name: Name = Field(description="Name of the cluster.")
    provider: Literal["podman", "docker", "existing"] = Field(
        default="existing",
        description="Who makes the nodes: a container engine, or nobody (machines you have).",
    )
    network: Network = Field(default_factory=Network, description="The network the nodes live in.")
    networks: Networks = Field(
        default_factory=Networks,
        description="Networks beside it, each for one purpose. Without them, it serves all of them.",
    )
    ssh: Ssh = Field(default_factory=Ssh, description="How the nodes are reached.")
    lab: Lab = Field(default_factory=Lab, description="How lab nodes are made.")
    nodes: Annotated[dict[Name, Node], Field(min_length=1)] = Field(description="The machines, by name.")
    system: System = Field(default_factory=System, description="What every node has in common.")
    time: Time | None = Field(default=None, description="Time synchronisation.")
    load_balancers: dict[Name, LoadBalancer] = Field(default={}, description="Load balancers, by name.")
    web: dict[Name, Web] = Field(default={}, description="Web servers, by name.")
    databases: dict[Name, Database] = Field(default={}, description="Databases, by name.")
    backup: Backup | None = Field(default=None, description="Backups of the databases, proven by restoring them.")
    monitoring: Monitoring | None = Field(
        default=None, description="Metrics of all nodes, and alerts when something is wrong."
    )
    firewall: Firewall = Field(default_factory=Firewall, description="Who may talk to what; all else is dropped.")
    certificates: Certificates = Field(
        default_factory=Certificates, description="TLS certificates, by the cluster's own authority or by ACME."
    )
    hardening: Hardening = Field(default_factory=Hardening, description="How the nodes are hardened and updated.")
    access: Access = Field(default_factory=Access, description="Who may log in, and to do what.")
    audit: Audit | None = Field(default=None, description="Where records of logins and commands are gathered.")
    logs: Logs | None = Field(default=None, description="Where the logs of all nodes are gathered.")

    @property
    def is_lab(self) -> bool:
        """Whether a container engine makes the nodes."""
        return self.provider != "existing"
