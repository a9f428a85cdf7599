#!/usr/bin/python3
"""Restart the services that still run with libraries an update has replaced. Managed by cluster (role hardening).

    restart-outdated [list]    with `list` it only names them

Without it a hole in a library stays open in every process that was started before. Prints what it did; what it
must not restart (the bus, logins, systemd itself) needs a reboot and is named. Exit code 1 when a restart failed.
"""

import os
import re
import subprocess
import sys

LIBRARY = re.compile(r" /(?:usr/)?lib\S*\.so\S* \(deleted\)$", re.M)
UNIT = re.compile(r"/([^/]+\.service)$")
NEVER = re.compile(r"dbus|systemd-logind|user@|getty@|apt-daily")


def read(path):
    """The text of a file of a process, empty when the process is gone."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def unit_of(process):
    """The service a process belongs to; systemd's own name where it belongs to none."""
    groups = [line.rpartition(":")[2] for line in read(f"/proc/{process}/cgroup").splitlines()]
    found = [match[1] for group in groups if "user.slice" not in group and (match := UNIT.search(group))]
    return found[0] if found else "systemd and logins"


def outdated():
    """Units with a process that has a replaced library in memory."""
    processes = [name for name in os.listdir("/proc") if name.isdigit()]
    return sorted({unit_of(name) for name in processes if LIBRARY.search(read(f"/proc/{name}/maps"))})


def main(only_list):
    failed = False
    for unit in outdated():
        if only_list:
            print(unit)
            continue
        if not unit.endswith(".service") or NEVER.match(unit):
            print(f"{unit}: still with replaced libraries until the next reboot")
            continue
        done = subprocess.run(["systemctl", "try-restart", unit], capture_output=True, text=True)
        failed = failed or done.returncode != 0
        print(f"{unit}: restarted" if done.returncode == 0 else f"{unit}: {done.stderr.strip()}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(sys.argv[1:] == ["list"])
