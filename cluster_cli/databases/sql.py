"""What is said to servers of databases from the control machine, in any mode: literals, names, one question."""

# All that a server of MySQL has in no binary log any more, as one set.
PURGED = "mysql --no-defaults --connect-timeout=3 -BN --raw -e \"SELECT REPLACE(@@GLOBAL.gtid_purged, '\\n', '')\""


def quoted(name: str) -> str:
    """A name as SQL takes it."""
    return "`" + name.replace("`", "``") + "`"


def text(value: str) -> str:
    """A text as SQL takes it."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
