"""The arguments and options verbs share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from cluster_cli.errors import ClusterError, Exit

Function = TypeVar("Function", bound=Callable[..., Any])
LAB = Path("inventories/lab")
FILE_NAME = "topology.yml"
VARIABLE = "CLUSTER_TOPOLOGY"
OPTION, NOUN = f"{__name__}.option", f"{__name__}.noun"  # what was named where, in a context's meta


def default_cluster() -> Path:
    """The cluster meant when none is named."""
    for folder in (Path(), LAB):
        if (folder / FILE_NAME).is_file():
            return folder
    raise ClusterError(
        "no cluster is named, and there is none here",
        where=str(Path.cwd()),
        hint="name one: a directory that holds a topology.yml; or make one: cluster init shop --template lab",
        code=Exit.USAGE,
    )


def same(one: str, other: str) -> bool:
    """Whether two names mean one cluster: a directory, and the topology.yml in it."""
    places = (Path(each).resolve() for each in (one, other))
    return len({place.parent if place.name == FILE_NAME else place for place in places}) == 1


def typed(context: click.Context, parameter: click.Parameter) -> bool:
    """Whether a parameter's value stands on the command line, and not in the environment."""
    return context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE


def named(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """The cluster that was named: on the command line, to the verb before its noun, else in the environment.

    Raises UsageError when the verb is given two.
    """
    here, by_option = value if typed(context, parameter) else None, context.meta.get(OPTION)
    if here and by_option and not same(here, by_option):
        raise click.UsageError(f"CLUSTER is {here}, and --cluster is {by_option}: name one", context)
    return here or by_option or context.meta.get(NOUN) or value


def chosen(context: click.Context, parameter: click.Parameter, value: str | None) -> Path:
    """The cluster as a path, the one here when none is named; asked for late, so that --help works anywhere."""
    found = named(context, parameter, value)
    return Path(found) if found else default_cluster()


def chosen_if_any(context: click.Context, parameter: click.Parameter, value: str | None) -> Path | None:
    """The cluster as a path; None when none is named."""
    found = named(context, parameter, value)
    return Path(found) if found else None


def note_option(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    """Keep what -C says for the argument, which is read after it."""
    context.meta[OPTION] = value


def note_json(context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """Let the error printer know that a script listens."""
    context.find_root().obj.json = value == "json"
    return value


def hand_down(context: click.Context, cluster: str | None, output: str) -> None:
    """What a noun was told goes to its verbs; without a verb it does what its `list` does."""
    noun = context.command
    assert isinstance(noun, click.Group)
    context.meta[NOUN] = cluster
    if context.invoked_subcommand is None:
        context.invoke(
            noun.commands["list"], cluster=Path(cluster) if cluster else default_cluster(), output=output
        )


def by_either(callback: Callable[..., Path | None], envvar: str | None = None) -> Callable[[Function], Function]:
    """The cluster by position, or by -C for those who are used to it."""
    argument = click.argument("cluster", required=False, callback=callback, envvar=envvar)
    option = click.option(
        "-C",
        "--cluster",
        "cluster_option",
        metavar="CLUSTER",
        callback=note_option,
        is_eager=True,
        expose_value=False,
        help="The same as CLUSTER alone.",
    )
    return lambda function: argument(option(function))


cluster_argument = by_either(chosen, VARIABLE)
cluster_argument_if_any = by_either(chosen_if_any)
cluster_option = click.option(
    "-C",
    "--cluster",
    callback=chosen,
    envvar=VARIABLE,
    metavar="CLUSTER",
    help="Directory with the topology.yml, or the file. Left away: this directory, or inventories/lab.",
)
noun_cluster_option = click.option(
    "-C",
    "--cluster",
    envvar=VARIABLE,
    metavar="CLUSTER",
    help="Directory with the topology.yml, or the file.",
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
