"""Mode replication: a primary, and replicas that are promoted at an operator's word."""
