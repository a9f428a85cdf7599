"""Nodes that stand by for a database, and are no part of it."""
