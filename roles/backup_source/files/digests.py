"""Every table at one position: how many rows, and a digest of all of them that does not depend on their order."""

import engine
from server import RefusedError, Server

HOURS = 6 * 3600.0
TABLES = """SELECT table_schema, table_name FROM information_schema.tables
    WHERE table_type = 'BASE TABLE' AND engine = 'InnoDB' AND table_schema NOT IN ('mysql', 'sys')
    ORDER BY 1, 2"""
OTHERS = """SELECT CONCAT(table_schema, '.', table_name) FROM information_schema.tables
    WHERE table_type = 'BASE TABLE' AND COALESCE(engine, '') <> 'InnoDB'
    AND table_schema NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema') ORDER BY 1"""


def quoted(name):
    """A name as SQL takes it."""
    return "`" + name.replace("`", "``") + "`"


def statement(schema, table, columns):
    """Rows, and 60 bits of a hash of each row XORed and summed: one sees swapped rows, the other doubled ones."""
    values = ", ".join(f"COALESCE(HEX({quoted(each)}), 'NULL')" for each in columns)
    hashed = engine.HASH.format(f"CONCAT_WS('/', {values})")
    row = f"CAST(CONV(LEFT({hashed}, 15), 16, 10) AS UNSIGNED)"
    return f"SELECT COUNT(*), BIT_XOR({row}), SUM({row}) FROM {quoted(schema)}.{quoted(table)}"


def taken():
    """{position, tables: {schema.table: {rows, digest, statement}}, left_out: those without a consistent view}."""
    with Server(HOURS) as server:
        server.rows(engine.SESSION)
        server.rows("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        tables = [(schema, table, statement(schema, table, names)) for schema, table, names in described(server)]
        left_out = [row[0] for row in server.rows(OTHERS)]
        position = engine.view(server)
        if not position:
            raise RefusedError("the server does not know its position", 503)
        found = {f"{schema}.{table}": measured(server, sql) for schema, table, sql in tables}
        server.rows("ROLLBACK")
    return {"position": position, "tables": found, "left_out": left_out}


def described(server):
    """(schema, table, columns) of all tables of applications."""
    for schema, table in server.rows(TABLES):
        yield schema, table, [row[0] for row in server.rows(engine.COLUMNS, schema, table)]


def measured(server, sql):
    """One table, with the statement that says the same of a restored one."""
    count, crossed, total = server.rows(sql)[0]
    return {"rows": int(count), "digest": f"{int(crossed or 0):x}.{int(total or 0):x}", "statement": sql}
