"""The packages each role installs, so that one transaction per node can fetch them all.

Not that of role grafana: where it cannot be had, all the others still are.

The roles know them too, for when they are used alone; a contract test holds the two together.
"""

PACKAGES: dict[str, tuple[str, ...]] = {
    "ssh_trust": ("openssh-client",),  # no longer comes with the server
    "hardening": ("libpam-passwdqc", "unattended-upgrades"),
    "firewall": ("nftables",),
    "ntp": ("chrony",),
    "certificates": ("python3-cryptography",),
    "audit": ("logrotate", "rsyslog", "rsyslog-relp"),
    "galera": ("galera-4", "mariadb-backup", "mariadb-client", "mariadb-server", "socat"),
    "garbd": ("galera-arbitrator-4",),
    "replication/mariadb": ("mariadb-backup", "mariadb-client", "mariadb-server", "python3-pymysql", "socat"),
    "replication/mysql": ("mysql-client", "mysql-server", "python3-pymysql"),
    "group_replication": ("mysql-client", "mysql-server", "python3-pymysql"),
    "doorbell": ("python3-pymysql",),
    "backup_source/mariadb": ("mariadb-backup", "python3-pymysql"),
    "backup_source/mysql": ("python3-pymysql",),
    "backup/mariadb": ("mariadb-backup", "mariadb-client", "mariadb-server", "python3-pymysql", "restic"),
    "backup/mysql": ("mysql-client", "mysql-server", "python3-pymysql", "restic"),
    "standby": ("mariadb-backup", "mariadb-client", "mariadb-server", "python3-pymysql"),
    "web/nginx": ("nginx-light",),
    "web/apache": ("apache2",),
    "haproxy": ("haproxy", "socat"),
    "nginx": ("nginx-light", "libnginx-mod-stream"),
    "keepalived": ("keepalived",),
    "logs": ("logrotate", "rsyslog", "rsyslog-relp"),
    "node_exporter": ("prometheus-node-exporter",),
    "mysqld_exporter": ("prometheus-mysqld-exporter",),
    "blackbox_exporter": ("prometheus-blackbox-exporter",),
    "alertmanager": ("prometheus-alertmanager",),
    "prometheus": ("prometheus",),
}
