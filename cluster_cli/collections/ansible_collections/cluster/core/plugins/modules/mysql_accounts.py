#!/usr/bin/python
"""Schemas and accounts of a MySQL server, as root over its socket."""

import re

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cluster.core.plugins.module_utils.database_accounts import (
    ARGUMENTS,
    DOORBELL,
    OWNER,
    RIGHTS,
)
from ansible_collections.cluster.core.plugins.module_utils.mysql_server import Server, let_in, text, told

DOCUMENTATION = r"""
module: mysql_accounts
short_description: Have schemas and accounts in a MySQL server
description:
  - Makes schemas and accounts that are missing and changes what differs. Drops no schema.
  - Accounts that are not named are left alone.
  - An anonymous account and the schema C(test) are removed.
  - Every account must come over TLS. Passwords reach the server by the standard input of its client.
  - A server that takes no writes (super_read_only) is left alone; what the one that does is told comes to it.
extends_documentation_fragment: [cluster.core.database_accounts]
author: the cluster maintainers
"""

EXAMPLES = r"""
- name: Make the shop's account
  cluster.core.mysql_accounts:
    schemas: [shop]
    accounts: [{name: shop, passwords: ["{{ lookup('cluster.core.secret', 'database_main.shop') }}"],
                schemas: [shop], rights: write}]
"""

RETURN = r"""
statements: {description: What was said to the server., type: list, elements: str, returned: always}
"""

DOORBELL_SEES = (
    "replication_applier_status",
    "replication_applier_status_by_worker",
    "replication_connection_status",
    "replication_group_members",
)


def known(server):
    """(name, host) -> (comes over TLS only, is locked, how it proves itself)."""
    rows = server.ask("SELECT user, host, ssl_type <> '', account_locked = 'Y', plugin FROM mysql.user")
    return {(row[0], row[1]): (row[2] == "1", row[3] == "1", row[4]) for row in rows}


def grants(server, who):
    """What SHOW GRANTS says, in whatever order the rights stand."""
    return {in_order(row[0]) for row in server.ask(f"SHOW GRANTS FOR {who}")}


def in_order(grant):
    """A GRANT with its rights sorted. To whom it has given all there are for a schema, the server says so."""
    found = re.fullmatch(r"GRANT (.*) ON (.*) TO .*", grant)
    if not found:
        return frozenset(), grant
    said, where = found[1], found[2]
    whole = said == "ALL PRIVILEGES" and where.endswith("`.*") and not where.startswith("*")
    return frozenset(OWNER if whole else said.split(", ")), where


def wanted_grants(account):
    """(rights, on what) of an account. An underscore in the name of a schema would stand for any letter."""
    rights = RIGHTS[account["rights"]]
    return [(rights, "`{}`.*".format(schema.replace("_", r"\_"))) for schema in account["schemas"]]


def granted(server, who, wanted, is_new):
    """The statements after which an account may do what is wanted and no more."""
    seen = set() if is_new else grants(server, who)
    if seen == {(frozenset(["USAGE"]), "*.*"), *((frozenset(rights), where) for rights, where in wanted)}:
        return
    if not is_new:
        yield f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {who}"
    for rights, where in wanted:
        yield f"GRANT {', '.join(rights)} ON {where} TO {who}"


def account_statements(server, accounts, account):
    """What has to be said for the account of an application."""
    name, who = account["name"], f"`{account['name']}`@`%`"
    tls, locked, how = accounts.get((name, "%"), (False, False, ""))
    is_new = how != "caching_sha2_password"
    if how and is_new:
        yield f"DROP USER {who}"
    yield from let_in(who, () if is_new else server.passwords(name), account["passwords"])
    if not is_new and not tls:
        yield f"ALTER USER {who} REQUIRE SSL"
    if locked and not is_new:
        yield f"ALTER USER {who} ACCOUNT UNLOCK"
    yield from granted(server, who, wanted_grants(account), is_new)


# How the server is, and no row of an application.
WATCHES = [(("PROCESS", "REPLICATION CLIENT"), "*.*"), (("SELECT",), "`performance_schema`.*")]


# The account the server runs as, which reads the files of all data anyhow: copies, logs, digests for backups.
COPIER = "mysql"
COPIES = [
    (("SELECT", "RELOAD", "PROCESS", "REPLICATION SLAVE", "REPLICATION CLIENT"), "*.*"),
    (("BACKUP_ADMIN",), "*.*"),
]


def helper_statements(server, accounts, helper, wanted):
    """What has to be said for an account of the system that is to have these rights at least."""
    who, is_new = f"`{helper}`@`localhost`", (helper, "localhost") not in accounts
    if is_new:
        yield f"CREATE USER {who} IDENTIFIED WITH auth_socket"
    seen = set() if is_new else grants(server, who)
    if not {(frozenset(rights), where) for rights, where in wanted} <= seen:
        yield from (f"GRANT {', '.join(rights)} ON {where} TO {who}" for rights, where in wanted)


def statements(server, wanted_schemas, wanted, watcher=""):
    """What has to be said to the server."""
    schemas, accounts = {row[0] for row in server.ask("SHOW DATABASES")}, known(server)
    yield from (f"CREATE SCHEMA `{name}` CHARACTER SET utf8mb4" for name in wanted_schemas if name not in schemas)
    if "test" in schemas and "test" not in wanted_schemas:
        yield "DROP SCHEMA test"
    yield from (f"DROP USER ''@{text(host)}" for user, host in accounts if user == "")
    who, is_new = f"`{DOORBELL}`@`localhost`", (DOORBELL, "localhost") not in accounts
    if is_new:
        yield f"CREATE USER {who} IDENTIFIED WITH auth_socket"
    yield from granted(
        server, who, [(("SELECT",), f"`performance_schema`.`{each}`") for each in DOORBELL_SEES], is_new
    )
    if watcher:
        yield from helper_statements(server, accounts, watcher, WATCHES)
    yield from helper_statements(server, accounts, COPIER, COPIES)
    for account in wanted:
        yield from account_statements(server, accounts, account)


def refuse_to_wait(module, server):
    """Fail where no replica acknowledges: an account statement that waits for one lets nobody log in."""
    waits = server.ask("SHOW GLOBAL VARIABLES LIKE 'rpl\\_semi\\_sync\\_source\\_enabled'")
    clients = server.ask("SHOW GLOBAL STATUS LIKE 'rpl\\_semi\\_sync\\_source\\_clients'")
    if waits[:1] and waits[0][1] == "ON" and clients[:1] and clients[0][1] == "0":
        module.fail_json(
            msg="no replica acknowledges, so accounts and schemas cannot be changed now. "
            "Next: bring one back (cluster status, cluster rejoin NODE), then run this again"
        )


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    server = Server(module)
    if module.check_mode and server.heard("SELECT 1") is None:  # the server is only to come
        module.exit_json(changed=bool(module.params["schemas"] or module.params["accounts"]), statements=[])
    if server.ask("SELECT @@GLOBAL.super_read_only") != [["0"]]:
        module.exit_json(changed=False, statements=[])
    said = list(statements(server, module.params["schemas"], module.params["accounts"], module.params["watcher"]))
    if said and not module.check_mode:
        refuse_to_wait(module, server)
        server.ask(";\n".join(said) + ";\n")
    module.exit_json(changed=bool(said), statements=[told(each) for each in said])


if __name__ == "__main__":
    main()
