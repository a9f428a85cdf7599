"""Known secrets are planted; then everything a run leaves anywhere is searched for them."""

import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cluster_cli.places import runtime_root
from cluster_cli.secrets.known import needed
from cluster_cli.secrets.store import Secrets
from cluster_cli.workspace import Workspace
from tests.audit.canary import Canaries, Watch, inside
from tests.audit.labs import both_engines
from tests.e2e.command import Done, cluster

LAB = both_engines("audit-canary", "10.89.68.0/24")
# Where a secret may lie in the clear, for nobody but who needs it.
ON_NODES = {"/etc/chrony/cluster.keys": "640 root:_chrony"}
PATIENCE = 1500  # seconds a verb may take on a busy machine
ROTATED = ("stats_password", "ntp_key")
BROKEN = "/etc/chrony/cluster.keys"  # a directory in its place: the module that writes it fails with a traceback


@dataclass
class Evidence:
    """A lab, every secret it ever had, and all that was seen while it was worked on."""

    folder: Path
    scratch: Path
    texts: set[str] = field(default_factory=set, repr=False)
    done: dict[str, Done] = field(default_factory=dict)
    watch: Watch = field(default_factory=Watch)

    @property
    def workspace(self) -> Workspace:
        return Workspace.open(self.folder)

    @property
    def secrets(self) -> Secrets:
        return Secrets.open(self.workspace.places.secrets, self.workspace.topology.name)

    @property
    def canaries(self) -> Canaries:
        return Canaries(self.texts)

    @property
    def containers(self) -> list[str]:
        return [f"{self.workspace.topology.name}-{node}" for node in self.workspace.topology.nodes]

    def learn(self) -> None:
        """Note what is secret now."""
        self.texts |= {text for texts in self.secrets.texts().values() for text in texts}

    def run(self, what: str, *words: str | Path) -> Done:
        """Run a verb with all it can say, its temporary files in a place of their own."""
        self.done[what] = cluster("--debug", *words, env={"TMPDIR": str(self.scratch)}, timeout=PATIENCE)
        self.learn()
        return self.done[what]


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    """Set up, verified, failed and rotated, under the eyes of a watch."""
    scratch = tempfile.TemporaryDirectory(prefix="c-")  # short: sockets lie in it
    found = Evidence(tmp_path_factory.mktemp("canary"), Path(scratch.name))
    (found.folder / "topology.yml").write_text(LAB)
    cluster("down", found.folder, "--yes")
    found.secrets.ensure_all({known.name: known.make for known in needed(found.workspace.topology)})
    found.learn()
    try:
        with found.watch:
            found.run("up", "up", found.folder)
            found.run("verify", "verify", found.folder)
            fail(found)
            for name in ROTATED:
                rotate(found, name)
        yield found
    finally:
        cluster("down", found.folder, "--yes")
        scratch.cleanup()


def fail(found: Evidence) -> None:
    """A run that fails while it has secrets in its hands."""
    node = found.containers[0]
    inside(node, ["sh", "-c", f"mv {BROKEN} {BROKEN}.aside && mkdir {BROKEN}"])
    found.run("failing", "up", found.folder)
    inside(node, ["sh", "-c", f"rmdir {BROKEN}; mv {BROKEN}.aside {BROKEN}"])


def rotate(found: Evidence, name: str) -> None:
    """A rotation; what was secret before it is no less so afterwards."""
    before = found.secrets.get(name)
    found.run(f"rotation of {name}", "secrets", "rotate", name, "-C", found.folder)
    changed = found.secrets.get(name) != before
    assert changed, found.done[f"rotation of {name}"]


