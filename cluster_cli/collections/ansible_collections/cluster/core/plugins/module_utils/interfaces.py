"""The network interfaces of a node as they are, and who sees to them."""

import glob
import json
import os
import re
import subprocess

SYS = "/sys/class/net"
INTERFACES = "/etc/network/interfaces"
NETPLAN = "/etc/netplan"
STANZAS = ("iface", "mapping", "auto", "source", "source-directory", "rename", "no-auto-down", "no-scripts")


def run(*words):
    """What a program printed; empty when it failed or is not there."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)
    except OSError:
        return ""
    return done.stdout if done.returncode == 0 else ""


def read(path):
    """The text of a file; empty when there is none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as handle:
            return handle.read()
    except OSError:
        return ""


def present():
    """The interfaces there are, without the loopback."""
    return sorted(name for name in os.listdir(SYS) if os.path.isdir(os.path.join(SYS, name)) and name != "lo")


def made_up(name):
    """Whether an interface is a bond, a VLAN or a bridge, and no cable ends in it."""
    uevent = read(os.path.join(SYS, name, "uevent"))
    return bool(re.search(r"^DEVTYPE=(bond|vlan|bridge)$", uevent, re.M))


def held():
    """Interface to its IPv4 addresses with their prefix."""
    return {
        link["ifname"]: [f"{info['local']}/{info['prefixlen']}" for info in link.get("addr_info", ())]
        for link in json.loads(run("ip", "-json", "-4", "address", "show") or "[]")
    }


def routes(name):
    """The routes over an interface that somebody set, as words for ip-route(8)."""
    found = []
    for row in json.loads(run("ip", "-json", "-4", "route", "show", "dev", name) or "[]"):
        if row.get("protocol") != "kernel":
            words = [row["dst"], *(["via", row["gateway"]] if "gateway" in row else []), "dev", name]
            found.append(words + (["metric", str(row["metric"])] if "metric" in row else []))
    return found


def led():
    """The routes there are, as (network, router, interface)."""
    rows = json.loads(run("ip", "-json", "-4", "route", "show") or "[]")
    return {(row["dst"].replace("default", "0.0.0.0/0"), row.get("gateway"), row.get("dev")) for row in rows}


def state(name):
    """What networkd says of an interface: its setup state, and the file it goes by."""
    told = json.loads(run("networkctl", "--json=short", "status", name) or "{}")
    return told.get("AdministrativeState", ""), told.get("NetworkFile", "")


def networkd_runs():
    """Whether systemd-networkd is at work."""
    return run("systemctl", "is-active", "systemd-networkd").strip() == "active"


# --- who sees to an interface now ------------------------------------------------------------------


def managers(names):
    """Interface to the program that manages it, where that is not networkd."""
    return {**by_netplan(names), **by_network_manager(names), **by_ifupdown(names)}


def by_ifupdown(names):
    """Those described in /etc/network/interfaces and what it includes; none where ifupdown is not installed."""
    described = {name for path in ifupdown_files() for name in described_in(read(path))}
    there = os.path.exists("/sbin/ifup")
    return {name: "ifupdown" for name in names if there and name in described}


def by_network_manager(names):
    """Those NetworkManager has under its care."""
    rows = run("nmcli", "--terse", "--fields", "DEVICE,STATE", "device").splitlines()
    cared = {row.rpartition(":")[0] for row in rows if not row.endswith(":unmanaged")}
    return {name: "NetworkManager" for name in names if name in cared}


def by_netplan(names):
    """Those a file of netplan names."""
    text = "\n".join(read(path) for path in sorted(glob.glob(f"{NETPLAN}/*.yaml")))
    return {name: "netplan" for name in names if re.search(rf"^\s+{re.escape(name)}\s*:", text, re.M)}


def ifupdown_files(path=INTERFACES):
    """The file and those it includes, each once (interfaces(5))."""
    found = [path] if os.path.exists(path) else []
    for line in read(path).splitlines():
        words = line.split()
        if len(words) == 2 and words[0] in ("source", "source-directory"):
            pattern = os.path.join(os.path.dirname(path), words[1])
            pattern += "/*" if words[0] == "source-directory" else ""
            for each in sorted(glob.glob(pattern)):
                found += [inner for inner in ifupdown_files(each) if inner not in found]
    return found


def described_in(text):
    """The interfaces a file of ifupdown describes, the loopback left out."""
    rows = (line.split() for line in text.splitlines())
    return {row[1].partition(":")[0] for row in rows if len(row) > 1 and row[0] == "iface"} - {"lo"}


def without(text, names):
    """A file of ifupdown without the stanzas of these interfaces; what belongs to others stays as it is."""
    kept, skipping = [], False
    for line in text.splitlines():
        words = line.split()
        if words and (words[0] in STANZAS or words[0].startswith("allow-")):
            skipping = words[0] in ("iface", "mapping") and words[1].partition(":")[0] in names
            if words[0] == "auto" or words[0].startswith("allow-"):
                left = [name for name in words[1:] if name.partition(":")[0] not in names]
                line = " ".join([words[0], *left]) if left else None
        if not skipping and line is not None:
            kept.append(line)
    return "".join(line + "\n" for line in kept)
