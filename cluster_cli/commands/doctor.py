"""cluster doctor"""

import json
from pathlib import Path

import click

from cluster_cli.options import cluster_argument_if_any, output_option


@click.command(short_help="Is this machine fit to run cluster? If not, how to mend it.")
@cluster_argument_if_any
@click.option("--engine", type=click.Choice(["podman", "docker"]), help="Container engine to look at.")
@output_option
@click.pass_context
def command(context: click.Context, cluster: Path | None, engine: str | None, output: str) -> None:
    """Check this control machine: Python, Ansible, SSH, the container engine, limits, disk.

    With CLUSTER, the engine its topology names. Exit code 1 when something
    must be mended; every such row says how.
    """
    from cluster_cli.doctor import examine
    from cluster_cli.errors import Exit
    from cluster_cli.show.run import check_table

    checks = examine(cluster, engine)
    if output == "json":
        rows = [{"name": c.name, "status": c.status, "detail": c.detail, "hint": c.hint} for c in checks]
        click.echo(json.dumps({"schema_version": 1, "checks": rows}, indent=1))
    else:
        from rich.console import Console

        Console().print(check_table(checks))
    context.exit(int(Exit.FAILED if any(check.status == "fail" for check in checks) else Exit.OK))
