"""One node at a time: the controller's half of service_config."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.plugins.action import ActionBase

CARRIES_TRAFFIC = ("reload", "restart")


class ActionModule(ActionBase):  # type: ignore[misc]
    """Look first; change a service that carries traffic only while no other node is being changed.

    All nodes look in parallel, so a run that changes nothing costs one round
    trip. The lock and the name of the node that failed are files in Ansible's
    temporary directory of this very run, which all its workers share.
    """

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        look = self._call(task_vars, look=True)
        if look.get("failed") or look.get("action") == "none" or self._task.check_mode:
            look["changed"] = not look.get("failed") and look.get("action") != "none"
            return look
        if look["action"] not in CARRIES_TRAFFIC:
            return self._call(task_vars)
        return self._walk(task_vars)

    def _call(self, task_vars: dict[str, Any] | None, look: bool = False) -> dict[str, Any]:
        """Run the module on the node."""
        result: dict[str, Any] = self._execute_module(
            module_name="cluster.core.service_config",
            module_args={**self._task.args, "look": look},
            task_vars=task_vars,
        )
        return result

    def _walk(self, task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """Wait for the turn, then change this node unless another one failed before.

        With `canary` the others need not wait for each other once one node
        has proven that the change is good.
        """
        service = self._task.args["service"]
        folder = Path(constants.DEFAULT_LOCAL_TMP)
        failed, proven = folder / f"walk-{service}.failed", folder / f"walk-{service}.proven"
        with (folder / f"walk-{service}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if failed.exists():
                why = f"it failed on {failed.read_text()} before"
                return {"failed": True, "msg": f"{service} was not touched here, because {why}"}
            if self._task.args.get("canary") and proven.exists():
                fcntl.flock(lock, fcntl.LOCK_UN)
            result = self._call(task_vars)
            node = str((task_vars or {}).get("inventory_hostname"))
            (failed if result.get("failed") else proven).write_text(node)
            return result
