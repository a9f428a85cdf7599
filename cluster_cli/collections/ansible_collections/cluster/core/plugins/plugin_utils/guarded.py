"""Change what we come in by, come in again over a new connection, confirm: the controller's half."""

from __future__ import annotations

import fcntl
import time
from typing import Any, ClassVar

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.cluster.core.plugins.action.service_config import Walk

PATIENCE = 20  # seconds a node may take beyond the time for going back, until we call it lost


class Guarded(ActionBase):  # type: ignore[misc]
    """Look first; where something has to change, one node proves that we still come in, then the others follow.

    The module answers the steps look (action: none, load or remove), load (token, caller), confirm and remove.
    From a load on the node is about to take it all back, until a confirm comes over another connection.
    """

    WHAT: ClassVar[str]  # name of the module, and of what it changes
    NEW: ClassVar[str]  # what a load brings, in a sentence
    REMEDY: ClassVar[str]  # where to look when it shut us out

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        look = self._call(task_vars, step="look")
        if look.get("failed") or look.get("action") == "none" or self._task.check_mode:
            return {**look, "changed": not look.get("failed") and look.get("action") != "none"}
        if look["action"] == "remove":
            return {**look, **self._call(task_vars, step="remove")}
        return {**look, **self._walk(task_vars)}

    def _call(self, task_vars: dict[str, Any] | None, **args: Any) -> dict[str, Any]:
        """Run the module on the node."""
        result: dict[str, Any] = self._execute_module(
            module_name=f"cluster.core.{self.WHAT}",
            module_args={**self._task.args, **args},
            task_vars=task_vars,
        )
        return result

    def _walk(self, task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """Wait for the first node to prove the change, then go on side by side."""
        walk = Walk(self.WHAT, task_vars or {})
        with walk.lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if failed := walk.said("failed"):
                why = f"it failed on {failed[0]} before"
                return {"failed": True, "msg": f"the {self.WHAT} was not touched here, because {why}"}
            if walk.said("proven"):
                fcntl.flock(lock, fcntl.LOCK_UN)
            verdict = "failed"  # also when the connection breaks, which is told as an exception
            try:
                result = self._guarded(task_vars)
                verdict = "failed" if result.get("failed") else "proven"
            finally:
                walk.say(verdict)
            return result

    def _guarded(self, task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """Load, and confirm over a new connection; until then the node is about to take it all back."""
        loaded = self._call(task_vars, step="load")
        if loaded.get("failed"):
            return loaded
        rollback = int(self._task.args["rollback"])
        over = time.monotonic() + rollback
        proof = {"step": "confirm", "token": loaded["token"], "caller": loaded["caller"]}
        while True:
            try:
                # without a caller this is the machine itself, and nobody can be shut out
                inside = not loaded["caller"] or self.come_in(task_vars)
                inside = inside and time.monotonic() < over
                result = self._call(task_vars, **proof)
                break
            except AnsibleConnectionFailure as error:
                if time.monotonic() > over + PATIENCE:
                    return {"failed": True, "msg": self.lost(loaded["caller"], rollback, str(error))}
        if not result.get("taken_back"):
            return result
        return {**result, "msg": self.too_slow(rollback) if inside else self.shut_out(loaded["caller"], rollback)}

    def come_in(self, task_vars: dict[str, Any] | None) -> bool:  # noqa: ARG002
        """Have a new connection for what follows; whether it is there already, and proves that we can come in.

        Raises AnsibleConnectionFailure when none is to be had.
        """
        self._connection.reset()
        return False

    def too_slow(self, rollback: int) -> str:
        """What to say when we came in, and the node went back before we could say so."""
        return (
            f"{self.NEW} let this control machine in, but telling the node took more than {rollback} s, so it "
            "went back: it is as it was. Give it longer: `rollback` in the topology."
        )

    def shut_out(self, caller: str, rollback: int) -> str:
        """What to say when the node took the change back."""
        return (
            f"{self.NEW} shut this control machine out ({route(caller)}), so the node took them back after "
            f"{rollback} s: it is as it was, and the other nodes were not touched. {self.REMEDY}"
        )

    def lost(self, caller: str, rollback: int, why: str) -> str:
        """What to say when the node does not even answer as it was."""
        return (
            f"the node does not answer any more ({route(caller)}): {why.strip()}. It was to take {self.NEW} back "
            f"after {rollback} s; is it still up?"
        )


def route(caller: str) -> str:
    """Where we come from and where to, as the node saw it."""
    source, _, here, port = (caller.split() + [""] * 4)[:4]
    return f"from {source} to {here} port {port}" if caller else "not over SSH"
