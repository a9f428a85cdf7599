"""Rules on databases: a majority can be told, nobody runs two, and what keeps the data safe stays ours."""

from collections.abc import Iterator

from cluster_cli.topology.databases import MODES, RESERVED
from cluster_cli.topology.doors import READ, WRITE
from cluster_cli.topology.model import Topology
from cluster_cli.topology.problems import Path, Problem, did_you_mean

MOST_MEMBERS = 9  # MySQL's manual, "Group Replication Limitations"
LEAST_VOTES = 3  # with two, the loss of either is the loss of the majority
LEAST_AT_ONCE = 2  # the primary, and who takes over from it
# fmt: off
OURS = (
    "wsrep_", "innodb_flush_log_at_trx_commit", "innodb_autoinc_lock_mode", "binlog_format", "log_bin",
    "sync_binlog", "server_id", "bind_address", "port", "socket", "datadir", "read_only", "ssl_",
    "require_secure_transport", "gtid_", "enforce_gtid_consistency", "super_read_only", "rpl_semi_sync_",
    "group_replication_", "log_slave_updates", "log_replica_updates", "init_rpl_role", "skip_slave_start",
    "skip_replica_start", "relay_log", "replica_preserve_commit_order", "report_host", "plugin_load", "clone_",
)
# fmt: on


def the_engine_has_the_mode(topology: Topology) -> Iterator[Problem]:
    """Galera is MariaDB's, group replication MySQL's."""
    for name, database in topology.databases.items():
        if database.mode not in (has := MODES[database.engine]):
            what = f"{database.engine} has no {database.mode}"
            yield Problem(("databases", name, "mode"), what, f"use {' or '.join(has)}")


def a_majority_can_be_told(topology: Topology) -> Iterator[Problem]:
    """An odd number of votes, three at least, where a majority decides; without one, a second node at least."""
    for name, database in topology.databases.items():
        path: Path = ("databases", name, "nodes")
        count, votes = len(set(database.nodes)), len(set(database.voters))
        if database.mode == "replication" and count < 2:
            yield Problem(path, "a primary without a replica is on one disk only", "use two nodes, better three")
        elif database.mode != "replication" and (votes < LEAST_VOTES or votes % 2 == 0 or count < 2):
            has = "have" if count != 1 else "has"
            what = f"{count} node{'s' if count != 1 else ''} {has} no majority when half of them are away"
            hint = "use three nodes, or five"
            if database.mode == "galera" and count == 2 and database.arbiter is None:
                hint += "; or two, and an `arbiter` on a third"
            yield Problem(path, what, hint)
        elif database.mode == "group_replication" and count > MOST_MEMBERS:
            yield Problem(path, f"a group takes {MOST_MEMBERS} nodes at most", "use fewer")


def the_arbiter_is_another_node(topology: Topology) -> Iterator[Problem]:
    """Who votes twice is no arbiter; and only Galera knows one."""
    for name, database in topology.databases.items():
        path: Path = ("databases", name, "arbiter")
        if database.arbiter is None:
            continue
        if database.mode != "galera":
            yield Problem(path, f"{database.mode} knows no arbiter", "remove it, or use `mode: galera`")
        if database.arbiter in database.nodes:
            what = f"{database.arbiter} holds data of {name} and has a vote already"
            yield Problem(path, what, "use another node")


def one_database_per_node(topology: Topology) -> Iterator[Problem]:
    """Two servers on a node would share its ports and its fate."""
    owner: dict[str, str] = {}
    for name, database in topology.databases.items():
        for i, node in enumerate(database.voters):
            if owner.setdefault(node, name) != name:
                what = f"{node} already is a node of database {owner[node]}"
                place: Path = (
                    ("databases", name, "nodes", i) if i < len(database.nodes) else ("databases", name, "arbiter")
                )
                yield Problem(place, what, "use another node")


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


