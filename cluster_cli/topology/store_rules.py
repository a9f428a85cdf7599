"""Rules on where backups are kept: in one place each, which is not beside the data."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from cluster_cli.topology.addresses import addresses
from cluster_cli.topology.model import Topology
from cluster_cli.topology.problems import Problem, did_you_mean
from cluster_cli.topology.walks import stores


def a_store_is_one_place(topology: Topology) -> Iterator[Problem]:
    """A directory or a bucket: two stores are two backup nodes."""
    for path, store in stores(topology):
        if store.s3 and "path" in store.model_fields_set:
            hint = "give it either `path` or `s3`; for both, a backup node for each: `stores: {bak2: {s3: ...}}`"
            yield Problem(path, "is a directory and a bucket", hint)


def stores_are_of_backup_nodes(topology: Topology) -> Iterator[Problem]:
    """Who keeps nothing needs no place for it."""
    nodes = topology.backup.nodes if topology.backup else ()
    for node in topology.backup.stores if topology.backup else ():
        if node not in nodes:
            hint = did_you_mean(node, nodes) or "add it to `nodes`, or remove it here"
            yield Problem(("backup", "stores", node), f"{node} makes no backups", hint)


def a_bucket_lies_elsewhere(topology: Topology) -> Iterator[Problem]:
    """A backup beside the data goes with it, by whatever way it came there."""
    known = addresses(topology)
    for path, store in stores(topology):
        host = urlsplit(store.s3.endpoint).hostname if store.s3 else None
        for name, database in topology.databases.items():
            for node in database.nodes:
                if host and host in (node, str(known.get(node))):
                    what = f"{node} holds data of {name}, so its loss would be the loss of both"
                    yield Problem((*path, "s3", "endpoint"), what, "use another store")


RULES = (a_store_is_one_place, stores_are_of_backup_nodes, a_bucket_lies_elsewhere)
