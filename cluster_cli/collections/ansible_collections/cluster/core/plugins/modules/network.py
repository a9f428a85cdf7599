#!/usr/bin/python
"""Set up a node's network interfaces, and take it back when that shuts us out."""

import os
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cluster.core.plugins.module_utils import guard, interfaces, ledger, network_change
from ansible_collections.cluster.core.plugins.module_utils.caller import calling

DOCUMENTATION = r"""
module: network
short_description: Set up network interfaces with systemd-networkd, and take it back when that shuts us out
description:
  - Writes the files of systemd-networkd for these interfaces and lets it read them. Others are left alone.
  - Refuses, before anything is touched, interfaces the node does not have, interfaces that another program
    manages (unless they are to be taken over), and a change after which the node would no longer have the address
    we came in by.
  - A timer on the node puts everything back as it was unless the control machine comes in over a new connection,
    and so does the next boot. The action plugin of the same name does that, on one node first.
options:
  interfaces:
    description: The interfaces, physical ones first, then bonds, then VLANs.
    type: list
    elements: dict
    required: true
    suboptions:
      name: {description: Its name., type: str, required: true}
      kind: {description: 'physical, bond or vlan.', type: str, required: true}
      addresses: {description: Addresses with their prefix., type: list, elements: str, required: true}
      dhcp: {description: Whether a DHCP server gives it an address., type: bool, required: true}
      routes:
        description: Static routes over it.
        type: list
        elements: dict
        required: true
        suboptions:
          to: {description: Network it leads to., type: str, required: true}
          via: {description: Address of the router., type: str, required: true}
  files: {description: 'File name to text, below /etc/systemd/network.', type: dict, required: true}
  take_over:
    description: Whether interfaces are taken from ifupdown, NetworkManager or netplan.
    type: bool
    default: false
  rollback: {description: Seconds until everything is put back., type: int, default: 60}
  step:
    description: What the action plugin asks for.
    type: str
    choices: [look, load, confirm]
    default: look
  token: {description: 'To confirm: what the load returned.', type: str, default: ''}
  caller: {description: 'To confirm: the connection the load came over.', type: str, default: ''}
author: the cluster maintainers
"""

EXAMPLES = r"""
- name: Give the second interface its address
  cluster.core.network:
    interfaces: [{name: eno2, kind: physical, addresses: [192.0.2.5/24], dhcp: false, routes: []}]
    files:
      05-cluster-eno2.network: |
        [Match]
        Name=eno2
        [Network]
        Address=192.0.2.5/24
"""

