"""The arguments and options verbs share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from cluster_cli.errors import ClusterError, Exit

Function = TypeVar("Function", bound=Callable[..., Any])
LAB = Path("inventories/lab")


def default_cluster() -> Path:
    """The cluster meant when none is named."""
    for folder in (Path(), LAB):
        if (folder / "topology.yml").is_file():
            return folder
    raise ClusterError(
        "no cluster is named, and there is none here",
        where=str(Path.cwd()),
        hint="name one: a directory that holds a topology.yml; or make one: cluster init shop --template lab",
        code=Exit.USAGE,
    )


def chosen(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Path | None:
    """The cluster as a path; asked for late, so that --help works anywhere."""
    return Path(value) if value else default_cluster()


def note_json(context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """Let the error printer know that a script listens."""
    context.find_root().obj.json = value == "json"
    return value


def hand_down(context: click.Context, cluster: str | None, output: str) -> None:
    """What a noun was told goes to its verbs; without a verb it does what its `list` does."""
    noun = context.command
    assert isinstance(noun, click.Group)
    if cluster:
        context.default_map = dict.fromkeys(noun.commands, {"cluster": cluster})
    if context.invoked_subcommand is None:
        context.invoke(
            noun.commands["list"], cluster=Path(cluster) if cluster else default_cluster(), output=output
        )


cluster_argument = click.argument("cluster", required=False, callback=chosen, envvar="CLUSTER_TOPOLOGY")
cluster_option = click.option(
    "-C",
    "--cluster",
    callback=chosen,
    envvar="CLUSTER_TOPOLOGY",
    help="Directory with the topology.yml, or the file. Left away: this directory, or inventories/lab.",
)


def output_as(scripts: str) -> Callable[[Function], Function]:
    """The option -o. scripts: what those are given."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(["table", "json"]),
        default="table",
        callback=note_json,
        is_eager=True,
        help=f"For people, or for scripts ({scripts}).",
    )


output_option = output_as("one JSON document on stdout")
node_option = click.option("-n", "--node", "nodes", multiple=True, help="Only this node; may be repeated.")
plain_option = click.option("--plain", is_flag=True, help="Plain progress lines, also on a terminal.")
yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask.")
