"""What the answers mean: pure functions from what commands printed to plain values."""

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from cluster_cli.certificates.cluster_certificates import read_answer
from cluster_cli.collect import Outcome

GOOD = ("UP", "DRAIN", "no check")  # DRAIN: well, but of weight 0
UNSYNCHRONISED = 3  # leap status of NTP, RFC 5905 figure 9: clock unsynchronised


def system(outcome: Outcome) -> dict[str, Any]:
    """Load, uptime in seconds, and how full the root disk is, from questions.system."""
    rows = outcome.stdout.split()
    if outcome.rc or len(rows) < 3:
        return {}
    return {
        "load": float(rows[0]),
        "uptime_seconds": int(float(rows[1])),
        "disk_percent": int(rows[2].rstrip("%")),
    }


def units(outcome: Outcome) -> dict[str, str]:
    """Unit name to state."""
    rows = (line.split() for line in outcome.stdout.splitlines())
    return {row[0]: row[1] for row in rows if len(row) == 2}


def tracking(outcome: Outcome) -> dict[str, Any]:
    """Synchronisation, stratum and offset in seconds, from `chronyc -c tracking` (chronyc(1))."""
    row = next(csv.reader(io.StringIO(outcome.stdout)), [])
    if outcome.rc or len(row) < 14:
        return {"synchronised": False, "offset_seconds": None, "stratum": None}
    return {
        "synchronised": row[13] != "Not synchronised" and row[13] != str(UNSYNCHRONISED),
        "offset_seconds": float(row[4]),
        "stratum": int(row[2]),
    }


def addresses(outcome: Outcome) -> set[str]:
    """Every IPv4 address a node holds, from `ip -j addr`."""
    try:
        links = json.loads(outcome.stdout or "[]")
    except ValueError:
        return set()
    return {info["local"] for link in links for info in link.get("addr_info", ()) if "local" in info}


def haproxy_servers(outcome: Outcome) -> dict[str, dict[str, bool]]:
    """Backend to server to up, from haproxy's `show stat` (management guide, section 9.1)."""
    found: dict[str, dict[str, bool]] = {}
    for row in csv.DictReader(io.StringIO(outcome.stdout.lstrip("# "))):
        if row.get("svname") not in ("FRONTEND", "BACKEND", None):
            status = row.get("status") or ""
            found.setdefault(row["pxname"], {})[row["svname"]] = status.startswith(GOOD)
    return found


def probed_servers(outcome: Outcome) -> dict[str, dict[str, bool]]:
    """Backend to server to up, from the probe an nginx balancer ran."""
    try:
        rows: Mapping[str, bool] = json.loads(outcome.stdout or "{}")
    except ValueError:
        return {}
    found: dict[str, dict[str, bool]] = {}
    for key, up in rows.items():
        backend, server = key.split("/", 1)
        found.setdefault(backend, {})[server] = up
    return found


def chains(outcome: Outcome) -> dict[str, str]:
    """The certificates of a node by name, as PEM, from cluster_certificates.QUESTION."""
    return read_answer(outcome.stdout) if outcome.rc == 0 else {}


def table_server(outcome: Outcome, table: str, servers: Sequence[str]) -> str | None:
    """The server in the one entry of a stick table, from `show table` (haproxy's management guide, 9.3).

    servers: those of the backend, in the order of the configuration, by which haproxy numbers them.
    """
    part = outcome.stdout.partition(f"# table: {table},")[2].partition("# table:")[0]
    found = re.search(r"\bserver_id=(\d+)", part)
    return servers[int(found[1]) - 1] if found and 0 < int(found[1]) <= len(servers) else None
