"""Balancers of either engine: who holds the virtual IPs, what runs, which servers are reached."""

from cluster_cli.dashboards.panel import YES_NO, Dashboard, Panel, Row, ask

BALANCERS = Dashboard(
    "balancers",
    "Balancers",
    "Who holds the virtual IPs, what runs, and which servers are reached.",
    (
        Row(
            "Virtual IPs",
            (
                Panel(
                    "Held by",
                    ask("cluster_virtual_ip_held", "{{address}} {{instance}}"),
                    "Each by one node at any time.",
                    "states",
                    words=YES_NO,
                    needs="virtual_ips",
                ),
                Panel(
                    "Nodes that hold it",
                    ask("sum by (address) (cluster_virtual_ip_held)", "{{address}}"),
                    "None: clients reach nobody. Two: some reach the wrong one.",
                    needs="virtual_ips",
                ),
                Panel(
                    "Changes of hands",
                    ask("sum by (address) (changes(cluster_virtual_ip_held[$__range])) / 2"),
                    "In the time that is shown.",
                    "table",
                    needs="virtual_ips",
                ),
                Panel(
                    "keepalived runs",
                    ask('cluster_unit_active{unit="keepalived"}', "{{instance}}"),
                    "It decides who holds them.",
                    "states",
                    words=YES_NO,
                    limits=(1, 0.5),
                    needs="virtual_ips",
                ),
            ),
        ),
        Row(
            "Servers",
            (
                Panel(
                    "Balancers that run",
                    ask('cluster_unit_active{balances="yes"}', "{{unit}} on {{instance}}"),
                    "haproxy or nginx.",
                    "states",
                    words=YES_NO,
                    limits=(1, 0.5),
                ),
                Panel(
                    "Servers that are reached",
                    ask(
                        "min by (proxy, server) (cluster_backend_server_up"
                        ' or max by (instance, proxy, server) (haproxy_server_status{state=~"UP|DRAIN"}))',
                        "{{proxy}}/{{server}}",
                    ),
                    "By all balancers that have it. Of servers that wait for each other, one may be up only.",
                    "states",
                    words=YES_NO,
                    limits=(1, 0.5),
                ),
                Panel(
                    "Servers each backend has",
                    ask(
                        "min by (proxy) (sum by (instance, proxy) (cluster_backend_server_up"
                        ' or max by (instance, proxy, server) (haproxy_server_status{state="UP"})))',
                        "{{proxy}}",
                    ),
                    "As the balancer sees it that reaches fewest. None: clients get errors.",
                ),
            ),
        ),
    ),
    needs="balancers",
)
