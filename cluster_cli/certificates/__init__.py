"""TLS certificates: the cluster's authority, the operator's own, and those of an ACME service."""
