"""Settle once, in the process that is forked, what holds for every worker."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.plugins.callback import CallbackBase
from ansible.plugins.loader import filter_loader, lookup_loader, test_loader

DOCUMENTATION = r"""
name: preload
type: aggregate
short_description: Load filters, tests and our lookups before the first task, and use all processors
description:
  - Ansible forks a worker for each node and task; what is not loaded by then, each worker loads for itself.
  - Our lookups bring the code of secrets and certificates with them, a fifth of a second for each worker.
  - What is there by then is kept from the garbage collector, so that workers need no copies of its pages.
  - Mitogen pins its processes, and theirs; of two or three processors one is left to its multiplexer alone
    (FixedPolicy in its affinity.py). The kernel spreads them better.
author: the cluster maintainers
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Does so when the playbook starts."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "cluster.core.preload"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, playbook: Any) -> None:  # noqa: ARG002
        """Load them all; see gc.freeze in Python's documentation for the rest."""
        for path in (Path(__file__).parents[1] / "lookup").glob("*.py"):
            lookup_loader.get(f"cluster.core.{path.stem}")
        for loader in (filter_loader, test_loader):
            list(loader.all())
        if constants.DEFAULT_STRATEGY.startswith("mitogen"):
            use_all_processors()
        gc.collect()
        gc.freeze()


def use_all_processors() -> None:
    """Have Mitogen pin nothing."""
    from ansible_mitogen import affinity

    affinity.policy = affinity.Policy()
