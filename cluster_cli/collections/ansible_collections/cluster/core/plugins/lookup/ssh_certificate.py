"""SSH certificates for the keys of a node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from cluster_cli.errors import ClusterError
from cluster_cli.secrets import Secrets
from cluster_cli.ssh_authority import ClusterAuthority, host_terms, user_terms

DOCUMENTATION = """
name: ssh_certificate
author: the cluster maintainers
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
  secrets: {description: 'Path of the secrets of the cluster.', type: str, required: true}
  cluster: {description: 'Name of the cluster.', type: str, required: true}
"""

EXAMPLES = """
- name: Write the certificate of the host
  cluster.core.managed_files:
    files:
      - path: /etc/ssh/ssh_host_ed25519_key-cert.pub
        content: >-
          {{ lookup('cluster.core.ssh_certificate', public, current=current, kind='host', principals=['db1'],
                    key_id='db1', days=365, secrets='secrets.yml', cluster='shop') }}
"""

RETURN = """
_raw: {description: 'The certificate lines.', type: list, elements: str}
"""


class LookupModule(LookupBase):  # type: ignore[misc]
    """The certificates of the public keys in `terms`."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        dry = bool((variables or {}).get("ansible_check_mode"))
        try:
            return [self._certificate(public, dry) for public in terms]
        except ClusterError as error:
            raise AnsibleError(str(error)) from None

    def _certificate(self, public: str, dry: bool) -> str:
        if dry and not public:
            return "a certificate for a key that is yet to be made"
        cluster, days = self.get_option("cluster"), self.get_option("days")
        names = self.get_option("principals")
        terms = (
            host_terms(names, days)
            if self.get_option("kind") == "host"
            else user_terms(names, days, self.get_option("source_addresses"))
        )
        secrets = Secrets.open(Path(self.get_option("secrets")), cluster)
        authority = ClusterAuthority(secrets, cluster, dry=dry)
        return authority.certificate(self.get_option("current"), str(public), terms, self.get_option("key_id"))
