"""All rules across fields. Each is one small function; a new rule is a new function and a new golden case."""

from collections.abc import Callable, Iterator

from cluster_cli.topology import (
    address_rules,
    backup_rules,
    balancer_rules,
    database_rules,
    firewall_rules,
    interface_rules,
    logs_rules,
    monitoring_rules,
    network_rules,
    node_rules,
    operator_rules,
    port_rules,
    repository_rules,
    store_rules,
    tls_rules,
    updates,
)
from cluster_cli.topology.doors import with_doors
from cluster_cli.topology.model import Topology
from cluster_cli.topology.problems import Problem

Rule = Callable[[Topology], Iterator[Problem]]

RULES: tuple[Rule, ...] = (
    *node_rules.RULES,
    *address_rules.RULES,
    *network_rules.RULES,
    *interface_rules.RULES,
    *balancer_rules.RULES,
    *port_rules.RULES,
    *repository_rules.RULES,
    *firewall_rules.RULES,
    *operator_rules.RULES,
    *tls_rules.RULES,
    *backup_rules.RULES,
    *store_rules.RULES,
    *monitoring_rules.RULES,
    *logs_rules.RULES,
    *updates.RULES,
)


def broken_rules(topology: Topology) -> Iterator[Problem]:
    """Every problem the rules find: of databases in the file as it is, of the rest with the doors they add."""
    rule: Rule
    for rule in database_rules.RULES:
        yield from rule(topology)
    whole = with_doors(topology)
    for rule in RULES:
        yield from rule(whole)
