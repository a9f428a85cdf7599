"""The live health of a cluster, asked of the running services."""
