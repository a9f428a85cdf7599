"""cluster graph"""

from pathlib import Path

import click

from cluster_cli.options import cluster_argument


@click.command(short_help="Draw the topology.")
@cluster_argument
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["mermaid", "svg"]),
    default="mermaid",
    show_default=True,
    help="As what.",
)
@click.option("-w", "--write", type=click.Path(dir_okay=False, path_type=Path), help="Into this file.")
@click.option("--live", is_flag=True, help="Colour the nodes by their health now (svg).")
def command(cluster: Path, form: str, write: Path | None, live: bool) -> None:
    """Draw the topology: clients, virtual IPs, balancers, servers.

    \b
    cluster graph shop -f svg -w shop.svg
    cluster graph shop                      mermaid, for a README
    """
    from cluster_cli.graph import mermaid, svg
    from cluster_cli.picture import picture
    from cluster_cli.show.status import health
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    drawing = picture(workspace.topology, workspace.inventory)
    text = svg(drawing, health(workspace) if live else None) if form == "svg" else mermaid(drawing)
    if write:
        write.write_text(text)
        click.echo(f"written: {write}", err=True)
    else:
        click.echo(text)
