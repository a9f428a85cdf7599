"""Changes to a topology file: what they add is there, all else stays as it was written."""

import difflib
from pathlib import Path

import pytest

from cluster_cli.errors import ClusterError
from cluster_cli.topology.edit import revoke
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
        START + ACCESS,
        START + ACCESS + "  revoked: [old-1] # an old one\n",
        START + ACCESS + "  revoked:\n    - old-1 # an old one\n\nweb: {shop: {nodes: [web1]}}\n",
        START + ACCESS + "  revoked:\n  - old-1\n",
        START + "access: {operators: {bob: {role: operator}}}\n",
    ],
    ids=["no section", "no list", "flow", "block", "other indentation", "all in one line"],
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
