#!/usr/bin/python
"""One node of a MySQL group: what it shows, and how it begins or joins its group."""

import os
import shutil
import tempfile
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cluster.core.plugins.module_utils import mysql_server
from ansible_collections.cluster.core.plugins.module_utils.mysql_server import Server, text

DOCUMENTATION = r"""
module: group_replication
short_description: Have a node of a MySQL group in its group
description:
  - Where a group lives, a node that is in none joins it. Where none lives, the node whose transactions are a
    superset of all others' begins it, but only when every node was seen; the action plugin of that name decides.
  - The server is started where it does not run, which forms no group; it is restarted for its configuration only
    while it is in none. A node that is in its group is left alone.
  - It is the unit C(join) that joins, here and whenever the server was away. This module waits for it.
  - Passwords reach the server by the standard input of its client.
options:
  members: {description: 'The nodes with data, in a fixed order.', type: list, elements: str, required: true}
  name: {description: Name of the group., type: str, required: true}
  group: {description: The UUID with which the group numbers its transactions., type: str, required: true}
  account: {description: As whom a node fetches from another., type: str, required: true}
  passwords:
    description: The account's passwords that are let in, the one to use first.
    type: list
    elements: str
    required: true
  config: {description: Configuration that the server must have read., type: list, elements: path, default: []}
  join: {description: The unit that joins., type: str, default: cluster-group-join}
  timeout: {description: Seconds a node may take to join with all its data., type: int, default: 3600}
  do:
    description: For the action plugin.
    type: str
    choices: [look, begin, join]
    default: look
  copy: {description: Let a node without data be given all of it at once., type: bool, default: false}
author: the cluster maintainers
"""

EXAMPLES = r"""
- name: Have the node in its group
  cluster.core.group_replication:
    name: shop-main
    group: 6f1b6f9a-8f0c-5f6f-9a53-0a4a52f0c0de
    members: [db1, db2, db3]
    account: cluster_replication
    passwords: "{{ lookup('cluster.core.secret', 'database_main.cluster_replication', valid=true) }}"
"""

RETURN = r"""
look: {description: What the node shows., type: dict, returned: always}
"""

UNIT, DATA = "mysql", "/var/lib/mysql"
CHANNEL = "group_replication_recovery"
OURS = ("information_schema", "mysql", "performance_schema", "sys")
RESTORE = "that goes on, or is taken back, by `cluster restore` (cluster status shows how)"
PERIOD = 0.5
VIEW = """SELECT member_id = @@server_uuid, member_state, member_role
  FROM performance_schema.replication_group_members"""
HAS = """SELECT @@GLOBAL.gtid_executed;
SELECT received_transaction_set FROM performance_schema.replication_connection_status
  WHERE channel_name = 'group_replication_applier'"""
CLOSED = """SELECT @@GLOBAL.super_read_only;
SELECT enabled FROM mysql.replication_group_member_actions
  WHERE name = 'mysql_disable_super_read_only_if_primary'"""
# What the package's own first start does with an empty data directory (its postinst).
FIRST_STATEMENTS = """USE mysql;
INSTALL PLUGIN auth_socket SONAME 'auth_socket.so';
ALTER USER 'root'@'localhost' IDENTIFIED WITH 'auth_socket';
"""
RIGHTS = (
    "GRANT REPLICATION SLAVE, CONNECTION_ADMIN, BACKUP_ADMIN, GROUP_REPLICATION_STREAM ON *.* TO {}",
    "GRANT SELECT ON performance_schema.replication_group_members TO {}",
)


