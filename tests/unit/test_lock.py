"""One run at a time, whoever dies."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cluster_cli import lock
from cluster_cli.errors import ClusterError, Exit


def test_second_holder_is_told_of_the_first(tmp_path: Path) -> None:
    with (
        lock.held(tmp_path / "lock", "up"),
        pytest.raises(ClusterError) as caught,
        lock.held(tmp_path / "lock", "down"),
    ):
        pass
    assert caught.value.code == Exit.LOCKED
    assert re.search(r"`cluster up` for \d+ s", caught.value.where)


def test_released_lock_can_be_taken_again(tmp_path: Path) -> None:
    for _ in range(2):
        with lock.held(tmp_path / "lock", "up"):
            pass
    assert not (tmp_path / "lock.owner.json").exists()


def test_lock_of_a_killed_owner_is_free(tmp_path: Path) -> None:
    code = (
        "import os, signal, pathlib; from cluster_cli import lock\n"
        f"with lock.held(pathlib.Path({str(tmp_path / 'lock')!r}), 'up'): os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    with lock.held(tmp_path / "lock", "up"):
        pass
