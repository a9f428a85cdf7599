"""A lab: the nodes of one topology as systemd containers on this machine. State is kept in labels only."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from cluster_cli.errors import ClusterError
from cluster_cli.lab import command, image, network, plan
from cluster_cli.lab.command import Done
from cluster_cli.lab.engine import Container, Engine, Ways, sudo_prefix
from cluster_cli.lab.plan import LabNode, Step
from cluster_cli.lab.recipe import UNIFIED, VOLUMES, Recipe
from cluster_cli.lab.settle import await_sshd, settle, wait_booted

__all__ = ["Lab", "LabNode", "NodeState", "Notify"]
Notify = Callable[[str, str], None]
AT_ONCE = 8
# $1: an address, or nothing for all links. Prints the host's numbers of the other ends.
LINKS = r"""[ -z "$1" ] || set -- $(ip -4 -o address show to "$1" | awk '{print $2}')
for link in ${1:-eth0 eth1 eth2 eth3}; do
  if [ -e "/sys/class/net/$link/iflink" ]; then cat "/sys/class/net/$link/iflink"; fi
done"""


@dataclass(frozen=True)
class NodeState:
    """A node that is up. host_keys: lines 'ssh-ed25519 AAAA...'. created, started: by this `up`."""

    name: str
    address: IPv4Address
    host_keys: tuple[str, ...]
    created: bool
    started: bool


class Lab:
    """The containers and the networks of one cluster on this machine. subnets: by the network's purpose."""

    def __init__(
        self,
        name: str,
        engine: Engine,
        subnets: Mapping[str, IPv4Network],
        topology_path: str,
        image: str | None = None,
    ) -> None:
        self.name, self.engine, self.subnets, self.topology_path = name, engine, subnets, topology_path
        self.stock_image = image

    @staticmethod
    def names(engine: Engine) -> list[str]:
        """The labs on this machine, half-made ones too."""
        nodes = {each.labels[plan.LAB] for each in engine.containers(plan.LAB)}
        return sorted(nodes | engine.network_labels(plan.LAB))

    def up(
        self, nodes: Sequence[LabNode], admin_user: str, authorized_key: str, notify: Notify
    ) -> dict[str, NodeState]:
        """Make the nodes run, let admin_user in with authorized_key and sudo; what is there already is kept.

        notify(node, text) is called from several threads; node is "" for what concerns the whole lab.
        Raises ClusterError (one for all nodes that failed).
        """
        plan.refuse_addresses(nodes, self.subnets)
        present = self._present()
        others = plan.foreign(present.values(), self.topology_path)
        plan.refuse_foreign(self.name, others)
        if others:
            notify(
                "",
                f"removing the dead nodes of {others[0].labels.get(plan.TOPOLOGY)}, a lab of the same name",
            )
            present = self._remove(present, list(present))
        plan.refuse_moves(nodes, present)
        bridges, present = self._ensure_networks(present, notify)
        for name in sorted(set(present) - {node.name for node in nodes}):
            notify(name, "no longer in the topology: left alone until `cluster down`")

        recipes = {suite: image.recipe(self.stock_image, suite) for suite in {node.suite for node in nodes}}
        wanted = {node.name: recipes[node.suite] for node in nodes}
        ways = {node.name: [(bridges[purpose], at) for purpose, at in node.addresses.items()] for node in nodes}
        steps = {
            name: plan.step_for(present.get(name), wanted[name].reference, (bridge for bridge, _ in found))
            for name, found in ways.items()
        }
        made = {node.suite for node in nodes if steps[node.name] in (Step.CREATE, Step.RECREATE)}
        for suite in sorted(made):
            image.ensure_image(self.engine, recipes[suite], lambda text: notify("", text))

        def bring_up(node: LabNode) -> NodeState:
            done = self._apply(node, steps[node.name], wanted[node.name], ways[node.name], notify)
            access = (admin_user, authorized_key.strip())
            settled = settle(self.engine, self._container(node.name), node.name, node.address, access)
            if not settled.plugged:
                notify(node.name, "its cable was out: plugging it in again")
                self.link(node.name, up=True)
            await_sshd(self.engine, self._container(node.name), node.name, node.entrance)
            if settled.failed_units:
                notify(node.name, f"booted, but failed units: {', '.join(settled.failed_units)}")
            return NodeState(
                node.name,
                node.address,
                settled.host_keys,
                created=done in (Step.CREATE, Step.RECREATE),
                started=done is not Step.KEEP,
            )

        states = {state.name: state for state in _on_all(nodes, bring_up)}
        self._keep_addresses()
        return states

    def down(self, notify: Notify, *, force: bool = False) -> list[str]:
        """Remove all containers, their anonymous volumes and the networks; the names of what was removed.

        The image stays. Raises ClusterError when the lab runs and was made from another topology file that
        still exists, unless force.
        """
        present = self._present()
        if not force:
            others = plan.foreign(present.values(), self.topology_path)
            plan.refuse_foreign(self.name, [each for each in others if _topology_exists(each)])
        for name in sorted(present):
            notify(name, "removing")
        removed = sorted(each.name for each in present.values())
        self._remove(present, list(present))
        return removed + network.remove_networks(self.engine, self.name)

    def states(self) -> dict[str, str]:
        """The engine's word for each node's state: running, exited, paused, ..."""
        return {name: each.state for name, each in sorted(self._present().items())}

    def exec(self, node: str, argv: Sequence[str], stdin: str | None = None, timeout: float = 60) -> Done:
        """Run argv as root in a node: how it ended."""
        return self.engine.exec(self._container(node), argv, stdin=stdin, timeout=timeout)

    def kill(self, node: str) -> None:
        """Cut the node's power: all its processes die at once."""
        self.engine.run("kill", self._container(node))

    def start(self, node: str) -> None:
        """Start a killed node and wait until it has booted."""
        address = IPv4Address(self._present()[node].labels[plan.ADDRESS])
        self.engine.run("start", self._container(node), timeout=120)
        self._keep_addresses()
        wait_booted(self.engine, self._container(node), node, address)

    def pause(self, node: str) -> None:
        """Freeze the node: it holds its connections and answers nothing."""
        self.engine.run("pause", self._container(node))

    def unpause(self, node: str) -> None:
        """Let a frozen node go on."""
        self.engine.run("unpause", self._container(node))

    def link(self, node: str, up: bool, purpose: str = "") -> None:
        """Plug the node's cables in or out, on the host's side: it sees no carrier and keeps its addresses.

        purpose: only the cable to this network (cluster, management, service, storage).
        """
        address = self._present()[node].labels.get(plan.address_label(purpose), "") if purpose else ""
        peers = self.exec(node, ["sh", "-c", LINKS, "links", address])
        if peers.returncode or not peers.stdout.split():
            raise ClusterError("the node's link was not found", where=node, why=command.words_of(peers))
        rows = command.run(["ip", "-oneline", "link", "show"], timeout=10).splitlines()
        names = [
            row.split()[1].split("@")[0].rstrip(":") for row in rows if row.split(":")[0] in peers.stdout.split()
        ]
        if not names:
            raise ClusterError(
                "the node's link was not found", where=node, why="no such interface on this machine"
            )
        for name in names:
            command.run([*(sudo_prefix() or ()), "ip", "link", "set", name, "up" if up else "down"], timeout=10)

    def _keep_addresses(self) -> None:
        """See network.keep_address."""
        for subnet in self.subnets.values():
            network.keep_address(subnet)

    def _present(self) -> dict[str, Container]:
        found = self.engine.containers(f"{plan.LAB}={self.name}")
        return {each.labels.get(plan.NODE, each.name): each for each in found}

    def _container(self, node: str) -> str:
        return f"{self.name}-{node}"

    def _remove(self, present: dict[str, Container], names: Sequence[str]) -> dict[str, Container]:
        """Remove the containers of these nodes; the rest of present."""
        self.engine.remove([present[name].name for name in names])
        return {name: each for name, each in present.items() if name not in names}

    def _ensure_networks(
        self, present: dict[str, Container], notify: Notify
    ) -> tuple[dict[str, str], dict[str, Container]]:
        """The engine's names of the networks, and the containers left (other networks mean other containers)."""
        found = network.find_networks(self.engine, self.name)
        there = {purpose: bridge.subnets for purpose, bridge in found.items()}
        if present and there == {purpose: (str(subnet),) for purpose, subnet in self.subnets.items()}:
            return {purpose: bridge.name for purpose, bridge in found.items()}, present
        if running := [name for name, each in present.items() if each.running]:
            shown = ", ".join(f"{purpose} {' '.join(subnets)}" for purpose, subnets in there.items())
            wanted = ", ".join(f"{purpose} {subnet}" for purpose, subnet in self.subnets.items())
            raise ClusterError(
                f"the lab's networks are not those of the topology ({wanted})",
                where=", ".join(running),
                why=f"running nodes use {shown or 'a network that is gone'}",
                hint="set network and networks back, or `cluster down` first",
            )
        if present:
            notify("", "a network is gone or has another subnet: re-creating them and the stopped nodes")
            present = self._remove(present, list(present))
        network.remove_networks(self.engine, self.name)
        made = network.create_networks(self.engine, self.name, self.subnets)
        return {purpose: bridge.name for purpose, bridge in made.items()}, present

    def _apply(self, node: LabNode, step: Step, wanted: Recipe, ways: Ways, notify: Notify) -> Step:
        """Do the step for one node; what was done in the end (a start that fails becomes a re-creation)."""
        container = self._container(node.name)
        if step is not Step.KEEP:
            notify(node.name, step.value)
        if step is Step.START:
            started = self.engine.attempt("start", container, timeout=120)
            if started.returncode == 0:
                return step
            notify(node.name, f"does not start ({command.words_of(started)}): re-creating it")
            image.ensure_image(self.engine, wanted, lambda text: notify(node.name, text))
            step = Step.RECREATE
        if step is Step.UNPAUSE:
            self.engine.run("unpause", container)
        if step is Step.RECREATE:
            self.engine.remove([container])
        if step in (Step.CREATE, Step.RECREATE):
            self._create(node, wanted.reference, ways)
        return step

    def _create(self, node: LabNode, reference: str, ways: Ways) -> None:
        """Run a new node. Nothing is left of it when the engine refuses."""
        labels = {
            plan.LAB: self.name,
            plan.NODE: node.name,
            **node.address_labels,
            plan.TOPOLOGY: self.topology_path,
            plan.IMAGE: reference,
        }
        flags = [
            *("--name", self._container(node.name), "--hostname", node.name),
            *(f"--label={key}={value}" for key, value in labels.items()),
            f"--env=container_uuid={uuid.uuid4()}",  # becomes the machine-id
            "--volume=/var/log/journal",  # else podman puts a tmpfs there, and a kill loses the journal
            *(f"--volume={folder}" for folder in VOLUMES.get(node.suite, ())),
            *self.engine.node_flags(unified=node.suite in UNIFIED),
        ]
        try:
            hint = "if it says the address is taken: `cluster down`, then `cluster up`"
            self.engine.run_node(self._container(node.name), ways, [*flags, reference, "/sbin/init"], hint)
        except ClusterError:
            self.engine.attempt("rm", "--force", "--volumes", self._container(node.name))
            raise


def _topology_exists(container: Container) -> bool:
    """Whether the file the container was made from is still there (else the lab is nobody's)."""
    return Path(container.labels.get(plan.TOPOLOGY, "")).exists()


def _on_all(nodes: Sequence[LabNode], work: Callable[[LabNode], NodeState]) -> list[NodeState]:
    """Do work for all nodes side by side. One error for all that failed, after all are done."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures = [(node, pool.submit(work, node)) for node in nodes]
    states, failures = [], []
    for node, future in futures:
        try:
            states.append(future.result())
        except ClusterError as failure:
            failures.append((node.name, failure))
    if not failures:
        return states
    name, first = failures[0]
    if len(failures) == 1:
        raise ClusterError(first.what, where=first.where or name, why=first.why, hint=first.hint, code=first.code)
    raise ClusterError(
        f"{len(failures)} of {len(nodes)} nodes did not come up",
        where=", ".join(name for name, _ in failures),
        why="; ".join(f"{name}: {failure.what}: {failure.why}" for name, failure in failures),
        hint=first.hint,
    )
