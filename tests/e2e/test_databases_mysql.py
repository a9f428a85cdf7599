"""MySQL with a primary and replicas, in a lab of its own: the tests of all modes (test_databases.py) for one more.

A machine that holds the eleven nodes of the others has no room for these beside them. `make drill` runs it.
"""

from collections.abc import Iterator

import pytest

from .conftest import Stack, running
from .data_tier import MYSQL_REPLICATION, Database, only_in_drills, print_table
from .test_databases import (  # noqa: F401  they run here with the fixtures below
    ACCOUNTS,
    SMALL,
    test_a_failover_killed_half_way_loses_nothing,
    test_a_fault_loses_nothing,
    test_a_fence_stops_writes_until_it_is_taken_away,
    test_a_full_disk_loses_nothing,
    test_a_node_whose_data_is_a_mount_point_is_given_a_copy,
    test_a_second_up_changes_nothing,
    test_a_setting_that_needs_a_restart_loses_nothing,
    test_a_switchover_is_a_short_pause,
    test_a_switchover_killed_half_way_loses_nothing,
    test_all_nodes_lost_at_once,
    test_an_emptied_node_is_given_a_gigabyte,
    test_certificates_and_passwords_change_under_writers,
    test_killing_the_node_under_lag_loses_nothing,
    test_killing_the_writers_node_loses_nothing,
    test_sysbench_runs_before_during_and_after,
    test_up_does_its_work_while_the_first_node_is_dead,
)

pytestmark = only_in_drills  # `make test` has the role's molecule scenario

VIP = "10.89.77.100"
TOPOLOGY = f"""
name: e2e-mysql
provider: podman
network: {{subnet: 10.89.77.0/24}}
nodes:
  lb1: {{}}
  lb2: {{}}
  myr1: {{release: sid}}
  myr2: {{release: sid}}
  myr3: {{release: sid}}
time: {{servers: [lb1, lb2]}}
load_balancers:
  edge:
    nodes: [lb1, lb2]
    virtual_ips: [{{address: {VIP}, prefer: lb1}}]
databases:
  stock:
    engine: mysql
    mode: replication
    nodes: [myr1, myr2, myr3]
    through: edge
    schemas: [shop]
    {ACCOUNTS}
    {SMALL}
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("mysql"), TOPOLOGY) as stack:
        yield stack
        print_table()


@pytest.fixture(scope="module")
def database(lab: Stack, tmp_path_factory: pytest.TempPathFactory) -> Database:
    return Database(lab, VIP, tmp_path_factory.mktemp("ledgers"), MYSQL_REPLICATION)
