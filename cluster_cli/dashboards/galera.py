"""A Galera group: who is in it, and what holds writes up (its documentation, "Galera status variables")."""

from cluster_cli.dashboards.databases import IN, now, rate
from cluster_cli.dashboards.panel import DATABASE, YES_NO, Dashboard, Panel, Query, Row, ask

OF = '{database=~"$database"}'

GALERA = Dashboard(
    "galera",
    "Galera",
    "Who is in the group, and what holds writes up.",
    (
        Row(
            "The group",
            (
                Panel(
                    "Quorum",
                    ask(
                        f"cluster_database_quorum{OF} and on (instance) mysql_global_status_wsrep_cluster_size",
                        "{{instance}}",
                    ),
                    "Whether each node sees a majority.",
                    "states",
                    words=YES_NO,
                    limits=(1, 0.5),
                ),
                Panel(
                    "Members",
                    ask(now("wsrep_cluster_size"), "{{database}} {{instance}}"),
                    "As each node sees them, an arbiter among them.",
                ),
                Panel(
                    "State of each node",
                    ask(now("wsrep_local_state"), "{{database}} {{instance}}"),
                    "1 joins, 2 gives a copy, 3 catches up, 4 is in step.",
                    "states",
                    words={1: "joins", 2: "gives a copy", 3: "catches up", 4: "in step"},
                ),
                Panel(
                    "Round trip in the group",
                    ask(f"mysql_galera_evs_repl_latency_avg_seconds {IN}", "{{database}} {{instance}}"),
                    "What a commit waits for at least.",
                    unit="s",
                ),
            ),
        ),
        Row(
            "Writes",
            (
                Panel(
                    "Held up",
                    ask(now("wsrep_flow_control_paused"), "{{database}} {{instance}}"),
                    "Share of the time in which the group waited for a node that was behind (flow control).",
                    unit="percentunit",
                ),
                Panel(
                    "Waiting to be applied",
                    ask(now("wsrep_local_recv_queue"), "{{database}} {{instance}}"),
                    "Write sets of the others. A queue that grows will hold the group up.",
                ),
                Panel(
                    "Waiting to be sent",
                    ask(now("wsrep_local_send_queue"), "{{database}} {{instance}}"),
                    "Write sets of its own: the network is slow.",
                ),
                Panel(
                    "Replicated",
                    (
                        Query(rate("wsrep_replicated_bytes"), "{{database}} {{instance}} sent"),
                        Query(rate("wsrep_received_bytes"), "{{database}} {{instance}} received"),
                    ),
                    "Bytes of write sets a second.",
                    unit="Bps",
                ),
                Panel(
                    "Conflicts",
                    (
                        Query(rate("wsrep_local_cert_failures"), "{{database}} {{instance}} refused"),
                        Query(rate("wsrep_local_bf_aborts"), "{{database}} {{instance}} broken off"),
                    ),
                    "Transactions a second that met another node's: clients get a deadlock error.",
                    unit="ops",
                ),
                Panel(
                    "In parallel",
                    ask(now("wsrep_cert_deps_distance"), "{{database}} {{instance}}"),
                    "How many write sets could be applied at once.",
                ),
            ),
        ),
    ),
    (DATABASE,),
    needs="galera",
)
