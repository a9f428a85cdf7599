"""`cluster restore`: a database as it was at a moment, beside everything, on a backup node."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from cluster_cli import ssh
from cluster_cli.backups.nodes import PROGRAM, backup_nodes, chosen, document, ssh_run, work
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.events import Step
from cluster_cli.inventory import Host
from cluster_cli.run import Run, recorded
from cluster_cli.workspace import Workspace

REQUESTS = "/var/lib/cluster-backup/requests"
PLAN_SECONDS = 120.0
GTID = re.compile(r"\d+-\d+-\d+(,\d+-\d+-\d+)*")
PART = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(:[a-z_][a-z0-9_]*|:\d+(-\d+)?)+"
GTID_SET = re.compile(rf"{PART}(,{PART})*", re.IGNORECASE)  # as MySQL says it
Asked = Mapping[str, str | bool | int]  # roles/backup/files/look.py, request
SERVE = "systemctl start cluster-backup-scratch@{0} >&2; systemctl is-active cluster-backup-scratch@{0}"
WRITE = (
    f"install -d -o mysql -g mysql -m 700 {REQUESTS} && cat > {REQUESTS}/{{0}}.json "
    f"&& chown mysql: {REQUESTS}/{{0}}.json"
)


@dataclass(frozen=True)
class Wish:
    """What is to be restored.

    at: a time or a GTID position; backup: a copy's id; node: the backup node; target: the node of the database
    that is put back alone.
    """

    database: str | None
    at: str | None = None
    backup: str | None = None
    node: str | None = None
    dry: bool = False
    plain: bool = False
    target: str | None = None


@dataclass(frozen=True)
class Done:
    """What came of it, or would."""

    database: str
    node: str
    dry: bool
    result: Mapping[str, Any]

    def as_json(self) -> str:
        """For scripts (docs/reference/backups.md)."""
        row = {"database": self.database, "node": self.node, "dry_run": self.dry, **self.result}
        return json.dumps({"schema_version": 1, "verb": "restore", **row}, indent=1)


def request(wish: Wish) -> dict[str, str]:
    """The wish as a backup node takes it. Raises ClusterError (exit 2) for a moment that is none."""
    found = {"backup": wish.backup or "", "gtid": "", "at": ""}
    if not wish.at:
        return found
    text = "".join(wish.at.split())
    if GTID.fullmatch(text) or GTID_SET.fullmatch(text):
        return {**found, "gtid": text}
    return {**found, "at": moment(wish.at).strftime("%Y-%m-%d %H:%M:%S")}


def moment(text: str) -> datetime:
    """A time as it was typed, UTC. Raises ClusterError (exit 2) for what is none."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError as error:
        hint = (
            "a time such as 2026-11-27T14:03:27 (of this machine) or ...+00:00, or a GTID such as 1-1-42 "
            "(of MySQL a set, as @@gtid_executed says it)"
        )
        raise ClusterError(f'"{text}" is no moment', hint=hint, code=Exit.USAGE) from error


def restore(workspace: Workspace, wish: Wish) -> Done:
    """Restore a database beside everything on a backup node, and start a server on it.

    Raises ClusterError: exit 2 for what is not there, 1 where the way to the moment is broken.
    """
    host, database = where(workspace, wish), one_of(chosen(workspace, wish.database))
    asked = request(wish)
    plan = planned(host, database, asked)
    for line in evidence(plan):
        click.echo(line, err=True)
    if wish.dry:
        return Done(database, host.name, True, plan)
    arguments = {"database": database, "at": wish.at, "backup": wish.backup, "node": host.name}
    with (
        recorded(workspace, "restore", ["restore"], arguments=arguments, plain=wish.plain) as run,
        run.stage("restore", f"Restore {database} to {plan['to']}, beside everything"),
    ):
        result = restored_beside(run, host, database, asked)
    return Done(database, host.name, False, result)


def restored_beside(run: Run, host: Host, database: str, asked: Asked, *, serve: bool = True) -> dict[str, Any]:
    """Have a backup node restore; what it says of it. serve: have a server on it then."""

    def tell(node: str, text: str) -> None:
        run.emit(Step("restore", text, node))

    ssh_run(host, f"systemctl stop cluster-backup-scratch@{database}")
    ssh.run(host, WRITE.format(database), stdin=json.dumps(asked))
    row = work(host, "restore", database, tell)
    if not row["ok"]:
        raise refused(host, database, row["why"])
    if serve and (state := ssh_run(host, SERVE.format(database)).strip()) != "active":
        raise refused(host, database, f"a server on the restored files is {state}")
    found: dict[str, Any] = row["result"]
    return found


def discard(workspace: Workspace, wish: Wish) -> Done:
    """Stop the server on what was restored, and remove it."""
    host, database = where(workspace, wish), one_of(chosen(workspace, wish.database))
    arguments = {"database": database, "node": host.name, "discard": True}
    with recorded(workspace, "restore", ["discard"], arguments=arguments, plain=wish.plain) as run:
        with run.stage("discard", f"Discard what was restored of {database}"):
            ssh_run(host, f"systemctl stop cluster-backup-scratch@{database}")
            row = work(host, "discard", database, lambda _node, _text: None)
        if not row["ok"]:
            raise refused(host, database, row["why"])
    return Done(database, host.name, False, {})


def planned(host: Host, database: str, asked: Asked, seconds: float = PLAN_SECONDS) -> dict[str, Any]:
    """What it would do, by the backup node's word."""
    answer = ssh.run(host, f"{PROGRAM} plan {database}", stdin=json.dumps(asked), timeout=seconds)
    found = document(answer)
    if "why" in found:
        code = Exit.FAILED if answer.reached else Exit.UNREACHABLE
        raise ClusterError(
            f"{database} cannot be restored so",
            where=host.name,
            why=found["why"],
            hint="see what there is: cluster backups",
            code=code,
        )
    return found


def evidence(plan: Mapping[str, Any]) -> tuple[str, ...]:
    """What it will be made of, a line each."""
    copies, logs = plan["copies"], len(plan["binlogs"])
    then = f", then {logs} fetches of what was written" if logs else ""
    return (f"copies: {', '.join(copies)} ({plan['bytes'] / 1e6:.0f} MB){then}", f"up to: {plan['to']}")


def where(workspace: Workspace, wish: Wish) -> Host:
    """The backup node that does it: the named one, or the first that there is."""
    name = wish.database or one_of(chosen(workspace, None))
    hosts = {host.name: host for host in backup_nodes(workspace, name)}
    if wish.node and wish.node not in hosts:
        hint = f"name one of {', '.join(hosts)}"
        raise ClusterError(f"{wish.node} makes no backups of {name}", hint=hint, code=Exit.USAGE)
    return hosts[wish.node] if wish.node else next(iter(hosts.values()))


def one_of(names: tuple[str, ...]) -> str:
    """The only database that is meant. Raises ClusterError (exit 2) when there are more."""
    if len(names) == 1:
        return names[0]
    raise ClusterError(
        "no database is named", why=f"there are {', '.join(names)}", hint="name it", code=Exit.USAGE
    )


def refused(host: Host, database: str, why: str) -> ClusterError:
    """The node did not do it."""
    return ClusterError(f"{database} was not restored", where=host.name, why=why, hint="nothing live was touched")
