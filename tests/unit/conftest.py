"""Plugins of our collection import each other by the names Ansible has for them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "cluster_cli" / "collections"))
