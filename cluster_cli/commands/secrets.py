"""cluster secrets"""

import json
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


@click.group(invoke_without_command=True, short_help="Passwords and keys: list them, show one, rotate one.")
@noun_cluster_option
@output_option
@click.pass_context
def command(context: click.Context, cluster: str | None, output: str) -> None:
    """The cluster's passwords and keys. Alone, it lists them, without their values.

    They are made when they are first needed and kept encrypted in secrets.yml
    beside the topology. The key of that file is in your configuration
    directory, or where CLUSTER_VAULT_KEY_FILE says. Make a backup of both.

    \b
    cluster secrets -C shop                                what there is, and what for
    cluster secrets show stats_password -C shop            one value
    cluster secrets rotate stats_password -C shop          a new value, on all nodes, without an outage
    cluster secrets rekey -C shop                          another key for the file
    """
    hand_down(context, cluster, output)


@command.command(name="list", short_help="Names, what each is for, when it was made, who uses it.")
@cluster_argument
@output_option
def list_secrets(cluster: Path, output: str) -> None:
    """Every secret with its name, what it is for, when it was made, and the stages that use it. Never a value."""
    from cluster_cli.secrets.store import Secrets
    from cluster_cli.show.secrets import secrets_document, secrets_table
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    secrets = Secrets.open(workspace.places.secrets, workspace.topology.name)
    document = secrets_document(workspace.topology, secrets)
    if output == "json":
        click.echo(json.dumps(document, indent=1))
        return
    from rich.console import Console

    Console().print(secrets_table(document))


@command.command(short_help="Print the value of one secret.")
@cluster_option
@click.argument("name")
def show(cluster: Path, name: str) -> None:
    """Print the value of the secret NAME, and nothing else, to standard output.

    It does so on a terminal, too: who asks for one secret by its name wants to
    read it, and a question in between would only be answered with yes. That
    it was shown, and to whom, is written to the history.

    \b
    cluster secrets show stats_password -C shop | wl-copy
    """
    from cluster_cli.run import noted
    from cluster_cli.secrets.store import Secrets
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    with noted(workspace, "secrets-show", {"secret": name}, locked=False):
        value = Secrets.open(workspace.places.secrets, workspace.topology.name).get(name)
    click.echo(value.rstrip("\n"))


@command.command(short_help="Give a secret a new value, on all nodes, without an outage.")
@cluster_option
@click.argument("name")
@plain_option
@click.pass_context
def rotate(context: click.Context, cluster: Path, name: str, plain: bool) -> None:
    """Give the secret NAME a new value in three steps, each on all nodes that use it.

    The new value is let in beside the old one, then used, then the old one is
    let in no more. Each step is a recorded run like `up`, verified before the
    next begins. When one fails or is interrupted the rotation waits there: run
    the same command again. A `cluster up` in between does no harm.

    \b
    cluster secrets rotate stats_password -C shop
    cluster secrets rotate ssh_user_authority -C shop      operators need new certificates afterwards
    """
    from cluster_cli.errors import Exit
    from cluster_cli.secrets import rotate as rotation
    from cluster_cli.secrets.secret import Step
    from cluster_cli.secrets.store import Secrets
    from cluster_cli.show.run import given
    from cluster_cli.show.secrets import rotate_step
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    known = rotation.rotatable(workspace, name)
    secrets = Secrets.open(workspace.places.secrets, workspace.topology.name)
    step: Step | None = rotation.step_to_take(secrets, known)
    while step:
        click.echo(f"{name}: {rotation.WORDS[step]}", err=True)
        code = rotate_step(workspace, known, step, plain=plain, debug=context.find_root().obj.debug)
        if code != Exit.OK:
            again = f"cluster secrets rotate {name} -C {given(workspace)}"
            click.echo(f"next: the rotation waits at this step; go on with: {again}", err=True)
            context.exit(int(code))
        step = rotation.next_step(secrets, known)
    click.echo(f"{name} has a new value")


@command.command(short_help="Encrypt the secrets with another key.")
@cluster_argument
def rekey(cluster: Path) -> None:
    """Make a new key and encrypt the secrets with it. The values stay as they are, and no node is touched.

    For when the key may have been seen by somebody: rotate what it protected,
    too. If it is interrupted, run it again; the secrets can be read all the
    time. Other control machines, CI and your backup need the new key.

    A key that a helper program gives, and secrets kept with sops, have their
    own ways; this command tells them.
    """
    from cluster_cli.run import noted
    from cluster_cli.secrets.rekey import rekey as change_key
    from cluster_cli.secrets.store import Secrets
    from cluster_cli.workspace import Workspace

    workspace = Workspace.open(cluster)
    with noted(workspace, "secrets-rekey", {}):
        path = change_key(Secrets.open(workspace.places.secrets, workspace.topology.name))
    click.echo(f"{workspace.places.secrets} is encrypted with a new key: {path}")
    click.echo("next: put a copy of both into your backup, and of the key on other control machines", err=True)
