"""The nodes' journals, merged by time."""

import subprocess
import threading
from collections.abc import Iterator, Sequence
from queue import Queue

from cluster_cli import ssh
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.inventory import Host


def journalctl(services: Sequence[str], since: str, follow: bool = False) -> str:
    """The command asked of a node: lines that begin with a time that sorts as text."""
    units = " ".join(f"-u {ssh.quoted(service)}" for service in services)
    return f"journalctl --no-pager -q -o short-iso-precise --utc --since {ssh.quoted(since)} {units}" + (
        " -f -n 20" if follow else ""
    )


def merged(hosts: Sequence[Host], services: Sequence[str], since: str) -> Iterator[str]:
    """All lines, oldest first. Raises ClusterError when no node answered; one that does not is a line."""
    answers = ssh.on_all(hosts, lambda host: ssh.run(host, journalctl(services, since), timeout=60))
    lost = {name: answer for name, answer in answers.items() if answer.rc != 0}
    if len(lost) == len(answers):
        first = next(iter(lost.values()))
        code = Exit.USAGE if first.reached else Exit.UNREACHABLE
        raise ClusterError("no node gave its journal", where=first.node, why=first.err.strip(), code=code)
    yield from (f"# {name}: {answer.err.strip()}" for name, answer in lost.items())
    kept = {name: answer.out.splitlines() for name, answer in answers.items() if answer.rc == 0}
    # all of them together: a node's journal is in the order of arrival, which is not quite that of time
    yield from sorted(line for name, lines in kept.items() for line in labelled(name, lines))


def labelled(name: str, lines: Sequence[str]) -> list[str]:
    """A node's lines; the node's name stands where journalctl puts the hostname, so only odd ones get it."""
    return [line if f" {name} " in line[:80] else f"{line[:32]} {name} {line[33:]}" for line in lines if line]


def follow_all(hosts: Sequence[Host], services: Sequence[str], since: str) -> Iterator[str]:
    """Lines as they come, until the reader stops."""
    lines: Queue[str] = Queue()
    command = "sudo -n sh -c " + ssh.quoted(journalctl(services, since, follow=True))
    children = [
        subprocess.Popen([*ssh.argv(host), command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for host in hosts
    ]
    for host, child in zip(hosts, children, strict=True):
        threading.Thread(target=pump, args=(host.name, child, lines), daemon=True).start()
    try:
        while any(child.poll() is None for child in children) or not lines.empty():
            yield lines.get()
    finally:
        for child in children:
            child.terminate()


def pump(name: str, child: "subprocess.Popen[str]", lines: "Queue[str]") -> None:
    """Hand a child's lines on."""
    for line in child.stdout or ():
        lines.put(labelled(name, [line.rstrip("\n")])[0] if line.strip() else "")
