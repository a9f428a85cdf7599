"""Who begins a MySQL group and who joins it: the controller's half of group_replication."""

from __future__ import annotations

import json
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.cluster.core.plugins.plugin_utils.group_replication_plan import (
    Look,
    Plan,
    plan,
    surplus,
    takers,
)
from ansible_collections.cluster.core.plugins.plugin_utils.walk import LOOK_SECONDS, Walk, wait

START_SECONDS = 120  # a server that ended badly reads its logs first


class ActionModule(ActionBase):  # type: ignore[misc]
    """All nodes look, each comes to the same plan; one begins, the others join once the group lives."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        self.task_vars = task_vars or {}
        self.members: list[str] = self._task.args["members"]
        walk = Walk(f"group-{self._task.args['name']}", self.task_vars)
        mine = self._call("look")
        if "look" not in mine:
            walk.say("failed")
            return mine
        looks = self._exchange(walk, mine["look"])
        decided = plan(looks, self.members)
        if decided.refused:
            return {"failed": True, "msg": decided.refused}
        here = looks[walk.node]
        if here.state == "ONLINE":
            return mine
        if not decided.first and (own := surplus(here, looks)):
            return {
                "failed": True,
                "msg": f"{walk.node} has {len(own)} transactions that the group has not: {own}. "
                f"It was not started, and nothing of it was changed. Next: cluster rejoin {walk.node} --dry-run",
            }
        if self._task.check_mode:
            return {"changed": True}
        return self._start(walk, decided, looks)

    def _exchange(self, walk: Walk, look: dict[str, Any]) -> dict[str, Look]:
        """Tell the others what this node shows, and hear it of them."""
        walk.say("looked", json.dumps(look))
        present = {name for name in self.members if name in walk.nodes}
        wait(lambda: present <= {*walk.said("looked"), *walk.said("failed")}, LOOK_SECONDS + START_SECONDS)
        return {name: Look(**json.loads(walk.text("looked", name))) for name in walk.said("looked")}

    def _start(self, walk: Walk, decided: Plan, looks: dict[str, Look]) -> dict[str, Any]:
        """Begin, or join once the group lives. Where that has data, a node without any is given a copy."""
        first = decided.first == walk.node
        if decided.first and not first:
            wait(lambda: bool({decided.first} & {*walk.said("proven"), *walk.said("failed")}), self._timeout)
            if decided.first not in walk.said("proven"):
                what = f"it was not started, because {decided.first} failed to begin the group"
                return {"failed": True, "msg": what}
        verdict, copied = "failed", takers(looks, decided, self.members)
        if walk.node in copied:  # who gives a copy gives one at a time; who is refused tries in vain for minutes
            ahead = {name for name in copied[: copied.index(walk.node)] if name in walk.nodes}
            wait(lambda: ahead <= {*walk.said("proven"), *walk.said("failed")}, self._timeout)
        try:
            result = self._call("begin" if first else "join", copy=walk.node in copied)
            verdict = "failed" if result.get("failed") or result.get("unreachable") else "proven"
        finally:
            walk.say(verdict)
        return result

    @property
    def _timeout(self) -> int:
        return int(self._task.args.get("timeout", 3600))

    def _call(self, do: str, *, copy: bool = False) -> dict[str, Any]:
        """Run the module on the node."""
        result: dict[str, Any] = self._execute_module(
            module_name="cluster.core.group_replication",
            module_args={**self._task.args, "do": do, "copy": copy},
            task_vars=self.task_vars,
        )
        return result
