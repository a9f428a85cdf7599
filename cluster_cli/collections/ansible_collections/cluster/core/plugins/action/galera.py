"""Who begins a Galera group and who joins it: the controller's half of galera."""

from __future__ import annotations

import fcntl
import json
import time
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.cluster.core.plugins.plugin_utils.galera_plan import Look, Plan, plan
from ansible_collections.cluster.core.plugins.plugin_utils.progress import tell
from ansible_collections.cluster.core.plugins.plugin_utils.walk import LOOK_SECONDS, Walk, wait

TELL_SECONDS = 5
BY_ITSELF = 30  # seconds a group that lost all its nodes at once may take to come together again


class ActionModule(ActionBase):  # type: ignore[misc]
    """All nodes look, each comes to the same plan, and they start in its order, one at a time."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        self.task_vars = task_vars or {}
        lost = self._task.args.get("lost") or []
        self.members: list[str] = [name for name in self._task.args["members"] if name not in lost]
        walk = Walk(f"galera-{self._task.args['name']}", self.task_vars)
        mine = self._settled()
        if "look" not in mine:
            walk.say("failed")
            return mine
        looks = self._exchange(walk, "looked", mine["look"])
        if not any(look.status == "Primary" for look in looks.values()) and set(self.members) <= set(looks):
            if self._task.check_mode:
                return {"changed": True}
            if looks[walk.node].running:  # it waits for a group that is gone, and does not say where it is
                mine = self._call("stop")
            looks = self._exchange(walk, "stopped", mine["look"])
        decided, here = plan(looks, self.members), looks[walk.node]
        if decided.refused and decided.unseen and not here.running and not self._task.check_mode:
            return self._try(walk.node, decided)
        if decided.refused:
            return {"failed": True, "msg": decided.refused}
        if here.running:
            return {"changed": False, "look": mine["look"]}
        if self._task.check_mode:
            return {"changed": True}
        return self._start(walk, decided)

    def _exchange(self, walk: Walk, word: str, look: dict[str, Any]) -> dict[str, Look]:
        """Tell the others what this node shows, and hear it of them."""
        walk.say(word, json.dumps(look))
        present = {name for name in self.members if name in walk.nodes}
        wait(lambda: present <= {*walk.said(word), *walk.said("failed")}, LOOK_SECONDS + BY_ITSELF)
        return {name: Look(**json.loads(walk.text(word, name))) for name in walk.said(word)}

    def _settled(self) -> dict[str, Any]:
        """What this node shows; where it waits for its group, only after that had the time to come by itself."""
        deadline = time.monotonic() + BY_ITSELF
        while True:
            result = self._call("look")
            look = result.get("look") or {}
            waiting = look.get("running") and look.get("status") != "Primary"
            if not waiting or time.monotonic() > deadline:
                return result
            time.sleep(1)

    def _start(self, walk: Walk, decided: Plan) -> dict[str, Any]:
        """Begin, or join once the group lives and nobody else is joining."""
        first = decided.first == walk.node
        if decided.first and not first:
            wait(lambda: bool({decided.first} & {*walk.said("proven"), *walk.said("failed")}), self._timeout)
        if decided.first in walk.said("failed"):
            return {
                "failed": True,
                "msg": f"it was not started, because {decided.first} failed to begin the group",
            }
        with walk.lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            verdict = "failed"
            try:
                result = self._joined(walk.node, self._call("begin" if first else "join", timeout=TELL_SECONDS))
                verdict = "failed" if result.get("failed") or result.get("unreachable") else "proven"
            finally:
                walk.say(verdict)
            return result

    def _joined(self, node: str, result: dict[str, Any]) -> dict[str, Any]:
        """Wait until a node that was started has all data, and say how far it is."""
        deadline = time.monotonic() + self._timeout
        while not result.get("failed") and not result["joined"]:
            if time.monotonic() > deadline:
                return {"failed": True, "msg": f"it did not have all data after {self._timeout} s"}
            tell(node, f"joins its group, {result['megabytes']} MB are there")
            result = self._call("wait", timeout=TELL_SECONDS)
        return result

    def _try(self, node: str, decided: Plan) -> dict[str, Any]:
        """Join a group that may live among nodes out of our reach. A plain start never begins one."""
        result = self._call("join", timeout=BY_ITSELF)
        if result.get("failed") or not (result["joined"] or result["receiving"]):
            self._call("stop")
            return {"failed": True, "msg": decided.refused}
        return self._joined(node, result)

    @property
    def _timeout(self) -> int:
        return int(self._task.args.get("timeout", 86400))

    def _call(self, do: str, **more: Any) -> dict[str, Any]:
        """Run the module on the node."""
        arguments = {**self._task.args, "do": do, **more}
        result: dict[str, Any] = self._execute_module(
            module_name="cluster.core.galera", module_args=arguments, task_vars=self.task_vars
        )
        return result
