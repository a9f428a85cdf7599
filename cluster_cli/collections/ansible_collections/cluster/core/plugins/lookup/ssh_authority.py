"""The public keys of the SSH authorities of a cluster."""

from __future__ import annotations

from typing import Any

from ansible_collections.cluster.core.plugins.plugin_utils.secrets_lookup import SecretsLookup

DOCUMENTATION = """
name: ssh_authority
author: the cluster maintainers
extends_documentation_fragment: [cluster.core.secrets]
short_description: The public keys of an SSH authority of the cluster
description:
  - The key pair is made on first need. In check mode nothing is made.
  - While the authority is rotated there are two keys to trust, so ask with C(query).
options:
  _terms: {description: 'Which authority, host or user.', required: true}
"""

EXAMPLES = """
- name: Trust the users of the cluster
  cluster.core.managed_files:
    files:
      - path: /etc/ssh/cluster_user_authority.pub
        content: |
          {{ query('cluster.core.ssh_authority', 'user') | join('\\n') }}
"""

RETURN = """
_raw: {description: 'The public key lines.', type: list, elements: str}
"""


class LookupModule(SecretsLookup):  # type: ignore[misc]
    """The public key lines of the authorities in `terms`."""

    def find(self, terms: list[Any]) -> list[Any]:
        authority = self.ssh_authority()
        return [line for kind in terms for line in authority.publics(kind)]
