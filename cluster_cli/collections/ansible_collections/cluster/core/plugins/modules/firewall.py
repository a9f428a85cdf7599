#!/usr/bin/python
"""Run a node's packet filter, and take it back when it shuts us out."""

import ipaddress
import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cluster.core.plugins.module_utils import guard, ledger, way_back
from ansible_collections.cluster.core.plugins.module_utils.caller import calling

DOCUMENTATION = r"""
module: firewall
short_description: Run a packet filter of our own, and take it back when it shuts us out
description:
  - Loads the table C(inet cluster) at once, now and at boot. Other tables are not touched.
  - Refuses rules that would not let the caller in again, before anything is touched.
  - A timer on the node puts the old rules back unless the control machine comes in over a new connection. The
    action plugin of the same name does that, on one node first and then on the others.
  - Compares the rules that run with those on disk, so that a change by hand is noticed.
options:
  state: {description: Whether there is a filter., type: str, choices: [present, absent], default: present}
  content: {description: 'The text for nft, which defines the whole table.', type: str, default: ''}
  unit: {description: The text of the systemd unit that loads it at boot., type: str, default: ''}
  rules:
    description: What the text lets in, to see whether it lets the caller in.
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: Name of its counter., type: str}
      who: {description: What listens there., type: str}
      protocol: {description: 'tcp, udp or vrrp.', type: str}
      port: {description: Port., type: int}
      addresses: {description: 'Own addresses it is about, all when empty.', type: list, elements: str}
      sources: {description: Networks that are let in., type: list, elements: str}
      limited: {description: Whether one source may only call so often., type: bool}
  rollback: {description: Seconds until the old rules are put back., type: int, default: 30}
  step:
    description: What the action plugin asks for.
    type: str
    choices: [look, load, confirm, remove]
    default: look
  token: {description: 'To confirm: what the load returned.', type: str, default: ''}
  caller: {description: 'Not used here: the new connection is the action plugin''s own.', type: str, default: ''}
author: the cluster maintainers
"""

EXAMPLES = r"""
- name: Drop what is not declared
  cluster.core.firewall:
    content: "{{ lookup('cluster.core.template', 'firewall.nft.j2') }}"
    unit: "{{ lookup('cluster.core.template', 'cluster-firewall.service.j2') }}"
    rules: "{{ firewall_rules }}"
"""

RETURN = r"""
action:
  description: What is to be done, one of none, load, remove.
  type: str
  returned: when only looking
token:
  description: What to confirm the load with.
  type: str
  returned: after a load
caller:
  description: The connection the load came over, empty when it was none of SSH.
  type: str
  returned: after a load
"""

RULES = "/etc/cluster/firewall.nft"
SERVICE = "cluster-firewall"
UNIT = f"/etc/systemd/system/{SERVICE}.service"
WANTED = f"/etc/systemd/system/sysinit.target.wants/{SERVICE}.service"
# Debian's own unit flushes every table when it starts, reloads and stops.
AFTER_DEBIANS = "/etc/systemd/system/nftables.service.d/50-cluster.conf"
COME_BACK = f"""# Written by cluster (role firewall): this unit flushes every table, ours comes back after it.
[Service]
ExecStartPost=-/usr/bin/systemctl --no-block try-reload-or-restart {SERVICE}.service
ExecReload=-/usr/bin/systemctl --no-block try-reload-or-restart {SERVICE}.service
ExecStopPost=-/usr/bin/systemctl --no-block try-reload-or-restart {SERVICE}.service
"""
DRAFT = os.path.join(way_back.FOLDER, "draft.nft")
RULE_OPTIONS = {
    "name": {"type": "str"},
    "who": {"type": "str"},
    "protocol": {"type": "str"},
    "port": {"type": "int"},
    "addresses": {"type": "list", "elements": "str"},
    "sources": {"type": "list", "elements": "str"},
    "limited": {"type": "bool"},
}


def normal_form(module, text):
    """A table as nft would list it, found in an empty network; empty when nft refuses the text."""
    show = f"nft -f - && nft -s -t list table {' '.join(way_back.TABLE)}"
    rc, out, err = module.run_command(["unshare", "--net", "sh", "-c", show], data=text)
    return way_back.without_needless_sets(out) if rc == 0 else ""


def look(module):
    """Say what has to be done: none, load or remove; with the difference."""
    present = module.params["state"] == "present"
    if present:
        refuse_lockout(module)
    wanted = module.params["content"] if present else ""
    if not module.get_bin_path("nft"):
        ready = module.check_mode or not present
        if not ready:
            module.fail_json(msg="there is no nft on this node; is the package nftables installed?")
        return ("load" if present else "none"), difference(RULES, "", wanted)
    before, after = way_back.running(module), normal_form(module, wanted) if present else ""
    if guard.read(RULES) != wanted:
        return ("load" if present else "remove"), difference(RULES, guard.read(RULES), wanted)
    if before != after or not after and present:
        return ("load" if present else "remove"), difference("the table that runs", before, after)
    if present and (way_back.armed() or not starts_at_boot(module)):
        return "load", difference(UNIT, guard.read(UNIT), module.params["unit"])
    return "none", []


def starts_at_boot(module):
    """Whether the unit is as it should be, enabled and active."""
    rc, out, err = module.run_command(["systemctl", "is-active", "--quiet", SERVICE])
    units = guard.read(UNIT) == module.params["unit"] and guard.read(AFTER_DEBIANS) == COME_BACK
    return rc == 0 and os.path.lexists(WANTED) and units


