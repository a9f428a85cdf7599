"""Run the testinfra modules against a cluster, in this process, telling each result as an event."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pluggy import HookimplMarker

from cluster_cli.errors import ClusterError
from cluster_cli.events import Listener, TestEnded
from cluster_cli.places import shipped
from cluster_cli.secrets.redact import NOTHING_SECRET, Redactor
from cluster_cli.workspace import Workspace

OUTCOMES = ("passed", "failed", "skipped")
TOLD = "told"  # the property of a test that passed and has something to tell all the same
hook = HookimplMarker("pytest")  # pytest's own, without the half second it takes to import


@dataclass
class Verified:
    """What verification came to."""

    results: list[TestEnded] = field(default_factory=list)
    interrupted: bool = False

    def count(self, outcome: str) -> int:
        """How many tests ended so."""
        return sum(result.outcome == outcome for result in self.results)

    @property
    def ok(self) -> bool:
        """Whether something was tested and nothing failed."""
        return not self.interrupted and self.count("failed") == 0 and self.count("passed") > 0


class Reporter:
    """A pytest plugin: hands the workspace in, and every result out."""

    def __init__(
        self, workspace: Workspace, nodes: Sequence[str], emit: Listener, verified: Verified, redact: Redactor
    ) -> None:
        self.workspace, self.nodes, self.emit, self.verified = workspace, nodes, emit, verified
        self.redact, self.problem = redact, ""

    def pytest_load_initial_conftests(self, early_config: Any) -> None:
        """Before the conftest looks for them."""
        early_config.cluster_workspace = self.workspace
        early_config.cluster_nodes = tuple(self.nodes) or None

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Note for each test the node it runs for."""
        for item in items:
            params = item.callspec.params if hasattr(item, "callspec") else {}
            node = params["node"].name if "node" in params else ""
            case = item.callspec.id.removeprefix(node).strip("-") if params else ""
            item.user_properties += [("node", node), ("case", case)]

    @hook(tryfirst=True)  # what follows, JUnit's file too, must not see a secret
    def pytest_runtest_logreport(self, report: Any) -> None:
        """A test ended, or its set-up did not go well."""
        without_secrets(report, self.redact)
        if report.when != "call" and report.outcome == "passed":
            return
        facts = dict(report.user_properties)
        result = TestEnded(
            role=Path(report.fspath).parent.name,
            node=facts.get("node", ""),
            test=plain_name(report.nodeid) + (f" ({facts['case']})" if facts.get("case") else ""),
            outcome=report.outcome,
            seconds=round(report.duration, 3),
            message=reason(report),
        )
        self.verified.results.append(result)
        self.emit(result)

    def pytest_collectreport(self, report: Any) -> None:
        """A module that cannot even be read is no verification."""
        if report.failed:
            self.problem = self.redact(str(report.longrepr))


def verify(
    workspace: Workspace,
    emit: Listener,
    *,
    nodes: Sequence[str] = (),
    roles: Sequence[str] = (),
    junit: Path | None = None,
    redact: Redactor = NOTHING_SECRET,
) -> Verified:
    """Verify all nodes and roles, or only those named. junit: a file for JUnit XML. redact: takes secrets out.

    Raises ClusterError when the tests themselves cannot be run.
    """
    import pytest  # slow to import, so only where it runs

    folder = shipped("tests") / "testinfra"
    verified = Verified()
    reporter = Reporter(workspace, nodes, emit, verified, redact)
    paths = [str(folder / role) for role in roles] or [str(folder)]
    words = ["-c", str(folder / "pytest.ini"), f"--rootdir={folder}", "-p", "no:terminal", *paths]
    words += [f"--junitxml={junit}"] if junit else []
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    code = pytest.main(words, plugins=[reporter])
    verified.interrupted = code == pytest.ExitCode.INTERRUPTED and not reporter.problem
    if reporter.problem or code in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR):
        raise ClusterError(
            "the verification could not be run",
            where=str(folder),
            why=reporter.problem.strip().splitlines()[-1] if reporter.problem else f"pytest ended with {code}",
            hint="see it whole: CLUSTER_TOPOLOGY=... pytest " + str(folder),
        )
    return verified


def without_secrets(report: Any, redact: Redactor) -> None:
    """Take the secrets out of a pytest report; one without any stays as it is."""
    report.sections = redact.value(report.sections)
    told = redact(said := str(report.longrepr or ""))
    if told != said:
        report.longrepr = told


def plain_name(nodeid: str) -> str:
    """A test's name as a sentence."""
    name = nodeid.split("::")[-1].split("[")[0]
    return name.removeprefix("test_").replace("_", " ")


def reason(report: Any) -> str:
    """Why a test failed or was skipped, without the source around it; or what it tells (record_property)."""
    if report.outcome == "passed":
        return "; ".join(str(text) for name, text in report.user_properties if name == TOLD)
    if report.outcome == "skipped":
        return str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
    crash = getattr(report.longrepr, "reprcrash", None)
    words = str(crash.message if crash else report.longrepr).removeprefix("AssertionError: ")
    told = [line for line in words.splitlines() if not line.lstrip().startswith(("+ ", "Use -v"))]
    return "\n".join(told).strip()[:2000]
