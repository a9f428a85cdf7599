"""What was done to a cluster, by whom: the chain of records, the journals, where the time went."""
