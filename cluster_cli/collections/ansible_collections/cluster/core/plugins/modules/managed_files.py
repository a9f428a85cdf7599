#!/usr/bin/python
"""Many files in one round trip: all are checked, then all are renamed into place."""

import base64
import errno
import hashlib
import os
import shlex
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cluster.core.plugins.module_utils import folders, ledger

DOCUMENTATION = r"""
module: managed_files
short_description: Write many files in one round trip, checking all before replacing any
description:
  - Each file is written beside its target, given its owner and mode, and checked by its own checker.
  - Only when every checker was content are the files renamed into place, so a bad file changes nothing.
  - The original of a file that is replaced for the first time is kept on the node, for C(cluster.core.undo).
  - How each file was left is noted on the node, so that a change by hand can be told.
  - A target that cannot be renamed over, as the /etc/hosts a container engine mounts, is written in place.
options:
  files:
    description: The files, in the order they are to be replaced.
    type: list
    elements: dict
    required: true
    suboptions:
      path: {description: Absolute path., type: path, required: true}
      content: {description: The whole text., type: str, default: ''}
      owner: {description: Owner., type: str, default: root}
      group: {description: Group., type: str, default: root}
      mode: {description: Mode as an octal string., type: str, default: '0644'}
      validate: {description: 'Command that checks the file, %s is its temporary path.', type: str}
      state:
        description:
          - Whether the file is to be there.
          - With C(kept) only its owner and mode are ours, not what is in it. It may be a directory, or missing.
        type: str
        choices: [present, absent, kept]
        default: present
      secret: {description: Keep the content out of diffs., type: bool, default: false}
      encoding:
        description: How the content is given; base64 for a file that is no text.
        type: str
        choices: [text, base64]
        default: text
author: the cluster maintainers
"""

EXAMPLES = r"""
- name: Write the balancer's configuration
  cluster.core.managed_files:
    files:
      - path: /etc/haproxy/haproxy.cfg
        content: "{{ lookup('cluster.core.template', 'haproxy.cfg.j2') }}"
        validate: haproxy -c -q -f %s
"""

RETURN = r"""
paths:
  description: The files that were changed, or would be in check mode.
  type: list
  elements: str
  returned: always
"""

FILE_OPTIONS = {
    "path": {"type": "path", "required": True},
    "content": {"type": "str", "default": ""},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "mode": {"type": "str", "default": "0644"},
    "validate": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent", "kept"], "default": "present"},
    "secret": {"type": "bool", "default": False},
    "encoding": {"type": "str", "choices": ["text", "base64"], "default": "text"},
}


def read(path):
    """The text of a file, or None when there is none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as handle:
            return handle.read()
    except FileNotFoundError:
        return None


def text_of(item):
    """The text a file is to have; bytes that are no text are kept as they are (PEP 383)."""
    if item["encoding"] == "text":
        return item["content"]
    return base64.b64decode(item["content"]).decode("utf-8", "surrogateescape")


def digest(item):
    """The SHA-256 of what a file is to have; None where it is not to be there."""
    if item["state"] == "absent":
        return None
    return hashlib.sha256(text_of(item).encode("utf-8", "surrogateescape")).hexdigest()


def attributes(module, item, path):
    """Ansible's description of owner and mode, for `path`."""
    return module.load_file_common_arguments({**item, "attributes": None}, path=path)


def stage(module, item):
    """Write the new text beside its target and check it; returns the temporary path."""
    folder = os.path.dirname(item["path"])
    folders.make(folder)
    try:
        handle, staged = tempfile.mkstemp(prefix=".cluster-", suffix=os.path.basename(item["path"]), dir=folder)
        module.add_cleanup_file(staged)
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape", newline="") as target:
            target.write(text_of(item))
            target.flush()
            os.fsync(target.fileno())
    except OSError as error:
        module.fail_json(msg=f"{item['path']} could not be written: {error.strerror}. Nothing was replaced.")
    module.set_fs_attributes_if_different(attributes(module, item, staged), changed=False)
    check(module, item, staged)
    return staged


def check(module, item, staged):
    """Run the file's checker; fail with the checker's own words."""
    if not item["validate"]:
        return
    rc, out, err = module.run_command(item["validate"].replace("%s", shlex.quote(staged)))
    if rc != 0:
        words = (err.strip() or out.strip()).replace(staged, item["path"])
        module.fail_json(msg=f"{item['path']} was not replaced, its checker refused the new text: {words}", rc=rc)


def replace(module, item, staged):
    """Rename into place, or write through where the target is a mount point."""
    try:
        os.rename(staged, item["path"])
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.EXDEV):
            raise
        with open(item["path"], "w", encoding="utf-8", errors="surrogateescape", newline="") as target:
            target.write(text_of(item))
        os.unlink(staged)
        module.set_fs_attributes_if_different(attributes(module, item, item["path"]), changed=False)


def difference(item, before):
    """What Ansible shows for --diff."""
    after = text_of(item) if item["state"] == "present" else ""
    if item["secret"]:
        before, after = "(secret)\n", "(another secret)\n"
    elif item["encoding"] == "base64":
        before, after = "(not text)\n", "(not text, another)\n"
    return {
        "before_header": item["path"],
        "after_header": item["path"],
        "before": before or "",
        "after": after,
    }


def plan(module):
    """Yield (item, text before) for each file whose text or presence has to change."""
    for item in module.params["files"]:
        if item["state"] == "kept":
            continue
        before = read(item["path"])
        wanted = text_of(item) if item["state"] == "present" else None
        if before != wanted:
            yield item, before


def main():
    module = AnsibleModule(
        argument_spec={"files": {"type": "list", "elements": "dict", "required": True, "options": FILE_OPTIONS}},
        supports_check_mode=True,
    )
    # what Ansible tells of a task are also its arguments: not those
    secrets = (item["content"] for item in module.params["files"] if item["secret"])
    module.no_log_values.update(filter(None, secrets))
    changes = list(plan(module))
    changed = [item["path"] for item, before in changes]
    diff = [difference(item, before) for item, before in changes]
    if not module.check_mode:
        staged = [(item, stage(module, item)) for item, before in changes if item["state"] == "present"]
        for item, path in staged:
            ledger.note_file(item["path"])
            replace(module, item, path)
        for item, _before in changes:
            if item["state"] == "absent":
                ledger.note_file(item["path"])
                os.unlink(item["path"])
        ledger.note_digests(
            {item["path"]: digest(item) for item in module.params["files"] if item["state"] != "kept"}
        )
    for item in module.params["files"]:
        kept = item["state"] != "absent" and os.path.exists(item["path"]) and item["path"] not in changed
        if kept and item["state"] == "kept" and not module.check_mode:
            ledger.note_mode(item["path"])
        if kept and module.set_fs_attributes_if_different(attributes(module, item, item["path"]), changed=False):
            changed.append(item["path"])
    module.exit_json(changed=bool(changed), paths=changed, diff=diff)


if __name__ == "__main__":
    main()
