"""Variables of roles backup_source, backup_files and backup: who gives what, who fetches, keeps and proves it."""

import hashlib
from pathlib import Path
from typing import Any

from cluster_cli.render.certificate_files import AUTHORITY, folder
from cluster_cli.render.connection import Access
from cluster_cli.render.databases import domain_id
from cluster_cli.secrets.names import backup_repository
from cluster_cli.topology.addresses import addresses
from cluster_cli.topology.backup import FILES_PORT, SOURCE_PORT, Backup, FileSet
from cluster_cli.topology.databases import DOORBELL, Database
from cluster_cli.topology.files import beside
from cluster_cli.topology.makers import askers, giving, made_by
from cluster_cli.topology.model import Topology
from cluster_cli.topology.stores import Store

CERTIFICATE = "backup"
SECOND = 1000


def gives(topology: Topology, node: str) -> bool:
    """Whether a node gives copies of a database it holds."""
    return any(node in each.nodes for each in giving(topology).values())


def file_sets(topology: Topology) -> dict[str, FileSet]:
    """The files of nodes that are backed up, by name."""
    return topology.backup.files if topology.backup else {}


def gives_files(topology: Topology, node: str) -> bool:
    """Whether a node gives files."""
    return any(node in each.nodes for each in file_sets(topology).values())


def fetches(topology: Topology, node: str) -> bool:
    """Whether a node is one that fetches backups."""
    return topology.backup is not None and node in topology.backup.nodes


def backup_source_vars(topology: Topology, node: str) -> dict[str, Any]:
    """Where a node gives copies, and to whom; empty when it gives none."""
    name = next((name for name, each in giving(topology).items() if node in each.nodes), None)
    if name is None:
        return {}
    return {
        "backup_source_engine": topology.databases[name].engine,
        "backup_source_address": str(addresses(topology)[node]),
        "backup_source_port": SOURCE_PORT,
        "backup_source_doorbell": DOORBELL,
        "backup_source_askers": list(askers(topology, name)),
        "backup_source_certificate": folder(CERTIFICATE),
        "backup_source_authority": AUTHORITY,
    }


def backup_files_vars(topology: Topology, node: str) -> dict[str, Any]:
    """Which files a node gives, and to whom; empty when it gives none."""
    if topology.backup is None or not gives_files(topology, node):
        return {}
    return {
        "backup_files_address": str(addresses(topology)[node]),
        "backup_files_port": FILES_PORT,
        "backup_files_askers": list(topology.backup.nodes),
        "backup_files_certificate": folder(CERTIFICATE),
        "backup_files_authority": AUTHORITY,
        "backup_files_sets": {
            name: list(each.paths) for name, each in topology.backup.files.items() if node in each.nodes
        },
    }


def backup_vars(topology: Topology, access: Access, node: str) -> dict[str, Any]:
    """What a backup node fetches from whom, when, and how it keeps it; empty when it is none."""
    backup = topology.backup
    if backup is None or not fetches(topology, node):
        return {}
    mine = made_by(topology, node)
    return {
        "backup_engine": next((each.engine for each in mine.values()), "mariadb"),
        "backup_node": node,
        "backup_cluster": topology.name,
        **store_vars(topology, access, backup.store_of(node), node),
        "backup_secret": backup_repository(node),
        "backup_compression": backup.compression,
        "backup_port": SOURCE_PORT,
        "backup_certificate": folder(CERTIFICATE),
        "backup_authority": AUTHORITY,
        "backup_megabytes_per_second": backup.megabytes_per_second or 0,
        "backup_jitter_seconds": backup.schedule.jitter // SECOND,
        "backup_keep": {
            "daily": backup.keep.daily,
            "weekly": backup.keep.weekly,
            "monthly": backup.keep.monthly,
            "binlogs_seconds": backup.keep.binlogs // SECOND,
        },
        "backup_databases": [described(topology, backup, name, each) for name, each in mine.items()],
        "backup_sets_port": FILES_PORT,
        "backup_sets": [
            {
                "name": name,
                "nodes": [{"name": each, "address": str(addresses(topology)[each])} for each in found.nodes],
                "fetched": found.fetched or backup.schedule.files,
            }
            for name, found in backup.files.items()
        ],
    }


def store_vars(topology: Topology, access: Access, store: Store, node: str) -> dict[str, Any]:
    """Where a node's repository is, as restic takes it, and how a bucket is reached."""
    if store.s3 is None:
        return {"backup_store": store.path}
    s3 = store.s3
    return {
        "backup_store": s3.repository(topology.name, node),
        "backup_s3": {
            "endpoint": s3.endpoint,
            "bucket": s3.bucket,
            "bucket_lookup": s3.lookup,
            "region": s3.region or "",
            "authority": str(beside(Path(access.topology), s3.authority)) if s3.authority else "",
            "access_key_id": s3.access_key_id,
            "secret_access_key": s3.secret_access_key,
        },
    }


def described(topology: Topology, backup: Backup, name: str, database: Database) -> dict[str, Any]:
    """One database as the role takes it."""
    known, own = addresses(topology), database.backup
    return {
        "name": name,
        "engine": database.engine,
        "mode": database.mode,
        "domain": domain_id(topology, name),
        "nodes": [{"name": node, "address": str(known[node])} for node in database.nodes],
        "full": own.full or backup.schedule.full,
        "incremental": own.incremental or backup.schedule.incremental,
        "binlogs_seconds": (own.binlogs or backup.schedule.binlogs) // SECOND,
        "proof": own.proof or backup.schedule.proof,
        "topology": topology_hash(topology, name),
    }


def topology_hash(topology: Topology, database: str) -> str:
    """What a copy is marked with, to tell later how the database it is of was described."""
    return hashlib.sha256(topology.databases[database].model_dump_json().encode()).hexdigest()[:16]
