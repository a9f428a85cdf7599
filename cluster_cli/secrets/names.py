"""How secrets are named that belong to one account or node. Apart, so that to render imports no cryptography."""

RECOVERY = "backup_recovery"  # opens the cluster's own files among the backups; no node has it


def database_account(database: str, account: str) -> str:
    """The name of the secret that is an account's password."""
    return f"database_{database}.{account}"


def backup_repository(node: str) -> str:
    """The name of the secret that opens a backup node's repository."""
    return f"backup_repository.{node}"
