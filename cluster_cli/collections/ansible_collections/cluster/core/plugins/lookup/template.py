"""A rendered template, without a copy of all variables for each."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible.template import trust_as_template

DOCUMENTATION = r"""
name: template
author: the cluster maintainers
short_description: A rendered template of the role
description:
  - What C(ansible.builtin.template) gives for a file of the role's templates.
  - That one copies all variables, deep, for every template; a node of ours is given dozens of them.
options:
  _terms:
    description: The template.
    required: true
  template_vars:
    description: Variables beside those there are.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Write the balancer's configuration
  cluster.core.managed_files:
    files:
      - path: /etc/haproxy/haproxy.cfg
        content: "{{ lookup('cluster.core.template', 'haproxy.cfg.j2') }}"
"""

RETURN = r"""
_raw:
  description: The rendered text.
  type: list
  elements: str
"""


class LookupModule(LookupBase):  # type: ignore[misc]
    """See the documentation above."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        known = {**(variables or {}), **self.get_option("template_vars")}
        templar = self._templar.copy_with_new_env(available_variables=known)
        return [self._rendered(templar, known, term) for term in terms]

    def _rendered(self, templar: Any, known: dict[str, Any], term: str) -> str:
        path = self.find_file_in_search_path(known, "templates", term)
        if not path:
            raise AnsibleError(f"there is no template {term}")
        text = trust_as_template(self._loader.get_text_file_contents(path))
        return str(templar.template(text, escape_backslashes=False, overrides={"trim_blocks": True}))
