"""The systemd units that ought to run on a node, by its roles: pure."""

from collections.abc import Collection, Mapping
from typing import Any

UNITS = {
    "ntp": ("chrony",),
    "haproxy": ("haproxy",),
    "nginx": ("nginx",),
    "keepalived": ("keepalived",),
    "ssh_trust": ("ssh",),
    "audit": ("rsyslog",),
    "galera": ("mariadb",),
    "garbd": ("garb",),
    "group_replication": ("mysql",),
    "doorbell": ("cluster-doorbell",),
    "backup_source": ("cluster-backup-source",),
    "backup_files": ("cluster-backup-files",),
    "logs": ("cluster-log-sender",),
    "node_exporter": ("prometheus-node-exporter", "cluster-metrics"),
    "mysqld_exporter": ("prometheus-mysqld-exporter",),
    "blackbox_exporter": ("prometheus-blackbox-exporter",),
    "alertmanager": ("prometheus-alertmanager",),
    "prometheus": ("prometheus",),
    "grafana": ("grafana-server",),
}
DATABASE_UNITS = {"mariadb": "mariadb", "mysql": "mysql"}
WEB_UNITS = {"nginx": "nginx", "apache": "apache2"}


def units(roles: Collection[str], known: Mapping[str, Any]) -> list[str]:
    """The units of a node with these roles. known: its variables."""
    found = [unit for role, names in UNITS.items() if role in roles for unit in names]
    if known.get("firewall_enabled"):
        found.append("cluster-firewall")
    if known.get("logs_receives"):
        found.append("cluster-log-receiver")
    if known.get("logs_ship"):
        found.append("cluster-log-shipper")
    if "galera" in roles or "group_replication" in roles:
        found.append("cluster-room")
    if "replication" in roles:
        found.append(DATABASE_UNITS[known["replication_engine"]])
    if "standby" in roles:
        names = [database["name"] for database in known["standby_databases"]]
        found += [f"{unit}@{name}" for name in names for unit in ("mariadb", "cluster-standby")]
    if "web" in roles:
        found.append(WEB_UNITS[known["web_engine"]])
    return found
