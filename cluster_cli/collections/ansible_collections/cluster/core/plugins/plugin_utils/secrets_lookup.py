"""What every lookup in the secrets of a cluster begins and ends with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from cluster_cli.access.ssh_authority import ClusterAuthority
from cluster_cli.errors import ClusterError
from cluster_cli.secrets.store import Secrets


class SecretsLookup(LookupBase):  # type: ignore[misc]
    """Opens the secrets, calls `find`, and tells its errors as Ansible's.

    secrets and cluster: whose. dry: check mode, in which nothing is made. A subclass documents its options
    with the fragment cluster.core.secrets.
    """

    secrets: Secrets
    cluster: str
    dry: bool

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[Any]:
        self.set_options(var_options=variables, direct=kwargs)
        self.cluster = self.get_option("cluster")
        self.dry = bool((variables or {}).get("ansible_check_mode"))
        try:
            self.secrets = Secrets.open(Path(self.get_option("secrets")), self.cluster)
            return self.find(terms)
        except ClusterError as error:
            raise AnsibleError(str(error)) from None

    def find(self, terms: list[Any]) -> list[Any]:
        """The answer to `terms`. May raise ClusterError."""
        raise NotImplementedError

    def ssh_authority(self) -> ClusterAuthority:
        """The cluster's SSH authorities."""
        return ClusterAuthority(self.secrets, self.cluster, dry=self.dry)
