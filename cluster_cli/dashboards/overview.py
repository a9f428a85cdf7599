"""What people see first: whether the cluster is well, and if not, where."""

from cluster_cli.dashboards.panel import YES_NO, Dashboard, Panel, Row, ask

STATE = {0: "well", 1: "look", 2: "bad"}
QUIET = "a cluster that is well has none"

OVERVIEW = Dashboard(
    "overview",
    "Overview",
    "Whether the cluster is well, and if not, where.",
    (
        Row(
            "Now",
            (
                Panel(
                    "Cluster",
                    ask("max(cluster:state)"),
                    "What `cluster status` would say: well, something to look at, or bad.",
                    "number",
                    width=6,
                    height=4,
                    words=STATE,
                    limits=(1, 2),
                ),
                Panel(
                    "Nodes that answer",
                    ask("count(max by (instance) (up) == 1)"),
                    "Nodes of which at least one program gives metrics.",
                    "number",
                    width=6,
                    height=4,
                ),
                Panel(
                    "Alerts that fire",
                    ask('count(ALERTS{alertstate="firing"}) or vector(0)'),
                    "Warnings, too. `cluster alerts` lists them.",
                    "number",
                    width=6,
                    height=4,
                    limits=(1, 1000),
                ),
                Panel(
                    "Problems",
                    ask("count(cluster:problem) or vector(0)"),
                    "What `cluster status` calls a problem.",
                    "number",
                    width=6,
                    height=4,
                    limits=(1, 2),
                ),
                Panel(
                    "Problems by name",
                    ask("cluster:problem"),
                    "Each by the rule that found it and what it is about.",
                    "table",
                    may_be_empty=QUIET,
                ),
                Panel(
                    "Alerts by name",
                    ask('ALERTS{alertstate="firing"}'),
                    "What each means, and what to do: docs/how-to/alerts.md.",
                    "table",
                    may_be_empty=QUIET,
                ),
            ),
        ),
        Row(
            "What was",
            (
                Panel(
                    "Nodes",
                    ask("cluster:node:state", "{{instance}}"),
                    "How each node was.",
                    "states",
                    words=STATE,
                    limits=(1, 2),
                ),
                Panel(
                    "What clients meet",
                    ask(
                        "min by (balancer, frontend, address) (probe_success)",
                        "{{balancer}}/{{frontend}} {{address}}",
                    ),
                    "Whether each frontend answered as it should.",
                    "states",
                    words=YES_NO,
                    limits=(1, 0.5),
                    needs="looks",
                ),
                Panel(
                    "Databases that take writes",
                    ask("max by (database) (cluster_database_writable)", "{{database}}"),
                    "Whether a node of each took them.",
                    "states",
                    words=YES_NO,
                    limits=(1, 0.5),
                    needs="databases",
                ),
                Panel(
                    "Services that do not run",
                    ask("count by (instance, unit) (cluster_unit_active == 0)", "{{unit}} on {{instance}}"),
                    "Each unit of each node that ought to run.",
                    may_be_empty=QUIET,
                ),
            ),
        ),
    ),
)
