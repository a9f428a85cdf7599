"""Those who watch: whether they see everything, judge, and tell people; and what carries the logs."""

from cluster_cli.dashboards.panel import YES_NO, Dashboard, Panel, Query, Row, ask

QUIET = "a cluster that is well has none"

WATCHERS = Dashboard(
    "watchers",
    "Those who watch",
    "Whether they see everything, judge, and tell people; and what carries the logs.",
    (
        Row(
            "Seeing",
            (
                Panel(
                    "Targets that do not answer",
                    ask("up == 0", "{{job}} {{instance}}"),
                    "Programs that ought to give metrics.",
                    may_be_empty=QUIET,
                ),
                Panel(
                    "Time to fetch",
                    ask("max by (job) (scrape_duration_seconds)", "{{job}}"),
                    "From the slowest node of each kind.",
                    unit="s",
                ),
                Panel(
                    "Series",
                    ask("prometheus_tsdb_head_series", "{{instance}}"),
                    "What Prometheus keeps in memory, each some kilobytes.",
                ),
                Panel(
                    "Disk for metrics",
                    ask("prometheus_tsdb_storage_blocks_bytes", "{{instance}}"),
                    "Of what is older than some hours.",
                    unit="bytes",
                ),
                Panel(
                    "Memory",
                    ask("process_resident_memory_bytes", "{{job}} {{instance}}"),
                    "Of Prometheus, and of all programs it asks that tell it.",
                    unit="bytes",
                ),
                Panel(
                    "Processor",
                    ask("rate(process_cpu_seconds_total[$__rate_interval])", "{{job}} {{instance}}"),
                    "Of one, in the same programs.",
                    unit="percentunit",
                ),
            ),
        ),
        Row(
            "Judging and telling",
            (
                Panel(
                    "Alerts",
                    ask('count by (severity) (ALERTS{alertstate="firing"})', "{{severity}}"),
                    "That fire, by severity.",
                    stacked=True,
                    may_be_empty=QUIET,
                ),
                Panel(
                    "Time to judge",
                    ask("prometheus_rule_group_last_duration_seconds", "{{instance}} {{rule_group}}"),
                    "Each group of rules.",
                    unit="s",
                ),
                Panel(
                    "Alerts sent to Alertmanager",
                    (
                        Query(
                            "sum by (instance) (rate(prometheus_notifications_sent_total[$__rate_interval]))",
                            "{{instance}} sent",
                        ),
                        Query(
                            "sum by (instance) (rate(prometheus_notifications_errors_total[$__rate_interval]))",
                            "{{instance}} not taken",
                        ),
                    ),
                    "A second.",
                    unit="cps",
                ),
                Panel(
                    "People told",
                    (
                        Query(
                            "sum by (instance, integration) (increase(alertmanager_notifications_total"
                            "[$__rate_interval]))",
                            "{{instance}} {{integration}}",
                        ),
                        Query(
                            "sum by (instance, integration) (increase(alertmanager_notifications_failed_total"
                            "[$__rate_interval]))",
                            "{{instance}} {{integration}} failed",
                        ),
                    ),
                    "By way of telling.",
                ),
                Panel(
                    "Silences",
                    ask('alertmanager_silences{state="active"}', "{{instance}}"),
                    "That are in force.",
                ),
                Panel(
                    "Configuration taken",
                    (
                        Query("prometheus_config_last_reload_successful", "Prometheus {{instance}}"),
                        Query("alertmanager_config_last_reload_successful", "Alertmanager {{instance}}"),
                    ),
                    "Whether each runs with the one that lies on disk.",
                    "states",
                    words=YES_NO,
                    limits=(1, 0.5),
                ),
            ),
        ),
        Row(
            "Logs",
            (
                Panel(
                    "What carries logs runs",
                    ask('cluster_unit_active{unit=~"cluster-log-.*|rsyslog"}', "{{unit}} {{instance}}"),
                    "Senders, receivers, and collectors of records.",
                    "states",
                    width=24,
                    words=YES_NO,
                    limits=(1, 0.5),
                    needs="logs",
                ),
            ),
        ),
    ),
)
