"""Verification of a running cluster: every module's folder is named after the role it verifies.

The same modules serve `cluster verify` and the role's molecule scenario. Which
cluster is meant comes from `config.cluster_workspace` (set by `cluster
verify`) or from the environment variable CLUSTER_TOPOLOGY (molecule, and
pytest by hand).

What takes time is done before the tests, for all nodes side by side: a
module's COLLECT (name -> shell command or a function of the node that gives it,
run as root on the node, those of all modules in one SSH round trip) and its ASK
(name -> function of the node, run on the control machine). Tests then look at
`observed` and `asked`.
"""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import testinfra
from testinfra.host import Host as TestinfraHost

from cluster_cli.collect import Outcome, collect_all
from cluster_cli.databases.modes import FENCES, fenced
from cluster_cli.inventory import Host, Inventory
from cluster_cli.ssh import argv
from cluster_cli.topology.databases import Database
from cluster_cli.topology.doors import WRITE
from cluster_cli.workspace import Workspace

HERE = Path(__file__).parent
AT_ONCE = 16
FENCE = "fence/mark"  # asked of every database node when a test wants to know


def pytest_configure(config: pytest.Config) -> None:
    """Open the cluster that is verified."""
    if not hasattr(config, "cluster_workspace"):
        topology = os.environ.get("CLUSTER_TOPOLOGY")
        if not topology:
            raise pytest.UsageError("set CLUSTER_TOPOLOGY to a topology.yml, or use `cluster verify`")
        config.cluster_workspace = Workspace.open(topology)  # type: ignore[attr-defined]
        config.cluster_nodes = None  # type: ignore[attr-defined]
    config.cluster_observed = {}  # type: ignore[attr-defined]
    config.cluster_asked = {}  # type: ignore[attr-defined]


def role_of(path: Path) -> str:
    """The role a module verifies: the name of its folder."""
    return path.parent.name


def nodes_of(config: pytest.Config, role: str) -> list[Host]:
    """The nodes that have a role and are to be verified."""
    only = config.cluster_nodes  # type: ignore[attr-defined]
    hosts = config.cluster_workspace.inventory.group(role)  # type: ignore[attr-defined]
    return [host for host in hosts if only is None or host.name in only]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A role no node has is not verified."""
    if collection_path.parent == HERE and collection_path.is_dir():
        return not nodes_of(config, collection_path.name)
    return None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for a node runs once for every node of its role."""
    if "node" in metafunc.fixturenames:
        hosts = nodes_of(metafunc.config, role_of(metafunc.definition.path))
        metafunc.parametrize("node", hosts, ids=[host.name for host in hosts], scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is true of the whole cluster can only be told when all its nodes are looked at."""
    if config.cluster_nodes is None:  # type: ignore[attr-defined]
        return
    left_out = [item for item in items if "node" not in item.fixturenames]  # type: ignore[attr-defined]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Find out what all selected modules want to know, from every node at once."""
    wanted: dict[str, dict[str, str]] = {}
    questions: dict[tuple[str, str, str], Callable[[], object]] = {}
    for module in {item.module for item in session.items}:  # type: ignore[attr-defined]
        role = role_of(Path(module.__file__))
        for host in nodes_of(session.config, role):
            collected = getattr(module, "COLLECT", {}).items()
            commands = {f"{role}/{name}": text(host) if callable(text) else text for name, text in collected}
            wanted.setdefault(host.name, {}).update(commands)
            for name, question in getattr(module, "ASK", {}).items():
                questions[role, host.name, name] = partial(question, host)
    if any("fences" in item.fixturenames for item in session.items):  # type: ignore[attr-defined]
        for name, command in marks(session.config).items():
            wanted.setdefault(name, {})[FENCE] = command
    inventory = session.config.cluster_workspace.inventory  # type: ignore[attr-defined]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = pool.map(lambda question: question(), questions.values())
        found = collect_all((inventory.host(name), commands) for name, commands in wanted.items())
        session.config.cluster_observed = found  # type: ignore[attr-defined]
        session.config.cluster_asked = dict(zip(questions, answers, strict=True))  # type: ignore[attr-defined]


def marks(config: pytest.Config) -> dict[str, str]:
    """By node that holds data: what tells whether its database was fenced."""
    databases = config.cluster_workspace.topology.databases.values()  # type: ignore[attr-defined]
    return {node: f"test -e {FENCES[each.engine]}" for each in databases for node in each.nodes}


@pytest.fixture(scope="session")
def databases(pytestconfig: pytest.Config) -> Mapping[str, Database]:
    """The databases of the topology."""
    return pytestconfig.cluster_workspace.topology.databases  # type: ignore[attr-defined, no-any-return]


@pytest.fixture(scope="session")
def fences(pytestconfig: pytest.Config, databases: Mapping[str, Database]) -> Mapping[str, tuple[str, ...]]:
    """The databases somebody fenced (`cluster db fence`), each with the nodes that have the mark of it."""
    found = pytestconfig.cluster_observed  # type: ignore[attr-defined]
    marked = {
        name: tuple(node for node in each.nodes if FENCE in found.get(node, {}) and found[node][FENCE].rc == 0)
        for name, each in databases.items()
    }
    return {name: nodes for name, nodes in marked.items() if nodes}


@pytest.fixture(scope="session")
def shut(fences: Mapping[str, object]) -> Mapping[str, str]:
    """The frontends and backends that lead nowhere because of a fence: name -> what is to be said of it."""
    return {f"{name}-{WRITE}": fenced(name) for name in fences}


@pytest.fixture(scope="session")
def inventory(pytestconfig: pytest.Config) -> Inventory:
    """The rendered inventory: `.hosts`, `.group(role)`, `.host(name)`."""
    return pytestconfig.cluster_workspace.inventory  # type: ignore[attr-defined, no-any-return]


@pytest.fixture
def observed_on(request: pytest.FixtureRequest):  # noqa: ANN201
    """A function: node name -> outcomes of this module's COLLECT commands on that node."""
    role = role_of(request.path)

    def of(name: str) -> Mapping[str, Outcome]:
        found = request.config.cluster_observed.get(name, {})  # type: ignore[attr-defined]
        return {key.split("/", 1)[1]: value for key, value in found.items() if key.startswith(f"{role}/")}

    return of


@pytest.fixture
def observed(node: Host, observed_on) -> Mapping[str, Outcome]:  # noqa: ANN001
    """Outcomes of this module's COLLECT commands on this node."""
    return observed_on(node.name)  # type: ignore[no-any-return]


@pytest.fixture
def asked(request: pytest.FixtureRequest, node: Host) -> Mapping[str, object]:
    """Answers of this module's ASK functions for this node."""
    role = role_of(request.path)
    found = request.config.cluster_asked  # type: ignore[attr-defined]
    return {name: answer for (of, on, name), answer in found.items() if (of, on) == (role, node.name)}


@pytest.fixture
def host(node: Host) -> TestinfraHost:
    """The node as a testinfra host, as root, over the connection Ansible uses."""
    words = argv(node)
    options = [f"-o {words[i + 1]}" for i, word in enumerate(words) if word == "-o"]
    return testinfra.get_host(
        f"ssh://{node.vars['ansible_user']}@{node.address}:{node.vars['ansible_port']}",
        sudo=node.vars["ansible_become"],
        ssh_identity_file=node.vars.get("ansible_ssh_private_key_file"),
        ssh_extra_args=" ".join(options),
        controlpersist=0,
    )