def accounts_are_not_the_clusters(topology: Topology) -> Iterator[Problem]:
    """Names the cluster uses for its own accounts are taken."""
    for name, database in topology.databases.items():
        for account in database.accounts:
            if account == RESERVED or account.startswith(f"{RESERVED}_"):
                what = "accounts whose name begins so are the cluster's own"
                yield Problem(("databases", name, "accounts", account), what, "give it another name")


def settings_leave_safety_alone(topology: Topology) -> Iterator[Problem]:
    """What the guarantee rests on is not a matter of taste."""
    for name, database in topology.databases.items():
        for setting in database.settings:
            if setting.startswith(OURS):
                what = f"{setting} is set by the cluster: what is promised of the data rests on it"
                yield Problem(("databases", name, "settings", setting), what, "remove it")


def delayed_nodes_are_replicas(topology: Topology) -> Iterator[Problem]:
    """Who stays behind is a node of a database with replicas, two of whose nodes do not."""
    for name, database in topology.databases.items():
        path: Path = ("databases", name, "delayed")
        if not database.delayed:
            continue
        if database.mode != "replication":
            yield Problem(path, f"{database.mode} knows no delayed nodes", "remove it, or use `mode: replication`")
            continue
        for node in database.delayed:
            if node not in database.nodes:
                what = f"{node} is no node of database {name}"
                yield Problem((*path, node), what, did_you_mean(node, database.nodes) or "add it to `nodes`")
        prompt = [node for node in database.nodes if node not in database.delayed]
        if not prompt:
            yield Problem(path, "all nodes are delayed, so none would take writes", "leave two nodes undelayed")
        elif len(prompt) < LEAST_AT_ONCE:
            what = f"only {prompt[0]} is not delayed, so nobody could take over from it at once"
            yield Problem(path, what, "leave two nodes undelayed: add a node, or delay fewer")


def standbys_hold_no_data(topology: Topology) -> Iterator[Problem]:
    """Who stands by follows MariaDB, and shares no fate with a database's own nodes."""
    holds = {node: name for name, database in topology.databases.items() for node in database.nodes}
    for name, database in topology.databases.items():
        path: Path = ("databases", name, "standby")
        if database.standby and database.engine != "mariadb":
            what = f"nobody can stand by for {database.engine}"
            yield Problem(path, what, "remove it; for one that stays behind: `mode: replication` with `delayed`")
        for node in database.standby:
            if node in holds:
                what = f"{node} holds data of database {holds[node]}, whose server has the node for itself"
                yield Problem((*path, node), what, "use a node without a database")


def spares_hold_nothing(topology: Topology) -> Iterator[Problem]:
    """Who may take a place in a database has no other one, and can have the packages of its server."""
    busy = dict.fromkeys(topology.backup.nodes if topology.backup else (), "keeps backups")
    for name, database in topology.databases.items():
        busy |= dict.fromkeys(database.standby, f"stands by for database {name}")
        busy |= dict.fromkeys(database.voters, f"already is a node of database {name}")
    first: dict[str, tuple[str, str]] = {}
    for name, database in topology.databases.items():
        for i, node in enumerate(database.spares):
            path: Path = ("databases", name, "spares", i)
            if node in busy:
                yield Problem(path, f"{node} {busy[node]}", "use a node without a database")
            other, engine = first.setdefault(node, (name, database.engine))
            if engine != database.engine:
                what = f"{node} is a spare of {other}, which is {engine}: the packages exclude each other"
                yield Problem(path, what, f"use another node for {database.engine}")


RULES = (
    the_engine_has_the_mode,
    a_majority_can_be_told,
    the_arbiter_is_another_node,
    one_database_per_node,
    the_way_in_exists,
    doors_have_names_of_their_own,
    accounts_use_schemas_there_are,
    accounts_are_not_the_clusters,
    settings_leave_safety_alone,
    delayed_nodes_are_replicas,
    standbys_hold_no_data,
    spares_hold_nothing,
)
