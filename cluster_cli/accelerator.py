"""The strategy Ansible runs its tasks with: Mitogen's where it fits, else Ansible's own.

Mitogen keeps one Python per node alive instead of starting one per task. It changes nothing of what a task does.
"""

import os
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

SWITCH = "CLUSTER_ACCELERATE"
NEWEST_KNOWN = (2, 21)  # of ansible-core, by Mitogen 0.3.54's own list


def strategy() -> dict[str, str]:
    """Ansible's environment for the strategy; empty for Ansible's own."""
    folder = plugins()
    if os.environ.get(SWITCH) == "0" or folder is None or release("ansible-core") > NEWEST_KNOWN:
        return {}
    return {"ANSIBLE_STRATEGY_PLUGINS": str(folder), "ANSIBLE_STRATEGY": "mitogen_linear"}


def plugins() -> Path | None:
    """Where Mitogen's strategy plugins lie; None when it is not installed."""
    found = find_spec("ansible_mitogen")
    places = list(found.submodule_search_locations or ()) if found else []
    return Path(places[0]) / "plugins" / "strategy" if places else None


def release(package: str) -> tuple[int, ...]:
    """Major and minor version of an installed package; zeros when it is not there."""
    try:
        return tuple(int(part) for part in version(package).split(".")[:2])
    except (PackageNotFoundError, ValueError):
        return (0, 0)
