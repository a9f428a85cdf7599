"""Who takes writes and who follows: the controller's half of replication."""

from __future__ import annotations

import json
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.cluster.core.plugins.plugin_utils.replication_plan import (
    ATTACH,
    COPY,
    REFUSE,
    Plan,
    Successor,
    plan,
    successor,
)
from ansible_collections.cluster.core.plugins.plugin_utils.walk import LOOK_SECONDS, Walk, wait

from cluster_cli.databases.replication.look import Look

DRAIN_SECONDS = 5  # while nobody takes writes
START_SECONDS = 1800  # a server that recovers from a crash first


class StepFailedError(Exception):
    """A step failed on this node; the module's result is its argument."""


class ActionModule(ActionBase):  # type: ignore[misc]
    """All nodes look, each comes to the same plan, and each does its part while the others do theirs."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        self.task_vars = task_vars or {}
        self.members: list[str] = self._task.args["members"]
        self.walk = self._walk("replication")
        self.done: list[str] = []
        try:
            if "delay" in self._task.args:
                return self._delayed()
            return self._relieved() if "relieve" in self._task.args else self._part()
        except StepFailedError as failed:
            self.walk.say("failed")
            result: dict[str, Any] = failed.args[0]
            return result

    def _walk(self, what: str) -> Walk:
        """What the nodes tell each other in this very task: a play may apply the role more than once."""
        return Walk(f"{what}-{self._task.args['name']}-{self._task._uuid}", self.task_vars)

    def _part(self) -> dict[str, Any]:
        """Look, decide, do."""
        mine = self._settled()
        looks = self._exchange(mine)
        decided = plan(looks, self.members)
        if decided.refused:
            return {"failed": True, "msg": decided.refused}
        here = self.walk.node
        step = decided.steps.get(here)
        if step and step.kind == REFUSE:
            self.walk.say("failed")
            return {"failed": True, "msg": f"{here} was left alone: {step.why}"}
        if self._task.check_mode:
            changes = decided.opens if here == decided.primary else bool(step and step.kind in (ATTACH, COPY))
            return {"changed": changes, "primary": decided.primary, "delays": mine.get("stale_delay", False)}
        if here == decided.primary:
            self._lead(decided, looks)
        else:
            self._serve(decided)
            self._join(decided)
        delays = bool(mine.get("stale_delay") or (step and step.kind in (ATTACH, COPY)))
        return {"changed": bool(self.done), "primary": decided.primary, "done": self.done, "delays": delays}

    def _delayed(self) -> dict[str, Any]:
        """Apply what comes as much later as is wished: not before all accounts are there."""
        stale = self._step("look").get("stale_delay", False)
        if stale and not self._task.check_mode:
            self._act("delay")
        return {"changed": stale, "done": self.done}

    def _relieved(self) -> dict[str, Any]:
        """Where one that takes writes asks for it, move them to another, in the steps of a switchover."""
        self.walk = self._walk("relieve")
        wants = bool(self._task.args["relieve"])
        self.walk.say("wants", "yes" if wants else "")
        present = {name for name in self.members if name in self.walk.nodes}
        wait(lambda: present <= set(self.walk.said("wants")), LOOK_SECONDS)
        asking = [name for name in self.walk.said("wants") if self.walk.text("wants", name)]
        if not asking or self._task.check_mode:
            return {"changed": False}
        looks = self._exchange(self._step("look"))
        chosen = successor(looks, self.members)
        if asking != [self.walk.node] and asking[0] != chosen.old:
            return {"changed": False}
        if not chosen.new:
            msg = f"{asking[0]} runs with an older configuration, and nobody can take its writes: {chosen.why}"
            return {"failed": wants, "msg": msg, "changed": False}
        self._hand_over(chosen)
        return {"changed": True, "primary": chosen.new, "done": self.done}

    def _hand_over(self, chosen: Successor) -> None:
        """This node's part when writes move."""
        here = self.walk.node
        if here == chosen.old:
            self.walk.say("closed", self._step("close")["position"])
        if here == chosen.new:
            self._await("closed", chosen.old)
            self._act("promote", self.walk.text("closed", chosen.old), str(DRAIN_SECONDS))
            self.walk.say("opened")
            return
        try:
            self._await("opened", chosen.new)
        except StepFailedError:
            if here == chosen.old:
                self._step("open")
            raise
        self._act("follow", chosen.new)

    def _await(self, word: str, node: str) -> None:
        """Wait until a node said so. Raises StepFailedError when it failed instead."""
        wait(lambda: node in {*self.walk.said(word), *self.walk.said("failed")}, LOOK_SECONDS)
        if node not in self.walk.said(word):
            raise StepFailedError({"failed": True, "msg": f"{node} failed to take part when writes were to move"})

    def _settled(self) -> dict[str, Any]:
        """What this node shows once its server runs: that alone changes nothing for anybody."""
        look = self._step("look")
        if look["running"] or look["blank"] or self._task.check_mode:
            return look
        self._step("start")
        self.done.append("started its server")
        return self._step("look")

    def _exchange(self, look: dict[str, Any]) -> dict[str, Look]:
        """Tell the others what this node shows, and hear it of them."""
        self.walk.say("looked", json.dumps(look))
        present = {name for name in self.members if name in self.walk.nodes}
        wait(lambda: present <= {*self.walk.said("looked"), *self.walk.said("failed")}, START_SECONDS)
        found = {name: json.loads(self.walk.text("looked", name)) for name in self.walk.said("looked")}
        known = set(Look.__dataclass_fields__)
        return {name: Look(**{key: row[key] for key in row if key in known}) for name, row in found.items()}

    def _lead(self, decided: Plan, looks: dict[str, Look]) -> None:
        """The node that takes writes: begin with nothing, fetch what is missing, give copies, open."""
        if looks[self.walk.node].strangers:
            self._act("cut")
        if decided.first:
            self._act("make")
            self._step("account")
        elif looks[self.walk.node].read_only and decided.opens:
            self._resume(decided, looks)
        if not decided.opens:
            self._step("account")
        self.walk.say("leads")
        self._serve(decided)
        if decided.first:
            others = [name for name in decided.steps if name in self.walk.nodes]
            wait(lambda: bool(self.walk.said("joined")) or len(self.walk.said("failed")) >= len(others), 60)
            self._act("promote")

    def _resume(self, decided: Plan, looks: dict[str, Look]) -> None:
        """Take writes again, after what others have beyond it was fetched."""
        if decided.fetch:
            goal = looks[decided.fetch].most
            self._act("follow", decided.fetch)
            self._act("promote", goal)
            self._step("account")
        else:
            self._step("account")  # before it waits for replicas, which may need it to log in
            self._act("promote")

    def _serve(self, decided: Plan) -> None:
        """Give a copy to each node that takes it from this one, one after the other."""
        takers = [
            name for name, step in decided.steps.items() if step.kind == COPY and step.node == self.walk.node
        ]
        for name in takers:
            if name not in self.walk.nodes:
                continue
            wait(lambda name=name: name in {*self.walk.said("asks"), *self.walk.said("failed")}, LOOK_SECONDS)
            if name in self.walk.said("asks"):
                self.walk.say(f"gives-{name}")
                self._act("give", name)

    def _join(self, decided: Plan) -> None:
        """Any other node: a copy first where it has nothing, then follow."""
        step = decided.steps[self.walk.node]
        if step.kind not in (ATTACH, COPY):
            return
        wait(lambda: bool({*self.walk.said("leads"), *self.walk.said("failed")}), self._timeout)
        if decided.primary not in self.walk.said("leads"):
            raise StepFailedError({"failed": True, "msg": f"{decided.primary} does not take writes, so it waits"})
        if step.kind == ATTACH:
            self._act("follow", decided.primary)
        else:
            self._copy(step.node, decided.primary)
        self.walk.say("joined")

    def _copy(self, donor: str, primary: str) -> None:
        """Take a copy once it is this node's turn."""
        self.walk.say("asks")
        wait(lambda: bool({*self.walk.said(f"gives-{self.walk.node}"), *self.walk.said("failed")}), self._timeout)
        if donor not in self.walk.said(f"gives-{self.walk.node}"):
            msg = f"{donor} gives no copy: it failed, or is not part of this run"
            raise StepFailedError({"failed": True, "msg": msg})
        answer = self._step("receive", donor, primary)
        aside = f"; its old data is in {answer['aside']}" if answer.get("aside") else ""
        self.done.append(f"copied {answer['bytes'] >> 20} MB from {donor} in {answer['seconds']} s{aside}")

    @property
    def _timeout(self) -> int:
        return int(self._task.args.get("timeout", 86400))

    def _act(self, *step: str) -> None:
        """Run a step that changes something."""
        self._step(*step)
        self.done.append(" ".join(step))

    def _step(self, *step: str) -> dict[str, Any]:
        """Run one step on the node; what it answers. Raises StepFailedError."""
        result: dict[str, Any] = self._execute_module(
            module_name="cluster.core.replication",
            module_args={**self._task.args, "step": list(step)},
            task_vars=self.task_vars,
        )
        if "answer" not in result:
            raise StepFailedError(result)
        answer: dict[str, Any] = result["answer"]
        return answer
