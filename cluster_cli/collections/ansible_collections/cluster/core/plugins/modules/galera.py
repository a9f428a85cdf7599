#!/usr/bin/python
"""One node of a Galera cluster: what it shows, and how it is started."""

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
  timeout: {description: Seconds a node may take to join with all its data., type: int, default: 3600}
  do:
    description: For the action plugin.
    type: str
    choices: [look, begin, join, stop]
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
look: {description: What the node shows., type: dict, returned: always}
"""

UNIT = "mariadb"
STATE = "/var/lib/mysql/grastate.dat"
VIEW = "/var/lib/mysql/gvwstate.dat"  # the group it would wait for
NOBODY = "00000000-0000-0000-0000-000000000000"
POSITION = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):(-?\d+)")
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

    def position(self):
        """The group its data belongs to, and the seqno, as a stopped node has them."""
        try:
            with open(STATE, encoding="utf-8") as handle:
                rows = dict(line.split(":", 1) for line in handle if ":" in line)
        except FileNotFoundError:
            return NOBODY, -1
        group, seqno = rows.get("uuid", NOBODY).strip(), int(rows.get("seqno", "-1"))
        if group == NOBODY or seqno >= 0:
            return group, seqno
        return self.recovered() or (group, seqno)

    def recovered(self):
        """The position in the data of a server that did not end well; None when it cannot be told."""
        words = ["mariadbd", "--user=mysql", "--wsrep-recover", "--log-error=/dev/stderr", "--skip-networking"]
        rc, out, err = self.module.run_command(words)
        found = POSITION.findall("\n".join(line for line in err.splitlines() if "Recovered position" in line))
        return (found[-1][0], int(found[-1][1])) if found else None

    def look(self):
        """What the action plugin decides by."""
        active = self.active()
        running = active in ("active", "activating", "reloading")
        status = self.status() if active == "active" else {}
        group, seqno = (status.get("wsrep_cluster_state_uuid", NOBODY), -1) if running else self.position()
        return {
            "running": running,
            "status": status.get("wsrep_cluster_status", ""),
            "group": group,
            "seqno": seqno,
        }

    def start(self, begin):
        """Start it, as the first of its group or into one, and wait until it has all data."""
        self.module.run_command(["systemctl", "enable", UNIT])
        self.module.run_command(["systemctl", "reset-failed", UNIT])
        if begin:
            self.may_begin()
        words = ["galera_new_cluster"] if begin else ["systemctl", "start", "--no-block", UNIT]
        rc, out, err = self.module.run_command(words)
        if rc != 0:
            self.fail(f"{' '.join(words)} failed: {(err or out).strip()}")
        deadline = time.monotonic() + self.module.params["timeout"]
        while time.monotonic() < deadline:
            if self.status().get("wsrep_local_state") == SYNCED:
                return
            if self.active() in ("failed", "inactive"):
                self.fail("the server ended while it joined")
            time.sleep(PERIOD)
        self.fail(f"it did not have all data after {self.module.params['timeout']} s")

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


def main():
    module = AnsibleModule(
        argument_spec={
            "members": {"type": "list", "elements": "str", "required": True},
            "name": {"type": "str", "required": True},
            "timeout": {"type": "int", "default": 3600},
            "do": {"type": "str", "choices": ["look", "begin", "join", "stop"], "default": "look"},
        },
        supports_check_mode=True,
    )
    node, do = Node(module), module.params["do"]
    if do == "look" or module.check_mode:
        module.exit_json(changed=False, look=node.look())
    if do == "stop":
        node.stop()
    else:
        node.start(begin=do == "begin")
    module.exit_json(changed=True, look=node.look())


if __name__ == "__main__":
    main()
