"""Secrets of the cluster, taken from their file at the moment they are needed."""

from __future__ import annotations

from typing import Any

from ansible_collections.cluster.core.plugins.plugin_utils.secrets_lookup import SecretsLookup

from cluster_cli.secrets.known import value_of

DOCUMENTATION = """
name: secret
author: the cluster maintainers
extends_documentation_fragment: [cluster.core.secrets]
short_description: A secret of the cluster
description:
  - The value to use. One that is known to cluster_cli/secrets/known.py is made on first need; in check mode
    nothing is made, and what is missing is made up for the moment.
  - With C(valid) all values to let in, as a list, the one to use first. There are two while it is rotated.
options:
  _terms: {description: 'Names of secrets.', required: true}
  valid: {description: 'Return every value that counts now.', type: bool, default: false}
  numbered:
    description: Return C({number, value}) in place of the value. A value keeps its number; no two have the same.
    type: bool
    default: false
"""

EXAMPLES = """
- name: Write the file with the users of the statistics
  cluster.core.managed_files:
    files:
      - path: /etc/nginx/status_users
        content: "{{ lookup('cluster.core.secret', 'stats_password', valid=true) | join('\\n') }}\\n"
        mode: '0600'
        secret: true
"""

RETURN = """
_raw: {description: 'A value for each name, a list of them with valid.', type: list, elements: raw}
"""


class LookupModule(SecretsLookup):  # type: ignore[misc]
    """The secrets named in `terms`."""

    def find(self, terms: list[Any]) -> list[Any]:
        return [self._values(value_of(self.secrets, str(name), dry=self.dry).valid) for name in terms]

    def _values(self, valid: dict[int, str]) -> Any:
        """In the shape that was asked for."""
        numbered = self.get_option("numbered")
        found = [{"number": n, "value": value} if numbered else value for n, value in valid.items()]
        return found if self.get_option("valid") else found[0]
