"""cluster up"""

from pathlib import Path

import click

from cluster_cli.options import cluster_argument, node_option, output_option, plain_option
from cluster_cli.stages import STAGES


@click.command(short_help="Make the topology true, verify it, report.")
@cluster_argument
@node_option
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(["lab", *(stage.name for stage in STAGES)]),
    help="Only this stage; may be repeated. lab alone: make the nodes, no more.",
)
@click.option(
    "--restore-from",
    "store",
    metavar="STORE",
    help="Make a lost cluster again from a repository or a copy: a directory, sftp:USER@HOST:PATH, or "
    "s3:https://HOST/BUCKET/PREFIX.",
)
@click.option(
    "--recovery-sheet",
    "saved",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --restore-from: the sheet, as a file. Left away: its keys are asked for.",
)
@click.option("--verify/--no-verify", "verifying", default=True, help="Verify every node afterwards.")
@plain_option
@output_option
@click.pass_context
def command(
    context: click.Context,
    cluster: Path,
    nodes: tuple[str, ...],
    only: tuple[str, ...],
    store: str | None,
    saved: Path | None,
    verifying: bool,
    plain: bool,
    output: str,
) -> None:
    """Make the topology true, verify every node, and report.

    Lab nodes are made if they are missing. Run it as often as you like: what
    is right already is left alone, and a run that was interrupted is continued.

    Exit codes: 0 all well, 1 a task failed, 2 bad topology, 4 a node is out of
    reach (the others are done), 5 verification failed, 75 another run is at
    work, 130 interrupted.

    With --restore-from, CLUSTER is a new folder: topology, secrets, nodes and
    data come from a repository and the recovery sheet alone. What is there
    already is left as it is, and the same command goes on after an interruption.

    \b
    cluster up shop                        everything
    cluster up shop --only web -n web1     one stage on one node
    cluster up shop -o json | jq .changed  for scripts
    cluster up shop --restore-from /mnt/store --recovery-sheet sheet   all was lost
    cluster up shop --restore-from s3:https://s3.example.com/backups/shop/bak2 --recovery-sheet sheet
    """
    from cluster_cli.outcome import write_report
    from cluster_cli.run import recorded
    from cluster_cli.show.run import show_outcome
    from cluster_cli.stages import stages_for
    from cluster_cli.up import lab_alone, planned, up
    from cluster_cli.workspace import Workspace

    if store:
        if nodes or only:
            raise click.UsageError("--restore-from makes all of a cluster again: leave --node and --only away")
        context.exit(made_again(cluster, store, saved, verifying=verifying, plain=plain, as_json=output == "json"))
    if saved:
        raise click.UsageError("--recovery-sheet goes with --restore-from")
    workspace = Workspace.open(cluster)
    for name in nodes:
        workspace.host(name)
    stages = stages_for(set(workspace.render().groups()), only)
    verifying = verifying and not lab_alone(only)
    names = planned(stages, lab=workspace.topology.is_lab, verifying=verifying)
    groups = {
        stage.name: [h.name for role in stage.roles for h in workspace.render().group(role)] for stage in stages
    }
    arguments = {"nodes": nodes, "only": only, "verify": verifying}
    debug = context.find_root().obj.debug
    with recorded(workspace, "up", names, arguments=arguments, stage_nodes=groups, plain=plain) as run:
        outcome = up(run, only=only, nodes=nodes, verifying=verifying, debug=debug)
        run.code = outcome.code
    report = write_report(workspace, run.folder)
    show_outcome(workspace, run.folder, outcome, report, as_json=output == "json")
    context.exit(int(outcome.code))


def made_again(
    cluster: Path, store: str, saved: Path | None, *, verifying: bool, plain: bool, as_json: bool
) -> int:
    """A cluster from a repository and the sheet; the exit code."""
    from functools import partial

    from cluster_cli.backups import rebuild, s3, sheet
    from cluster_cli.outcome import write_report
    from cluster_cli.run import recorded
    from cluster_cli.show.run import show_outcome
    from cluster_cli.stages import stages_for
    from cluster_cli.up import CONTACT, VERIFY, planned, up, verify_run

    in_bucket = store.startswith(s3.SCHEME)
    if in_bucket:
        s3.refuse_no_repository(store)
    ask = partial(click.prompt, hide_input=True, err=True)
    text = saved.read_text(errors="replace") if saved else ""
    keys = (
        sheet.parsed(text, str(saved)) if saved else sheet.typed(ask("key of the repository"), ask("recovery key"))
    )
    access = None
    if in_bucket:
        known = {each.repository: each for each in sheet.buckets(text, str(saved)).values()}
        access = known.get(store) or s3.typed(store, ask("access key id"), ask("secret access key"))
    rebuilt = rebuild.describe(cluster, store, keys, access)
    workspace = rebuilt.workspace
    click.echo(f"topology, secrets and authorities of {workspace.topology.name} are in {cluster}", err=True)
    rebuild.tell(rebuild.go_on(rebuilt, plain))
    stages = stages_for(set(workspace.render().groups()))
    names = planned(stages, lab=workspace.topology.is_lab, verifying=False)
    names.insert(names.index(CONTACT) + 1, rebuild.STAGE)
    with recorded(workspace, "up", names, arguments={"restore_from": store}, plain=plain) as run:
        outcome = up(run, verifying=False, reached=partial(rebuild.place, rebuilt))
        run.code = outcome.code
    if outcome.done:
        rebuild.tell(rebuild.restore(rebuilt, plain))
    if outcome.done and verifying:
        with recorded(workspace, "verify", [VERIFY], arguments={}, plain=plain) as run:
            outcome.verified = verify_run(run)
            run.code = outcome.code
    report = write_report(workspace, run.folder)
    show_outcome(workspace, run.folder, outcome, report, as_json=as_json)
    return int(outcome.code)
