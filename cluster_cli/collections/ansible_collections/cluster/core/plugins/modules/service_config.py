#!/usr/bin/python
"""Make a running service use the configuration that lies on disk."""

import hashlib
import json
import os
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cluster.core.plugins.module_utils import ledger

DOCUMENTATION = r"""
module: service_config
short_description: Make a running service use the configuration on disk
description:
  - Compares the checksum of the configuration with the one recorded when the service was last started or
    reloaded, and reloads, restarts or starts the service when they differ.
  - Unlike a handler it forgets nothing when a run dies between writing a file and telling the service.
  - A service that carries traffic is changed on one node at a time, and the first failure stops the others;
    the action plugin of the same name sees to that.
options:
  service: {description: The systemd unit., type: str, required: true}
  config: {description: Files and directories the service reads., type: list, elements: path, default: []}
  restart_config:
    description: Files of which a change needs a restart.
    type: list
    elements: path
    default: []
  check: {description: Command that proves the configuration., type: str}
  reload: {description: Whether the unit can reload., type: bool, default: true}
  healthy: {description: 'Shell command that must succeed afterwards, tried until the timeout.', type: str}
  timeout: {description: Seconds the health command may take to succeed., type: int, default: 10}
  enabled: {description: Whether the unit starts at boot., type: bool, default: true}
  canary:
    description: Once one node has proven the change, the others are changed side by side.
    type: bool
    default: false
  carries:
    description:
      - Shell command that succeeds on a node that carries what clients use now, a virtual address for example.
      - Such a node is changed after all others. A number that it prints says how much; the most goes last.
    type: str
  spare:
    description:
      - Shell command that succeeds on a node that must not be restarted as it is now, a primary for example.
      - It is left alone then, and C(spared) says so. It may be restarted once its part was moved elsewhere.
    type: str
  look: {description: 'Only say what would be done, for the action plugin.', type: bool, default: false}
author: the cluster maintainers
"""

EXAMPLES = r"""
- name: Run haproxy with this configuration
  cluster.core.service_config:
    service: haproxy
    config: [/etc/haproxy/haproxy.cfg]
    check: haproxy -c -q -f /etc/haproxy/haproxy.cfg
    healthy: curl -fsS http://127.0.0.1:8404/healthz
"""

RETURN = r"""
action:
  description: What was done, one of none, enable, start, reload, restart.
  type: str
  returned: always
carries:
  description: How much the node carries of what clients use now; 0 is nothing.
  type: int
  returned: when only looking
spared:
  description: Whether a restart is due that was not done.
  type: bool
  returned: where C(spare) is given
"""

RECORDS = "/run/cluster/applied"
UNITS = "/etc/systemd/system/"
PROPERTIES = (
    "ActiveState",
    "ActiveEnterTimestamp",
    "InvocationID",
    "LoadState",
    "NeedDaemonReload",
    "UnitFileState",
)


def files_below(path):
    """The files of a path in a stable order: itself, or everything in that directory."""
    if not os.path.isdir(path):
        return [path]
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names)


def checksum(paths):
    """One digest over names and contents; a missing file counts as missing, not as empty."""
    digest = hashlib.sha256()
    for path in (name for root in paths for name in files_below(root)):
        digest.update(path.encode() + b"\0")
        if os.path.isfile(path):
            with open(path, "rb") as handle:
                digest.update(hashlib.sha256(handle.read()).digest())
    return digest.hexdigest()


def newest(paths, folders=False):
    """When any of the files was last touched, in seconds since the epoch; 0 when there is none.

    The time of change (ctime) is meant, since a rename keeps the time of modification.
    folders: directories count too; a refused file touches them, so only where no checksum tells what went.
    """
    names = [name for root in paths for name in files_below(root)] + (list(paths) if folders else [])
    return max((os.stat(name).st_ctime for name in names if os.path.exists(name)), default=0)


