"""Backups of databases: what backup nodes say of them, and what they are told to do."""
