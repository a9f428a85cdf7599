"""What the nodes that watch are asked, over SSH: Prometheus and Alertmanager answer nobody else."""

import shlex
from collections.abc import Mapping, Sequence

from cluster_cli.collect import Outcome, collect_all
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.inventory import Host
from cluster_cli.workspace import Workspace

SECONDS, CONNECT_SECONDS = 20, 5
# Over the node's own certificate: neither program answers anybody who shows none. A line for each path.
ASKING = """
import ssl, sys, urllib.request
program, seconds, address, port, folder, authority, *paths = sys.argv[1:]
context = ssl.create_default_context(cafile=authority)
context.load_cert_chain(folder + "/cert.pem", folder + "/key.pem")
handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
opener = urllib.request.build_opener(*handlers)
try:
    for path in paths:
        print(opener.open(f"https://{address}:{port}{path}", timeout=int(seconds)).read().decode().strip())
except OSError as error:
    sys.exit(f"its {program} does not answer: {error}")
"""


def question(host: Host, program: str, paths: Sequence[str], seconds: int = 5) -> str:
    """The command by which a node that watches prints what `program` answers at each path, a line each.

    seconds: how long each answer may take.
    """
    names = ("address", "port", "certificate", "authority")
    words = [program.capitalize(), str(seconds), *(str(host.vars[f"{program}_{name}"]) for name in names), *paths]
    return f"python3 -I -c {shlex.quote(ASKING)} {' '.join(map(shlex.quote, words))}"


def ask(
    workspace: Workspace, program: str, paths: Sequence[str], *, untold: str, seconds: int = 5
) -> dict[str, Outcome]:
    """What every node that watches answers. untold: what nobody tells when none does.

    Raises ClusterError when nobody watches (exit 2), or nobody who does answers (exit 4).
    """
    hosts = workspace.inventory.group(program)
    if not hosts:
        raise ClusterError(
            "nobody watches this cluster",
            where=workspace.topology.name,
            hint="add a section `monitoring` to the topology, then: cluster up",
            code=Exit.USAGE,
        )
    work = [(host, {program: question(host, program, paths, seconds)}) for host in hosts]
    found = collect_all(work, timeout=SECONDS + seconds * len(paths), connect_seconds=CONNECT_SECONDS)
    answers = {node: outcomes[program] for node, outcomes in found.items()}
    if all(answer.rc for answer in answers.values()):
        node, answer = next(iter(answers.items()))
        raise ClusterError(
            f"no node that watches tells {untold}",
            where=node,
            why=why(answer),
            hint="cluster status says how they are",
            code=Exit.UNREACHABLE,
        )
    return answers


def silent(answers: Mapping[str, Outcome]) -> dict[str, dict[str, str]]:
    """For documents: why each node does not tell; empty when it does."""
    return {node: {"why": why(answer)} for node, answer in answers.items()}


def why(answer: Outcome) -> str:
    """Why a node does not tell; empty when it does."""
    return (answer.stderr.strip().split("\n")[-1] or f"it ended with {answer.rc}") if answer.rc else ""
