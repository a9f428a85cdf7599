#!/usr/bin/python
"""Schemas and accounts of a MariaDB server, as root over its socket."""

import hashlib
import re

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cluster.core.plugins.module_utils.database_accounts import ARGUMENTS, DOORBELL, RIGHTS

DOCUMENTATION = r"""
module: mariadb_accounts
short_description: Have schemas and accounts in a MariaDB server
description:
  - Makes schemas and accounts that are missing and changes what differs. Drops no schema.
  - Accounts that are not named are left alone.
  - An anonymous account and the schema C(test) are removed.
  - Every account must come over TLS. Passwords reach the server by the standard input of its client.
options:
  follower:
    description:
      - Passwords of C(cluster_replication), as which a server follows that is no node of it, two at most.
      - None where there is no such server.
    type: list
    elements: str
    default: []
extends_documentation_fragment: [cluster.core.database_accounts]
author: the cluster maintainers
"""

EXAMPLES = r"""
- name: Make the shop's account
  cluster.core.mariadb_accounts:
    schemas: [shop]
    accounts: [{name: shop, passwords: ["{{ lookup('cluster.core.secret', 'database_main.shop') }}"],
                schemas: [shop], rights: write}]
"""

RETURN = r"""
statements: {description: What was said to the server., type: list, elements: str, returned: always}
"""


def native(password):
    """What mysql_native_password keeps of a password (its documentation)."""
    return "*" + hashlib.sha1(hashlib.sha1(password.encode()).digest()).hexdigest().upper()


class Server:
    """The server, by its own client."""

    def __init__(self, module):
        self.module = module

    def ask(self, sql):
        """Rows as lists of texts."""
        words = ["mariadb", "--no-defaults", "-BN", "--raw"]
        rc, out, err = self.module.run_command(words, data=sql)
        if rc != 0:
            self.module.fail_json(msg=f"the server refused: {err.strip()}")
        return [line.split("\t") for line in out.splitlines()]

    def schemas(self):
        return {row[0] for row in self.ask("SHOW DATABASES")}

    def accounts(self):
        """name -> (host, hash or hashes, locked) of all accounts that may come over the network."""
        return {(row[0], row[1]) for row in self.ask("SELECT user, host FROM mysql.global_priv")}

    def described(self, name):
        """How the server describes an account: the texts of SHOW CREATE USER and SHOW GRANTS."""
        created = self.ask(f"SHOW CREATE USER `{name}`@`%`")[0][0]
        granted = {re.sub(r" IDENTIFIED .*", "", row[0]) for row in self.ask(f"SHOW GRANTS FOR `{name}`@`%`")}
        return created, granted


def identified(hashes):
    """The clause that lets in whoever knows one of these passwords."""
    return " OR ".join(f"mysql_native_password USING '{each}'" for each in hashes)


def lets_in(created, passwords):
    """Whether SHOW CREATE USER tells of an account that comes over TLS with these passwords and no other."""
    hashes = set(re.findall(r"\*[0-9A-F]{40}", created))
    return hashes == {native(each) for each in passwords} and "REQUIRE SSL" in created and "LOCK" not in created


def grants(account):
    """What gives an account its rights."""
    if account["rights"] == FOLLOW:
        return [f"GRANT {FOLLOW} ON *.* TO `{account['name']}`@`%`"]
    rights = ", ".join(RIGHTS[account["rights"]])
    return [f"GRANT {rights} ON `{schema}`.* TO `{account['name']}`@`%`" for schema in account["schemas"]]


def granted(account):
    """What SHOW GRANTS is to say of an account's rights, without how it proves itself."""
    none = [] if account["rights"] == FOLLOW else [f"GRANT USAGE ON *.* TO `{account['name']}`@`%`"]
    return {*none, *grants(account)}


def same_grants(seen, wanted):
    """Whether both say the same, in whatever order the rights stand."""
    return {in_order(text) for text in seen} == {in_order(text) for text in wanted}


def in_order(text):
    """A GRANT with its rights sorted."""
    found = re.fullmatch(r"GRANT (.*) ON (.*)", text)
    return (frozenset(found[1].split(", ")), found[2]) if found else (frozenset(), text)


FOLLOW = "REPLICATION SLAVE"
FOLLOWER = {"name": "cluster_replication", "schemas": [], "rights": FOLLOW}
WATCHES = ("BINLOG MONITOR", "PROCESS", "SLAVE MONITOR")  # how the server is, and no row of it


def watcher_statements(server, accounts, watcher):
    """What has to be said for the account that watches."""
    who, is_new = f"`{watcher}`@localhost", (watcher, "localhost") not in accounts
    if is_new:
        yield f"CREATE USER {who} IDENTIFIED VIA unix_socket"
    seen = [] if is_new else [row[0] for row in server.ask(f"SHOW GRANTS FOR {who}")]
    if not any(all(right in grant for right in WATCHES) for grant in seen):
        yield f"GRANT {', '.join(WATCHES)} ON *.* TO {who}"


def statements(server, wanted_schemas, wanted, watcher=""):
    """What has to be said to the server."""
    schemas, accounts = server.schemas(), server.accounts()
    yield from (f"CREATE SCHEMA `{name}` CHARACTER SET utf8mb4" for name in wanted_schemas if name not in schemas)
    if "test" in schemas and "test" not in wanted_schemas:
        yield "DROP SCHEMA test"
    yield from (f"DROP USER ''@'{host}'" for user, host in accounts if user == "")
    if (DOORBELL, "localhost") not in accounts:
        yield f"CREATE USER `{DOORBELL}`@localhost IDENTIFIED VIA unix_socket"
    if watcher:
        yield from watcher_statements(server, accounts, watcher)
    for account in wanted:
        name, clause = account["name"], identified([native(each) for each in account["passwords"]])
        who = f"`{name}`@`%`"
        created, seen = server.described(name) if (name, "%") in accounts else ("", set())
        if not created:
            yield f"CREATE USER {who} IDENTIFIED VIA {clause} REQUIRE SSL"
        elif not lets_in(created, account["passwords"]):
            yield f"ALTER USER {who} IDENTIFIED VIA {clause} REQUIRE SSL ACCOUNT UNLOCK"
        if not same_grants(seen, granted(account)):
            if seen:
                yield f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {who}"
            yield from grants(account)


def main():
    follower = {"type": "list", "elements": "str", "default": [], "no_log": True}
    module = AnsibleModule(argument_spec={**ARGUMENTS, "follower": follower}, supports_check_mode=True)
    server, params = Server(module), module.params
    wanted = [
        *params["accounts"],
        *([{**FOLLOWER, "passwords": params["follower"]}] if params["follower"] else []),
    ]
    said = list(statements(server, params["schemas"], wanted, params["watcher"]))
    if said and not module.check_mode:
        server.ask(";\n".join(said) + ";\n")
    module.exit_json(changed=bool(said), statements=[re.sub(r"'\*[0-9A-F]+'", "'...'", each) for each in said])


if __name__ == "__main__":
    main()
