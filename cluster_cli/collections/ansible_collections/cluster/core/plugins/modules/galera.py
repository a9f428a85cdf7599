#!/usr/bin/python
"""One node of a Galera cluster: what it shows, and how it is started."""

import contextlib
import json
import os
import re
import time

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: galera
short_description: Have a node of a Galera cluster in its group
description:
  - Where a group lives, a node that does not run joins it, one at a time. Where none lives, the node with the
    highest seqno begins it, but only when every node was seen; the action plugin of the same name decides.
  - A node that runs is left alone.
options:
  members: {description: 'The nodes with data, in a fixed order.', type: list, elements: str, required: true}
  name: {description: Name of the group., type: str, required: true}
  timeout: {description: Seconds a node may take to join with all its data., type: int, default: 86400}
  lost:
    description:
      - Nodes that an operator declared lost for good. Nobody waits for what they have.
    type: list
    elements: str
    default: []
  do:
    description: For the action plugin.
    type: str
    choices: [look, begin, join, wait, stop]
    default: look
author: the cluster maintainers
"""

EXAMPLES = r"""
- name: Have the node in its group
  cluster.core.galera:
    name: shop-main
    members: [db1, db2, db3]
"""

RETURN = r"""
look: {description: What the node shows., type: dict, returned: when only looking}
joined: {description: Whether it has all data., type: bool, returned: after a start}
receiving: {description: Whether a copy is coming in., type: bool, returned: after a start}
megabytes: {description: How much lies in its data directory., type: int, returned: after a start}
"""

UNIT = "mariadb"
LOOK = "/usr/local/lib/cluster/galera-look"
DATA = "/var/lib/mysql"
STATE = f"{DATA}/grastate.dat"
VIEW = f"{DATA}/gvwstate.dat"  # the group it would wait for
SYNCED = "4"
PERIOD = 0.5


class Node:
    """The server of this node."""

    def __init__(self, module):
        self.module = module

    def status(self):
        """Its wsrep status as a dict; empty when it does not answer."""
        words = ["mariadb", "--no-defaults", "--connect-timeout=3", "-BNe", "SHOW STATUS LIKE 'wsrep%'"]
        rc, out, err = self.module.run_command(words)
        return dict(line.split("\t", 1) for line in out.splitlines() if "\t" in line) if rc == 0 else {}

    def active(self):
        """systemd's word for it."""
        return self.module.run_command(["systemctl", "is-active", UNIT])[1].strip()

    def look(self):
        """What the action plugin decides by."""
        rc, out, err = self.module.run_command(["python3", "-I", LOOK])
        if rc != 0:
            self.module.fail_json(msg=f"it cannot be told what this node has: {err.strip()}")
        return json.loads(out)

    def start(self, begin):
        """Start it, as the first of its group or into one; whether it has all data in time."""
        self.module.run_command(["systemctl", "enable", UNIT])
        self.module.run_command(["systemctl", "reset-failed", UNIT])
        if begin:
            self.may_begin()
        words = ["galera_new_cluster"] if begin else ["systemctl", "start", "--no-block", UNIT]
        rc, out, err = self.module.run_command(words)
        if rc != 0:
            self.fail(f"{' '.join(words)} failed: {(err or out).strip()}")
        return self.wait()

    def wait(self):
        """Wait until it has all data; whether it has after `timeout` seconds."""
        deadline = time.monotonic() + self.module.params["timeout"]
        while time.monotonic() < deadline:
            if self.status().get("wsrep_local_state") == SYNCED:
                return True
            if self.active() in ("failed", "inactive"):
                self.fail("the server ended while it joined")
            time.sleep(PERIOD)
        return False

    def receiving(self):
        """Whether a copy is coming in: the group has taken it, and it asked for all data."""
        return self.module.run_command(["pgrep", "--full", "wsrep_sst_mariabackup"])[0] == 0

    def may_begin(self):
        """Let Galera begin a group here: whoever decided has compared all nodes."""
        if os.path.exists(VIEW):
            os.unlink(VIEW)
        if os.path.exists(STATE):
            with open(STATE, encoding="utf-8") as handle:
                text = handle.read()
            with open(STATE, "w", encoding="utf-8") as handle:
                handle.write(re.sub(r"safe_to_bootstrap: *\d", "safe_to_bootstrap: 1", text))

    def stop(self):
        """End a server that waits for a group that does not come; it takes no orders while it waits."""
        for words in (["kill", "--signal=KILL", UNIT], ["stop", UNIT], ["reset-failed", UNIT]):
            self.module.run_command(["systemctl", *words])

    def fail(self, why):
        """End with the server's last words."""
        rc, out, err = self.module.run_command(["journalctl", "-u", UNIT, "-n", "15", "--no-pager", "-o", "cat"])
        self.module.fail_json(msg=why, journal=out.strip())


def megabytes():
    """How much lies in the data directory."""
    found = 0
    for folder, _, names in os.walk(DATA):
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # a temporary file
                found += os.stat(os.path.join(folder, name)).st_blocks * 512
    return found >> 20


def main():
    module = AnsibleModule(
        argument_spec={
            "members": {"type": "list", "elements": "str", "required": True},
            "name": {"type": "str", "required": True},
            "timeout": {"type": "int", "default": 86400},
            "lost": {"type": "list", "elements": "str", "default": []},
            "do": {"type": "str", "choices": ["look", "begin", "join", "wait", "stop"], "default": "look"},
        },
        supports_check_mode=True,
    )
    node, do = Node(module), module.params["do"]
    if do == "look" or module.check_mode:
        module.exit_json(changed=False, look=node.look())
    if do == "stop":
        node.stop()
        module.exit_json(changed=True, look=node.look())
    joined = node.wait() if do == "wait" else node.start(begin=do == "begin")
    module.exit_json(changed=True, joined=joined, receiving=node.receiving(), megabytes=megabytes())


if __name__ == "__main__":
    main()
