"""What clients meet at the frontends, as the nodes that watch see it (docs/adr/0034)."""

from cluster_cli.dashboards.panel import YES_NO, Dashboard, Panel, Row, Variable, ask

OF = '{balancer=~"$balancer",frontend=~"$frontend"}'
BY, NAMED = "(balancer, frontend, address)", "{{balancer}}/{{frontend}} {{address}}"

CLIENTS = Dashboard(
    "clients",
    "What clients meet",
    "Every frontend at every address it has, as the nodes that watch come to it.",
    (
        Row(
            "Answers",
            (
                Panel(
                    "As they should be",
                    ask(f"min by {BY} (probe_success{OF})", NAMED),
                    "Whether all nodes that watch were answered as they should be.",
                    "states",
                    width=24,
                    words=YES_NO,
                    limits=(1, 0.5),
                ),
                Panel(
                    "Share of the time",
                    ask(f"avg by {BY} (avg_over_time(probe_success{OF}[$__range]))"),
                    "Of what is shown, in which each was well.",
                    "table",
                    unit="percentunit",
                    limits=(0.9999, 0.99),
                ),
                Panel(
                    "Time to answer",
                    ask(f"max by {BY} (probe_duration_seconds{OF})", NAMED),
                    "From the name to the last byte.",
                    unit="s",
                ),
                Panel(
                    "Where the time goes",
                    ask(f"avg by (phase) (probe_http_duration_seconds{OF})", "{{phase}}"),
                    "Mean of all that is asked over HTTP.",
                    unit="s",
                    stacked=True,
                    may_be_empty="a cluster may have frontends of mode tcp only",
                ),
                Panel(
                    "Status",
                    ask(f"max by {BY} (probe_http_status_code{OF})", NAMED),
                    "Of HTTP; 0 where there was no answer.",
                    may_be_empty="a cluster may have frontends of mode tcp only",
                ),
            ),
        ),
        Row(
            "Certificates",
            (
                Panel(
                    "End in",
                    ask(f"min by {BY} (probe_ssl_earliest_cert_expiry{OF} - time())"),
                    "The one of the chain that ends first, as a client is shown it.",
                    "table",
                    unit="s",
                    limits=(14 * 86400, 7 * 86400),
                    may_be_empty="a cluster may have no frontend with TLS",
                ),
            ),
        ),
    ),
    (
        Variable("balancer", "Balancer", "probe_success", "balancer"),
        Variable("frontend", "Frontend", "probe_success", "frontend"),
    ),
    needs="looks",
)
