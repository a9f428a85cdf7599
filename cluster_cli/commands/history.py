"""cluster history"""

import json
from pathlib import Path

import click

from cluster_cli.options import cluster_argument, output_option


@click.command(short_help="The past runs: when, who, what came of them; and whether that is the truth.")
@cluster_argument
@click.option("--last", type=click.IntRange(1), default=20, show_default=True, help="How many.")
@click.option("--verify", "verifying", is_flag=True, help="Prove that no record was edited, removed or moved.")
@click.option("--nodes", "asking", is_flag=True, help="With --verify: compare with what the nodes were told.")
@output_option
@click.pass_context
def command(context: click.Context, cluster: Path, last: int, verifying: bool, asking: bool, output: str) -> None:
    """The past runs of a cluster on this control machine, newest first.

    Each record holds the digest of the one before, and of the run's journal
    and report. --verify names the first that does not fit, with exit code 5.
    What was cut off at the end is seen with --nodes: at every run the nodes
    write into their own journals where the history stood.

    \b
    cluster history shop --last 5
    cluster history shop --verify --nodes
    """
    from cluster_cli.history import past as history
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    if asking and not verifying:
        raise click.UsageError("--nodes goes with --verify")
    if verifying:
        context.exit(int(verify(workspace, asking, output)))
    rows = history.rows(workspace.places.state, last)
    if output == "json":
        click.echo(json.dumps({"schema_version": 1, "runs": rows}, indent=1))
        return
    from rich.console import Console

    from cluster_cli.show.run import history_table

    Console().print(history_table(rows))


def verify(workspace, asking: bool, output: str) -> int:  # type: ignore[no-untyped-def]
    """Check the history and tell the verdict; the exit code."""
    from dataclasses import asdict

    from cluster_cli.errors import ClusterError, Exit
    from cluster_cli.history import chain
    from cluster_cli.history import past as history
    from cluster_cli.history.chain_check import check
    from cluster_cli.show.run import show_errors

    told, silent = history.heard(workspace.inventory.hosts) if asking else ({}, {})
    verdict = check(workspace.places.state, told)
    code = Exit.VERIFY_FAILED if verdict.fault else Exit.UNREACHABLE if silent else Exit.OK
    if output == "json":
        told_of = {name: len(heads) for name, heads in told.items()}
        document = {"schema_version": 1, "code": int(code), **asdict(verdict), "nodes": told_of, "silent": silent}
        click.echo(json.dumps(document, indent=1))
    for run in verdict.unfinished:
        click.echo(f"{run} has no end: it was killed, or is still at work", err=True)
    show_errors(
        [
            ClusterError(f"{name} could not be asked", why=why, code=Exit.UNREACHABLE)
            for name, why in silent.items()
        ]
    )
    if verdict.fault:
        about = f"record {verdict.fault.n}" if verdict.fault.n else "the end of the history"
        raise ClusterError(
            f"{about} does not fit" + (f" ({verdict.fault.run})" if verdict.fault.run else ""),
            where=str(chain.of(workspace.places.state)),
            why=verdict.fault.why,
            hint="keep the file as it is and compare it with a copy; the nodes: journalctl -t cluster-history",
            code=Exit.VERIFY_FAILED,
        )
    if output != "json":
        nodes = f", and {len(told)} nodes were told the same" if asking else ""
        click.echo(f"all {verdict.records} records fit{nodes}; the last one is {verdict.head[:16] or 'none'}")
    return code
