"""The recovery sheet: all it takes to get the data back without this machine, and even without this tool."""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from cluster_cli.backups.nodes import backup_nodes
from cluster_cli.backups.own import fetch, recovery_key
from cluster_cli.backups.s3 import Access, accesses
from cluster_cli.errors import ClusterError, Exit
from cluster_cli.files import draft
from cluster_cli.secrets.known import value_of
from cluster_cli.secrets.names import backup_repository
from cluster_cli.secrets.store import Secrets
from cluster_cli.topology.makers import backed_up
from cluster_cli.workspace import Workspace

SHEET = """\
Recovery sheet of {cluster}, printed {date}.
Whoever has it and a repository has all data and all passwords: lock it away, not beside a repository.

{nodes}
The cluster's own files (topology, secrets, authorities), in each repository
  recovery key   {recovery}

Is it right?  tr -d '\\n' < FILE | sha256sum       begins with the check of the key, if FILE has it typed well
              cluster backup keys --check FILE    says whether the keys in a saved sheet open what is kept now

All is lost but a copy of a repository? On a new machine with cluster and restic:

  cluster up NEWFOLDER --restore-from DIRECTORY --recovery-sheet FILE
                                                                or sftp:USER@HOST:PATH, or s3:https://..., as it
                                                                stands above; FILE is this sheet, or leave it
                                                                away, and type the keys

{databases}"""
COMMON = """\
  export RESTIC_REPOSITORY=PATH RESTIC_PASSWORD_FILE=FILE       the path of the repository, a file with its key;
                                                                over SSH: sftp:USER@HOST:PATH
  restic snapshots --tag whole                                  tags: database:, kind: full, incremental, binlogs;
                                                                restored is a mark, over which nothing leads
  restic dump --tag whole,kind:cluster latest /cluster.vault > cluster.vault
  ansible-vault decrypt --vault-password-file FILE --output - cluster.vault | tar -xz
                                                                a file with the recovery key; cluster/ is the
                                                                topology, secrets.yml all passwords and authorities
  restic dump --tag whole,files:NAME,node:NODE latest /NAME.files.tar | tar -x
                                                                files of a node
"""
IN_A_BUCKET = """\
  One in a bucket: RESTIC_REPOSITORY=s3:https://... and, in front of the words of each command below,
  export AWS_SHARED_CREDENTIALS_FILE=FILE                       a file with three lines: [default]
                                                                aws_access_key_id = ...
                                                                aws_secret_access_key = ...
  restic -o s3.region=REGION -o s3.bucket-lookup=LOOKUP --cacert FILE
                                                                those that stand above; FILE has the certificate
"""
COMMANDS = {
    "mariadb": """\
A machine with Debian 12, restic, mariadb-server and mariadb-backup is enough:

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
""",
    "mysql": """\
A machine with Debian, restic and mysql-server of the same series is enough:

  mkdir 0
  restic dump FULL /DATABASE.full.tar | tar -x -C 0             the last full copy; chown -R mysql: 0
  restic dump BINLOGS /DATABASE.binlogs.tar | tar -x -C LOGS    each that was fetched since, and the one before it,
                                                                in a folder of its own
  mysqld --defaults-file=$PWD/0/cluster-backup.cnf --datadir=$PWD/0 --socket=$PWD/0/sock --user=mysql
         --skip-networking --gtid-mode=ON --enforce-gtid-consistency=ON --skip-log-bin
  mysqlbinlog --exclude-gtids=HAS LOGS/binlog.* | mysql --socket=$PWD/0/sock --binary-mode
                                                                oldest first; HAS is what SELECT @@gtid_executed
                                                                says there, without its line breaks
""",
}
NODE = re.compile(r"Backup node (\S+) \(")
KEY = re.compile(r"\s+(key|recovery key|access key id|secret access key)\s+(\S+)\s+check ([0-9a-f]{6})\b")
ABOUT = re.compile(r"\s+(repository|region|bucket lookup)\s+(\S+)\s*$")
CERTIFICATE = re.compile(r"\s*(-----BEGIN CERTIFICATE-----|-----END CERTIFICATE-----|[A-Za-z0-9+/=]{4,76})\s*$")
RECOVERY_KEY = "recovery key"
CHECK_CHARACTERS = 6
UNKNOWN = "?"
OWN = ""  # in place of a node: the recovery key
Keys = Mapping[str, str]  # by backup node


def sheet(workspace: Workspace) -> str:
    """The sheet, with the keys. Raises ClusterError when the secrets cannot be read."""
    known, opens, rows = keys(workspace), accesses(workspace), []
    for host in backup_nodes(workspace):
        where = f"Backup node {host.name} ({host.address})\n  repository     {host.vars['backup_store']}"
        rows.append(f"{where}\n  key            {checked(known[host.name])}\n{opened_by(opens.get(host.name))}")
    return SHEET.format(
        cluster=workspace.topology.name,
        date=datetime.now(UTC).date().isoformat(),
        nodes="\n".join(rows),
        recovery=checked(known[OWN]),
        databases=databases(
            {name: each.engine for name, each in backed_up(workspace.topology).items()}, buckets=bool(opens)
        ),
    )


def opened_by(access: Access | None) -> str:
    """What a bucket is opened with, as rows; none for a directory."""
    if access is None:
        return ""
    rows = [
        f"access key id  {checked(access.key_id)}",
        f"secret access key  {checked(access.secret)}",
        *([f"region         {access.region}"] if access.region else []),
        f"bucket lookup  {access.lookup}",
        *(["authority of the store's certificate:"] if access.authority else []),
    ]
    return "".join(f"  {row}\n" for row in rows) + access.authority


