#!/usr/bin/python3 -I
"""cluster-observe: look at the services of the cluster on this node. For operators, through sudo.

  cluster-observe status                     every service of the cluster here
  cluster-observe status SERVICE             one of them in full
  cluster-observe logs SERVICE [LINES]       its last lines, 100 when no number is given (at most 10000)
  cluster-observe backends                   the servers behind haproxy, and how they are

Changes nothing. What may be named stands in /etc/cluster/services.json.
"""

import csv
import inspect
import io
import json
import os
import re
import socket
import subprocess
import sys

SERVICES = "/etc/cluster/services.json"
CLEAN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "SYSTEMD_PAGER": "", "TERM": "dumb"}
MOST_LINES = 10_000
COLUMNS = ("svname", "status", "weight", "scur", "check_status", "lastchg")


class RefusedError(Exception):
    """A request that is not carried out, in words for a person."""


def known():
    """What the topology put on this node: unit name to its checker."""
    with open(SERVICES, encoding="utf-8") as file:
        return {row["name"]: row["check"] for row in json.load(file)["services"]}


def service(name, services):
    """The name, when it is a service of the cluster on this node."""
    if name not in services:
        raise RefusedError(f"{name!r} is no service of the cluster here; there are {', '.join(sorted(services))}")
    return name


def run(*words):
    """Run a program with a clean environment and nobody to talk to; its output is ours. Returns its exit code."""
    sys.stdout.flush()
    return subprocess.run(words, env=CLEAN, stdin=subprocess.DEVNULL, cwd="/", check=False).returncode


def status(services, *names):
    if len(names) > 1:
        raise RefusedError("name one service, or none")
    if names:
        return run("systemctl", "--no-pager", "--lines=20", "status", f"{service(names[0], services)}.service")
    units = [f"{name}.service" for name in sorted(services)]
    return run("systemctl", "--no-pager", "--all", "--plain", "list-units", *units)


def logs(services, name, lines="100"):
    if not re.fullmatch(r"[0-9]{1,5}", lines, re.ASCII) or not 1 <= int(lines) <= MOST_LINES:
        raise RefusedError(f"{lines!r} is no number of lines from 1 to {MOST_LINES}")
    return run("journalctl", "--no-pager", "-o", "short-iso", "-n", lines, "-u", service(name, services))


def backends(services):
    service("haproxy", services)
    for row in servers():
        print(f"{row['pxname']}/" + "  ".join(f"{row[column] or '-'}" for column in COLUMNS))
    return 0


def servers():
    """haproxy's table of servers (management.txt, 9.1), without its sums."""
    rows = csv.DictReader(io.StringIO(ask_haproxy("show stat").lstrip("# ")))
    return [row for row in rows if row["svname"] not in ("FRONTEND", "BACKEND")]


def ask_haproxy(command):
    """What haproxy's admin socket answers to one line."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(5)
        try:
            line.connect("/run/haproxy/admin.sock")
            line.sendall(command.encode() + b"\n")
            parts = iter(lambda: line.recv(65536), b"")
            return b"".join(parts).decode(errors="replace")
        except OSError as error:
            raise RefusedError(f"haproxy does not answer: {error}") from None


VERBS = {"status": status, "logs": logs, "backends": backends}


def main(words, verbs=VERBS, page=__doc__):
    if not words or words[0] not in verbs:
        print(page, file=sys.stderr)
        return 2
    services = known()
    try:
        inspect.signature(verbs[words[0]]).bind(services, *words[1:])
    except TypeError:  # too few words, or too many
        print(page, file=sys.stderr)
        return 2
    try:
        return verbs[words[0]](services, *words[1:])
    except RefusedError as why:
        print(f"refused: {why}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit(f"run it through sudo: sudo {sys.argv[0]}")
    sys.exit(main(sys.argv[1:]))
