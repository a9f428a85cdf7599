"""The controller's half of firewall: see plugin_utils/guarded."""

from __future__ import annotations

from typing import Any

from ansible import constants
from ansible.plugins.loader import connection_loader
from ansible_collections.cluster.core.plugins.plugin_utils.guarded import Guarded

ALONE = {"ansible_ssh_args": "-o ControlMaster=no -o ControlPath=none"}


class ActionModule(Guarded):  # type: ignore[misc]
    """See the module's documentation."""

    WHAT = "firewall"
    NEW = "the new rules"
    REMEDY = "See who is let in under `firewall` in the topology."

    def come_in(self, task_vars: dict[str, Any] | None) -> bool:
        """Knock with a connection of our own; Ansible's goes on, since a new one of those costs far more.

        Asked for by its full name, the plugin is OpenSSH's also where Mitogen runs the tasks.
        """
        known = (task_vars or {}) | ALONE
        names = [name for name in constants.config.get_plugin_vars("connection", "ssh") if name in known]
        ssh = connection_loader.get("ansible.builtin.ssh", self._play_context)
        ssh.set_options(var_options={name: self._templar.template(known[name]) for name in names})
        ssh.exec_command("true", sudoable=False)
        return True
