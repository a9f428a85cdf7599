"""What goes through haproxy."""

from cluster_cli.dashboards.panel import Dashboard, Panel, Query, Row, Variable, ask

OF = '{proxy=~"$proxy"}'
ANSWERS = "sum by (proxy) (rate(haproxy_backend_http_responses_total{{{}}}[$__rate_interval]))"
A_WEEK = "it needs a week of earlier days"


def rate(name: str) -> str:
    """How fast a counter grows, over all balancers."""
    return f"sum by (proxy) (rate(haproxy_{name}{OF}[$__rate_interval]))"


HAPROXY = Dashboard(
    "haproxy",
    "haproxy",
    "What goes through it: requests, answers, sessions, times.",
    (
        Row(
            "Requests",
            (
                Panel(
                    "Requests",
                    ask(rate("backend_http_requests_total"), "{{proxy}}"),
                    "A second, by backend. Those of the nodes that watch are among them.",
                    unit="reqps",
                ),
                Panel(
                    "Answers",
                    ask(
                        f"sum by (code) (rate(haproxy_backend_http_responses_total{OF}[$__rate_interval]))",
                        "{{code}}",
                    ),
                    "A second, by kind of status.",
                    unit="reqps",
                    stacked=True,
                ),
                Panel(
                    "Errors",
                    ask(
                        ANSWERS.format('code="5xx",proxy=~"$proxy"')
                        + " / ("
                        + ANSWERS.format('proxy=~"$proxy"')
                        + " > 0)",
                        "{{proxy}}",
                    ),
                    "Share of answers with a status of 500 or more.",
                    unit="percentunit",
                    may_be_empty="nobody may have asked",
                ),
                Panel(
                    "Time to answer",
                    ask(f"max by (proxy) (haproxy_backend_response_time_average_seconds{OF})", "{{proxy}}"),
                    "Mean of the last 1024 requests to a backend's servers.",
                    unit="s",
                ),
                Panel(
                    "Requests, beside other days",
                    (
                        Query(f"proxy:requests:rate{OF}", "{{proxy}} now"),
                        Query(f"proxy:requests:usual{OF}", "{{proxy}} at this hour of other days"),
                    ),
                    "What alert TrafficUnusual judges by.",
                    unit="reqps",
                    may_be_empty=A_WEEK,
                ),
                Panel(
                    "Time to answer, beside other days",
                    (
                        Query(f"proxy:latency:rate{OF}", "{{proxy}} now"),
                        Query(f"proxy:latency:usual{OF}", "{{proxy}} at this hour of other days"),
                    ),
                    "What alert AnswersSlower judges by.",
                    unit="s",
                    may_be_empty=A_WEEK,
                ),
            ),
        ),
        Row(
            "Sessions",
            (
                Panel(
                    "Sessions",
                    ask(
                        f"sum by (instance, proxy) (haproxy_frontend_current_sessions{OF})",
                        "{{instance}} {{proxy}}",
                    ),
                    "Clients that are connected to a frontend now.",
                ),
                Panel(
                    "Connections in use",
                    ask(
                        "haproxy_process_current_connections / haproxy_process_max_connections",
                        "{{instance}}",
                    ),
                    "Of those a balancer takes at most.",
                    unit="percentunit",
                    highest=1,
                ),
                Panel(
                    "Waiting for a server",
                    ask(f"sum by (instance, proxy) (haproxy_backend_current_queue{OF})", "{{instance}} {{proxy}}"),
                    "Requests no server had room for.",
                ),
                Panel(
                    "Received and sent",
                    (
                        Query(rate("frontend_bytes_in_total"), "{{proxy}} received"),
                        Query(rate("frontend_bytes_out_total"), "{{proxy}} sent"),
                    ),
                    "By frontend, from and to clients.",
                    unit="Bps",
                ),
            ),
        ),
        Row(
            "Servers",
            (
                Panel(
                    "Sessions by server",
                    ask(f"sum by (proxy, server) (haproxy_server_current_sessions{OF})", "{{proxy}}/{{server}}"),
                    "Over all balancers.",
                ),
                Panel(
                    "Trouble with servers",
                    (
                        Query(rate("backend_connection_errors_total"), "{{proxy}} not connected"),
                        Query(rate("backend_response_errors_total"), "{{proxy}} answers broken off"),
                        Query(rate("backend_retry_warnings_total"), "{{proxy}} tried again"),
                    ),
                    "A second.",
                    unit="cps",
                ),
                Panel(
                    "Checks that failed",
                    ask(
                        "sum by (proxy, server)"
                        f" (rate(haproxy_server_check_failures_total{OF}[$__rate_interval]))",
                        "{{proxy}}/{{server}}",
                    ),
                    "A second.",
                    unit="cps",
                ),
                Panel(
                    "TLS connections",
                    ask(
                        "rate(haproxy_process_ssl_connections_total[$__rate_interval])",
                        "{{instance}}",
                    ),
                    "A second.",
                    unit="cps",
                ),
            ),
        ),
    ),
    (Variable("proxy", "Frontend or backend", "haproxy_backend_status", "proxy"),),
    needs="haproxy",
)
