"""The container engine, podman or docker: one class told which, every call bounded in time."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from cluster_cli.errors import ClusterError
from cluster_cli.lab import command, host
from cluster_cli.lab.command import Done
from cluster_cli.lab.dialect import DIALECTS, Dialect, node_flags
from cluster_cli.lab.runtime import working_runtime

NEEDS_ROOT = (
    "a lab needs a bridge whose addresses this machine can reach (VRRP between the nodes, SSH to them); "
    "a rootless {name} has none"
)


DEAD = "dead"  # the engine takes it for running, its processes are gone: it can be removed, and nothing else
LOOKS = 5  # at a list whose members come and go
Ways = Sequence[tuple[str, IPv4Address]]  # networks of a container, in the engine's words, with its addresses


@dataclass(frozen=True)
class Container:
    """A container as the engine sees it now. state: in its words (running, exited, paused, created), or DEAD."""

    name: str
    state: str
    labels: dict[str, str]
    networks: tuple[str, ...]

    @property
    def running(self) -> bool:
        """Whether its processes live (a paused one's do)."""
        return self.state in ("running", "paused")


class Engine:
    """Knows the words of one engine and how to call it with the rights it needs."""

    def __init__(self, dialect: Dialect, *, sudo: Sequence[str] = (), runtime: str = "") -> None:
        self.dialect, self.sudo, self.runtime = dialect, tuple(sudo), runtime

    @classmethod
    def detect(cls, name: str) -> "Engine":
        """The engine of that name, ready to run nodes.

        Raises ClusterError when it is missing, when its daemon does not answer, when it cannot be run with
        root's rights, or when no OCI runtime works.
        """
        dialect = DIALECTS[name]
        if not host.program_path(name):
            raise ClusterError(
                f"{name} is not installed", where="this machine", why="no such program", hint=dialect.install
            )
        sudo = _rights(dialect)
        return cls(dialect, sudo=sudo, runtime=working_runtime(dialect, [*sudo, name]))

    @property
    def name(self) -> str:
        """podman or docker."""
        return self.dialect.name

    def argv(self, *args: str) -> list[str]:
        """The whole command line of one engine call."""
        runtime = ["--runtime", self.runtime] if self.runtime else []
        return [*self.sudo, self.name, *runtime, *args]

    def run(self, *args: str, timeout: float = 60, stdin: str | None = None, hint: str = "") -> str:
        """One engine call; its standard output. Raises ClusterError with the engine's own words."""
        return command.run(self.argv(*args), timeout=timeout, stdin=stdin, hint=hint)

    def attempt(self, *args: str, timeout: float = 60, stdin: str | None = None) -> Done:
        """One engine call that may fail: how it ended."""
        return command.attempt(self.argv(*args), timeout=timeout, stdin=stdin)

    def exec(self, container: str, argv: Sequence[str], *, stdin: str | None = None, timeout: float = 60) -> Done:
        """Run argv as root inside a running container: how it ended."""
        flags = [] if stdin is None else ["--interactive"]
        return self.attempt("exec", *flags, container, *argv, stdin=stdin, timeout=timeout)

    def node_flags(self, *, unified: bool = False) -> list[str]:
        """The flags of `run` that make a container a node on this host. unified: its systemd wants cgroup v2."""
        fuse = Path("/dev/fuse").exists()
        return node_flags(self.dialect, host.cgroup_layout(), host.ulimits(), fuse=fuse, unified=unified)

    def run_node(self, name: str, ways: Ways, words: Sequence[str], hint: str) -> None:
        """Create and start a container that is on these networks. words: the rest of the command line."""
        (first, address), *others = ways
        if not others:
            self.run("run", "--detach", "--network", first, "--ip", str(address), *words, timeout=120, hint=hint)
        elif self.dialect.joins:
            joined = (f"{bridge}:ip={at},interface_name=eth{i}" for i, (bridge, at) in enumerate(ways))
            networks = [word for way in joined for word in ("--network", way)]
            self.run("run", "--detach", *networks, *words, timeout=120, hint=hint)
        else:
            self.run("create", "--network", first, "--ip", str(address), *words, timeout=120, hint=hint)
            for bridge, at in others:
                self.run("network", "connect", "--ip", str(at), bridge, name, hint=hint)
            self.run("start", name, timeout=120, hint=hint)

    def containers(self, label: str) -> list[Container]:
        """All containers, dead ones too, that carry label (key or key=value)."""
        listing = ("ps", "--all", "--quiet", "--filter", f"label={label}")
        raw = self._inspect(listing, ("inspect", "--type", "container"))
        return [_container(each) for each in json.loads(raw or "[]")]

    def remove(self, containers: Sequence[str]) -> None:
        """Remove containers, running or not, and their anonymous volumes. One already gone is no error."""
        if containers:
            self.run("rm", "--force", "--volumes", *self._at_once(), *containers, timeout=120)

    def networks(self, label: str = "") -> dict[str, list[str]]:
        """The engine's networks (those carrying label) and their subnets."""
        rows = self._inspect_networks(label, "{{.Name}} " + self.dialect.subnets).splitlines()
        return {words[0]: words[1:] for words in (row.split() for row in rows) if words}

    def network_labels(self, label: str) -> set[str]:
        """The values of label on the networks that carry it."""
        return set(self._inspect_networks(label, f'{{{{index .Labels "{label}"}}}}').split())

    def _inspect_networks(self, label: str, template: str) -> str:
        only = ["--filter", f"label={label}"] if label else []
        listing = ("network", "ls", "--format", "{{.Name}}", *only)
        return self._inspect(listing, ("network", "inspect", "--format", template))

    def _inspect(self, listing: Sequence[str], inspect: Sequence[str]) -> str:
        """What `inspect` says of all that a listing names; "" when it names nothing.

        One that is gone by then, as another lab's `down` has it, makes the engine refuse all of them: look again.
        """
        for _ in range(LOOKS):
            names = self.run(*listing).split()
            if not names:
                return ""
            seen = self.attempt(*inspect, *names)
            if seen.returncode == 0:
                return seen.stdout
        raise ClusterError(f"{self.name} inspect failed", why=command.words_of(seen))

    def has_image(self, reference: str) -> bool:
        """Whether the image is in the engine's storage."""
        return self.attempt("image", "inspect", "--format", "{{.Id}}", reference).returncode == 0

    def _at_once(self) -> list[str]:
        """podman waits ten seconds for systemd unless told; docker kills at once and has no such flag."""
        return [] if self.dialect.daemon else ["--time", "0"]


def sudo_prefix() -> tuple[str, ...] | None:
    """What makes root run a command: nothing for root, sudo when it asks no password, None for no way."""
    if os.geteuid() == 0:
        return ()
    if host.program_path("sudo") and command.attempt(["sudo", "-n", "true"], timeout=10).returncode == 0:
        return ("sudo", "-n")
    return None


def _rights(dialect: Dialect) -> tuple[str, ...]:
    """The prefix the engine needs here (none in the docker group). Raises ClusterError for no way."""
    if dialect.daemon and not (refusal := _daemon_refusal(dialect.name, ())):
        return ()
    sudo = sudo_prefix()
    if dialect.daemon:
        if not sudo or (refusal := _daemon_refusal(dialect.name, sudo)):
            raise ClusterError(
                f"the {dialect.name} daemon does not answer",
                where="this machine",
                why=refusal,
                hint=dialect.install,
            )
        return sudo
    if sudo is None:
        raise ClusterError(
            f"{dialect.name} can only be run without root's rights here",
            where="this machine",
            why=NEEDS_ROOT.format(name=dialect.name),
            hint="run as root, or allow this user sudo without a password",
        )
    return sudo


def _daemon_refusal(name: str, sudo: Sequence[str]) -> str:
    """Why the daemon does not answer; "" when it does."""
    done = command.attempt([*sudo, name, "version", "--format", "{{.Server.Version}}"], timeout=20)
    return command.words_of(done) if done.returncode else ""


def _container(raw: dict[str, Any]) -> Container:
    """One element of `inspect`, the same shape in both engines."""
    container = Container(
        name=str(raw["Name"]).lstrip("/"),
        state=str(raw["State"]["Status"]),
        labels=dict(raw["Config"].get("Labels") or {}),
        networks=tuple(raw["NetworkSettings"].get("Networks") or {}),
    )
    pid = int(raw["State"]["Pid"])  # 0 where the engine knows that it does not run
    return replace(container, state=DEAD) if pid and _gone(pid) else container


def _gone(pid: int) -> bool:
    """Whether no process has this id, as where a machine goes on from an image of itself without its processes."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it is another user's
        return False
    return False
