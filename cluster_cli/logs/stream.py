"""Lines of commands on nodes, as they come."""

import subprocess
import threading
from collections.abc import Iterator, Sequence
from queue import Queue

from cluster_cli import ssh
from cluster_cli.inventory import Host


def lines(hosts: Sequence[Host], command: str) -> Iterator[tuple[str, str]]:
    """(node, line) of the command on all hosts, until all of them have ended or the reader stops."""
    found: Queue[tuple[str, str] | None] = Queue()
    rooted = "sudo -n sh -c " + ssh.quoted(command)
    children = [
        subprocess.Popen([*ssh.argv(host), rooted], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for host in hosts
    ]
    for host, child in zip(hosts, children, strict=True):
        threading.Thread(target=pump, args=(host.name, child, found), daemon=True).start()
    try:
        going = len(children)
        while going:
            line = found.get()
            going -= line is None
            if line is not None:
                yield line
    finally:
        for child in children:
            child.terminate()


def pump(name: str, child: "subprocess.Popen[str]", found: "Queue[tuple[str, str] | None]") -> None:
    """Hand a child's lines on, and say when there are no more."""
    for line in child.stdout or ():
        found.put((name, line.rstrip("\n")))
    found.put(None)