def test_there_was_something_to_see(evidence: Evidence) -> None:
    codes = {what: done.code for what, done in evidence.done.items()}
    print(f"{evidence.watch.looks} looks at all processes, {len(evidence.watch.seen)} different texts, {codes}")
    assert codes == dict.fromkeys(codes, 0) | {"failing": 1}, evidence.done
    assert len(evidence.texts) >= len(needed(evidence.workspace.topology)) + len(ROTATED)
    assert evidence.watch.looks > 100
    assert any(b"ansible" in text for text in evidence.watch.seen)
    logs = list(evidence.workspace.places.state.rglob("ansible.log"))
    assert len(logs) >= 4
    assert all(log.stat().st_size > 1000 for log in logs)


def test_no_process_shows_a_secret(evidence: Evidence) -> None:
    canaries = evidence.canaries
    assert [text for text in evidence.watch.seen if canaries.sing_in(text)] == []


def test_nothing_that_was_said_holds_one(evidence: Evidence) -> None:
    canaries = evidence.canaries
    said = {what: (done.out + done.err).encode() for what, done in evidence.done.items()}
    assert [what for what, text in said.items() if canaries.sing_in(text)] == []


def test_nothing_kept_on_this_machine_holds_one(evidence: Evidence) -> None:
    """Journals, reports, run directories, artifacts, remains; but for the two files that are there for it."""
    places = evidence.workspace.places
    key = Path(os.environ["XDG_CONFIG_HOME"]) / "cluster" / places.name / "vault-key"
    roots = [places.state, key.parent, evidence.folder, evidence.scratch, Path("~/.ansible").expanduser()]
    roots += [runtime_root(), Path(tempfile.gettempdir()) / f"cluster-{os.getuid()}"]
    found = {*evidence.canaries.in_files(*(root for root in roots if root.exists()))}
    assert found == {places.operator_key, key}
    assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o600}
    assert list(evidence.scratch.rglob("*artifacts*")) == []


def test_on_the_nodes_only_declared_files_hold_one(evidence: Evidence) -> None:
    canaries = evidence.canaries
    for container in evidence.containers:
        assert canaries.on_node(container) == ON_NODES, container


def test_no_journal_of_a_node_holds_one(evidence: Evidence) -> None:
    canaries = evidence.canaries
    assert [name for name in evidence.containers if canaries.in_journal_of(name)] == []


def test_the_search_finds_what_is_there(evidence: Evidence, tmp_path: Path) -> None:
    """Each way of looking, at a canary that was set free on purpose."""
    canary = evidence.secrets.get("stats_password")
    canaries, node = evidence.canaries, evidence.containers[-1]
    (tmp_path / "log").write_text(f"it is {canary}!")
    assert list(canaries.in_files(tmp_path)) == [tmp_path / "log"]
    inside(node, ["sh", "-c", "cat > /srv/leak"], f"password={canary}\n")
    assert canaries.on_node(node) == ON_NODES | {"/srv/leak": "644 root:root"}
    inside(node, ["rm", "/srv/leak"])
    inside(node, ["systemd-cat"], f"said {canary}\n")
    inside(node, ["journalctl", "--sync"])
    assert canaries.in_journal_of(node)
    for words, env in ((["sleep", "2"], {"PASSWORD": canary}), (["sh", "-c", f"sleep 2; : {canary}"], {})):
        with Watch() as watch:
            subprocess.run(words, env={**os.environ, **env}, check=True)
        assert any(canaries.sing_in(text) for text in watch.seen)


def test_one_that_passes_by_is_named_in_its_place(evidence: Evidence) -> None:
    """Somebody wrote a password into the topology: the diff and the error that show it do not."""
    canary = evidence.secrets.get("stats_password")
    setting = f"system: {{sysctl: {{net.core.somaxconn: {canary}}}}}\n"
    (evidence.folder / "topology.yml").write_text(LAB + setting)
    done = evidence.run("passing by", "up", evidence.folder, "--only", "base")
    assert done.code == 1, done
    run = max((evidence.workspace.places.state / "runs").iterdir())
    for name in ("journal.jsonl", "ansible.log", "report.html", "report.json"):
        text = (run / name).read_text()
        assert canary not in text, name
        assert "[secret stats_password]" in text, name
    assert canary not in done.out + done.err
