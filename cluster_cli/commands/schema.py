"""cluster schema"""

import json

import click


@click.command(short_help="The JSON Schema of the topology, for editors.")
def command() -> None:
    """Print the JSON Schema of topology.yml. Editors use it for completion and hover text.

    `cluster init` writes it beside the topology, with the header that turns it on.
    """
    from cluster_cli.schema import schema

    click.echo(json.dumps(schema(), indent=1))