class Node:
    """The server of this node."""

    def __init__(self, module):
        self.module, self.params, self.server = module, module.params, Server(module)
        self.changed = False

    def systemctl(self, *words):
        """Run systemctl; its output."""
        return self.module.run_command(["systemctl", *words])[1].strip()

    def look(self):
        """What the action plugin decides by. In check mode a server that does not run stays so."""
        if not self.module.check_mode:
            self.have_running()
        rows = self.server.heard(VIEW)
        if rows is None:
            return {"state": "", "live": False, "has": "", "new": not os.path.isdir(f"{DATA}/mysql")}
        state = next((row[1] for row in rows if row[0] == "1"), "OFFLINE")
        has = self.transactions()
        return {"state": state, "live": lives(state, rows), "has": has, "new": self.is_new(has)}

    def transactions(self):
        """All it has executed or received; a set has a line for each who numbered some."""
        return ", ".join(row[0].rstrip(",") for row in self.server.ask(HAS) if row and row[0])

    def is_new(self, has):
        """Whether it holds nobody's data and never was in this group."""
        schemas = {row[0] for row in self.server.ask("SHOW DATABASES")}
        return schemas <= set(OURS) and self.params["group"] not in has

    def have_running(self):
        """Start the server where it does not run, and anew where it is in no group with an old configuration."""
        if self.systemctl("is-enabled", UNIT) == "masked":
            self.module.fail_json(msg=f"{UNIT} is kept from starting: its data is being exchanged, and {RESTORE}")
        if not os.path.isdir(f"{DATA}/mysql"):
            self.systemctl("stop", UNIT)
            self.initialize()
        active = self.systemctl("is-active", UNIT)
        if active not in ("active", "activating", "reloading"):
            self.systemctl("daemon-reload")
            self.systemctl("reset-failed", UNIT)
            self.control("start")
        elif active == "active" and self.is_outdated() and not self.is_member():
            self.systemctl("daemon-reload")
            self.systemctl("stop", self.params["join"])  # a server that is about to join takes a minute to end
            self.control("restart")
            self.systemctl("start", self.params["join"])
        self.wait("the server to answer", lambda: self.server.heard("SELECT 1") is not None)

    def initialize(self):
        """Make an empty data directory a server's."""
        folder = tempfile.mkdtemp()
        try:
            script = os.path.join(folder, "first.sql")
            with open(script, "w", encoding="utf-8") as handle:
                handle.write(FIRST_STATEMENTS)
            for path in (folder, script):
                shutil.chown(path, "mysql", "mysql")
            words = ["mysqld", "--no-defaults", "--initialize-insecure", "--user=mysql", f"--init-file={script}"]
            rc, out, err = self.module.run_command(words)
        finally:
            shutil.rmtree(folder)
        if rc != 0:
            self.module.fail_json(msg=f"the data directory could not be made: {(err or out).strip()[-600:]}")
        self.changed = True

    def is_outdated(self):
        """Whether the configuration is newer than the server's start."""
        started = self.systemctl("show", "--timestamp=unix", "--value", "-p", "ActiveEnterTimestamp", UNIT)
        files = [path for path in self.params["config"] if os.path.exists(path)]
        return max((os.stat(path).st_ctime for path in files), default=0) >= float(started.lstrip("@") or 0)

    def is_member(self):
        """Whether it is in a group, or on the way into one."""
        rows = self.server.heard(VIEW) or []
        return any(row[0] == "1" and row[1] in ("ONLINE", "RECOVERING") for row in rows)

    def control(self, verb):
        """Have systemd do it."""
        rc, out, err = self.module.run_command(["systemctl", verb, UNIT])
        if rc != 0:
            self.fail(f"systemctl {verb} {UNIT} failed: {(err or out).strip()}")
        self.changed = True

    def have_account(self, state):
        """The account as whom nodes fetch, and this node's use of it.

        In a group it comes from the primary. Outside of one it is made on each node by itself, and not logged, so
        that a node's set of transactions stays that of the group.
        """
        apart = state not in ("ONLINE", "RECOVERING")
        writes = self.server.ask("SELECT @@GLOBAL.super_read_only")[0][0] == "0"
        said = list(self.account_statements()) if apart or writes else []
        if said and not self.module.check_mode:
            before = ["SET GLOBAL super_read_only = OFF", "SET SQL_LOG_BIN = 0"] if apart else []
            after = ["SET GLOBAL super_read_only = ON"] if apart else []
            self.server.ask(";\n".join([*before, *said, *after]) + ";\n")
        self.changed |= bool(said)
        name, word = self.params["account"], self.params["passwords"][0]
        kept = self.server.ask(
            f"SELECT User_name, HEX(User_password) FROM mysql.slave_master_info WHERE Channel_name = '{CHANNEL}'"
        )
        if kept != [[name, word.encode().hex().upper()]]:
            self.changed = True
            if not self.module.check_mode:
                how = f"SOURCE_USER = {text(name)}, SOURCE_PASSWORD = {text(word)}"
                self.server.ask(f"CHANGE REPLICATION SOURCE TO {how} FOR CHANNEL '{CHANNEL}'")

    def account_statements(self):
        """What has to be said for the account to be there, with no more rights than it needs."""
        name = self.params["account"]
        stored = self.server.passwords(name)
        yield from mysql_server.let_in(f"`{name}`@`%`", stored, self.params["passwords"])
        granted = (
            "" if not stored else " ".join(row[0] for row in self.server.ask(f"SHOW GRANTS FOR `{name}`@`%`"))
        )
        if "GROUP_REPLICATION_STREAM" not in granted or "replication_group_members" not in granted:
            yield from (each.format(f"`{name}`@`%`") for each in RIGHTS)

    def begin(self):
        """Begin the group here: whoever decided has compared all nodes.

        Clients are let in when it has: commits that meet the first view were seen to wait for good (9.7.4).
        """
        self.leave()
        self.forget_strays()
        self.have_account("OFFLINE")
        self.server.ask("SET GLOBAL offline_mode = ON; SET GLOBAL group_replication_bootstrap_group = ON")
        try:
            rc, out, err = self.module.run_command(Server.CLIENT, data="START GROUP_REPLICATION")
        finally:
            self.server.ask("SET GLOBAL group_replication_bootstrap_group = OFF; SET GLOBAL offline_mode = OFF")
        if rc != 0:
            self.fail(f"the group could not be begun: {err.strip()}")
        self.wait("the group to be ready", self.is_primary)

    def join(self):
        """Have the unit that joins do so, and wait until the node has all data.

        The unit can do nothing before it knows the account, so all is ready by then.
        """
        if not self.is_member():
            self.forget_strays()
            if self.params["copy"]:
                self.server.ask("SET GLOBAL group_replication_clone_threshold = 1")  # until its next start
            self.have_account("OFFLINE")
        self.systemctl("restart", self.params["join"])
        self.wait("the node to have all data", self.is_online)

    def leave(self):
        """Leave what is left of a group without a majority."""
        if self.server.ask(VIEW)[0][1:2] != ["OFFLINE"]:
            self.server.ask("STOP GROUP_REPLICATION")

    def forget_strays(self):
        """A node without data keeps no transactions of its own: with them, no group would let it in."""
        has = self.transactions()
        if has and self.is_new(has) and not self.is_member():
            self.server.ask("RESET BINARY LOGS AND GTIDS")

    def is_online(self):
        rows = self.server.heard(VIEW) or []
        return any(row[:2] == ["1", "ONLINE"] for row in rows)

    def is_primary(self):
        """Whether it takes writes, or would if the database were not fenced."""
        rows = self.server.heard(VIEW) or []
        return ["1", "ONLINE", "PRIMARY"] in rows and ["0"] in (self.server.heard(CLOSED) or [])

    def wait(self, what, condition):
        """Until the condition holds; the task fails when the time is over or the server ends."""
        deadline = time.monotonic() + self.params["timeout"]
        while not condition():
            if self.systemctl("is-active", UNIT) == "failed":
                self.fail("the server ended")
            if time.monotonic() > deadline:
                self.fail(f"waited {self.params['timeout']} s for {what}")
            time.sleep(PERIOD)

    def fail(self, why):
        """End with the last words of the server and of who joins."""
        units = ["-u", UNIT, "-u", self.params["join"]]
        said = self.module.run_command(["journalctl", *units, "-n", "15", "--no-pager", "-o", "cat"])[1]
        self.module.fail_json(msg=why, journal=said.strip())


