#!/usr/bin/python
"""Documentation of the action plugin of the same name, which does the work."""

DOCUMENTATION = r"""
module: packages
short_description: Install Debian packages, cheaply when they are there
description:
  - Asks dpkg first, which costs far less than opening APT's cache, and calls C(ansible.builtin.apt) only
    when a package is missing.
  - Services are not started at installation; they start when they are configured.
  - A failure is tried once more with a fresh package index, since an old one names files that are gone.
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
