"""What Ansible prints is kept without its secrets, and never unread by us on the disk."""

from pathlib import Path

from cluster_cli.runner import Words
from cluster_cli.secrets.redact import Redactor

SECRET = "a-very-secret-value"


def test_its_output_is_kept_without_secrets_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "ansible.log"
    with Words(path, Redactor({"db": [SECRET]})) as words:
        for said in ("TASK [x] ***", "", f"changed: {SECRET}", None):
            words({"stdout": said})
    assert path.read_text() == "TASK [x] ***\nchanged: [secret db]\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_without_debug_only_the_last_words_are_kept(tmp_path: Path) -> None:
    with Words(None, Redactor({"db": [SECRET]})) as words:
        assert words.last() == "Ansible ended without a word"
        words({"stdout": "something went by"})
        assert words.last() == "something went by"
        words({"stdout": f"ERROR! {SECRET} is not a playbook\nsee above"})
    assert words.last() == "ERROR! [secret db] is not a playbook"
    assert list(tmp_path.iterdir()) == []
