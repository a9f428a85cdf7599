"""The command line: fast, teaching, and the same to scripts tomorrow."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cluster_cli.main import VERBS

CLUSTER = Path(sys.executable).parent / "cluster"
LIBRARIES = "import click, pydantic, ruamel.yaml; pydantic.create_model('Any', a=int)"
QUICK = {"--help": 0.8, "validate": 2.0}  # times what the libraries need; 0.5 and 1.6 when this was written
BAD = "name: shop\nprovider: podmann\nnodes: {a: {}}\n"
GOOD = "name: shop\nprovider: podman\nnodes: {a: {}}\n"


def run(*words: object, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if key != "CLUSTER_TOPOLOGY"}
    return subprocess.run(
        [str(CLUSTER), *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**clean, **env},
        check=False,
    )


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_that_teaches(verb: str) -> None:
    done = run(verb, "--help")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) > 5


def processor_seconds(*argv: object) -> float:
    """What a program takes, the least of five, so that a busy machine does not make the test lie."""
    took = []
    for _ in range(5):
        before = os.times()
        assert subprocess.run(list(map(str, argv)), capture_output=True, check=False).returncode == 0
        after = os.times()
        took.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return min(took)


def test_help_and_validate_start_at_once(tmp_path: Path) -> None:
    """Measured in what the libraries alone need to load, since machines differ by more than we may take."""
    (tmp_path / "topology.yml").write_text(GOOD)
    libraries = processor_seconds(sys.executable, "-c", LIBRARIES)
    for words in (("--help",), ("validate", tmp_path)):
        took = processor_seconds(CLUSTER, *words) / libraries
        assert took < QUICK[words[0]], f"{words[0]}: {took:.2f} times the {libraries:.2f} s of its libraries"


def test_validate_shows_the_place_and_exits_2(tmp_path: Path) -> None:
    (tmp_path / "topology.yml").write_text(BAD)
    done = run("validate", tmp_path)
    assert done.returncode == 2
    assert 'topology.yml:2:1: provider: "podmann" is not one of podman, docker, existing' in done.stderr
    assert 'did you mean "podman"?' in done.stderr
    assert done.stdout == ""
    rows = json.loads(run("validate", tmp_path, "-o", "json").stdout)
    assert rows["valid"] is False
    assert (rows["problems"][0]["line"], rows["problems"][0]["column"]) == (2, 1)


def test_errors_are_json_for_scripts_and_plain_for_people(tmp_path: Path) -> None:
    done = run("status", tmp_path / "nowhere", "-o", "json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == 2
    assert "\x1b" not in done.stderr
    assert "next:" in done.stderr


def test_no_cluster_here_is_told(tmp_path: Path) -> None:
    done = run("validate", cwd=tmp_path)
    assert done.returncode == 2
    assert "cluster init" in done.stderr


def test_a_mistyped_verb_gets_the_right_one() -> None:
    done = run("statsu")
    assert done.returncode == 2
    assert 'did you mean "status"?' in done.stderr


def test_a_cluster_in_the_wrong_place_gets_the_line_to_type(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/topology.yml").write_text(GOOD)
    for words, line in (
        (("-C", "shop", "validate"), "Type: cluster validate -C shop"),
        (("db", "fence", "shop"), "next:  name one"),
        (("db", "fence", "shop"), "if you mean that cluster: cluster db fence -C shop"),
    ):
        done = run(*words, cwd=tmp_path)
        assert done.returncode == 2
        assert line in done.stderr
    assert run("validate", "-C", "shop", cwd=tmp_path).stdout == run("validate", "shop", cwd=tmp_path).stdout


def test_init_never_replaces_what_is_there(tmp_path: Path) -> None:
    assert run("init", tmp_path / "shop").returncode == 0
    assert run("validate", tmp_path / "shop").returncode == 0
    before = (tmp_path / "shop/topology.yml").read_text()
    done = run("init", tmp_path / "shop", "--template", "full")
    assert done.returncode == 2
    assert (tmp_path / "shop/topology.yml").read_text() == before
    assert "yaml-language-server" in before


def test_unknown_node_gets_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "topology.yml").write_text(GOOD.replace("a: {}", "web1: {}, lb1: {}"))
    done = run("up", tmp_path, "--node", "web11", XDG_STATE_HOME=str(tmp_path))
    assert done.returncode == 2
    assert 'did you mean "web1"?' in done.stderr


def test_graph_draws_without_any_node(tmp_path: Path) -> None:
    (tmp_path / "topology.yml").write_text(GOOD)
    assert "flowchart" in run("graph", tmp_path).stdout
    assert "<svg" in run("graph", tmp_path, "-f", "svg").stdout


def test_an_unknown_group_is_told_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "topology.yml").write_text(GOOD.replace("a: {}", "n1: {}"))
    done = run("exec", "-C", tmp_path, "-g", "bsae", "--", "true", XDG_STATE_HOME=str(tmp_path))
    assert done.returncode == 2
    assert 'did you mean "base"?' in done.stderr


def test_no_color_is_honoured_even_for_errors(tmp_path: Path) -> None:
    script = "import sys; sys.stderr.isatty = lambda: True; from cluster_cli.main import main; main()"
    words = [sys.executable, "-c", script, "validate", str(tmp_path)]
    env = {**os.environ, "NO_COLOR": "1"}
    done = subprocess.run(words, capture_output=True, text=True, env=env, check=False)
    assert "error: " in done.stderr
    assert "\x1b" not in done.stderr
