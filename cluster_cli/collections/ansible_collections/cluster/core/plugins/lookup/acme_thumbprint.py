"""What balancers answer an ACME service with."""

from __future__ import annotations

from typing import Any

from ansible_collections.cluster.core.plugins.plugin_utils.secrets_lookup import SecretsLookup

from cluster_cli.certificates.acme_account import account_key, thumbprint

DOCUMENTATION = """
name: acme_thumbprint
author: the cluster maintainers
extends_documentation_fragment: [cluster.core.secrets]
short_description: The thumbprint of the account of the cluster at its ACME service
description:
  - With it a web server answers every HTTP-01 challenge of that account with C(TOKEN.THUMBPRINT).
  - The account's key is made on first need. In check mode nothing is made.
options:
  _terms: {description: Not used., required: false}
"""

EXAMPLES = """
- name: Show it
  ansible.builtin.debug:
    msg: "{{ lookup('cluster.core.acme_thumbprint') }}"
"""

RETURN = """
_raw: {description: 'The thumbprint, one entry.', type: list, elements: str}
"""


class LookupModule(SecretsLookup):  # type: ignore[misc]
    """The thumbprint."""

    def find(self, terms: list[Any]) -> list[Any]:  # noqa: ARG002
        return [thumbprint(account_key(self.secrets, dry=self.dry))]
