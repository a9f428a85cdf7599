"""cluster init"""

import json
import re
from pathlib import Path

import click


@click.command(short_help="Write a commented topology to start from.")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("-t", "--template", default="lab", show_default=True, help="lab, web or full.")
@click.option("--name", help="The cluster's name. Left away: the directory's.")
@click.option("--force", is_flag=True, help="Replace a topology that is there.")
def command(directory: Path, template: str, name: str | None, force: bool) -> None:
    """Write a commented topology.yml into DIRECTORY, and its schema for editors beside it.

    \b
    lab    two balancers with a virtual IP, three web servers, two time servers, in containers here
    web    the same idea on machines you already have
    full   every section and field there is
    """
    from cluster_cli.errors import ClusterError, Exit
    from cluster_cli.schema import FILE_NAME, schema
    from cluster_cli.topology import templates
    from cluster_cli.topology.fields import is_name
    from cluster_cli.topology.problems import did_you_mean

    if template not in templates.names():
        raise ClusterError(
            f'there is no template "{template}"',
            hint=did_you_mean(template, templates.names()),
            code=Exit.USAGE,
        )
    chosen = name or re.sub(r"[^a-z0-9]+", "-", directory.absolute().name.lower()).strip("-")
    try:
        is_name(chosen)
    except ValueError as error:
        raise ClusterError(str(error), hint="choose one: --name shop", code=Exit.USAGE) from error
    path = directory / "topology.yml"
    if path.exists() and not force:
        raise ClusterError(
            f"{path} is there already", hint="another directory, or --force to replace it", code=Exit.USAGE
        )
    directory.mkdir(parents=True, exist_ok=True)
    path.write_text(templates.text(template, chosen))
    (directory / FILE_NAME).write_text(json.dumps(schema(), indent=1) + "\n")
    click.echo(f"written: {path}")
    click.echo(f"next: edit it, then cluster validate {directory}, then cluster up {directory}", err=True)
