"""The options that the verbs of databases share, and the one way they end."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from cluster_cli.options import cluster_option, output_option, plain_option, yes_option

Function = TypeVar("Function", bound=Callable[..., Any])
database_argument = click.argument("database", required=False)
dry_option = click.option(
    "--dry-run", "dry", is_flag=True, help="Only say what would be done, and by what evidence."
)


def operation_options(function: Function) -> Function:
    """What every such verb takes: -C, --dry-run, -y, --plain, -o."""
    for option in (output_option, plain_option, yes_option, dry_option, cluster_option):
        function = option(function)
    return function


def operated(
    verb: str,
    database: str | None,
    options: Mapping[str, Any],
    *,
    cluster: Path,
    dry: bool,
    yes: bool,
    plain: bool,
    output: str,
) -> None:
    """Do it, and tell what came of it."""
    from cluster_cli.databases.operation import Wish, operate

    done = operate(cluster, Wish(verb, database, options, yes=yes, dry=dry, plain=plain))
    if output == "json":
        click.echo(done.as_json(verb))