def difference(name, before, after):
    """What Ansible shows for --diff."""
    return [{"before_header": name, "after_header": name, "before": before, "after": after}]


def plain(text):
    """An address; IPv4 as such, also where a socket of both kinds maps it into IPv6."""
    address = ipaddress.ip_address(text.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def lets_in(rules, caller):
    """Whether a new connection like this one would be let in."""
    source, _, here, port = caller.split()
    address, here = plain(source), plain(here)
    return address.is_loopback or any(
        rule["protocol"] == "tcp"
        and rule["port"] == int(port)
        and (not rule["addresses"] or str(here) in rule["addresses"])
        and any(address in ipaddress.ip_network(network) for network in rule["sources"])
        for rule in rules
    )


def refuse_lockout(module):
    """Fail when we could not come in again, before anything is touched."""
    caller, rules = calling(), module.params["rules"]
    if not caller or lets_in(rules, caller):
        return
    source, _, _, port = caller.split()
    source = plain(source)
    known = any(rule["protocol"] == "tcp" and rule["port"] == int(port) for rule in rules)
    if source.version == 6:
        line = "the rules are for IPv4 only: give the node's IPv4 address in the topology"
    elif known:
        line = f"add to the topology: firewall: {{operators: [{source}/32]}}"
    else:
        line = f"add to the topology: firewall: {{open: [{{port: {port}, sources: [{source}/32]}}]}}"
    module.fail_json(
        msg=f"the firewall was not touched, since it would shut this control machine out: "
        f"the node sees it come from {source} to port {port}, and no rule lets that in; {line}"
    )


def load(module):
    """Load the rules with a timer that takes them back; returns what to confirm them with."""
    refuse_lockout(module)
    with guard.locked(way_back.LOCK):
        guard.write(DRAFT, module.params["content"])
        rc, out, err = module.run_command(["nft", "-c", "-f", DRAFT])
        if rc != 0:
            words = (err or out).strip().replace(DRAFT, RULES)
            module.fail_json(msg=f"{RULES} was not replaced, its checker refused the new text: {words}")
        ledger.note("tables", [" ".join(way_back.TABLE)])
        token = way_back.arm(module, module.params["rollback"])
        rc, out, err = module.run_command(["nft", "-f", DRAFT])
        if rc != 0:
            way_back.disarm(module)
            module.fail_json(msg=f"the rules could not be loaded, the old ones run on: {(err or out).strip()}")
    return {"token": token, "caller": calling()}


def confirm(module):
    """We came in, so the rules stay: now, and at boot."""
    with guard.locked(way_back.LOCK):
        if way_back.armed() != module.params["token"]:
            module.fail_json(msg="taken back", taken_back=True)
        persist(module)
        way_back.disarm(module)


def persist(module):
    """Write the rules and the unit that loads them, and let systemd know."""
    texts = {RULES: module.params["content"], UNIT: module.params["unit"], AFTER_DEBIANS: COME_BACK}
    known = os.path.lexists(WANTED) and all(guard.read(path) == texts[path] for path in (UNIT, AFTER_DEBIANS))
    for path, text in texts.items():
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        ledger.note_file(path)
        guard.write(path, text, 0o644)
    ledger.note("services", [SERVICE])
    if not known:
        enable()
        systemctl(module, "daemon-reload")
    systemctl(module, "start", SERVICE)


def enable():
    """Start at boot: what `systemctl enable` does, without a daemon-reload of its own."""
    ledger.note_file(WANTED)
    os.makedirs(os.path.dirname(WANTED), mode=0o755, exist_ok=True)
    if not os.path.lexists(WANTED):
        os.symlink(UNIT, WANTED)


def systemctl(module, *words):
    """Run systemctl, which must succeed."""
    rc, out, err = module.run_command(["systemctl", *words])
    if rc != 0:
        module.fail_json(
            msg=f"systemctl {' '.join(words)} failed, so the rules are taken back: {(err or out).strip()}"
        )


def remove(module):
    """No filter any more: nothing is dropped by us, now or at boot."""
    with guard.locked(way_back.LOCK):
        way_back.disarm(module)
        if os.path.exists(UNIT):
            systemctl(module, "disable", "--now", SERVICE)
        if way_back.running(module):
            module.run_command(["nft", "delete", "table", *way_back.TABLE])
        for path in (RULES, UNIT, AFTER_DEBIANS):
            if os.path.exists(path):
                os.unlink(path)
        systemctl(module, "daemon-reload")


def main():
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "content": {"type": "str", "default": ""},
            "unit": {"type": "str", "default": ""},
            "rules": {"type": "list", "elements": "dict", "default": [], "options": RULE_OPTIONS},
            "rollback": {"type": "int", "default": 30},
            "step": {"type": "str", "choices": ["look", "load", "confirm", "remove"], "default": "look"},
            "token": {"type": "str", "default": ""},
            "caller": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    step = module.params["step"]
    if step == "look" or module.check_mode:
        action, diff = look(module)
        module.exit_json(changed=False, action=action, diff=diff)
    found = {"load": load, "confirm": confirm, "remove": remove}[step](module) or {}
    module.exit_json(changed=True, **found)


if __name__ == "__main__":
    main()
