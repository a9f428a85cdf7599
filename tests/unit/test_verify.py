"""What a failed test says holds no secret, in JUnit's file neither."""

from types import SimpleNamespace

from cluster_cli.secrets.redact import Redactor
from cluster_cli.verify import reason, without_secrets

SECRET = "a-very-secret-value"


def report(**parts: object) -> SimpleNamespace:
    return SimpleNamespace(**{"outcome": "failed", "longrepr": "", "sections": [], **parts})


def test_a_report_loses_its_secrets_before_anybody_reads_it() -> None:
    failed = report(
        longrepr=f"assert '{SECRET}' == 'x'",
        sections=[("Captured stdout call", f"asked with {SECRET}")],
    )
    without_secrets(failed, Redactor({"db": [SECRET]}))
    assert reason(failed) == "assert '[secret db]' == 'x'"
    assert failed.sections == [("Captured stdout call", "asked with [secret db]")]


def test_one_that_passed_may_tell_something() -> None:
    passed = report(outcome="passed", user_properties=[("node", "db1"), ("told", "database main is fenced")])
    assert reason(passed) == "database main is fenced"
    assert reason(report(outcome="passed", user_properties=[("node", "db1")])) == ""


def test_one_without_any_stays_the_object_it_was() -> None:
    crash = SimpleNamespace(reprcrash=SimpleNamespace(message="assert 1 == 2"))
    failed = report(longrepr=crash)
    without_secrets(failed, Redactor({"db": [SECRET]}))
    assert failed.longrepr is crash
