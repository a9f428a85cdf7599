"""Our template lookup gives what Ansible's gives."""

import json
import os
import subprocess
import sys
from pathlib import Path

from cluster_cli.accelerator import collections
from cluster_cli.places import PACKAGE

PLAYBOOK = Path(sys.executable).parent / "ansible-playbook"
TEMPLATE = """\
# {{ name }}, {{ added | default('nothing') }}
{% for number in numbers %}
  {{ number }}{{ ',' if not loop.last }}
{% endfor %}
{% if false %}
never
{% endif %}
back\\slash {{ nested.deep }}
"""
ASKED = """\
- hosts: localhost
  gather_facts: false
  vars:
    ansible_python_interpreter: {python}
    name: balancer
    numbers: [1, 2]
    nested: {{deep: "{{{{ name }}}}"}}
    found:
      ours: "{{{{ lookup('cluster.core.template', 'a.j2', template_vars={{'added': 3}}) }}}}"
      theirs: "{{{{ lookup('ansible.builtin.template', 'a.j2', template_vars={{'added': 3}}) }}}}"
  tasks:
    - ansible.builtin.copy: {{content: "{{{{ found | to_json }}}}", dest: {out}}}
"""


def played(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "play.yml").write_text(text)
    environment = os.environ | {"ANSIBLE_COLLECTIONS_PATH": str(PACKAGE / "collections"), "ANSIBLE_NOCOLOR": "1"}
    words = [PLAYBOOK, "-i", "localhost,", "-c", "local", folder / "play.yml"]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, env=environment)


def test_it_renders_as_ansibles_does(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/a.j2").write_text(TEMPLATE)
    done = played(tmp_path, ASKED.format(python=sys.executable, out=tmp_path / "out"))
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "out").read_text())
    assert found["ours"] == found["theirs"]
    assert found["ours"] == "# balancer, 3\n  1,\n  2\nback\\slash balancer\n"


def test_a_template_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = played(tmp_path, ASKED.format(python=sys.executable, out=tmp_path / "out"))
    assert done.returncode != 0
    assert "there is no template a.j2" in done.stdout + done.stderr


def test_a_run_sees_the_collections_roles_use_and_no_others(tmp_path: Path) -> None:
    found = collections(tmp_path / "links")
    assert found["ANSIBLE_COLLECTIONS_SCAN_SYS_PATH"] == "False"
    words = [PLAYBOOK.with_name("ansible-doc"), "-t", "module", "-l"]
    for name, there in (("community.crypto", True), ("cluster.core", True), ("community.general", False)):
        done = subprocess.run(
            [*words, name], capture_output=True, text=True, timeout=60, check=False, env=os.environ | found
        )
        assert (f"{name}." in done.stdout) is there, done.stdout + done.stderr
