"""Mode group_replication: MySQL's group with one primary, elected by a majority."""
