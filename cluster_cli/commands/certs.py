"""cluster certs"""

import json
from pathlib import Path

import click

from cluster_cli.options import (
    cluster_argument,
    cluster_option,
    hand_down,
    node_option,
    noun_cluster_option,
    output_option,
    plain_option,
)


@click.group(
    invoke_without_command=True, short_help="TLS certificates: list them, renew them, keep their authority."
)
@noun_cluster_option
@output_option
@click.pass_context
def command(context: click.Context, cluster: str | None, output: str) -> None:
    """The certificates of the cluster's services. Alone, it lists them, as `list` does.

    `cluster up` makes them, and renews them in the last third of their life.
    They are signed by an authority of the cluster's own: give its root to
    clients that shall trust them.

    \b
    cluster certs -C shop                       what there is, and until when
    cluster certs authority -C shop > root.pem  what clients trust
    cluster certs browser -C shop shop.p12      for your browser, to open the status page
    cluster certs renew -C shop                 renew what is due, and reload
    """
    hand_down(context, cluster, output)


@command.command(name="list", short_help="Every certificate: for whom, by whom, until when.")
@cluster_argument
@output_option
@click.pass_context
def list_certs(context: click.Context, cluster: Path, output: str) -> None:
    """Every certificate of every node, as it lies there now. Exit code 1 when one needs attention."""
    from cluster_cli.certificates.cluster_certificates import QUESTION, document
    from cluster_cli.collect import collect_all
    from cluster_cli.errors import Exit
    from cluster_cli.show.certs import table
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    hosts = workspace.inventory.group("certificates")
    answers = {
        name: outcome["chains"].stdout if outcome["chains"].rc == 0 else None
        for name, outcome in collect_all((host, {"chains": QUESTION}) for host in hosts).items()
    }
    found = document(workspace, workspace.inventory, answers)
    if output == "json":
        click.echo(json.dumps(found, indent=1))
    else:
        from rich.console import Console

        Console().print(table(found))
    bad = found["unreachable"] or any(row["warning"] for rows in found["nodes"].values() for row in rows.values())
    context.exit(int(Exit.FAILED if bad else Exit.OK))


@command.command(short_help="Renew what is due, and have the services read it.")
@cluster_option
@node_option
@click.option("-f", "--force", is_flag=True, help="Also what is still good.")
@plain_option
@output_option
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.pass_context
def renew(
    context: click.Context,
    cluster: Path,
    nodes: tuple[str, ...],
    force: bool,
    plain: bool,
    output: str,
    names: tuple[str, ...],
) -> None:
    """Renew certificates, those called NAME or all, that are due; with --force those that are good, too.

    Keys are made anew on the nodes. Services reload, one node at a time, and
    what they serve is verified.

    \b
    cluster certs renew -C shop                          what is due
    cluster certs renew edge-secure -n lb1 --force -C shop   this one, now
    """
    from cluster_cli.certificates.renew import refuse_unknown, stages
    from cluster_cli.certificates.renew import renew as renew_them
    from cluster_cli.outcome import write_report
    from cluster_cli.run import recorded
    from cluster_cli.show.run import show_outcome
    from cluster_cli.up import CONTACT, VERIFY
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    for name in nodes:
        workspace.host(name)
    refuse_unknown(workspace.inventory, nodes, names)
    listed = [CONTACT, *(stage.name for stage in stages(workspace)), VERIFY]
    arguments = {"nodes": nodes, "names": names, "force": force}
    with recorded(workspace, "certs-renew", listed, arguments=arguments, plain=plain) as run:
        outcome = renew_them(run, nodes=nodes, names=names, force=force or bool(names))
        run.code = outcome.code
    report = write_report(workspace, run.folder)
    show_outcome(workspace, run.folder, outcome, report, as_json=output == "json")
    context.exit(int(outcome.code))


