"""What this node was told by the topology, and where it keeps what."""

import json
import os

PLACE = "/etc/cluster/standby.json"
HOME = "/var/lib/cluster-standby"
RUN = "/run/cluster"


class RefusedError(Exception):
    """What is not done, in words for a person."""


def settings():
    """All of it, as role standby wrote it."""
    with open(PLACE, encoding="utf-8") as handle:
        return json.load(handle)


def database(known, name):
    """What is said of one database. Raises RefusedError for one this node does not stand by for."""
    found = {each["name"]: each for each in known["databases"]}
    if name not in found:
        raise RefusedError(f'this node does not stand by for "{name}"; it does for {", ".join(found) or "none"}')
    return found[name]


def place(name, *words):
    """Where something of a database is kept."""
    return os.path.join(HOME, name, *words)


def data(name):
    """The data directory of a database's copy."""
    return place(name, "data")


def copied(name):
    """Whether there is a copy."""
    return os.path.isdir(place(name, "data", "mysql"))


def held(name):
    """The mark of an operator who wants nothing applied: a file."""
    return place(name, "held")


def unit(name):
    """The unit of the server on a copy."""
    return f"mariadb@{name}.service"


def follower(name):
    """The unit that has the server follow."""
    return f"cluster-standby@{name}.service"
