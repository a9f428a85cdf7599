"""Plugins of our collection import each other by Ansible's names; a busy machine fails no property."""

import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parents[2] / "cluster_cli" / "collections"))
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
