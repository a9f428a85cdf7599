"""cluster report"""

from pathlib import Path

import click

from cluster_cli.options import cluster_argument, output_option


@click.command(short_help="The report of the last run, or of any.")
@cluster_argument
@click.option("--run", "name", help="A run's name, as `cluster history` shows it. Left away: the last `up`.")
@click.option("-w", "--write", type=click.Path(dir_okay=False, path_type=Path), help="Copy the HTML here.")
@output_option
def command(cluster: Path, name: str | None, write: Path | None, output: str) -> None:
    """The report of a run: one HTML file to hand to a colleague, or JSON.

    \b
    cluster report shop                  where it lies
    cluster report shop -w report.html   a copy
    """
    from cluster_cli.errors import ClusterError, Exit
    from cluster_cli.history import rundir
    from cluster_cli.outcome import write_report
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    state = workspace.places.state
    runs = [run for run in rundir.newest_first(state) if (run.name == name if name else run.verb == "up")]
    if not runs:
        raise ClusterError(
            f"there is no run {name}" if name else "there is no run yet",
            hint=f"see all: cluster history {cluster}" if name else f"cluster up {cluster}",
            code=Exit.USAGE,
        )
    path = write_report(workspace, runs[0])
    if write:
        write.write_bytes(path.read_bytes())
    click.echo(path.with_suffix(".json").read_text() if output == "json" else str(write or path))
