"""The public keys of the SSH authorities of a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from cluster_cli.errors import ClusterError
from cluster_cli.secrets import Secrets
from cluster_cli.ssh_authority import ClusterAuthority

DOCUMENTATION = """
name: ssh_authority
author: the cluster maintainers
short_description: The public key of an SSH authority of the cluster
description:
  - The key pair is made on first need. In check mode nothing is made.
options:
  _terms: {description: 'Which authority, host or user.', required: true}
  secrets: {description: 'Path of the secrets of the cluster.', type: str, required: true}
  cluster: {description: 'Name of the cluster.', type: str, required: true}
"""

EXAMPLES = """
- name: Trust the users of the cluster
  cluster.core.managed_files:
    files:
      - path: /etc/ssh/cluster_user_authority.pub
        content: >
          {{ lookup('cluster.core.ssh_authority', 'user', secrets='secrets.yml', cluster='shop') }}
"""

RETURN = """
_raw: {description: 'The public key lines.', type: list, elements: str}
"""


class LookupModule(LookupBase):  # type: ignore[misc]
    """The public key lines of the authorities in `terms`."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        cluster = self.get_option("cluster")
        dry = bool((variables or {}).get("ansible_check_mode"))
        try:
            secrets = Secrets.open(Path(self.get_option("secrets")), cluster)
            authority = ClusterAuthority(secrets, cluster, dry=dry)
            return [authority.public(kind) for kind in terms]
        except ClusterError as error:
            raise AnsibleError(str(error)) from None