def lives(state, rows):
    """Whether a node in this state sees a group that has a primary, and a majority in reach."""
    away = sum(row[1] == "UNREACHABLE" for row in rows)
    primary = any(row[1:] == ["ONLINE", "PRIMARY"] for row in rows)
    return state in ("ONLINE", "RECOVERING") and primary and 2 * away < len(rows)


def main():
    module = AnsibleModule(
        argument_spec={
            "members": {"type": "list", "elements": "str", "required": True},
            "name": {"type": "str", "required": True},
            "group": {"type": "str", "required": True},
            "account": {"type": "str", "required": True},
            "passwords": {"type": "list", "elements": "str", "required": True, "no_log": True},
            "config": {"type": "list", "elements": "path", "default": []},
            "join": {"type": "str", "default": "cluster-group-join"},
            "timeout": {"type": "int", "default": 3600},
            "do": {"type": "str", "choices": ["look", "begin", "join"], "default": "look"},
            "copy": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    node, do = Node(module), module.params["do"]
    look = node.look()
    if do == "look" or module.check_mode:
        if look["state"] == "ONLINE":
            node.have_account(look["state"])
        module.exit_json(changed=node.changed, look=look)
    if do == "begin":
        node.begin()
    else:
        node.join()
    module.exit_json(changed=True, look=node.look())


if __name__ == "__main__":
    main()
