"""One node at a time, those that carry most last: the controller's half of service_config."""

from __future__ import annotations

import fcntl
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.cluster.core.plugins.plugin_utils.walk import Walk

CARRIES_TRAFFIC = ("reload", "restart")


class ActionModule(ActionBase):  # type: ignore[misc]
    """Look first; change a service that carries traffic only while no other node is being changed.

    All nodes look in parallel, so a run that changes nothing costs one round
    trip. The lock and what each node said are files in Ansible's temporary
    directory of this very run, which all its workers share.
    """

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        look = self._call(task_vars, look=True)
        walks = not look.get("failed") and look.get("action") in CARRIES_TRAFFIC and not self._task.check_mode
        walk = Walk(self._task.args["service"], task_vars or {})
        walk.say("looked", str(look["carries"]) if walks else "")
        if look.get("failed") or look.get("action") == "none" or self._task.check_mode:
            look["changed"] = not look.get("failed") and look.get("action") != "none"
            return look
        if not walks:
            return self._call(task_vars)
        if look["carries"]:
            walk.let_others_go_first(look["carries"])
        return self._walk(walk, task_vars)

    def _call(self, task_vars: dict[str, Any] | None, look: bool = False) -> dict[str, Any]:
        """Run the module on the node."""
        result: dict[str, Any] = self._execute_module(
            module_name="cluster.core.service_config",
            module_args={**self._task.args, "look": look},
            task_vars=task_vars,
        )
        return result

    def _walk(self, walk: Walk, task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """Wait for the turn, then change this node unless another one failed before.

        With `canary` the others need not wait for each other once one node
        has proven that the change is good.
        """
        with walk.lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if failed := walk.said("failed"):
                why = f"it failed on {failed[0]} before"
                return {"failed": True, "msg": f"{walk.service} was not touched here, because {why}"}
            if self._task.args.get("canary") and walk.said("proven"):
                fcntl.flock(lock, fcntl.LOCK_UN)
            verdict = "failed"  # also when the connection breaks, which is told as an exception
            try:
                result = self._call(task_vars)
                verdict = "failed" if result.get("failed") or result.get("unreachable") else "proven"
            finally:
                walk.say(verdict)
            return result
