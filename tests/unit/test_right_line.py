"""Somebody named the cluster in a form the verb does not take: the error has the line to type."""

import pytest

from cluster_cli.main import cluster
from cluster_cli.right_line import is_cluster, right_line


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("-C shop status", "cluster status -C shop"),
        ("--debug -C shop up --only web", "cluster --debug up -C shop --only web"),
        ("db -C shop fence main", "cluster db fence -C shop main"),
        ("shop status -o json", "cluster status -C shop -o json"),
        ("backups shop", "cluster backups -C shop"),
        ("switchover main shop --to db2", "cluster switchover -C shop main --to db2"),
        ("db shop fence main", "cluster db fence -C shop main"),
        ("secrets shop", "cluster secrets -C shop"),
        ("secrets show shop", "cluster secrets show -C shop NAME"),
        ("ssh shop", "cluster ssh -C shop NODE"),
        ("ssh shop web1 -- uptime", "cluster ssh -C shop web1 -- uptime"),
        ("restore -y shop --to cluster", "cluster restore -C shop -y --to cluster"),
    ],
)
def test_the_cluster_goes_behind_the_verb(typed: str, meant: str) -> None:
    assert right_line(cluster, typed.split(), {"shop"}.__contains__) == meant


@pytest.mark.parametrize(
    "typed",
    [
        "status shop --nope",  # it takes its cluster so
        "status -C shop",
        "secrets -C shop list",  # a noun that takes it
        "backups main -C shop",
        "restore main --into shop",  # another option's value
        "exec -n web1 -- shop",
        "switchover main",
        "nonsense shop",
        "db shop",
        "init shop",
        "-C",
        "",
    ],
)
def test_nothing_is_said_where_that_is_not_what_is_wrong(typed: str) -> None:
    assert right_line(cluster, typed.split(), {"shop"}.__contains__) is None


def test_a_cluster_is_a_folder_with_a_topology_or_its_file(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("shop")
    assert not is_cluster(str(folder))
    (folder / "topology.yml").write_text("name: shop\n")
    assert is_cluster(str(folder))
    assert is_cluster(str(folder / "topology.yml"))
    assert not is_cluster("x" * 5000)
