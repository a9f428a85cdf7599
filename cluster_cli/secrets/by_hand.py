"""Secrets only people know, and put in by hand: of receivers of alerts and logs, of buckets."""

import re
from collections.abc import Iterator, Mapping

from cluster_cli.secrets.secret import Secret
from cluster_cli.topology.load import refused
from cluster_cli.topology.logs_rules import WAYS, endpoints
from cluster_cli.topology.model import Topology
from cluster_cli.topology.monitoring_rules import receivers
from cluster_cli.topology.problems import Path, Problem
from cluster_cli.topology.walks import stores
from cluster_cli.workspace import Workspace

HTTP = ("http://", "https://")
ACCESS = ("access_key_id", "secret_access_key")
ACCESS_KEY = re.compile(r"[!$&(-:<-\[\]-_a-~]+")  # what needs no quoting in a file of credentials (INI)


def refuse_missing(workspace: Workspace) -> None:
    """Raises TopologyError (exit 2) with all that is missing or blank; nothing is where there is no file yet."""
    path = workspace.places.secrets
    wanted = list(named(workspace.topology))
    if not wanted or not path.exists():
        return
    from cluster_cli.secrets.store import Secrets  # what is encrypted is slow to load, and most name no secret

    secrets = Secrets.open(path, workspace.topology.name)
    if problems := list(missing(workspace.topology, secrets.entries(), secrets.edit)):
        raise refused(workspace.places.topology, problems)


def named(topology: Topology) -> Iterator[tuple[Path, str]]:
    """Every secret the topology names, with the place where it does."""
    for path, store in stores(topology):
        if store.s3:
            yield (*path, "s3", "access_key_id"), store.s3.access_key_id
            yield (*path, "s3", "secret_access_key"), store.s3.secret_access_key
    for path, receiver in receivers(topology):
        fields = {
            ("webhook", "url_secret"): receiver.webhook and receiver.webhook.url_secret,
            ("webhook", "token"): receiver.webhook and receiver.webhook.token,
            ("email", "password"): receiver.email and receiver.email.password,
        }
        yield from (((*path, *at), name) for at, name in fields.items() if name)
    for path, endpoint in endpoints(topology):
        for way in WAYS:
            if name := getattr(endpoint, way):
                yield (*path, way), name


def missing(topology: Topology, known: Mapping[str, Secret], edit: str) -> Iterator[Problem]:
    """What is named and nobody put in, or what cannot be that. edit: the command to do so."""
    for path, name in named(topology):
        value = known[name].value.strip() if name in known else None
        if not value:
            what = f"there is no secret {name}" if value is None else f"the secret {name} is empty"
            yield Problem(path, what, f"put it in: {edit}, a line `{name}: ...`")
        elif path[-1] == "url_secret" and not value.startswith(HTTP):
            yield Problem(path, f"the secret {name} is no address", f"{edit}: it begins with https:// or http://")
        elif path[-1] in ACCESS and not ACCESS_KEY.fullmatch(value):
            what = f"the secret {name} is no access key: it has a space, a quote, or one of # ; % ` \\"
            yield Problem(path, what, f"{edit}: as the store gave it, on one line")
