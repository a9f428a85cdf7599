#!/usr/bin/python
"""Undo what the ledger of a node says we did."""

import grp
import os
import shutil

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cluster.core.plugins.module_utils import ledger

DOCUMENTATION = r"""
module: undo
short_description: Remove from a node what was installed on it
description:
  - Stops the services that were started, takes our packet filter away, deletes the files that were made, puts the
    originals of replaced files back, and purges the packages that were installed. Each only where the ledger of
    the node says it was our doing.
  - Services that were there before read their own configuration again.
  - Accounts, the hostname, the time zone and the content of web sites stay; kernel settings until the next boot.
options: {}
author: the cluster maintainers
"""

EXAMPLES = r"""
- name: Remove what was installed
  cluster.core.undo:
"""

RETURN = r"""
removed:
  description: What was undone, by kind.
  type: dict
  returned: always
"""

# Purging the server would take the databases with it, unless its question is answered.
KEEP_DATA = "mariadb-server mariadb-server/postrm_remove_databases boolean false\n"
APT = ["apt-get", "-yq", "-o", "DPkg::Lock::Timeout=120", "purge"]


def run(module, words, data=None):
    """Run a program that must succeed. data: for its standard input."""
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    rc, out, err = module.run_command(words, environ_update=quiet, data=data)
    if rc != 0:
        module.fail_json(msg=f"{' '.join(words[:2])} failed: {(err or out).strip()}")


def lock_operators(module):
    """Operators' accounts stay with their files; without our settings, keys of their own would let them in."""
    try:
        members = grp.getgrnam("cluster-operators").gr_mem
    except KeyError:
        return
    for name in members:
        run(module, ["usermod", "--expiredate", "1", name])


def is_unit(module, name):
    """Whether systemd still knows the unit."""
    rc, out, err = module.run_command(["systemctl", "show", "-p", "LoadState", "--value", name])
    return out.strip() == "loaded"


def purge(module, packages):
    """Purge what we installed, but nothing that somebody else put on top of it since."""
    there = [name for name in packages if module.run_command(["dpkg", "-s", name])[0] == 0]
    if not there:
        return
    rc, out, err = module.run_command(["apt-get", "-s", "purge", *there])
    goes = {line.split()[1] for line in out.splitlines() if line.startswith(("Purg ", "Remv "))}
    others = sorted(goes - set(there))
    if rc != 0 or others:
        why = f"{', '.join(others)} would go with it" if others else err.strip()
        module.fail_json(msg=f"the packages we installed were left alone: {why}; files and services are put back")
    if "mariadb-server" in there:
        run(module, ["debconf-set-selections"], data=KEEP_DATA)
    run(module, [*APT, *there])


def put_back(found):
    """Files: ours go, the originals return."""
    for path in found["created"]:
        if os.path.lexists(path):
            os.unlink(path)
    for path in found["replaced"]:
        kept = ledger.original(path)
        if os.path.exists(kept):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if os.path.ismount(path):
                shutil.copyfile(kept, path)
            else:
                ledger.keep_owner(kept, path + ".cluster-old")
                os.rename(path + ".cluster-old", path)


def give_back(found):
    """Owner and mode of what stays."""
    for path, uid, gid, mode in found["modes"]:
        if os.path.exists(path):
            os.chown(path, uid, gid)
            os.chmod(path, mode)


def main():
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    found = ledger.read()
    changed = any(found.values())
    if changed and not module.check_mode:
        for service in found["services"]:
            if is_unit(module, service):
                run(module, ["systemctl", "stop", service])
        for table in found["tables"]:  # also where its service was never started
            if module.run_command(["nft", "list", "table", *table.split()])[0] == 0:
                run(module, ["nft", "delete", "table", *table.split()])
        lock_operators(module)
        put_back(found)
        give_back(found)
        run(module, ["systemctl", "daemon-reload"])
        purge(module, found["packages"])
        if is_unit(module, "ssh"):
            run(module, ["systemctl", "try-reload-or-restart", "ssh"])
        shutil.rmtree(ledger.FOLDER)
        shutil.rmtree("/run/cluster", ignore_errors=True)
    module.exit_json(changed=changed, removed=found)


if __name__ == "__main__":
    main()
