"""The options of the modules that make schemas and accounts (module_utils/database_accounts.py)."""

from __future__ import annotations


class ModuleDocFragment:
    """Schemas, and accounts with what they may do there."""

    DOCUMENTATION = """
options:
  schemas: {description: The schemas., type: list, elements: str, default: []}
  watcher:
    description: The account of the system that may look at how the server is, over its socket; none when empty.
    type: str
    default: ''
  accounts:
    description: The accounts.
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: Name of the account., type: str, required: true}
      secret: {description: Name of its password among the secrets; not used here., type: str}
      passwords: {description: 'Those that are let in, two at most.', type: list, elements: str, required: true}
      schemas: {description: Schemas it may use., type: list, elements: str, required: true}
      rights: {description: What it may do there., type: str, choices: [read, write, owner], required: true}
"""
