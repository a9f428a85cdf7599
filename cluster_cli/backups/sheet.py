"""The recovery sheet: all it takes to get the data back without this tool and this machine."""

from cluster_cli.render.backup import backed_up
from cluster_cli.secrets.known import value_of
from cluster_cli.secrets.names import backup_repository
from cluster_cli.secrets.store import Secrets
from cluster_cli.workspace import Workspace

SHEET = """\
Recovery sheet of {cluster}. Whoever has it and a repository has all data: print it, lock it away.

{nodes}
Databases: {databases}. A machine with Debian 12, restic, mariadb-server and mariadb-backup is enough:

  export RESTIC_REPOSITORY=PATH RESTIC_PASSWORD_FILE=FILE       the path of the repository, a file with its key
  restic snapshots --tag whole                                  tags: database:, kind: full, incremental, binlogs;
                                                                restored is a mark, over which nothing leads
  mkdir 0 1
  restic dump FULL /DATABASE.full.xbstream | mbstream -x -C 0   the last full copy
  mariabackup --prepare --target-dir=0
  restic dump INCREMENT /DATABASE.incremental.xbstream | mbstream -x -C 1
  mariabackup --prepare --target-dir=0 --incremental-dir=1      each that followed, oldest first
  restic dump BINLOGS /DATABASE.binlogs.tar | tar -x -C LOGS    each that followed in a folder of its own
  restic snapshots INCREMENT --json | grep -o 'meta:[^"]*' | cut -c6- | tr _- /+ | base64 -d
                                                                tells "position", a GTID; then start mariadbd on 0
  mariadb-binlog --do-domain-ids=DOMAIN --start-position=POSITION LOGS/binlog.* | mariadb --binary-mode
                                                                oldest first, each from where the one before ended;
                                                                DOMAIN is the first number of POSITION
"""


def sheet(workspace: Workspace) -> str:
    """The sheet, with the keys. Raises ClusterError when the secrets cannot be read."""
    backup, places = workspace.topology.backup, workspace.places
    secrets = Secrets.open(places.secrets, places.name)
    rows = []
    for node in backup.nodes if backup else ():
        key = value_of(secrets, backup_repository(node)).value
        host = workspace.inventory.host(node)
        where = f"Backup node {node} ({host.address})\n  repository  {host.vars['backup_store']}"
        rows.append(f"{where}\n  key         {key}\n")
    return SHEET.format(
        cluster=workspace.topology.name,
        nodes="\n".join(rows),
        databases=", ".join(backed_up(workspace.topology)),
    )