RETURN = r"""
action:
  description: What is to be done, one of none, load.
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

ROW_OPTIONS = {
    "name": {"type": "str", "required": True},
    "kind": {"type": "str", "required": True},
    "addresses": {"type": "list", "elements": "str", "required": True},
    "dhcp": {"type": "bool", "required": True},
    "routes": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {"to": {"type": "str", "required": True}, "via": {"type": "str", "required": True}},
    },
}
UNMANAGED = "/etc/NetworkManager/conf.d/90-cluster.conf"
SETTLE_SECONDS = 30  # a bond with LACP or a lease takes some
MENDING = {
    "ifupdown": "it stands in /etc/network/interfaces",
    "NetworkManager": "nmcli device shows it",
    "netplan": "it stands in /etc/netplan",
}


def wanted_files(module, cared):
    """Path to new text of everything that has to change; None for a file that is to go."""
    folder = network_change.NETWORKD
    wanted = {os.path.join(folder, name): text for name, text in module.params["files"].items()}
    there = os.listdir(folder) if os.path.isdir(folder) else []
    stale = [os.path.join(folder, name) for name in there if network_change.OURS.fullmatch(name)]
    found = {path: None for path in sorted(stale) if path not in wanted}
    found |= {path: text for path, text in wanted.items() if interfaces.read(path) != text}
    names = [name for name, manager in cared.items() if manager == "ifupdown"]
    for path in interfaces.ifupdown_files() if names else ():
        before = interfaces.read(path)
        found |= {path: after} if (after := interfaces.without(before, names)) != before else {}
    names = sorted(name for name, manager in cared.items() if manager == "NetworkManager")
    if names:
        listed = ";".join(f"interface-name:{name}" for name in names)
        found[UNMANAGED] = f"# Written by cluster (role network).\n[keyfile]\nunmanaged-devices={listed}\n"
    return found


def problems(module, cared):
    """Whole sentences on what stands in the way."""
    if not module.get_bin_path("networkctl"):
        yield "There is no systemd-networkd on this node: install it (package systemd, or systemd-networkd)."
    there = interfaces.present()
    physical = [row["name"] for row in module.params["interfaces"] if row["kind"] == "physical"]
    for name in physical:
        if name not in there:
            known = ", ".join(each for each in there if not interfaces.made_up(each))
            yield f"This node has no interface {name}; it has {known}."
    if cared and not module.params["take_over"]:
        told = "; ".join(f"{name} is managed by {who} ({MENDING[who]})" for name, who in sorted(cared.items()))
        yield f"{told}. Two cannot see to one interface: add `take_over: true` to the node, or remove it there."
    yield from lost_address(module)


def lost_address(module):
    """We must come in again at the address we came in by."""
    caller = calling()
    here = caller.split()[2] if caller else ""
    rows = module.params["interfaces"]
    kept = {address.split("/")[0] for row in rows for address in row["addresses"]}
    ours = {row["name"]: row["dhcp"] for row in rows}
    for name, addresses in interfaces.held().items():
        if (
            name in ours
            and not ours[name]
            and here in [each.split("/")[0] for each in addresses]
            and here not in kept
        ):
            yield (
                f"We came in by {here} on {name}, and no interface would have this address any more. "
                "Give it to one (network: ... or addresses: [...]), or come in by an address that stays."
            )


def unsettled(module):
    """Interface to what is not as it should be, for those that are not."""
    held, led, found = interfaces.held(), interfaces.led(), {}
    for row in module.params["interfaces"]:
        name = row["name"]
        state, file = interfaces.state(name)
        lacks = [each for each in row["addresses"] if each not in held.get(name, ())]
        lacks += [f"the route to {to}" for to, via in routes(row) if (to, via, name) not in led]
        if os.path.basename(file) != f"05-cluster-{name}.network":
            found[name] = f"goes by {file or 'no file'}" if state else "is not there"
        elif state != "configured":
            found[name] = f"is {state}"
        elif lacks or (row["dhcp"] and not held.get(name)):
            found[name] = f"lacks {', '.join(lacks) or 'a lease'}"
    return found


def routes(row):
    """The routes of an interface as (network, router), a single address without its prefix as ip(8) has it."""
    return [(route["to"].removesuffix("/32"), route["via"]) for route in row["routes"]]


def look(module):
    """Say what has to be done: none or load; with the difference."""
    if not module.check_mode:
        network_change.let_it_go_back(module, module.params["rollback"])
    cared = interfaces.managers([row["name"] for row in module.params["interfaces"]])
    if found := list(problems(module, cared)):
        module.fail_json(msg="The network was not touched. " + " ".join(found))
    files = wanted_files(module, cared)
    ready = not files and interfaces.networkd_runs() and not unsettled(module)
    texts = [(path, interfaces.read(path), text or "") for path, text in files.items()]
    diff = [{"before_header": path, "after_header": path, "before": old, "after": new} for path, old, new in texts]
    return "none" if ready else "load", diff


def load(module):
    """Begin the change with a way back; returns what to confirm it with."""
    cared = interfaces.managers([row["name"] for row in module.params["interfaces"]])
    if found := list(problems(module, cared)):
        module.fail_json(msg="The network was not touched. " + " ".join(found))
    token = guard.new_token()
    with guard.locked(network_change.LOCK):
        change = network_change.Change(module.params["interfaces"], wanted_files(module, cared), cared)
        for path in change.files:
            ledger.note_file(path)
        if not change.ran:
            ledger.note("services", ["systemd-networkd"])
        os.makedirs(os.path.dirname(network_change.APPLIED), mode=0o755, exist_ok=True)
        change.write_scripts(token, sorted(unsettled(module)))
        network_change.arm(module, token, module.params["rollback"])
        guard.start(module, f"cluster-network-apply-{token}", 1, network_change.APPLY)  # we are gone by then
    return {"token": token, "caller": calling()}


def confirm(module):
    """We came in: when all is as it should be, it stays; else it is taken back now."""
    token = module.params["token"]
    refuse_taken_back(module, token)
    if module.params["caller"] and calling() == module.params["caller"]:
        module.fail_json(msg="this is the connection from before, which proves nothing about new ones")
    why = failure(module, token)
    with guard.locked(network_change.LOCK):
        if not why:
            refuse_taken_back(module, token)
            network_change.disarm(module)
            return
    module.run_command(["/bin/sh", network_change.GO_BACK, token])
    module.fail_json(msg=f"the new interfaces do not work, so the old ones are back: {why}")


def refuse_taken_back(module, token):
    """Fail when the timer was faster."""
    if network_change.armed() != token:
        module.fail_json(msg="taken back", taken_back=True)


def failure(module, token):
    """Why the change is no good; empty when it is. Gives it time, but no longer than the way back does."""
    left = network_change.armed_at() + 0.7 * module.params["rollback"] - time.time()
    deadline = time.monotonic() + min(SETTLE_SECONDS, left)
    why = "the change has not begun"
    while True:
        said = interfaces.read(network_change.APPLIED)
        if said.startswith(f"{token} "):
            head, _, words = said.partition("\n")
            if not head.endswith(" 0"):
                return words.strip() or head
            why = "; ".join(f"{name} {what}" for name, what in unsettled(module).items())
            if not why:
                return complaints(module)
        if time.monotonic() > deadline:
            return f"{why}. {complaints(module)}".rstrip(". ")
        time.sleep(0.3)


def complaints(module):
    """What networkd has to say about our files in this change: whatever it ignores we meant."""
    since = f"@{int(os.stat(network_change.APPLY).st_mtime)}"
    rc, out, err = module.run_command(
        ["journalctl", "-u", "systemd-networkd", "-o", "cat", "--no-pager", f"--since={since}"]
    )
    ours = [line for line in out.splitlines() if f"{network_change.NETWORKD}/05-cluster-" in line]
    bad = [line for line in out.splitlines() if "could not be created" in line]
    return "; ".join([line for line in ours if "ignoring" in line.lower() or "failed" in line.lower()] + bad)


def main():
    module = AnsibleModule(
        argument_spec={
            "interfaces": {"type": "list", "elements": "dict", "required": True, "options": ROW_OPTIONS},
            "files": {"type": "dict", "required": True},
            "take_over": {"type": "bool", "default": False},
            "rollback": {"type": "int", "default": 60},
            "step": {"type": "str", "choices": ["look", "load", "confirm"], "default": "look"},
            "token": {"type": "str", "default": ""},
            "caller": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    step = module.params["step"]
    if step == "look" or module.check_mode:
        action, diff = look(module)
        module.exit_json(changed=False, action=action, diff=diff)
    found = {"load": load, "confirm": confirm}[step](module) or {}
    module.exit_json(changed=True, **found)


if __name__ == "__main__":
    main()
