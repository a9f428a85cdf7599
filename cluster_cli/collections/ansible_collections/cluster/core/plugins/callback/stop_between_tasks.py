"""End a run between two tasks when asked to, so that no task is cut in half."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: stop_between_tasks
type: aggregate
short_description: Stop between two tasks when a file appears
description:
  - Before each task, looks for the file named by the environment variable CLUSTER_STOP_FILE.
  - When it is there, Ansible is interrupted as by Ctrl-C; at that moment no task is running on any node.
author: the cluster maintainers
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Looks for the stop file before every task."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "cluster.core.stop_between_tasks"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:  # noqa: ARG002
        """Interrupt the run when the stop file is there."""
        path = os.environ.get("CLUSTER_STOP_FILE")
        if path and Path(path).exists():
            os.kill(os.getpid(), signal.SIGINT)
