"""What makes Ansible fast: Mitogen's strategy where it fits, and few collections to look through.

Mitogen keeps one Python per node alive instead of starting one per task. It changes nothing of what a task does.
"""

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

SWITCH = "CLUSTER_ACCELERATE"
NEWEST_KNOWN = (2, 21)  # of ansible-core, by Mitogen 0.3.54's own list
OURS = Path(__file__).resolve().parent / "collections"
OTHERS = ("community.crypto",)  # the collections roles use beside our own


def strategy() -> dict[str, str]:
    """Ansible's environment for the strategy; empty for Ansible's own."""
    folder = plugins()
    if os.environ.get(SWITCH) == "0" or folder is None or release("ansible-core") > NEWEST_KNOWN:
        return {}
    return {"ANSIBLE_STRATEGY_PLUGINS": str(folder), "ANSIBLE_STRATEGY": "mitogen_linear"}


def collections(folder: Path) -> dict[str, str]:
    """Ansible's environment for seeing our collection and OTHERS alone; folder: a new one, for links to them.

    The PyPI package `ansible` brings a hundred, and Mitogen goes through all there are before it runs a module
    of a collection: a third of a second for each node and task. Where they lie elsewhere, Ansible looks itself.
    """
    for namespace, name in (other.split(".") for other in OTHERS):
        root = installed(namespace, name)
        if root is None:
            return {"ANSIBLE_COLLECTIONS_PATH": str(OURS)}
        link = folder / "ansible_collections" / namespace / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(root)
    paths = os.pathsep.join((str(OURS), str(folder)))
    return {"ANSIBLE_COLLECTIONS_PATH": paths, "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "False"}


def installed(namespace: str, name: str) -> Path | None:
    """Where a collection lies that came with a Python package; None when none did."""
    places = (Path(place) / "ansible_collections" / namespace / name for place in sys.path)
    return next((place for place in places if (place / "plugins").is_dir()), None)


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
