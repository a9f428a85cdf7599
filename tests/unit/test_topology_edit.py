"""Changes to a topology file: what they add is there, all else stays as it was written."""

import difflib
from pathlib import Path

import pytest

from cluster_cli.errors import ClusterError
from cluster_cli.topology.edit import exchange, revoke
from cluster_cli.topology.load import parse

START = """\
# our shop
name: shop   # the name
network: {subnet: 10.0.0.0/24}

nodes:
  web1: {address: 10.0.0.11}   # rack 1
  'web2': {address: "10.0.0.12"}
"""
ACCESS = """
access: # people
  operators:
    bob: {role: operator} # on Mondays
"""


@pytest.mark.parametrize(
    "text",
    [
        START,
        "\n\n" + START + ACCESS,
        START + ACCESS,
        START + ACCESS + "  revoked: [old-1] # an old one\n",
        START + ACCESS + "  revoked:\n    - old-1 # an old one\n\nweb: {shop: {nodes: [web1]}}\n",
        START + ACCESS + "  revoked:\n  - old-1\n",
        START + "access: {operators: {bob: {role: operator}}}\n",
    ],
    ids=["no section", "blank lines first", "no list", "flow", "block", "other indentation", "all in one line"],
)
def test_only_the_entries_are_added(tmp_path: Path, text: str) -> None:
    path = tmp_path / "topology.yml"
    path.write_text(text)
    path.chmod(0o640)
    revoke(path, ["bob-1", "SHA256:" + "a" * 43])
    found = path.read_text()
    before, after = parse(text).access, parse(found).access
    assert after.revoked == (*before.revoked, "bob-1", "SHA256:" + "a" * 43)
    assert after.operators == before.operators
    changed = [line for line in difflib.ndiff(text.splitlines(), found.splitlines()) if line[0] == "-"]
    assert all("revoked" in line or line.startswith("- access: {") for line in changed), changed
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_change_that_breaks_the_file_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "topology.yml"
    path.write_text(START)
    with pytest.raises(ClusterError):
        revoke(path, ["two\nlines"])
    assert path.read_text() == START


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.yml").write_text(START)
    (tmp_path / "topology.yml").symlink_to("real.yml")
    revoke(tmp_path / "topology.yml", ["bob-1"])
    assert (tmp_path / "topology.yml").is_symlink()
    assert "bob-1" in (tmp_path / "real.yml").read_text()


SHOP = """\
name: shop
provider: podman
network: {subnet: 10.0.0.0/24}
nodes: {db1: {}, db2: {}, db3: {}, db4: {}, rep1: {}, rep2: {}, free1: {}, free2: {}}
databases:
  main:
    nodes: [db1, db2, db3] # the shop's
    spares: [free1, free2]
  orders:
    mode: replication
    nodes:
      - rep1 # the big one
      - db4
      - rep2
    delayed:
      rep2: 1h # against mistakes
    spares: [free2]
"""


def test_a_node_and_a_spare_change_places_wherever_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "topology.yml"
    path.write_text(SHOP)
    said = exchange(path, "rep2", "free2")
    found = parse(path.read_text()).databases
    assert found["orders"].nodes == ("rep1", "db4", "free2")
    assert found["orders"].delayed == {"free2": 3_600_000}
    assert found["orders"].spares == ("rep2",)
    assert found["main"].spares == ("free1", "rep2")
    assert "# the big one" in path.read_text()
    assert "# against mistakes" in path.read_text()
    assert [line[0] for line in said.splitlines()[2:]].count("+") == 4
    exchange(path, "free2", "rep2")
    assert path.read_text().split() == SHOP.split()  # a comment may stand a space further on


def test_a_list_that_stands_in_two_places_is_changed_once(tmp_path: Path) -> None:
    path = tmp_path / "topology.yml"
    path.write_text(SHOP.replace("[free1, free2]", "&free [free1, free2]").replace("[free2]", "*free"))
    exchange(path, "db1", "free2")
    found = parse(path.read_text()).databases
    assert found["main"].nodes == ("free2", "db2", "db3")
    assert found["main"].spares == found["orders"].spares == ("free1", "db1")


def test_an_exchange_that_breaks_the_file_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "topology.yml"
    path.write_text(SHOP)
    with pytest.raises(ClusterError):
        exchange(path, "db1", "nobody")
    assert path.read_text() == SHOP