class Service:
    """One unit, as systemd and our record of it see it."""

    def __init__(self, module):
        self.module, self.params = module, module.params
        self.name = self.params["service"]
        self.record_path = os.path.join(RECORDS, f"{self.name}.json")
        self.refresh()

    def systemctl(self, *words):
        """Run systemctl; returns (rc, output)."""
        rc, out, err = self.module.run_command(["systemctl", *words])
        return rc, (err or out).strip()

    def refresh(self):
        """Read the unit's state anew."""
        rc, out, err = self.module.run_command(
            ["systemctl", "show", "--timestamp=unix", "-p", ",".join(PROPERTIES), self.name]
        )
        self.state = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)

    @property
    def running(self):
        return self.state.get("ActiveState") in ("active", "reloading")

    def sums(self):
        """The two checksums the record holds."""
        return {
            "config": checksum(self.params["config"]),
            "restart": checksum(self.params["restart_config"]),
        }

    def recorded(self):
        """The record of the last start or reload, if it is about this very invocation of the service."""
        try:
            with open(self.record_path, encoding="utf-8") as handle:
                record = json.load(handle)
        except (OSError, ValueError):
            return {}
        return record if record.get("invocation") == self.state.get("InvocationID") else {}

    def record(self):
        """Remember what the service runs with now."""
        os.makedirs(RECORDS, mode=0o755, exist_ok=True)
        self.refresh()
        with open(self.record_path + ".new", "w", encoding="utf-8") as handle:
            json.dump({"invocation": self.state.get("InvocationID"), **self.sums()}, handle)
        os.rename(self.record_path + ".new", self.record_path)

    def outdated(self):
        """Which of the two lists the service has not read yet.

        What was touched after the service last read it is outdated even when
        its text is that of the record: in between it may have been another.
        Without a record (a reboot, a restart by hand) the service read what
        was there when it started.
        """
        lists = {"config": self.params["config"], "restart": self.params["restart_config"]}
        record, sums = self.recorded(), self.sums()
        if record:
            read_at = os.stat(self.record_path).st_mtime
            return {key for key, paths in lists.items() if record.get(key) != sums[key] or newest(paths) > read_at}
        started = float(self.state.get("ActiveEnterTimestamp", "").lstrip("@") or 0)
        return {key for key, paths in lists.items() if newest(paths, folders=True) >= started}

    def needed(self):
        """none, enable, start, reload or restart."""
        if not self.running:
            return "start"
        outdated = self.outdated()
        if "restart" in outdated:
            return "restart"
        if "config" in outdated:
            return "reload" if self.params["reload"] else "restart"
        if self.params["enabled"] and self.state.get("UnitFileState") == "disabled":
            return "enable"
        return "none"

    def carries(self):
        """How much of what clients use this node carries now."""
        if not self.params["carries"]:
            return 0
        rc, out, err = self.module.run_command(self.params["carries"], use_unsafe_shell=True)
        return 0 if rc else int(out) if out.strip().isdigit() else 1

    def spared(self, action):
        """Whether a restart is due that must not be done as things are."""
        if action != "restart" or not self.params["spare"]:
            return False
        return self.module.run_command(self.params["spare"], use_unsafe_shell=True)[0] == 0

    def learn_units(self):
        """Let systemd read the unit files in our lists; of a new drop-in directory it does not know by itself."""
        listed = [*self.params["config"], *self.params["restart_config"]]
        if self.state.get("NeedDaemonReload") == "yes" or any(path.startswith(UNITS) for path in listed):
            self.systemctl("daemon-reload")

    def prove(self):
        """Run the checker; fail before anything is touched."""
        if not self.params["check"]:
            return
        rc, out, err = self.module.run_command(self.params["check"], use_unsafe_shell=True)
        if rc != 0:
            words = err.strip() or out.strip()
            self.module.fail_json(msg=f"{self.name} was not touched, its configuration does not pass: {words}")

    def apply(self, action):
        """Do it, and fail with the unit's last journal lines when systemd is not content."""
        if action == "start":
            ledger.note("services", [self.name])
        if self.params["enabled"] and self.state.get("UnitFileState") == "disabled":
            self.systemctl("enable", self.name)
        if action == "enable":
            return
        if action == "start":
            self.systemctl("reset-failed", self.name)
        rc, words = self.systemctl(action, self.name)
        if rc != 0:
            self.module.fail_json(msg=f"systemctl {action} {self.name} failed: {words}", journal=self.journal())

    def journal(self):
        """The unit's last lines."""
        rc, out, err = self.module.run_command(
            ["journalctl", "-u", self.name, "-n", "15", "--no-pager", "-o", "cat"]
        )
        return out.strip()

    def wait_healthy(self, action):
        """Try the health command until it succeeds or the time is over."""
        command = self.params["healthy"] or f"systemctl is-active --quiet {self.name}"
        deadline = time.monotonic() + self.params["timeout"]
        while True:
            rc, out, err = self.module.run_command(command, use_unsafe_shell=True)
            if rc == 0:
                return
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
        self.module.fail_json(
            msg=f"{self.name} is not healthy {self.params['timeout']} s after its {action}: "
            f"{(err or out).strip() or 'the health command failed: ' + command}",
            journal=self.journal(),
        )


def main():
    paths = {"type": "list", "elements": "path", "default": []}
    module = AnsibleModule(
        argument_spec={
            "service": {"type": "str", "required": True},
            "config": paths,
            "restart_config": paths,
            "check": {"type": "str"},
            "reload": {"type": "bool", "default": True},
            "healthy": {"type": "str"},
            "timeout": {"type": "int", "default": 10},
            "enabled": {"type": "bool", "default": True},
            "canary": {"type": "bool", "default": False},
            "carries": {"type": "str"},
            "spare": {"type": "str"},
            "look": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    service = Service(module)
    if service.state.get("LoadState") == "not-found" and not module.check_mode:
        module.fail_json(msg=f"there is no unit {service.name} on this node; is its package installed?")
    action = service.needed()
    if service.spared(action):
        module.exit_json(changed=module.check_mode, action="none", spared=True)
    if action == "none" or module.check_mode or module.params["look"]:
        looking = module.params["look"]
        carries = service.carries() if looking and action != "none" else 0
        module.exit_json(
            changed=action != "none" and not looking, action=action, running=service.running, carries=carries
        )
    service.learn_units()
    service.prove()
    service.apply(action)
    service.wait_healthy(action)
    service.record()
    module.exit_json(changed=True, action=action)


if __name__ == "__main__":
    main()
