#!/usr/bin/python
"""Settings of a running MariaDB or MySQL server, applied without a restart where the server can."""

import json
import os

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: server_settings
short_description: Have a running database server use its settings
description:
  - Compares the settings with those it applied last, or the server started with, and says the difference to the
    running server (C(SET GLOBAL)).
  - What the server only takes at its start is written down in C(pending); give that file to C(service_config) as
    part of C(restart_config), and the server is restarted when its turn comes.
options:
  settings: {description: Variable to value., type: dict, required: true}
  config: {description: The file the server reads them from at its start., type: path, required: true}
  pending: {description: Where settings that wait for a restart are written down., type: path, required: true}
  unit: {description: The systemd unit., type: str, required: true}
  client: {description: 'The client and its options, as words.', type: list, elements: str, required: true}
author: the cluster maintainers
"""

EXAMPLES = r"""
- name: Use the settings
  cluster.core.server_settings:
    settings: {max_connections: 300}
    config: /etc/mysql/mariadb.conf.d/91-settings.cnf
    pending: /var/lib/cluster/mariadb-settings
    unit: mariadb
    client: [mariadb, --no-defaults]
"""

RETURN = r"""
applied: {description: Settings the running server took., type: list, elements: str, returned: always}
pending: {description: Settings that wait for a restart., type: list, elements: str, returned: always}
"""

RECORDS = "/run/cluster/settings"
UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def literal(value):
    """A value of the topology as SQL: a size in bytes, a number, or a text."""
    text = str(value)
    if text[:-1].isdigit() and text[-1].upper() in UNITS:
        return str(int(text[:-1]) * UNITS[text[-1].upper()])
    if text.lstrip("-").replace(".", "", 1).isdigit():
        return text
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def plain(value):
    """A value without the several ways there are to write it."""
    text = literal(value).strip("'").lower()
    return {"on": "1", "off": "0", "true": "1", "false": "0"}.get(text, text)


def statement(name, value):
    """What changes a variable; None for its value: back to the default."""
    return f"SET GLOBAL {name} = {'DEFAULT' if value is None else literal(value)}"


def difference(before, now):
    """Name to value of what is to be changed; None for what goes back to its default."""
    changed = {name: value for name, value in now.items() if before.get(name) != value}
    return changed | {name: None for name in before if name not in now}


class Server:
    """The running server, and the record of what it uses."""

    def __init__(self, module):
        self.module, self.params = module, module.params
        self.record = os.path.join(RECORDS, f"{self.params['unit']}.json")
        shown = self.output(
            [
                "systemctl",
                "show",
                "--timestamp=unix",
                "-p",
                "InvocationID,ActiveEnterTimestamp",
                self.params["unit"],
            ]
        )
        self.state = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)

    def output(self, words):
        return self.module.run_command(words)[1]

    def used(self):
        """The settings it uses: by the record, or what it read at its start; None when that cannot be told."""
        try:
            with open(self.record, encoding="utf-8") as handle:
                record = json.load(handle)
        except (OSError, ValueError):
            record = {}
        if record.get("invocation") == self.state.get("InvocationID"):
            return record["settings"]
        started = float(self.state.get("ActiveEnterTimestamp", "").lstrip("@") or 0)
        return self.wanted() if os.stat(self.params["config"]).st_ctime < started else None

    def wanted(self):
        return {name: str(value) for name, value in self.params["settings"].items()}

    def remember(self):
        """Write down what it uses from now on."""
        os.makedirs(RECORDS, mode=0o755, exist_ok=True)
        with open(self.record + ".new", "w", encoding="utf-8") as handle:
            json.dump({"invocation": self.state.get("InvocationID"), "settings": self.wanted()}, handle)
        os.rename(self.record + ".new", self.record)

    def told(self, name, value):
        """Whether the running server took it."""
        words = [*self.params["client"], "-BN"]
        rc, out, err = self.module.run_command(words, data=statement(name, value))
        return rc == 0

    def has(self, name, value):
        """Whether the running server has it already, as one that was started with it does."""
        rc, out, err = self.module.run_command([*self.params["client"], "-BN"], data=f"SELECT @@GLOBAL.{name}")
        return rc == 0 and value is not None and plain(out.strip()) == plain(value)

    def hold(self, names):
        """Write down what waits for a restart."""
        os.makedirs(os.path.dirname(self.params["pending"]), mode=0o755, exist_ok=True)
        with open(self.params["pending"], "w", encoding="utf-8") as handle:
            json.dump({name: self.wanted().get(name) for name in names}, handle)


def main():
    module = AnsibleModule(
        argument_spec={
            "settings": {"type": "dict", "required": True},
            "config": {"type": "path", "required": True},
            "pending": {"type": "path", "required": True},
            "unit": {"type": "str", "required": True},
            "client": {"type": "list", "elements": "str", "required": True},
        },
        supports_check_mode=True,
    )
    server = Server(module)
    before = server.used()
    changed = difference(before or {}, server.wanted())
    if module.check_mode:
        module.exit_json(changed=bool(changed), applied=[], pending=[])
    applied = [name for name, value in changed.items() if server.told(name, value)]
    pending = [name for name in changed if name not in applied and not server.has(name, changed[name])]
    if pending:
        server.hold(pending)
    if before is None or changed or not os.path.exists(server.record):
        server.remember()
    module.exit_json(changed=bool(changed), applied=applied, pending=pending)


if __name__ == "__main__":
    main()
