"""A database that runs: its servers are asked over SSH, as root at their own sockets, and told what to do."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from cluster_cli import ssh
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.inventory import Host
from cluster_cli.topology.databases import Database
from cluster_cli.workspace import Workspace

CLIENTS = {"mariadb": "mariadb --no-defaults -BN --raw", "mysql": "mysql --no-defaults -BN --raw"}
ADMIN_SOCKET = "socat -t 2 stdio /run/haproxy/admin.sock"
SECONDS = 10.0
Rows = list[list[str]]
T = TypeVar("T")
Tell = Callable[[str, str], None]
Apply = Callable[[Sequence[str], Mapping[str, Any]], None]


def untold(_node: str, _text: str) -> None:
    """For who only looks."""


def not_now(_nodes: Sequence[str], _variables: Mapping[str, Any]) -> None:
    """For who only looks."""
    raise AssertionError("nothing is applied while looking")


@dataclass(frozen=True)
class Live:
    """One database of a cluster.

    tell(node, text): where progress goes; node is "" for the whole. apply(nodes, variables): brings the stage
    `database` to these nodes, with these variables of its roles on top; raises ClusterError when that fails.
    """

    name: str
    database: Database
    workspace: Workspace
    tell: Tell = untold
    apply: Apply = not_now

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes that hold its data."""
        return self.database.nodes

    def host(self, node: str) -> Host:
        """A node as it is reached."""
        return self.workspace.inventory.host(node)

    def address(self, node: str) -> str:
        """Where the others, and the server's certificate, know a node."""
        return str(self.host(node).vars["doorbell_address"])

    def run(self, node: str, command: str, stdin: str = "", seconds: float = SECONDS) -> ssh.Answer:
        """A shell command as root. Nothing secret in it: that goes over stdin."""
        return ssh.run(self.host(node), command, stdin=stdin, timeout=seconds, options=("ConnectTimeout=3",))

    def ask(self, node: str, sql: str, seconds: float = SECONDS) -> Rows:
        """Statements to a node's server; rows of all of them as texts, NULL as "NULL".

        Raises ClusterError: exit 4 when the node or its server does not answer, else with the server's words.
        """
        answer = self.run(node, CLIENTS[self.database.engine], stdin=sql, seconds=seconds)
        if answer.rc == 0:
            return [line.split("\t") for line in answer.out.splitlines()]
        said = answer.err.strip().split("\n")[-1] or f"exit code {answer.rc}"
        code = (
            Exit.FAILED if answer.reached and said.startswith("ERROR") and "2002" not in said else Exit.UNREACHABLE
        )
        raise ClusterError(
            f"{node} did not do what it was told", where=f"database {self.name}", why=said, code=code
        )

    def on_all(self, nodes: Sequence[str], work: Callable[[str], T]) -> dict[str, T]:
        """`work` for these nodes side by side, by node. The first error is raised after all have ended."""
        with ThreadPoolExecutor(max(1, len(nodes))) as pool:
            futures = {node: pool.submit(partial(work, node)) for node in nodes}
        return {node: future.result() for node, future in futures.items()}

    def balancers(self) -> tuple[Host, ...]:
        """The nodes that lead clients to it."""
        balancer = self.workspace.topology.load_balancers.get(self.database.through or "")
        return tuple(self.host(node) for node in balancer.nodes) if balancer else ()

    def balance(self, *commands: str) -> dict[str, str]:
        """Tell all balancers (management guide of haproxy, section 9.3); what each that answers says, by node."""
        words = "; ".join(commands)
        answers = ssh.on_all(
            self.balancers(), lambda host: ssh.run(host, f"echo {ssh.quoted(words)} | {ADMIN_SOCKET}", timeout=5)
        )
        return {node: answer.out for node, answer in answers.items() if answer.rc == 0}
