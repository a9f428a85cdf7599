"""All rules across fields. Each is one small function; a new rule is a new function and a new golden case."""

from collections.abc import Callable, Iterator

from cluster_cli.topology import address_rules, balancer_rules, node_rules, port_rules
from cluster_cli.topology.model import Topology
from cluster_cli.topology.problems import Problem

Rule = Callable[[Topology], Iterator[Problem]]

RULES: tuple[Rule, ...] = (
    *node_rules.RULES,
    *address_rules.RULES,
    *balancer_rules.RULES,
    *port_rules.RULES,
)


def broken_rules(topology: Topology) -> Iterator[Problem]:
    """Every problem the rules find."""
    for rule in RULES:
        yield from rule(topology)
