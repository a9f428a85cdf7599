"""Reading files: what is found, what cannot be read, and what the file names."""

from pathlib import Path

import pytest

from cluster_cli.errors import ClusterError, Exit
from cluster_cli.topology.load import MAX_BYTES, TopologyError, find, load, parse

ROOT = Path(__file__).parents[2]
SMALL = "name: shop\nprovider: podman\nnodes: {web1: {}}\n"
EXISTING = "name: shop\nnetwork: {subnet: 10.0.0.0/24}\nnodes: {web1: {address: 10.0.0.11}}\n"


def write(folder: Path, content: bytes) -> Path:
    path = folder / "topology.yml"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "path", sorted((ROOT / "inventories").glob("*/topology.yml")), ids=lambda p: p.parent.name
)
def test_shipped_inventories_load(path: Path) -> None:
    assert load(path).name == path.parent.name


def test_every_inventory_but_the_lab_says_what_it_is() -> None:
    folders = [path.parent for path in (ROOT / "inventories").glob("*/topology.yml")]
    assert len(folders) >= 3
    assert [folder.name for folder in folders if not (folder / "README.md").is_file()] in ([], ["lab"])


def test_find_takes_a_directory_or_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, SMALL.encode())
    assert find(tmp_path) == find(path) == find(str(path)) == path


def test_find_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="there is no topology file at") as raised:
        find(tmp_path)
    assert raised.value.code is Exit.USAGE
    assert "cluster init DIR" in raised.value.hint


@pytest.mark.parametrize(
    "content",
    [
        SMALL.encode(),
        b"\xef\xbb\xbf" + SMALL.encode(),
        SMALL.replace("\n", "\r\n").encode(),
        SMALL.replace("\n", "\r").encode(),
    ],
    ids=["plain", "bom", "crlf", "cr"],
)
def test_spellings_of_text(tmp_path: Path, content: bytes) -> None:
    assert load(write(tmp_path, content)).name == "shop"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (SMALL.encode("utf-16"), "it is not UTF-8 text"),
        (b"name: caf\xe9\n", "it is not UTF-8 text"),
        (b"# " + b"x" * MAX_BYTES, "it is larger than 1024 KiB, so it is no topology"),
    ],
    ids=["utf-16", "latin-1", "huge"],
)
def test_unreadable_content(tmp_path: Path, content: bytes, why: str) -> None:
    with pytest.raises(ClusterError) as raised:
        load(write(tmp_path, content))
    assert (raised.value.why, raised.value.code) == (why, Exit.USAGE)


def test_nul_bytes_have_a_place(tmp_path: Path) -> None:
    with pytest.raises(TopologyError, match=r"topology.yml:2:4: a character that cannot be seen .*U\+0000"):
        load(write(tmp_path, b"# x\nabc\x00: 1\n"))


def test_a_missing_file_or_a_directory_is_no_traceback(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yml", tmp_path, Path("a\0b")):
        with pytest.raises(ClusterError, match="cannot be read"):
            load(path)


def test_the_error_shows_rows_first_then_what_to_do(tmp_path: Path) -> None:
    path = write(tmp_path, b"name: Shop\nprovider: podman\nnods: {}\n")
    with pytest.raises(TopologyError) as raised:
        load(path)
    rows = str(raised.value).splitlines()
    assert rows[0].startswith(f"{path}:1:1: name: ")
    assert rows[-2:] == [
        f"3 problems in {path}; nothing was touched",
        f"  next:  mend the file, then: cluster validate {path}",
    ]


def test_many_problems_are_cut(tmp_path: Path) -> None:
    nodes = "".join(f"  n{i}: 1\n" for i in range(150))
    with pytest.raises(TopologyError) as raised:
        load(write(tmp_path, f"name: shop\nprovider: podman\nnodes:\n{nodes}".encode()))
    assert "... and 50 more" in str(raised.value)
    assert len(raised.value.problems) == 150


def test_named_files_must_be_there(tmp_path: Path) -> None:
    text = EXISTING + "ssh: {key: keys/id}\nweb: {www: {nodes: [web1], site: pages}}\n"
    with pytest.raises(TopologyError) as raised:
        load(write(tmp_path, text.encode()))
    assert [problem.path for _, problem in raised.value.problems] == [("ssh", "key"), ("web", "www", "site")]
    (tmp_path / "pages").mkdir()
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "id").touch()
    assert load(tmp_path / "topology.yml").ssh.key == "keys/id"


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = write(tmp_path, (EXISTING + "ssh: {key: ~/id}\n").encode())
    with pytest.raises(TopologyError, match="there is no private key ~/id"):
        load(path)
    (tmp_path / "id").touch()
    assert load(path)


def test_a_home_of_nobody(tmp_path: Path) -> None:
    path = write(tmp_path, (EXISTING + "ssh: {key: ~nobody-of-that-name/id}\n").encode())
    with pytest.raises(TopologyError, match="there is no private key"):
        load(path)


def test_parse_does_not_look_for_files() -> None:
    assert parse(EXISTING + "ssh: {key: keys/id}\n").ssh.key == "keys/id"


def test_no_words_of_pydantic_leak() -> None:
    with pytest.raises(TopologyError) as raised:
        parse(
            "name: 1\nprovider: [x]\nnodes: {A: {ssh: 3}}\nlab: 5\nweb: {a: {}}\n"
            "system: {sysctl: {a: {}, B b: .inf}}\n"
        )
    for word in ("pydantic", "[key]", "Input should", "Field required", "http", "Value error", "function-"):
        assert word not in str(raised.value)
