"""From a run's journal to the report as a JSON-able dict (schema_version 1, see docs/reference)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from cluster_cli import __version__
from cluster_cli.graph import Health, Picture, svg
from cluster_cli.history.journal import Record, clip
from cluster_cli.history.timing import receipt_rows
from cluster_cli.progress.board import ENDINGS
from cluster_cli.report.checks import verification

SCHEMA_VERSION = 1
EXCERPT = 2000  # characters of a diff or message shown in a report; the journal has more


@dataclass(frozen=True)
class Endpoint:
    """Where clients reach a service. served_by: the nodes behind it, in order of preference."""

    name: str
    url: str
    served_by: tuple[str, ...] = ()


def build(
    records: Sequence[Record],
    picture: Picture,
    endpoints: Sequence[Endpoint] = (),
    topology_sha256: str = "",
    run_facts: Mapping[str, Any] | None = None,
    tool_versions: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The report of the run whose journal is `records`, as a dict `json.dumps` takes.

    run_facts: what its run.json holds; tool_versions: of versions() unless given.
    """
    started = _first(records, "RunStarted")
    ended = _first(records, "RunEnded")
    changes = _changes(records, [node.name for node in picture.nodes])
    failures = _failures(records)
    checks = verification(records)
    return {
        "schema_version": SCHEMA_VERSION,
        "cluster": started.get("cluster", picture.cluster),
        "run": started.get("run", ""),
        "verb": started.get("verb", ""),
        "started": started.get("started", ""),
        "seconds": _seconds(records, ended),
        "code": ended.get("code"),
        "verdict": _verdict(ended),
        "by": {key: (run_facts or {})[key] for key in ("who", "host", "args") if key in (run_facts or {})},
        "endpoints": [asdict(endpoint) for endpoint in endpoints],
        "nodes": [asdict(node) for node in picture.nodes],
        "changed": sum(len(tasks) for tasks in changes.values()),
        "changes": changes,
        "failures": failures,
        "stages": _stages(records),
        "receipt": [asdict(row) for row in receipt_rows(records)],
        "verify": checks,
        "versions": dict(tool_versions or versions()),
        "topology_sha256": topology_sha256,
        "picture": svg(picture, _health(picture, checks, failures)),
    }


def versions() -> dict[str, str]:
    """Versions of this tool and of Ansible, as installed; Ansible itself is not loaded."""
    try:
        ansible = version("ansible-core")
    except PackageNotFoundError:
        ansible = "not installed"
    return {"cluster": __version__, "ansible-core": ansible}


def _first(records: Sequence[Record], kind: str) -> Record:
    return next((r for r in records if r["type"] == kind), {})


def _seconds(records: Sequence[Record], ended: Record) -> float:
    """Wall seconds of the run, or up to its last sign of life."""
    return float(ended["seconds"] if ended else records[-1]["t"] if records else 0)


def _verdict(ended: Record) -> str:
    """How it ended, in words; a journal without an end is of a run that was killed or still goes on."""
    return ENDINGS.get(ended["code"], "failed") if ended else "not finished"


def _changes(records: Sequence[Record], nodes: Sequence[str]) -> dict[str, list[dict[str, str]]]:
    """Per node that changed, in the topology's order, the tasks that changed it, in the order they ran."""
    changes: dict[str, list[dict[str, str]]] = {node: [] for node in nodes}
    for r in records:
        if r["type"] == "TaskEnded" and r["status"] == "changed":
            changes.setdefault(r["node"], []).append(_task(r) | {"diff": clip(r.get("diff", ""), EXCERPT)})
    return {node: tasks for node, tasks in changes.items() if tasks}


def _failures(records: Sequence[Record]) -> list[dict[str, str]]:
    """What failed while converging, rescued failures left out."""
    bad = (r for r in records if r["type"] == "TaskEnded" and r["status"] in ("failed", "unreachable"))
    return [{"node": r["node"], "status": r["status"], **_task(r)} for r in bad if not r.get("ignored")]


def _task(record: Record) -> dict[str, str]:
    keys = ("stage", "role", "task")  # the journal leaves empty ones out: gathering facts is no role's
    return {key: record.get(key, "") for key in keys} | {"message": clip(record.get("message", ""), EXCERPT)}


def _stages(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Stages in the order they ended, with their titles."""
    titles = {r["stage"]: r["title"] for r in records if r["type"] == "StageStarted"}
    keys = ("seconds", "changed", "failed", "unreachable")
    return [
        {"name": r["stage"], "title": titles.get(r["stage"], r["stage"]), **{key: r[key] for key in keys}}
        for r in records
        if r["type"] == "StageEnded"
    ]


def _health(
    picture: Picture, checks: Mapping[str, Any], failures: Sequence[Mapping[str, str]]
) -> dict[str, Health]:
    """A node is bad when a task or a check failed on it, ok when all its checks passed, else not coloured."""
    health: dict[str, Health] = {}
    for node in picture.nodes:
        cells = checks["matrix"].get(node.name, {}).values()
        if any(cell["failed"] for cell in cells) or any(f["node"] == node.name for f in failures):
            health[node.name] = "bad"
        elif any(cell["passed"] for cell in cells):
            health[node.name] = "ok"
    return health
