"""SSH certificates for the keys of a node."""

from __future__ import annotations

from typing import Any

from ansible_collections.cluster.core.plugins.plugin_utils.secrets_lookup import SecretsLookup

from cluster_cli.access.ssh_authority import host_terms, user_terms

DOCUMENTATION = """
name: ssh_certificate
author: the cluster maintainers
extends_documentation_fragment: [cluster.core.secrets]
short_description: A certificate for an SSH public key, by the authority of the cluster
description:
  - Returns the current certificate while it will still do, that is for the same key, by the same authority,
    on the same terms, and not yet in the last third of its life. Else signs a new one.
  - The authority's key is made on first need. In check mode nothing is made.
options:
  _terms: {description: 'The public key line, one for each certificate.', required: true}
  current: {description: 'The certificate there is, empty when there is none.', type: str, default: ''}
  kind: {description: 'What the key belongs to.', type: str, choices: [host, user], required: true}
  principals: {description: 'Names it is good for.', type: list, elements: str, required: true}
  source_addresses:
    description: Addresses a user may come from; anywhere when empty.
    type: list
    elements: str
    default: []
  key_id: {description: 'What the server writes in its log.', type: str, required: true}
  days: {description: 'Life of the certificate.', type: int, required: true}
"""

EXAMPLES = """
- name: Write the certificate of the host
  cluster.core.managed_files:
    files:
      - path: /etc/ssh/ssh_host_ed25519_key-cert.pub
        content: >-
          {{ lookup('cluster.core.ssh_certificate', public, current=current, kind='host', principals=['db1'],
                    key_id='db1', days=365) }}
"""

RETURN = """
_raw: {description: 'The certificate lines.', type: list, elements: str}
"""


class LookupModule(SecretsLookup):  # type: ignore[misc]
    """The certificates of the public keys in `terms`."""

    def find(self, terms: list[Any]) -> list[Any]:
        return [self._certificate(str(public)) for public in terms]

    def _certificate(self, public: str) -> str:
        if self.dry and not public:
            return "a certificate for a key that is yet to be made"
        names, days = self.get_option("principals"), self.get_option("days")
        terms = (
            host_terms(names, days)
            if self.get_option("kind") == "host"
            else user_terms(names, days, self.get_option("source_addresses"))
        )
        current, key_id = self.get_option("current"), self.get_option("key_id")
        certificate: str = self.ssh_authority().certificate(current, public, terms, key_id)
        return certificate
