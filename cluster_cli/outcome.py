"""What a run tells: its summary as JSON, its report, and the errors of failed tasks."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cluster_cli import report
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.events import TaskEnded, TestEnded
from cluster_cli.history import chain
from cluster_cli.history.journal import Record, read
from cluster_cli.history.rundir import RunDir
from cluster_cli.picture import endpoints, picture
from cluster_cli.runner import write_private
from cluster_cli.up import Outcome
from cluster_cli.workspace import Workspace

SCHEMA_VERSION = 1


def summary(outcome: Outcome, records: Sequence[Record], report_path: Path) -> dict[str, Any]:
    """The document of `up -o json` (contract)."""
    ended = next((row for row in records if row["type"] == "RunEnded"), {})
    stages = [
        {"name": row["stage"], "seconds": row["seconds"], "changed": row["changed"]}
        for row in records
        if row["type"] == "StageEnded"
    ]
    verified = outcome.verified
    return {
        "schema_version": SCHEMA_VERSION,
        "code": int(outcome.code),
        "changed": outcome.converged.changed,
        "failed": len(outcome.converged.failures) + bool(outcome.converged.said),
        "unreachable": len(outcome.unreachable) + len(outcome.converged.unreachable),
        "stages": stages,
        "verify": {key: verified.count(key) if verified else 0 for key in ("passed", "failed", "skipped")},
        "seconds": ended.get("seconds"),
        "report": str(report_path),
    }


def write_report(workspace: Workspace, run: RunDir) -> Path:
    """The run's report as HTML and JSON in its directory; returns the HTML's path."""
    inventory = workspace.render()
    document = report.build(
        list(read(run.journal)),
        picture(workspace.topology, inventory),
        endpoints(workspace.topology, inventory),
        str(run.facts().get("topology_sha256", "")),
        run.facts(),
    )
    text = json.dumps(document, indent=1)
    write_private(run.path / "report.json", text)
    known = {"run": run.name, "report_sha256": chain.digest(text.encode())}
    chain.add(chain.of(workspace.places.state), "reported", known)
    write_private(run.path / "report.html", report.to_html(document))
    return run.path / "report.html"


def errors(outcome: Outcome, run: RunDir, cluster: Path) -> list[ClusterError]:
    """Everything that went wrong, each as an error a person can act on."""
    found = [failed_task(task, run, cluster) for task in outcome.converged.failures]
    if outcome.converged.said:
        found.append(ClusterError("Ansible could not run", where=str(run.journal), why=outcome.converged.said))
    found += outcome.unreachable
    found += [
        ClusterError(
            f"{node}: the connection broke during the run",
            hint=f"cluster up {cluster}",
            code=Exit.UNREACHABLE,
        )
        for node in outcome.converged.unreachable
    ]
    if outcome.verified:
        found += [failed_test(row, cluster) for row in outcome.verified.results if row.outcome == "failed"]
        if not outcome.verified.results:
            found.append(ClusterError("nothing was verified", code=Exit.VERIFY_FAILED))
    return found


def failed_task(task: TaskEnded, run: RunDir, cluster: Path) -> ClusterError:
    """A failed task: stage, node, task, the module's own words, the log, and how to retry just that."""
    return ClusterError(
        f"{task.node}: {task.task} failed",
        where=f"stage {task.stage}, role {task.role or 'none'}; the journal is {run.journal}",
        why=task.message.replace("\n", "\n         "),
        hint=f"mend it, then: cluster up {cluster} --only {task.stage} --node {task.node}",
    )


def failed_test(row: TestEnded, cluster: Path) -> ClusterError:
    """A failed test of the verification."""
    return ClusterError(
        f"{row.node or 'the cluster'}: {row.test} did not hold",
        where=f"verification of role {row.role}",
        why=row.message.replace("\n", "\n         "),
        hint=f"mend it: cluster up {cluster}; verify just that: cluster verify {cluster} --role {row.role}",
        code=Exit.VERIFY_FAILED,
    )
