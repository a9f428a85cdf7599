"""The lookup a role takes its secrets with, as Ansible runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cluster_cli.access.ssh_authority import new_authority
from cluster_cli.places import PACKAGE
from cluster_cli.secrets.store import Secrets

PLAYBOOK = Path(sys.executable).parent / "ansible-playbook"
ASKED = """\
- hosts: localhost
  gather_facts: false
  vars:
    ansible_python_interpreter: {python}
    cluster_name: shop
    cluster_secrets: {path}
    found:
      one: "{{{{ lookup('cluster.core.secret', 'ntp_key') }}}}"
      all: "{{{{ lookup('cluster.core.secret', 'ntp_key', valid=true) }}}}"
      numbered: "{{{{ lookup('cluster.core.secret', 'ntp_key', valid=true, numbered=true) }}}}"
      ssha: "{{{{ lookup('cluster.core.secret', 'ntp_key') | cluster.core.ssha }}}}"
      authorities: "{{{{ query('cluster.core.ssh_authority', 'user') }}}}"
  tasks:
    - ansible.builtin.copy: {{content: "{{{{ found | to_json }}}}", dest: {out}}}
      check_mode: false
      when: not ansible_check_mode
    - ansible.builtin.debug: {{msg: "{{{{ found | length }}}} kinds"}}
"""


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Secrets:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return Secrets.open(tmp_path / "secrets.yml", "shop")


def ask(secrets: Secrets, *options: str) -> dict[str, object]:
    """What a playbook gets."""
    out, book = secrets.path.with_name("out"), secrets.path.with_name("book.yml")
    book.write_text(ASKED.format(path=secrets.path, out=out, python=sys.executable))
    env = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(PACKAGE / "collections")}
    words = [str(PLAYBOOK), "-i", "localhost,", "-c", "local", *options, str(book)]
    done = subprocess.run(words, capture_output=True, text=True, env=env, cwd=secrets.path.parent, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(out.read_text()) if out.exists() else {}


def test_it_gives_what_counts_now(secrets: Secrets) -> None:
    first = ask(secrets)
    assert first["all"] == [first["one"]]
    assert first["numbered"] == [{"number": 1, "value": first["one"]}]
    assert str(first["ssha"]).startswith("{SSHA}")
    assert len(first["authorities"]) == 1  # type: ignore[arg-type]
    secrets.advance("ntp_key", lambda: "new")
    secrets.advance("ssh_user_authority", new_authority)
    second = ask(secrets)
    assert second["one"] == first["one"]
    assert second["all"] == [first["one"], "new"]
    assert second["numbered"] == [{"number": 1, "value": first["one"]}, {"number": 2, "value": "new"}]
    assert second["ssha"] == first["ssha"]
    assert len(second["authorities"]) == 2  # type: ignore[arg-type]


def test_check_mode_makes_nothing(secrets: Secrets) -> None:
    ask(secrets, "--check")
    assert not secrets.path.exists()
