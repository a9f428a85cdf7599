"""The cluster is named by position or by -C; two different ones are refused."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from cluster_cli.errors import ClusterError
from cluster_cli.options import VARIABLE, cluster_argument, cluster_option, hand_down, noun_cluster_option


@click.command()
@cluster_argument
def either(cluster: Path) -> None:
    click.echo(cluster)


@click.group(invoke_without_command=True)
@noun_cluster_option
@click.pass_context
def noun(context: click.Context, cluster: str | None) -> None:
    hand_down(context, cluster, "table")


@noun.command(name="list")
@cluster_argument
@click.option("-o", "output")
def everything(cluster: Path, output: str) -> None:
    click.echo(f"list of {cluster} {output}")


@noun.command()
@cluster_option
@click.argument("name")
def show(cluster: Path, name: str) -> None:
    click.echo(f"{name} of {cluster}")


def said(command: click.Command, *words: str, environment: str = "") -> str:
    return run(command, *words, environment=environment).output.strip()


def run(command: click.Command, *words: str, environment: str = "") -> Result:
    return CliRunner().invoke(command, list(words), env={VARIABLE: environment or None})


@pytest.mark.parametrize("words", [["shop"], ["-C", "shop"], ["--cluster", "shop"], ["shop", "-C", "shop/"]])
def test_both_forms_name_it(words: list[str]) -> None:
    assert said(either, *words) in ("shop", "shop/")
    assert said(either, *words, environment="other") in ("shop", "shop/")


def test_the_folder_and_its_topology_are_one_cluster() -> None:
    assert said(either, "shop", "-C", "shop/topology.yml") == "shop"


def test_two_clusters_are_refused() -> None:
    done = run(either, "shop", "-C", "other")
    assert done.exit_code == 2
    assert "CLUSTER is shop, and --cluster is other: name one" in done.output


def test_the_environment_names_it_where_nobody_else_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert said(either, environment="other") == "other"
    assert said(noun, "show", "a", environment="other") == "a of other"
    assert said(noun, environment="other") == "list of other table"
    assert isinstance(run(either).exception, ClusterError)
    (tmp_path / "topology.yml").touch()
    assert said(either) == "."


def test_what_a_noun_is_told_holds_for_its_verbs() -> None:
    for environment in ("", "other"):
        assert said(noun, "-C", "shop", environment=environment) == "list of shop table"
        assert said(noun, "-C", "shop", "list", "-o", "x", environment=environment) == "list of shop x"
        assert said(noun, "-C", "shop", "show", "a", environment=environment) == "a of shop"
        assert said(noun, "-C", "shop", "show", "a", "-C", "third", environment=environment) == "a of third"
        assert said(noun, "list", "third", environment=environment) == "list of third None"
