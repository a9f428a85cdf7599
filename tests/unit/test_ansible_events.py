"""ansible-runner's events become ours."""

from typing import Any

from cluster_cli.ansible_events import (
    MAX_DIFF,
    Translator,
    diff_of,
    failed_hosts,
    message_of,
    plain_task,
    stage_of,
)
from cluster_cli.events import StageEnded, StageStarted, Step, TaskEnded, TaskStarted


def translated(*raw: dict[str, Any]) -> tuple[list[object], Translator]:
    """Our events for these, with a clock that counts up by one."""
    seen: list[object] = []
    ticks = iter(range(100))
    translator = Translator(seen.append, lambda: next(ticks))
    for event in raw:
        translator(event)
    translator.end()
    return seen, translator


def play(name: str) -> dict[str, Any]:
    return {"event": "playbook_on_play_start", "event_data": {"play": name}}


def result(kind: str, **data: Any) -> dict[str, Any]:
    task = {"role": "web", "task": "web : Install nginx", "host": "web1", "duration": 1.5}
    return {"event": f"runner_on_{kind}", "event_data": {**task, **data}}


def test_a_stage_has_a_start_its_tasks_and_an_end() -> None:
    started = {"event": "playbook_on_task_start", "event_data": {"role": "web", "task": "Install nginx"}}
    seen, _ = translated(play("Serve the web sites"), started, result("ok", res={"changed": True}))
    assert seen == [
        StageStarted("web", "Serve the web sites"),
        TaskStarted("web", "web", "Install nginx"),
        TaskEnded("web", "web", "Install nginx", "web1", "changed", 1.5),
        StageEnded("web", 1, changed=1, failed=0, unreachable=0),
    ]


def test_progress_inside_a_task_is_a_step() -> None:
    said = {"event": "verbose", "stdout": "progress of db2: joins its group, 812 MB are there"}
    seen, _ = translated(play("Keep the data with Galera"), said, {"event": "verbose", "stdout": "a warning"})
    assert seen[1:-1] == [Step("database", "joins its group, 812 MB are there", "db2")]


def test_two_plays_of_one_stage_are_one_stage() -> None:
    seen, _ = translated(play("Balance the traffic with haproxy"), play("Balance the traffic with nginx"))
    assert [type(event).__name__ for event in seen] == ["StageStarted", "StageEnded"]


def test_failures_are_kept_with_the_modules_own_words() -> None:
    _, translator = translated(play("Serve the web sites"), result("failed", res={"msg": "no space left"}))
    assert [(task.node, task.message) for task in translator.failures] == [("web1", "no space left")]


def test_ignored_failures_do_not_count() -> None:
    seen, translator = translated(
        play("Serve the web sites"), result("failed", res={"msg": "x"}, ignore_errors=True)
    )
    assert translator.failures == []
    assert seen[-1] == StageEnded("web", 1, 0, 0, 0)


def test_rescued_failures_are_not_among_the_failed_hosts() -> None:
    assert failed_hosts({"failures": {"a": 1}, "dark": {"b": 1}, "rescued": {"c": 1}}) == {"a", "b"}


def test_messages_are_words_not_dumps() -> None:
    assert message_of({"msg": "non-zero return code", "stderr": "bad flag", "stdout": ""}) == (
        "non-zero return code\nbad flag"
    )
    assert (
        message_of({"msg": "x", "results": [{"failed": False}, {"failed": True, "msg": "the second"}]})
        == "the second"
    )
    assert message_of({}) == "the task failed without a word"
    assert "hidden" in message_of({"censored": "no_log", "msg": "secret"})


def test_diffs_are_unified() -> None:
    text = diff_of({"diff": [{"before_header": "/a", "after_header": "/a", "before": "x\n", "after": "y\n"}]})
    assert text.splitlines() == ["--- /a", "+++ /a", "@@ -1 +1 @@", "-x", "+y"]


def test_names() -> None:
    assert plain_task("web : Install nginx") == "Install nginx"
    assert stage_of("Something else") is None


def test_secrets_are_taken_out_before_a_text_is_cut() -> None:
    found: list[object] = []
    translator = Translator(found.append, lambda: 0.0, lambda text: text.replace("geheim", "[secret db]"))
    long = "x" * (MAX_DIFF - 3) + "geheim"  # would be cut in its middle
    data = {"host": "a", "task": "t", "res": {"changed": True, "diff": {"prepared": long}}}
    translator({"event": "runner_on_ok", "event_data": data})
    translator({"event": "runner_on_failed", "event_data": {**data, "res": {"msg": "no geheim here"}}})
    assert not [event for event in found if "gehe" in str(event)]
    assert translator.failures[0].message == "no [secret db] here"
