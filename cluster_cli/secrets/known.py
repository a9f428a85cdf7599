"""The secrets we know of: what each is, how it is made, who uses it, and whether it can be rotated.

A new one is a new entry here and, in the role, `lookup('cluster.core.secret', NAME)`.
"""

import re
import secrets as csprng
from collections.abc import Callable
from dataclasses import dataclass

from cluster_cli.access.ssh_authority import AUTHORITIES, OPERATOR, new_authority
from cluster_cli.certificates.acme_account import ACCOUNT, new_key
from cluster_cli.certificates.cluster_authority import ISSUING, ROOT
from cluster_cli.secrets.names import RECOVERY, backup_repository, database_account
from cluster_cli.secrets.secret import Secret, password
from cluster_cli.secrets.store import Secrets
from cluster_cli.topology.databases import REPLICATION_ACCOUNT
from cluster_cli.topology.model import Topology


@dataclass(frozen=True)
class Known:
    """A secret a cluster may have.

    what: in a sentence. make: a fresh value. needed: whether a topology has use for it. stages: those that
    bring it to the nodes; each step of a rotation runs them. fixed: why it cannot be rotated; empty when
    it can, and then whatever takes it must let two values in (`valid=true` of the lookup).
    """

    name: str
    what: str
    make: Callable[[], str]
    needed: Callable[[Topology], bool]
    stages: tuple[str, ...]
    fixed: str = ""


def ntp_key() -> str:
    """256 bits as hexadecimal digits, as chrony's key file has them."""
    return csprng.token_hex(32)


def replication_password() -> str:
    """192 bits in the 32 characters a MySQL server takes for fetching from another (error 3056)."""
    return csprng.token_urlsafe(24)


def nobody(_: Topology) -> bool:
    """It is made elsewhere, when it is needed."""
    return False


def always(_: Topology) -> bool:
    """Every cluster has use for it."""
    return True


def has_grafana(topology: Topology) -> bool:
    """Dashboards are wanted."""
    return topology.monitoring is not None and topology.monitoring.grafana is not None


KNOWN: tuple[Known, ...] = (
    Known(
        AUTHORITIES["host"],
        "signs the nodes' host keys; who trusts it knows every node",
        new_authority,
        always,
        ("ssh_trust",),
    ),
    Known(
        AUTHORITIES["user"],
        "signs the keys of nodes and operators; nodes let in whom it signed",
        new_authority,
        always,
        ("ssh_trust", "access"),
    ),
    Known(
        ROOT,
        "stands above all certificates of the services; can be kept offline (cluster certs take-offline)",
        password,
        nobody,
        ("certificates",),
        fixed="clients trust it by name; `cluster certs` keeps it",
    ),
    Known(
        ISSUING,
        "signs the certificates of the services",
        password,
        nobody,
        ("certificates",),
        fixed="`cluster up` renews it in the last third of its life",
    ),
    Known(
        ACCOUNT,
        "the cluster's account at the ACME service",
        new_key,
        lambda topology: topology.certificates.acme is not None,
        ("load_balancer",),
        fixed="the ACME service knows the account by it",
    ),
    Known(
        OPERATOR,
        "the key this control machine enters a lab's nodes with",
        new_authority,
        lambda topology: topology.is_lab,
        ("base",),
    ),
    Known(
        "ntp_key",
        "proves to a node that an answer comes from the cluster's time servers",
        ntp_key,
        lambda topology: topology.time is not None,
        ("ntp",),
    ),
    Known(
        "stats_password",
        'opens the balancers\' statistics and metrics (user "stats")',
        password,
        lambda topology: bool(topology.load_balancers),
        ("load_balancer",),
    ),
    Known(
        "grafana_password",
        'lets its holder into Grafana and administer it (user "admin")',
        password,
        has_grafana,
        ("grafana",),
    ),
    Known(
        "grafana_secret_key",
        "encrypts what Grafana keeps of certificates and passwords in its own database",
        password,
        has_grafana,
        ("grafana",),
        fixed="what Grafana keeps was encrypted with it",
    ),
    Known(
        RECOVERY,
        "opens the cluster's own files among the backups; no node has it, the recovery sheet does",
        password,
        lambda topology: topology.backup is not None,
        (),
        fixed="what is kept was sealed with it, and the recovery sheet has it",
    ),
)
BY_NAME = {known.name: known for known in KNOWN}
ACCOUNT_OF = re.compile(r"database_(?P<database>[a-z0-9-]+)\.(?P<account>[a-z0-9_]+)")

REPOSITORY_OF = re.compile(r"backup_repository\.(?P<node>[a-z0-9-]+)")


def repository_key(name: str, node: str) -> Known:
    """What we know of the key of a backup node's repository."""
    return Known(
        name,
        f"opens the backups {node} keeps; without it they are noise: `cluster backup keys`",
        password,
        lambda topology: topology.backup is not None and node in topology.backup.nodes,
        ("backup",),
        fixed="all that is in the repository was encrypted with it; begin a new repository instead",
    )


def known_as(name: str) -> Known | None:
    """What we know of a secret by its name; None when it is not one of ours."""
    if repository := REPOSITORY_OF.fullmatch(name):
        return repository_key(name, repository["node"])
    found = ACCOUNT_OF.fullmatch(name)
    if not found:
        return BY_NAME.get(name)
    database, account = found["database"], found["account"]
    return Known(
        name,
        f"the password of account {account} in database {database}",
        replication_password if account == REPLICATION_ACCOUNT else password,
        lambda topology: account in accounts_of(topology, database),
        ("database", "standby"),
    )


def accounts_of(topology: Topology, database: str) -> tuple[str, ...]:
    """The accounts of a database that have a password: those of applications, and the cluster's own."""
    if database not in topology.databases:
        return ()
    found = topology.databases[database]
    followed = found.mode != "galera" or found.standby
    return (*found.accounts, *([REPLICATION_ACCOUNT] if followed else []))


def needed(topology: Topology) -> tuple[Known, ...]:
    """The secrets a topology has use for."""
    accounts = [
        database_account(name, account) for name in topology.databases for account in accounts_of(topology, name)
    ]
    repositories = [backup_repository(node) for node in topology.backup.nodes] if topology.backup else []
    found = (*KNOWN, *filter(None, map(known_as, (*accounts, *repositories))))
    return tuple(known for known in found if known.needed(topology))


def value_of(secrets: Secrets, name: str, *, dry: bool = False) -> Secret:
    """The secret of that name; a known one is made at first need. dry: made up for the moment instead.

    Raises ClusterError when it is neither known nor there.
    """
    known = known_as(name)
    if known is None:
        return secrets.entry(name)
    if dry:
        return secrets.entries().get(name) or Secret(value=known.make())
    return secrets.ensure_all({name: known.make})[name]
