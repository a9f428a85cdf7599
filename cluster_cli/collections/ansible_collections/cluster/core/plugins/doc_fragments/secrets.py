"""The options of everything that looks into the secrets of a cluster."""

from __future__ import annotations


class ModuleDocFragment:
    """Where they are; the inventory says so for every node."""

    DOCUMENTATION = """
options:
  secrets:
    description: Path of the secrets of the cluster.
    type: str
    required: true
    vars: [{name: cluster_secrets}]
  cluster:
    description: Name of the cluster.
    type: str
    required: true
    vars: [{name: cluster_name}]
"""
