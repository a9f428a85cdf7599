"""What an application's account may be and do, the same for MariaDB and MySQL."""

READ = ("SELECT", "SHOW VIEW")
WRITE = (*READ, "INSERT", "UPDATE", "DELETE", "EXECUTE", "CREATE TEMPORARY TABLES", "LOCK TABLES")
OWNER = (*WRITE, "CREATE", "ALTER", "DROP", "INDEX", "REFERENCES", "TRIGGER", "CREATE VIEW", "CREATE ROUTINE",
         "ALTER ROUTINE", "EVENT")  # fmt: skip
RIGHTS = {"read": READ, "write": WRITE, "owner": OWNER}
DOORBELL = "cluster-doorbell"  # the system's account of that name; it sees how the server is, and no row
ACCOUNT = {
    "name": {"type": "str", "required": True},
    "secret": {"type": "str", "no_log": False},
    "passwords": {"type": "list", "elements": "str", "required": True, "no_log": True},
    "schemas": {"type": "list", "elements": "str", "required": True},
    "rights": {"type": "str", "choices": list(RIGHTS), "required": True},
}
ARGUMENTS = {
    "schemas": {"type": "list", "elements": "str", "default": []},
    "accounts": {"type": "list", "elements": "dict", "default": [], "options": ACCOUNT},
    "watcher": {"type": "str", "default": ""},
}
