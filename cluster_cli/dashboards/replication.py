"""A primary and its replicas."""

from cluster_cli.dashboards.panel import DATABASE, YES_NO, Dashboard, Panel, Row, ask

OF = '{database=~"$database"}'
NAMED = "{{database}} {{instance}}"

REPLICATION = Dashboard(
    "replication",
    "Replication",
    "Who takes writes, who follows, and how far behind.",
    (
        Row(
            "Primary and replicas",
            (
                Panel(
                    "Takes writes",
                    ask(f"cluster_database_writable{OF} unless on (instance) cluster_database_quorum", NAMED),
                    "The primary: one at any time.",
                    "states",
                    words=YES_NO,
                ),
                Panel(
                    "Replicas that acknowledge",
                    ask(f"cluster_database_acknowledging_replicas{OF}", NAMED),
                    "What the primary has acknowledged is on as many nodes, and itself. With none, writes wait.",
                    limits=(1, 0.5),
                ),
                Panel(
                    "Follows",
                    ask(f"cluster_database_replication_running{OF}", NAMED),
                    "Whether each replica fetches and applies.",
                    "states",
                    words=YES_NO,
                    limits=(1, 0.5),
                ),
                Panel(
                    "Behind by",
                    ask(f"cluster_database_lag_seconds{OF}", NAMED),
                    "By its own clock. A node that is delayed is that far behind on purpose.",
                    unit="s",
                ),
                Panel(
                    "Fetched, and not applied yet",
                    ask(
                        "mysql_slave_status_relay_log_space * on (instance) group_left (database)"
                        f" max by (instance, database) (cluster_database_lag_seconds{OF} >= bool 0)",
                        NAMED,
                    ),
                    "Size of the relay logs. MariaDB tells it.",
                    unit="bytes",
                    may_be_empty="MySQL does not tell it in this way",
                ),
            ),
        ),
    ),
    (DATABASE,),
    needs="replication",
)
