"""The pure functions from topology to the variables of each role, one file a concern."""
