"""cluster access"""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from cluster_cli.options import (
    cluster_argument,
    cluster_option,
    hand_down,
    noun_cluster_option,
    output_option,
    plain_option,
)


@click.group(
    invoke_without_command=True, short_help="Who may log in: list operators, give and revoke certificates."
)
@noun_cluster_option
@output_option
@click.pass_context
def command(context: click.Context, cluster: str | None, output: str) -> None:
    """Who may log in to the nodes, and with which certificates. Alone, it lists them.

    Operators stand in the topology, below access.operators, with a role:
    admin (root by sudo), operator (look, restart, reload, drain) or read-only
    (look). They come in with the public keys that stand there, or with a
    certificate: a key signed by the cluster for some hours, which needs no
    change on any node and ends by itself.

    \b
    cluster access -C shop                                    who may log in
    cluster access grant bob -C shop --key bob.pub --for 8h   let bob in for a working day
    cluster access revoke bob -C shop                         and not any more
    ssh bob@web1                                              what bob types, the certificate beside his key
    """
    hand_down(context, cluster, output)


@command.command(name="list", short_help="Operators, their roles, and the certificates they were given.")
@cluster_argument
@output_option
def list_access(cluster: Path, output: str) -> None:
    """Operators with their roles, and every certificate given out: for whom, until when, whether it counts."""
    from cluster_cli.access import granted
    from cluster_cli.show.access import access_document, access_tables
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    document = access_document(workspace.topology.access, granted.read(workspace.places.granted))
    if output == "json":
        click.echo(json.dumps(document, indent=1))
        return
    from rich.console import Console

    for table in access_tables(document):
        Console().print(table)


@command.command(short_help="Give an operator a certificate for some hours.")
@cluster_option
@click.argument("name")
@click.option(
    "--key",
    required=True,
    type=click.Path(path_type=Path),
    help="The operator's public key, a file ending in .pub.",
)
@click.option("--for", "life", metavar="DURATION", help="How long, such as 8h or 2d. Left away: access.life.")
def grant(cluster: Path, name: str, key: Path, life: str | None) -> None:
    """Sign the public key of NAME, an operator of the topology, with the cluster's authority.

    The certificate is written beside the key (id_ed25519.pub gives
    id_ed25519-cert.pub), where ssh finds it; send it back to its owner. It is
    not secret, and useless without the private key. That it was given is
    written to access.jsonl beside the topology.
    """
    from datetime import timedelta

    from cluster_cli.access import granted
    from cluster_cli.run import noted
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    milliseconds = duration(life) if life else workspace.topology.access.life
    with noted(workspace, "access-grant", {"operator": name, "milliseconds": milliseconds}, locked=False):
        made, path = granted.grant(workspace, name, key, timedelta(milliseconds=milliseconds))
    click.echo(f"{path}: {made.id}, role {made.role}, until {made.until}")
    click.echo(f"take it back before that with: cluster access revoke {made.id}", err=True)


def duration(text: str) -> int:
    """Milliseconds of a certificate's life; a usage error when it is none."""
    from cluster_cli.topology.security import LOGIN_SPAN

    try:
        return LOGIN_SPAN.check(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--for") from None


@command.command(short_help="Let certificates count no more, on every node, now.")
@cluster_option
@click.argument("what")
@plain_option
@click.pass_context
def revoke(context: click.Context, cluster: Path, what: str, plain: bool) -> None:
    """Let a certificate count no more: WHAT is its id, an operator (all that still count), or a node.

    It is added to access.revoked in the topology, whose comments stay, and
    every node is told. A session that is open stays open. To take an operator
    away altogether, remove the name in the topology and run cluster up.

    A node: for a machine that was stolen. Its certificate and its host key
    count no more on the others; it gets new ones when it was reinstalled.
    Exit code 4 when a node could not be told: it learns it at the next up.
    """
    from cluster_cli.access import granted
    from cluster_cli.access.revocation import revoke as apply
    from cluster_cli.outcome import errors
    from cluster_cli.show.run import given, show_errors
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    entries = granted.to_revoke(workspace, what)
    tell(entries, what)
    run, outcome = apply(workspace, entries, plain=plain)
    show_errors(errors(outcome, run.folder, given(workspace)))
    context.exit(int(outcome.code))


def tell(entries: Sequence[str], what: str) -> None:
    """What is going to be revoked."""
    for entry in entries:
        click.echo(f"revoked: {entry}")
    if not entries:
        click.echo(f"{what} was revoked before; the nodes are told again")
