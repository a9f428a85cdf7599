"""Databases of any engine and mode: what each node is fit for, and what its server does."""

from cluster_cli.dashboards.panel import DATABASE, YES_NO, Dashboard, Panel, Query, Row, ask

OF = '{database=~"$database"}'
# The exporter knows nodes and no databases: only those of the databases that were chosen.
IN = (
    "* on (instance) group_left (database) max by (instance, database) (cluster_database_writable"
    + OF
    + " >= bool 0)"
)
HANDLERS = "delete|read_key|read_next|read_rnd_next|update|write"
STATUS = "mysql_global_status_{}"


def rate(name: str) -> str:
    """How fast a counter of the servers grows."""
    return f"rate({STATUS.format(name)}[$__rate_interval]) {IN}"


def now(name: str) -> str:
    """What a figure of the servers is."""
    return f"{STATUS.format(name)} {IN}"


DATABASES = Dashboard(
    "databases",
    "Databases",
    "What each node is fit for, and what its server does.",
    (
        Row(
            "Fit for",
            (
                Panel(
                    "Writes",
                    ask(f"cluster_database_writable{OF}", "{{database}} {{instance}}"),
                    "Whom the balancers lead writes to.",
                    "states",
                    words=YES_NO,
                ),
                Panel(
                    "Reads",
                    ask(f"cluster_database_readable{OF}", "{{database}} {{instance}}"),
                    "Whom they lead reads to. A node that is delayed is fit for none.",
                    "states",
                    words=YES_NO,
                    limits=(1, 0.5),
                ),
            ),
        ),
        Row(
            "Servers",
            (
                Panel(
                    "Answer",
                    ask(f"mysql_up {IN}", "{{database}} {{instance}}"),
                    "Whether each server answers on its own node.",
                    "states",
                    words=YES_NO,
                    limits=(1, 0.5),
                ),
                Panel(
                    "Queries",
                    ask(rate("queries"), "{{database}} {{instance}}"),
                    "Statements a second.",
                    unit="ops",
                ),
                Panel(
                    "Connections in use",
                    ask(
                        f"{STATUS.format('threads_connected')} / mysql_global_variables_max_connections {IN}",
                        "{{database}} {{instance}}",
                    ),
                    "Of those a server takes at most.",
                    unit="percentunit",
                    highest=1,
                ),
                Panel(
                    "Threads that run",
                    ask(now("threads_running"), "{{database}} {{instance}}"),
                    "Connections that do something at this moment.",
                ),
                Panel(
                    "Reads and changes",
                    ask(
                        "sum by (database, command) (rate(mysql_global_status_commands_total"
                        f'{{command=~"select|insert|update|delete|replace|commit"}}[$__rate_interval]) {IN})',
                        "{{database}} {{command}}",
                    ),
                    "Statements a second, by kind, of all nodes. What is replicated is not among them.",
                    unit="ops",
                ),
                Panel(
                    "Slow queries",
                    ask(rate("slow_queries"), "{{database}} {{instance}}"),
                    "A second that take longer than long_query_time.",
                    unit="ops",
                ),
                Panel(
                    "Received and sent",
                    (
                        Query(rate("bytes_received"), "{{database}} {{instance}} received"),
                        Query(rate("bytes_sent"), "{{database}} {{instance}} sent"),
                    ),
                    "From and to clients, replicas among them.",
                    unit="Bps",
                ),
                Panel(
                    "Logins that failed",
                    ask(rate("aborted_connects"), "{{database}} {{instance}}"),
                    "A second: a wrong password, a connection without a word, or none left.",
                    unit="cps",
                ),
            ),
        ),
        Row(
            "InnoDB",
            (
                Panel(
                    "Buffer pool in use",
                    ask(
                        f'1 - mysql_global_status_buffer_pool_pages{{state="free"}}'
                        " / on (instance) sum by (instance)"
                        f' (mysql_global_status_buffer_pool_pages{{state=~"data|free|misc"}}) {IN}',
                        "{{database}} {{instance}}",
                    ),
                    "Full is what it should be after a while.",
                    unit="percentunit",
                    highest=1,
                ),
                Panel(
                    "Reads from disks",
                    ask(rate("innodb_buffer_pool_reads"), "{{database}} {{instance}}"),
                    "A second that the buffer pool could not answer.",
                    unit="ops",
                ),
                Panel(
                    "Rows",
                    ask(
                        "sum by (database, handler) (rate(mysql_global_status_handlers_total"
                        f'{{handler=~"{HANDLERS}"}}[$__rate_interval]) {IN})',
                        "{{database}} {{handler}}",
                    ),
                    "A second, by what is done with them, on all nodes. read_rnd_next: whole tables are read.",
                    unit="ops",
                ),
                Panel(
                    "Waits for locks",
                    ask(rate("innodb_row_lock_waits"), "{{database}} {{instance}}"),
                    "A second: transactions that are in each other's way.",
                    unit="ops",
                ),
                Panel(
                    "Data not written yet",
                    ask(f"mysql_global_status_buffer_pool_dirty_pages {IN}", "{{database}} {{instance}}"),
                    "Pages of the buffer pool; in the log already, so a crash loses none.",
                ),
                Panel(
                    "Temporary tables on disks",
                    ask(rate("created_tmp_disk_tables"), "{{database}} {{instance}}"),
                    "A second.",
                    unit="ops",
                ),
            ),
        ),
    ),
    (DATABASE,),
    needs="databases",
)
