"""The list of SSH certificates that count no more, for sshd's RevokedKeys."""

from __future__ import annotations

import base64
from typing import Any

from ansible_collections.cluster.core.plugins.plugin_utils.secrets_lookup import SecretsLookup

from cluster_cli.access.ssh_revocation import revocation_list

DOCUMENTATION = """
name: ssh_revoked
author: the cluster maintainers
extends_documentation_fragment: [cluster.core.secrets]
short_description: The list of SSH certificates and keys that count no more
description:
  - Returns a key revocation list of OpenSSH in base64, the same for the same entries.
  - An id counts under both authorities of the cluster, that of its users and that of its hosts.
options:
  _terms: {description: 'Ids of certificates, and fingerprints (SHA256:...) of keys.', required: true}
"""

EXAMPLES = """
- name: Write what is revoked
  cluster.core.managed_files:
    files:
      - path: /etc/ssh/cluster_revoked_keys
        content: "{{ lookup('cluster.core.ssh_revoked', 'bob-1') }}"
        encoding: base64
"""

RETURN = """
_raw: {description: 'The list in base64, one element.', type: list, elements: str}
"""


class LookupModule(SecretsLookup):  # type: ignore[misc]
    """The list of the entries in `terms`."""

    def find(self, terms: list[Any]) -> list[Any]:
        authority = self.ssh_authority()
        both = [*authority.publics("user"), *authority.publics("host")]
        return [base64.b64encode(revocation_list(map(str, terms), both)).decode()]
