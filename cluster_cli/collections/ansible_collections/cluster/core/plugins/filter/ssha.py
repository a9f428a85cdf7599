"""Passwords as nginx may keep them."""

from __future__ import annotations

import base64
import hashlib

DOCUMENTATION = """
name: ssha
author: the cluster maintainers
short_description: A password as salted SHA-1 for a file of users (RFC 2307, SSHA)
description:
  - For passwords of 128 random bits and more, which nobody can find by trying, so a slow hash would only cost
    the server time. The salt comes from the password, so that the same one gives the same text.
options:
  _input: {description: 'The password.', type: str, required: true}
"""

EXAMPLES = """
users: "stats:{{ lookup('cluster.core.secret', 'stats_password') | cluster.core.ssha }}"
"""

RETURN = """
_value: {description: 'C({SSHA}) and the base64 of hash and salt.', type: str}
"""


def ssha(password: str) -> str:
    """The `{SSHA}...` form of a password of many random bits."""
    salt = hashlib.sha256(b"salt of " + password.encode()).digest()[:8]
    digest = hashlib.sha1(password.encode() + salt, usedforsecurity=False).digest()
    return "{SSHA}" + base64.b64encode(digest + salt).decode()


class FilterModule:
    """What Ansible asks for."""

    def filters(self) -> dict[str, object]:
        """The filters by name."""
        return {"ssha": ssha}
