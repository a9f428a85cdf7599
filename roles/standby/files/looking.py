"""What a standby shows of itself: to whom it is asked for by the cluster, and to Prometheus."""

import os

import pymysql
from server import Server
from settings import RefusedError, copied, database, held, place, settings


def look():
    """All databases this node stands by for, by name (cluster_cli/databases/standby/state.py)."""
    return {each["name"]: shown(each) for each in settings()["databases"]}


def shown(wanted):
    """One of them. wanted: what the topology says of it."""
    name = wanted["name"]
    plain = {
        "running": False,
        "copied": copied(name),
        "held": os.path.exists(held(name)),
        "wanted": wanted["delay"],
    }
    try:
        with Server(name, patience=5) as server:
            source, position = server.source(), server.position()
    except pymysql.MySQLError as error:
        return {**plain, "why": str(error.args[-1])}
    if source is None:
        return {**plain, "running": True, "position": position, "why": "it follows nobody yet"}
    names = {node["address"]: node["name"] for node in wanted["nodes"]}
    return {
        **plain,
        "running": True,
        "position": position,
        "follows": names.get(source["host"], source["host"]),
        "io": source["io"],
        "sql": source["sql"],
        "lag": None if source["lag"] is None else float(source["lag"]),
        "received": source["received"],
        "delay": source["delay"],
        "why": (source["io_error"] or source["sql_error"] or "")[:300],
    }


def follows(row):
    """Whether it fetches what comes, and applies it when it is time."""
    return row["running"] and row.get("io") == row.get("sql") == "Yes"


def healthy(name):
    """Refuse where it does not follow, or is not as late as is wished; a held one does all it may."""
    row = shown(database(settings(), name))
    if row["held"] and row.get("io") == "Yes":
        return {}
    if not follows(row):
        raise RefusedError(
            f"the standby of {name} does not follow: {row['why'] or 'its source does not answer yet'}"
        )
    if row["delay"] != row["wanted"]:
        raise RefusedError(f"the standby of {name} is to be {row['wanted']} s late, and not {row['delay']} s")
    return {}


def tell(row, name):
    """Write down for Prometheus how one goes: role node_exporter hands it on with the rest."""
    labels = f'{{database="{name}"}}'
    lines = [f"cluster_standby_follows{labels} {int(follows(row))}"]
    if row.get("lag") is not None:
        lines.append(f"cluster_standby_lag_seconds{labels} {row['lag']:g}")
    path = place(name, "standby.prom")
    with open(f"{path}.new", "w", encoding="utf-8") as handle:
        handle.write("".join(f"{line}\n" for line in lines))
    os.rename(f"{path}.new", path)
