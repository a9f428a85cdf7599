"""Rules on databases: a majority can be told, nobody runs two, and what keeps the data safe stays ours."""

from collections.abc import Iterator

from cluster_cli.topology.doors import READ, WRITE
from cluster_cli.topology.model import Topology
from cluster_cli.topology.problems import Path, Problem, did_you_mean

LEAST_VOTES = 3  # with two, the loss of either is the loss of the majority
# fmt: off
OURS = (
    "wsrep_", "innodb_flush_log_at_trx_commit", "innodb_autoinc_lock_mode", "binlog_format", "log_bin",
    "sync_binlog", "server_id", "bind_address", "port", "socket", "datadir", "read_only", "ssl_",
    "require_secure_transport",
)
# fmt: on


def a_majority_can_be_told(topology: Topology) -> Iterator[Problem]:
    """An odd number of votes, three at least."""
    for name, database in topology.databases.items():
        votes = len(set(database.nodes))
        if votes < LEAST_VOTES or votes % 2 == 0:
            what = f"{votes} node{'s have' if votes != 1 else ' has'} no majority when half of them are away"
            hint = "use three nodes, or five"
            yield Problem(("databases", name, "nodes"), what, hint)


def one_database_per_node(topology: Topology) -> Iterator[Problem]:
    """Two servers on a node would share its ports and its fate."""
    owner: dict[str, str] = {}
    for name, database in topology.databases.items():
        for i, node in enumerate(database.nodes):
            if owner.setdefault(node, name) != name:
                what = f"{node} already holds data of database {owner[node]}"
                yield Problem(("databases", name, "nodes", i), what, "use another node")


def the_way_in_exists(topology: Topology) -> Iterator[Problem]:
    """Clients come through a haproxy of this file."""
    for name, database in topology.databases.items():
        path: Path = ("databases", name, "through")
        if database.through is None:
            continue
        balancer = topology.load_balancers.get(database.through)
        if balancer is None:
            hint = did_you_mean(database.through, topology.load_balancers) or "add it"
            yield Problem(path, f'there is no "{database.through}" under load_balancers', hint)
        elif balancer.engine != "haproxy":
            what = f"{database.through} is {balancer.engine}, which cannot ask who takes writes"
            yield Problem(path, what, "use a load balancer with `engine: haproxy`")


def doors_have_names_of_their_own(topology: Topology) -> Iterator[Problem]:
    """A frontend or backend of the file would be replaced by the one of the database."""
    for name, database in topology.databases.items():
        balancer = topology.load_balancers.get(database.through or "")
        for door in (f"{name}-{WRITE}", f"{name}-{READ}"):
            if balancer and door in {**balancer.frontends, **balancer.backends}:
                what = f"{database.through} has its own {door} already, which the database would replace"
                yield Problem(("databases", name, "through"), what, "give that one another name")


def accounts_use_schemas_there_are(topology: Topology) -> Iterator[Problem]:
    """A right on a schema nobody makes is a typo."""
    for name, database in topology.databases.items():
        for account, row in database.accounts.items():
            for i, schema in enumerate(row.schemas):
                if schema not in database.schemas:
                    hint = did_you_mean(schema, database.schemas) or f"add it to `schemas` of {name}"
                    path: Path = ("databases", name, "accounts", account, "schemas", i)
                    yield Problem(path, f'there is no schema "{schema}"', hint)


def settings_leave_safety_alone(topology: Topology) -> Iterator[Problem]:
    """What the guarantee rests on is not a matter of taste."""
    for name, database in topology.databases.items():
        for setting in database.settings:
            if setting.startswith(OURS):
                what = f"{setting} is set by the cluster: what is promised of the data rests on it"
                yield Problem(("databases", name, "settings", setting), what, "remove it")


RULES = (
    a_majority_can_be_told,
    one_database_per_node,
    the_way_in_exists,
    doors_have_names_of_their_own,
    accounts_use_schemas_there_are,
    settings_leave_safety_alone,
)