def databases(engines: Mapping[str, str], *, buckets: bool = False) -> str:
    """How those of each engine are brought back. engines: by database. buckets: whether a repository is in one."""
    found = {engine: [name for name, each in engines.items() if each == engine] for engine in engines.values()}
    parts = [f"Databases of {engine}: {', '.join(names)}. {COMMANDS[engine]}" for engine, names in found.items()]
    return "Without cluster, each begins so:\n\n" + "\n".join(
        [COMMON, *([IN_A_BUCKET] if buckets else []), *parts]
    )


def keys(workspace: Workspace) -> Keys:
    """The keys as they are now, made where there are none yet."""
    places = workspace.places
    secrets = Secrets.open(places.secrets, places.name)
    found = {host.name: value_of(secrets, backup_repository(host.name)).value for host in backup_nodes(workspace)}
    return {**found, OWN: recovery_key(workspace)}


def checked(key: str) -> str:
    """A key, and by what somebody who types it finds out that a letter is wrong."""
    return f"{key}   check {check(key)}"


def check(key: str) -> str:
    """The first digits of its SHA-256: few enough to give nothing away of 256 bits."""
    return hashlib.sha256(key.encode()).hexdigest()[:CHECK_CHARACTERS]


def typed(key: str, recovery: str) -> Keys:
    """Keys without a sheet; which backup node's the first one is, is not known yet."""
    return {UNKNOWN: key, OWN: recovery}


def parsed(text: str, where: str) -> Keys:
    """The keys in a sheet. Raises ClusterError (exit 2) where it is none, or a key was not typed well."""
    found = {}
    for node, name, value in printed(text, where):
        if name in ("key", RECOVERY_KEY):
            found[OWN if name == RECOVERY_KEY else node] = value
    if OWN not in found or len(found) == 1:
        raise ClusterError(
            "this is no recovery sheet, or not all of it",
            where=where,
            why="it has to have the key of a repository and the recovery key, with the word check behind each",
            hint="make a new one: cluster backup keys --print --to FILE",
            code=Exit.USAGE,
        )
    return found


def buckets(text: str, where: str) -> dict[str, Access]:
    """What opens the repositories in buckets, by backup node, in a sheet. Raises ClusterError as `parsed`."""
    found: dict[str, dict[str, str]] = {}
    for node, name, value in printed(text, where):
        known = found.setdefault(node, {})
        known[name] = known.get(name, "") + value if name == "certificate" else value
    return {
        node: Access(
            repository=known["repository"],
            key_id=known["access key id"],
            secret=known["secret access key"],
            region=known.get("region", ""),
            lookup=known.get("bucket lookup", ""),
            authority=known.get("certificate", ""),
        )
        for node, known in found.items()
        if known.keys() >= {"repository", "access key id", "secret access key"}
    }


def printed(text: str, where: str) -> Iterator[tuple[str, str, str]]:
    """(backup node, name, value) of each row. Raises ClusterError (exit 2) where a key is not what was printed."""
    node, inside = "", False
    for number, line in enumerate(text.splitlines(), 1):
        if header := NODE.match(line):
            node = header[1]
        elif row := KEY.match(line):
            kind, key, digits = row.groups()
            if check(key) != digits:
                raise ClusterError(
                    f"the {kind} is not what was printed",
                    where=f"{where}:{number}",
                    why=f"its check is {check(key)}, and the sheet says {digits}",
                    hint="compare it letter by letter: l and 1, O and 0, _ and -",
                    code=Exit.USAGE,
                )
            yield node, kind, key
        elif row := ABOUT.match(line):
            yield node, row[1], row[2]
        elif (row := CERTIFICATE.match(line)) and (inside or "BEGIN" in line):
            inside = "END" not in line
            yield node, "certificate", f"{row[1]}\n"


def write(text: str, file: Path) -> None:
    """Put the sheet into a new file only its owner may read. Raises ClusterError (exit 2) where there is one."""
    try:
        fresh = draft(file, text.encode())
        try:
            os.link(fresh, file)
        finally:
            fresh.unlink()
    except FileExistsError:
        raise ClusterError(
            "there is such a file already", where=str(file), hint="name another one", code=Exit.USAGE
        ) from None
    except OSError as error:
        raise ClusterError(
            "the sheet cannot be written", where=str(file), why=error.strerror or str(error)
        ) from None


def faults(workspace: Workspace, found: Keys, opens: Mapping[str, Access]) -> Iterator[str]:
    """What is wrong with the keys of a sheet: they are compared with today's, and tried on what is kept.

    opens: what opens buckets, by the sheet.
    """
    for node, access in accesses(workspace).items():
        if node not in opens:
            yield f"the access key of {node}'s bucket is not on the sheet"
        elif opens[node].repository != access.repository:
            yield f"{node}'s repository is in another place today: {access.repository}"
        elif opens[node] != access:
            yield f"the access key of {node}'s bucket, or the authority of its store, is another one today"
    for node, key in keys(workspace).items():
        name = f"the key of {node}'s repository" if node else "the recovery key"
        if node not in found:
            yield f"{name} is not on the sheet"
        elif found[node] != key:
            yield f"{name} is another one today"
    for host in backup_nodes(workspace):
        try:
            fetch(host, found[OWN])
        except ClusterError as error:
            yield f"{host.name}: {error.what}" + (f": {error.why}" if error.why else "")
