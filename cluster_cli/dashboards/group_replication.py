"""A group of MySQL servers."""

from cluster_cli.dashboards.panel import DATABASE, YES_NO, Dashboard, Panel, Row, ask

OF = '{database=~"$database"}'
ALONE = " unless on (instance) mysql_global_status_wsrep_cluster_size"  # a Galera group tells the same
NAMED = "{{database}} {{instance}}"

GROUP_REPLICATION = Dashboard(
    "group_replication",
    "Group replication",
    "Who is in the group, and who takes its writes.",
    (
        Row(
            "The group",
            (
                Panel(
                    "Takes writes",
                    ask(
                        f"(cluster_database_writable{OF} and on (instance) cluster_database_quorum{OF}){ALONE}",
                        NAMED,
                    ),
                    "The primary, which the group elects.",
                    "states",
                    words=YES_NO,
                ),
                Panel(
                    "Quorum",
                    ask(f"cluster_database_quorum{OF}{ALONE}", NAMED),
                    "Whether each node is in the group and sees a majority.",
                    "states",
                    words=YES_NO,
                    limits=(1, 0.5),
                ),
                Panel(
                    "Members",
                    ask(f"cluster_database_members{OF}{ALONE}", NAMED),
                    "As each node sees them.",
                ),
                Panel(
                    "Fit for reads",
                    ask(
                        f"(cluster_database_readable{OF} and on (instance) cluster_database_quorum{OF}){ALONE}",
                        NAMED,
                    ),
                    "A node that is too far behind is not.",
                    "states",
                    words=YES_NO,
                    limits=(1, 0.5),
                ),
            ),
        ),
    ),
    (DATABASE,),
    needs="group_replication",
)
