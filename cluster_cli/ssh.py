"""Commands on nodes over the very SSH connection Ansible uses, many nodes at a time."""

import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cluster_cli.inventory import Host

PARALLEL = 16
T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """What a command on a node gave. rc 255 is SSH's own failure, 124 our time-out."""

    node: str
    rc: int
    out: str
    err: str

    @property
    def reached(self) -> bool:
        """Whether the node ran the command at all."""
        return self.rc not in (255, 124)


def argv(host: Host, *options: str, tty: bool = False) -> list[str]:
    """The ssh command line for a node, up to and including the destination."""
    known = host.vars
    words = ["ssh", *(word for option in options for word in ("-o", option))]  # the first of a kind counts
    words += ["-o", f"ControlPath={known['ansible_control_path_dir']}/%C"]
    words += ["-o", "ControlMaster=auto", "-o", "ControlPersist=60s", "-o", "LogLevel=ERROR"]
    words += str(known["ansible_ssh_common_args"]).split()
    if "ansible_ssh_private_key_file" in known:
        words += ["-i", str(Path(known["ansible_ssh_private_key_file"]).expanduser())]
    words += ["-p", str(known["ansible_port"]), "-l", str(known["ansible_user"])]
    return [*words, "-t" if tty else "-T", str(known["ansible_host"])]


def run(
    host: Host,
    command: str,
    *,
    stdin: str = "",
    timeout: float = 20,
    sudo: bool = True,
    options: Iterable[str] = (),
) -> Answer:
    """Run a shell command on a node, as root unless told otherwise. timeout: seconds."""
    if sudo and host.vars["ansible_become"]:
        command = "sudo -n sh -c " + quoted(command)
    try:
        done = subprocess.run(
            [*argv(host, *options), command],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Answer(host.name, 124, "", f"no answer within {timeout:g} s")
    return Answer(host.name, done.returncode, done.stdout, done.stderr)


def quoted(text: str) -> str:
    """Text as one word of a POSIX shell."""
    return "'" + text.replace("'", "'\\''") + "'"


def on_all(hosts: Iterable[Host], work: Callable[[Host], T]) -> dict[str, T]:
    """`work` for every host side by side; results by node, in the order given."""
    hosts = list(hosts)
    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        return dict(zip((host.name for host in hosts), pool.map(work, hosts), strict=True))


def close_all(hosts: Iterable[Host]) -> None:
    """Let nothing new over the shared connections, so that the next is checked against today's keys.

    What runs over them already goes on.
    """
    sockets = {str(host.vars["ansible_control_path_dir"]) for host in hosts}
    for folder in sockets:
        for socket in Path(folder).iterdir() if Path(folder).is_dir() else ():
            subprocess.run(
                ["ssh", "-O", "stop", "-o", f"ControlPath={socket}", "none"],
                capture_output=True,
                check=False,
                timeout=10,
            )
            socket.unlink(missing_ok=True)
