"""Install packages: one cheap question when they are there, APT when they are not."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from ansible.plugins.action import ActionBase

INDEX_SECONDS = 86400
OPTIONS = {
    "state": "present",
    "install_recommends": False,
    "policy_rc_d": 101,  # services start when they are configured, not before
    "dpkg_options": "force-confdef,force-confold",
    "lock_timeout": 120,
    "update_cache": True,
    "update_cache_retries": 1,
}


class ActionModule(ActionBase):  # type: ignore[misc]
    """See the module's documentation."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        wanted = self._task.args["name"]
        installed = self._installed(wanted)
        missing = [name for name in wanted if name not in installed]
        if not missing or self._task.check_mode:
            return {"changed": bool(missing), "missing": missing}
        before = self._installed()
        result = self._apt(missing, INDEX_SECONDS, task_vars)
        if result.get("failed"):
            result = self._apt(missing, 0, task_vars)
        if result.get("failed"):
            without = self._apt(missing, None, task_vars)
            result = result if without.get("failed") else without
        came = sorted(self._installed() - before)  # with what they depend on
        if came:
            self._execute_module(
                module_name="cluster.core.packages", module_args={"name": came}, task_vars=task_vars
            )
        return {**result, "missing": missing}

    def _installed(self, names: Sequence[str] = ()) -> set[str]:
        """Those of the packages that dpkg calls installed; without names, all there are."""
        words = " ".join(map(shlex.quote, names))
        asked = self._low_level_execute_command(
            f"dpkg-query --show --showformat='${{Package}} ${{db:Status-Status}}\\n' {words} 2>/dev/null"
        )
        return {line.split()[0] for line in asked["stdout_lines"] if line.endswith(" installed")}

    def _apt(self, names: list[str], valid: int | None, task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """Install through Ansible's own module. valid: seconds an index may be old; None for the one there is."""
        index = {"update_cache": False} if valid is None else {"cache_valid_time": valid}
        result: dict[str, Any] = self._execute_module(
            module_name="ansible.builtin.apt",
            module_args={**OPTIONS, "name": names, **index},
            task_vars=task_vars,
        )
        return result
