"""The machines: what they have, what is in use of it, and whether what ought to run on them does."""

from cluster_cli.dashboards.panel import NODE, YES_NO, Dashboard, Panel, Query, Row, ask

OF = '{instance=~"$node"}'

NODES = Dashboard(
    "nodes",
    "Nodes",
    "The machines: what is in use, and whether what ought to run does.",
    (
        Row(
            "Load",
            (
                Panel(
                    "Processor in use",
                    ask(
                        "1 - avg by (instance) (rate(node_cpu_seconds_total"
                        '{mode="idle",instance=~"$node"}[$__rate_interval]))',
                        "{{instance}}",
                    ),
                    "Of all of its processors.",
                    unit="percentunit",
                    highest=1,
                ),
                Panel(
                    "Memory in use",
                    ask(
                        f"1 - node_memory_MemAvailable_bytes{OF} / node_memory_MemTotal_bytes{OF}",
                        "{{instance}}",
                    ),
                    "What could not be given to a program that asked for it.",
                    unit="percentunit",
                    highest=1,
                ),
                Panel(
                    "Load",
                    ask(f"node_load1{OF}", "{{instance}}"),
                    "Programs that run or wait, mean of a minute.",
                ),
                Panel(
                    "Waiting",
                    tuple(
                        Query(
                            f"rate(node_pressure_{what}_waiting_seconds_total{OF}[$__rate_interval])",
                            "{{instance}} for " + word,
                        )
                        for what, word in (("cpu", "a processor"), ("memory", "memory"), ("io", "disks"))
                    ),
                    "Share of the time in which some program waited (the kernel's pressure stall information).",
                    unit="percentunit",
                    may_be_empty="kernels without pressure stall information tell nothing",
                ),
                Panel(
                    "Swapped in",
                    ask(f"rate(node_vmstat_pswpin{OF}[$__rate_interval])", "{{instance}}"),
                    "Pages a second that were fetched back from a disk: memory is short.",
                ),
                Panel(
                    "Killed for want of memory",
                    ask(f"increase(node_vmstat_oom_kill{OF}[$__rate_interval])", "{{instance}}"),
                    "Programs the kernel ended.",
                ),
            ),
        ),
        Row(
            "Disks",
            (
                Panel(
                    "Space in use",
                    ask(
                        f"1 - node_filesystem_avail_bytes{OF} / node_filesystem_size_bytes{OF}",
                        "{{instance}} {{mountpoint}}",
                    ),
                    "Of each file system.",
                    unit="percentunit",
                    highest=1,
                ),
                Panel(
                    "Inodes in use",
                    ask(
                        f"1 - node_filesystem_files_free{OF} / (node_filesystem_files{OF} > 0)",
                        "{{instance}} {{mountpoint}}",
                    ),
                    "Of each file system that has a fixed number of them.",
                    unit="percentunit",
                    highest=1,
                    may_be_empty="file systems may have no fixed number of inodes",
                ),
                Panel(
                    "Read and written",
                    (
                        Query(
                            f"sum by (instance) (rate(node_disk_read_bytes_total{OF}[$__rate_interval]))",
                            "{{instance}} read",
                        ),
                        Query(
                            f"sum by (instance) (rate(node_disk_written_bytes_total{OF}[$__rate_interval]))",
                            "{{instance}} written",
                        ),
                    ),
                    "By all disks of a node.",
                    unit="Bps",
                    may_be_empty="a container may have no disks of its own",
                ),
                Panel(
                    "Busy",
                    ask(
                        f"max by (instance) (rate(node_disk_io_time_seconds_total{OF}[$__rate_interval]))",
                        "{{instance}}",
                    ),
                    "Share of the time in which the busiest disk did something.",
                    unit="percentunit",
                    may_be_empty="a container may have no disks of its own",
                ),
            ),
        ),
        Row(
            "Network",
            (
                Panel(
                    "Received and sent",
                    (
                        Query(
                            f"sum by (instance) (rate(node_network_receive_bytes_total{OF}[$__rate_interval]))",
                            "{{instance}} received",
                        ),
                        Query(
                            f"sum by (instance) (rate(node_network_transmit_bytes_total{OF}[$__rate_interval]))",
                            "{{instance}} sent",
                        ),
                    ),
                    "By all interfaces but loopback.",
                    unit="Bps",
                ),
                Panel(
                    "Lost",
                    ask(
                        f"sum by (instance) (rate(node_network_receive_drop_total{OF}[$__rate_interval])"
                        f" + rate(node_network_transmit_drop_total{OF}[$__rate_interval])"
                        f" + rate(node_network_receive_errs_total{OF}[$__rate_interval])"
                        f" + rate(node_network_transmit_errs_total{OF}[$__rate_interval]))",
                        "{{instance}}",
                    ),
                    "Packets a second that were dropped or damaged.",
                ),
            ),
        ),
        Row(
            "Services",
            (
                Panel(
                    "Running",
                    ask(f"min by (instance, unit) (cluster_unit_active{OF})", "{{instance}} {{unit}}"),
                    "Every unit that ought to run.",
                    "states",
                    width=24,
                    height=12,
                    words=YES_NO,
                    limits=(1, 0.5),
                ),
                Panel(
                    "Clock off by",
                    ask(f"cluster_clock_offset_seconds{OF}", "{{instance}}"),
                    "By chronyd's own estimate.",
                    unit="s",
                    may_be_empty="a topology without `time` leaves clocks alone",
                ),
                Panel(
                    "Files changed by hand",
                    ask(f"cluster_files_changed{OF}", "{{instance}}"),
                    "Files cluster wrote that are not as it left them.",
                ),
                Panel(
                    "Certificates end in",
                    ask(f"min by (instance, certificate) (cluster_certificate_not_after_seconds{OF} - time())"),
                    "Those nearest to their end first; `cluster up` renews each in the last third of its life.",
                    "table",
                    unit="s",
                    limits=(14 * 86400, 7 * 86400),
                ),
                Panel(
                    "Up for",
                    ask(f"node_time_seconds{OF} - node_boot_time_seconds{OF}", "{{instance}}"),
                    "Since the machine was started.",
                    "number",
                    unit="s",
                ),
            ),
        ),
    ),
    (NODE,),
)
