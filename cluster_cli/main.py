"""The `cluster` command: verbs found by name, errors told in one place."""

import importlib
import json
import sys
from dataclasses import dataclass

import click

from cluster_cli import __version__
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.paint import paint
from cluster_cli.right_line import right_line

VERBS = (
    "init",
    "validate",
    "doctor",
    "plan",
    "up",
    "verify",
    "status",
    "down",
    "ssh",
    "exec",
    "logs",
    "graph",
    "report",
    "history",
    "schema",
    "trust",
    "certs",
    "secrets",
    "access",
    "switchover",
    "failover",
    "rejoin",
    "recover",
    "db",
    "backup",
    "backups",
    "restore",
    "alerts",
    "forecast",
)


@dataclass
class Session:
    """What one invocation was told that its error message needs to know."""

    json: bool = False
    debug: bool = False


class Verbs(click.Group):
    """The verbs, in the order a newcomer needs them; each lives in commands/<verb>.py."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"cluster_cli.commands.{cmd_name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from cluster_cli.topology.problems import did_you_mean

            raise click.UsageError(f"{error.message} {did_you_mean(args[0], VERBS)}", ctx) from None


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="cluster")
@click.option("--debug", is_flag=True, help="Show tracebacks, and keep Ansible's own output with the run.")
@click.pass_obj
def cluster(session: Session, debug: bool) -> None:
    """Stand up a high-availability stack from one topology file, verify it, and say so.

    CLUSTER is a directory that holds a topology.yml, or the file itself: as
    -C CLUSTER, or alone where a verb takes nothing else. Left away, it is the
    current directory, or inventories/lab in a checkout.

    \b
    A first run, in a lab of containers on this machine:
      cluster init shop --template lab    write a topology to start from
      cluster up shop                     make it true, verify it, report
      cluster status shop                 see how it is now
      cluster down shop                   take it away
    """
    session.debug = debug


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with the code of the contract."""
    session, words = Session(), sys.argv[1:] if arguments is None else arguments
    try:
        code = cluster.main(words, prog_name="cluster", standalone_mode=False, obj=session)
    except click.exceptions.Abort:
        code = Exit.INTERRUPTED
    except click.ClickException as error:
        error.show()
        if line := right_line(cluster, words):
            click.echo(f"Type: {line}", err=True)
        code = Exit.USAGE
    except ClusterError as error:
        if error.code == Exit.USAGE and (line := right_line(cluster, words)):
            error.hint = "; ".join(filter(None, (error.hint, f"if you mean that cluster: {line}")))
        code = told(error, session)
    except KeyboardInterrupt:
        code = told(
            ClusterError("interrupted", hint="run it again; it goes on where it was", code=Exit.INTERRUPTED),
            session,
        )
    except BrokenPipeError:
        sys.stderr.close()
        code = Exit.OK
    except Exception as error:
        if session.debug:
            raise
        code = told(unexpected(error), session)
    sys.exit(int(code or 0))


def told(error: ClusterError, session: Session) -> Exit:
    """Print an error: to people on stderr; for scripts also as JSON on stdout."""
    marked = paint("error: ", fg="red", bold=True) + error.what
    click.echo(str(error).replace(error.what, marked, 1), err=True)  # the rows of a topology stand before it
    if session.json:
        parts = {"what": error.what, "where": error.where, "why": error.why, "next": error.hint}
        click.echo(json.dumps({"schema_version": 1, "error": {**parts, "code": int(error.code)}}))
    return error.code


def unexpected(error: Exception) -> ClusterError:
    """A defect of ours, told like any other error."""
    return ClusterError(
        "cluster itself failed",
        why=f"{type(error).__name__}: {error}",
        hint="this is a defect; see where with: cluster --debug ... and report it",
    )


if __name__ == "__main__":
    main()
