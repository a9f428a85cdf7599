"""The built wheel, in an empty environment, with no checkout near."""

import os
import re
import subprocess
import sys
from pathlib import Path

from .command import CHECKOUT, Done, cluster
from .conftest import make_room

LESS = re.compile(r"^  (web2|web3|ops2): \{\}\n|, (web2|web3|ops2)\b", re.MULTILINE)  # 1_up has all seven nodes


def run(*words: object, cwd: Path = CHECKOUT) -> None:
    """Run a program that must succeed."""
    done = subprocess.run(list(map(str, words)), cwd=cwd, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_wheel_needs_no_checkout(tmp_path: Path) -> None:
    make_room()
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path / "dist")
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    environment = tmp_path / "environment"
    run(sys.executable, "-m", "venv", environment)
    run(environment / "bin/pip", "install", "-q", "-c", locked(tmp_path), wheel, cwd=tmp_path)
    shop = tmp_path / "shop"

    def installed(*words: object) -> Done:
        clean = {"PYTHONPATH": "", "PATH": os.environ["PATH"].replace(f"{CHECKOUT}/.venv/bin:", "")}
        return cluster(*words, env=clean, timeout=600, program=environment / "bin/cluster")

    assert installed("init", shop, "--template", "lab", "--name", "e2e-wheel").code == 0
    assert installed("validate", shop).code == 0
    text = LESS.sub("", (shop / "topology.yml").read_text())
    (shop / "topology.yml").write_text(text.replace("10.89.40.", "10.89.62."))
    try:
        done = installed("up", shop, "-o", "json")
        assert done.code == 0, done
        assert done.json["verify"]["failed"] == 0
        assert done.json["verify"]["passed"] > 50
        print(f"wheel: cold up {done.json['seconds']} s")
    finally:
        assert installed("down", shop, "--yes").code == 0


def locked(folder: Path) -> Path:
    """The lock file as constraints: pip takes no hashes there."""
    lines = (CHECKOUT / "requirements.lock").read_text().splitlines()
    path = folder / "constraints.txt"
    path.write_text("\n".join(line.rstrip("\\ ") for line in lines if line and line[0] not in " #"))
    return path
