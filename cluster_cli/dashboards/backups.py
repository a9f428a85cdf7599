"""Backups: how old the newest is, whether it was proven, what it costs."""

from cluster_cli.dashboards.panel import YES_NO, Dashboard, Panel, Row, ask

NAMED = "{{instance}} {{database}} {{kind}}"
HOUR, DAY = 3600, 86400


def age(kinds: str) -> str:
    """How old the newest of these kinds is, on whichever backup node has it."""
    return f'min by (database, kind) (time() - cluster_backup_last_success_timestamp_seconds{{kind=~"{kinds}"}})'


BACKUPS = Dashboard(
    "backups",
    "Backups",
    "How old the newest of each kind is, whether it was proven, and what it costs.",
    (
        Row(
            "How old",
            (
                Panel(
                    "Copies of databases",
                    ask(age("copies")),
                    "Full or incremental, on whichever backup node has the newest.",
                    "table",
                    unit="s",
                    width=8,
                    limits=(25 * HOUR, 49 * HOUR),
                    may_be_empty="the first is made by the schedule",
                ),
                Panel(
                    "Binary logs",
                    ask(age("binlogs")),
                    "What was written since: what would be lost with all nodes of the database.",
                    "table",
                    unit="s",
                    width=8,
                    limits=(5 * 60, 15 * 60),
                    may_be_empty="they are fetched once there is a copy",
                ),
                Panel(
                    "Proof",
                    ask(age("proof")),
                    "When the newest copy was restored and compared with a node.",
                    "table",
                    unit="s",
                    width=8,
                    limits=(8 * DAY, 15 * DAY),
                    may_be_empty="the first is made by the schedule",
                ),
                Panel(
                    "The cluster's own files, and those of nodes",
                    ask(age("own|files")),
                    "Every `up` keeps the first; the others have a schedule.",
                    "table",
                    unit="s",
                ),
                Panel(
                    "Last run failed",
                    ask("cluster_backup_failed", NAMED),
                    "Of each kind, on each backup node.",
                    "states",
                    words=YES_NO,
                    limits=(0.5, 1),
                ),
            ),
        ),
        Row(
            "What they cost",
            (
                Panel(
                    "Read", ask("cluster_backup_bytes", NAMED), "By the last good run, from a node.", unit="bytes"
                ),
                Panel(
                    "Stored",
                    ask("cluster_backup_stored_bytes", NAMED),
                    "What the last good run added to the repository.",
                    unit="bytes",
                ),
                Panel("Took", ask("cluster_backup_duration_seconds", NAMED), "The last good run.", unit="s"),
                Panel(
                    "Room for more",
                    ask(
                        "min by (instance, mountpoint) (node_filesystem_avail_bytes"
                        " and on (instance) cluster_backup_bytes)",
                        "{{instance}} {{mountpoint}}",
                    ),
                    "On the file systems of backup nodes.",
                    unit="bytes",
                ),
            ),
        ),
    ),
    needs="backup",
)
