"""The reference page of the verbs, read from the click commands themselves."""

from collections.abc import Iterator, Mapping
from inspect import cleandoc

import click

from cluster_cli.main import VERBS, cluster

NOTE = "<!-- Made by `python -m cluster_cli.reference` from the commands. Do not edit. -->"
INTRO = """\
`CLUSTER` is a directory that holds a `topology.yml`, or the file itself. It stands after `-C`, or alone where a
verb takes nothing else. Left away, it is what the environment variable `CLUSTER_TOPOLOGY` names, else the
current directory, else `inventories/lab` in a checkout.

What was asked for goes to standard output; progress, hints and errors go to standard error. Every verb takes
`-h`. What the exit codes mean: [exit-codes.md](exit-codes.md). The variables: [environment.md](environment.md).
How a topology file is written: [topology.md](topology.md)."""
COMPLETION = """\
Completion, in the start file of the shell: `eval "$(_CLUSTER_COMPLETE=bash_source cluster)"`, with `zsh_source`
for zsh. For fish: `_CLUSTER_COMPLETE=fish_source cluster | source`."""
AS_IT_STANDS = "\b\n"  # click's mark of a paragraph that is not to be wrapped


def verbs_page() -> str:
    """The page: what is common to all verbs, then one section a verb in the order of `cluster --help`."""
    context = click.Context(cluster, info_name="cluster")
    found = commands(context)
    parts = ["# Verbs", NOTE, INTRO, index(found), COMPLETION, "## Before the verb", *table(cluster, context)]
    for name, command in found.items():
        parts += sections(command, click.Context(command, info_name=name, parent=context))
    return "\n\n".join(parts) + "\n"


def commands(context: click.Context) -> dict[str, click.Command]:
    """Every verb's command, by name."""
    found = {name: cluster.get_command(context, name) for name in VERBS}
    return {name: command for name, command in found.items() if command}


def index(found: Mapping[str, click.Command]) -> str:
    """All verbs with their one-line help."""
    rows = [f"| [`{name}`](#{name}) | {command.get_short_help_str(200)} |" for name, command in found.items()]
    return "\n".join(["| Verb | What it does |", "|---|---|", *rows])


def sections(command: click.Command, context: click.Context, heading: str = "##") -> Iterator[str]:
    """One verb, and those below it."""
    yield from section(command, context, heading)
    for name, below in command.commands.items() if isinstance(command, click.Group) else ():
        yield from sections(below, click.Context(below, info_name=name, parent=context), f"{heading}#")


def section(command: click.Command, context: click.Context, heading: str) -> Iterator[str]:
    """One verb: usage, what it does, its options."""
    yield f"{heading} {context.command_path.removeprefix('cluster ')}"
    yield f"```text\n{command.get_usage(context).removeprefix('Usage: ')}\n```"
    for paragraph in cleandoc(command.help or "").split("\n\n"):
        if paragraph.startswith(AS_IT_STANDS):
            yield f"```text\n{paragraph.removeprefix(AS_IT_STANDS)}\n```"
        else:
            yield paragraph
    yield from table(command, context)


def table(command: click.Command, context: click.Context) -> Iterator[str]:
    """The options of a command as a Markdown table, --help left out; nothing when there is none."""
    given = (each for each in command.get_params(context) if isinstance(each, click.Option))
    records = [each.get_help_record(context) for each in given if "--help" not in each.opts]
    rows = [f"| `{cell(record[0])}` | {cell(record[1])} |" for record in records if record]
    if rows:
        yield "\n".join(["| Option | What it does |", "|---|---|", *rows])


def cell(text: str) -> str:
    """Text that may stand in a table's cell."""
    return text.replace("|", "\\|")