@command.command(short_help="Print the root certificate, for clients to trust.")
@cluster_argument
def authority(cluster: Path) -> None:
    """Print the certificate of the cluster's root authority (PEM). Whoever trusts it trusts the services.

    \b
    cluster certs authority -C shop > root.pem
    curl --cacert root.pem https://10.0.0.100/
    """
    from cluster_cli.certificates.certificate import fingerprint, read_chain
    from cluster_cli.certificates.cluster_certificates import authority_of
    from cluster_cli.workspace import Workspace

    text = authority_of(Workspace.open(cluster)).root_certificate()
    click.echo(text, nl=False)
    click.echo(f"SHA-256 fingerprint: {fingerprint(read_chain(text)[0])}", err=True)


@command.command(short_help="A certificate for your browser, to open the pages of nodes that watch.")
@cluster_option
@click.option("--days", type=click.IntRange(1, 30), default=7, show_default=True, help="For how long it is good.")
@click.option(
    "--passphrase-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Left away: ask."
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def browser(cluster: Path, days: int, passphrase_file: Path | None, file: Path) -> None:
    """Write a key and a certificate to FILE (PKCS #12), encrypted with a passphrase, for your browser to import.

    With it, the browser opens the status page, Prometheus and Alertmanager of
    nodes that watch. It cannot be taken back before its time: keep it short.

    \b
    cluster certs browser -C shop shop.p12
    """
    from datetime import timedelta

    from cluster_cli.certificates.browser import bundle
    from cluster_cli.certificates.certificate import now
    from cluster_cli.certificates.cluster_certificates import authority_of
    from cluster_cli.certificates.offline_root import refuse_to_overwrite, write
    from cluster_cli.history.who import who
    from cluster_cli.page import addresses
    from cluster_cli.run import noted
    from cluster_cli.show.certs import passphrase
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    authority = authority_of(workspace)
    with noted(workspace, "certs-browser", {"file": str(file), "days": days}):
        refuse_to_overwrite(file)
        words = passphrase(passphrase_file, confirm=True)
        name = workspace.topology.name
        write(file, bundle(authority.issuing(), name, who()["who"], words, now(), timedelta(days=days)))
    click.echo(f"the certificate is in {file}: have your browser import it, and remove the file")
    for address in addresses(workspace.inventory):
        click.echo(f"next: open {address}", err=True)


@command.command(name="take-offline", short_help="Move the root's key to a file of its own, encrypted.")
@cluster_option
@click.option(
    "--passphrase-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Left away: ask."
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def take_offline(cluster: Path, passphrase_file: Path | None, file: Path) -> None:
    """Write the root's key to FILE, encrypted with a passphrase of its own, and remove it from the secrets.

    Keep FILE on a medium that lies in a drawer. Certificates are issued and
    renewed without it; it is needed when the issuing authority has to be
    renewed: once in sixteen months, or for a name or network that is new.
    """
    from cluster_cli.certificates import offline_root
    from cluster_cli.certificates.cluster_certificates import authority_of
    from cluster_cli.run import noted
    from cluster_cli.show.certs import passphrase
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    authority = authority_of(workspace)
    with noted(workspace, "certs-take-offline", {"file": str(file)}):
        offline_root.refuse_to_overwrite(file)
        authority.issuing()
        authority.root()
        offline_root.take(authority, file, passphrase(passphrase_file, confirm=True))
    click.echo(f"the root's key is in {file} and nowhere else: make a copy, and remember the passphrase")
    click.echo("next: when it is needed: cluster certs bring-online FILE", err=True)


@command.command(name="bring-online", short_help="Put the root's key back among the secrets.")
@cluster_option
@click.option(
    "--passphrase-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Left away: ask."
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def bring_online(cluster: Path, passphrase_file: Path | None, file: Path) -> None:
    """Read the root's key from FILE, which `take-offline` wrote, and keep it among the secrets again."""
    from cluster_cli.certificates import offline_root
    from cluster_cli.certificates.cluster_certificates import authority_of
    from cluster_cli.run import noted
    from cluster_cli.show.certs import passphrase
    from cluster_cli.show.run import given
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    with noted(workspace, "certs-bring-online", {"file": str(file)}):
        offline_root.bring(authority_of(workspace), file, passphrase(passphrase_file, confirm=False))
    click.echo("the root's key is among the secrets again")
    click.echo(f"next: cluster up {given(workspace)}", err=True)
