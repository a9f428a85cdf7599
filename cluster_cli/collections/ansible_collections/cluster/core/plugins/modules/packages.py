#!/usr/bin/python
"""Write down which packages were installed. The action plugin of the same name does the installing."""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.cluster.core.plugins.module_utils import ledger

DOCUMENTATION = r"""
module: packages
short_description: Install Debian packages, cheaply when they are there
description:
  - Asks dpkg first, which costs far less than opening APT's cache, and calls C(ansible.builtin.apt) only
    when a package is missing.
  - Services are not started at installation; they start when they are configured.
  - A failure is tried once more with a fresh package index, since an old one names files that are gone. Where
    the index cannot be had whole, since one of several repositories does not answer, that of the others is used.
options:
  name: {description: The packages., type: list, elements: str, required: true}
author: the cluster maintainers
"""

EXAMPLES = r"""
- name: Install haproxy
  cluster.core.packages:
    name: [haproxy, socat]
"""

RETURN = r"""
missing:
  description: The packages that were not installed.
  type: list
  elements: str
  returned: always
"""


def main():
    """Called by the action plugin with the packages that came, after it installed what was missing."""
    module = AnsibleModule(
        argument_spec={"name": {"type": "list", "elements": "str", "required": True}}, supports_check_mode=True
    )
    ledger.note("packages", module.params["name"])
    module.exit_json(changed=True)


if __name__ == "__main__":
    main()
