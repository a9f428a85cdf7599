"""Ask every node, and say what is well and what is not."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from cluster_cli import alerts
from cluster_cli.backups import state as backups
from cluster_cli.certificates import cluster_certificates as certificates
from cluster_cli.certificates.certificate import now
from cluster_cli.collect import Outcome, collect_all
from cluster_cli.databases import modes
from cluster_cli.history import last_runs
from cluster_cli.inventory import Host, Inventory
from cluster_cli.logs import shipping
from cluster_cli.status import answers
from cluster_cli.status.limits import DISK_FULL_PERCENT, MAX_OFFSET_SECONDS
from cluster_cli.status.questions import questions
from cluster_cli.topology.doors import WRITE
from cluster_cli.topology.model import LoadBalancer, Topology

SCHEMA_VERSION = 1
NODE_SECONDS = 15
CONNECT_SECONDS = 3
Found = Mapping[str, Mapping[str, Outcome]]
NOTHING = Outcome(255, "", "")


def gather(topology: Topology, inventory: Inventory) -> dict[str, Any]:
    """The status document (docs/reference/status.md). A node out of reach is a row, never an error."""
    asked = [(host, questions(topology, host)) for host in inventory.hosts]
    found = collect_all(asked, timeout=NODE_SECONDS, connect_seconds=CONNECT_SECONDS)
    return describe(topology, inventory, found)


def describe(topology: Topology, inventory: Inventory, found: Found) -> dict[str, Any]:
    """The status document from what the nodes answered: pure."""
    moment = now()
    document: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "cluster": topology.name,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "nodes": {host.name: node(host, found[host.name]) for host in inventory.hosts},
        "virtual_ips": virtual_ips(topology, found),
        "load_balancers": {
            name: {"engine": balancer.engine, "backends": backends(balancer, found)}
            for name, balancer in topology.load_balancers.items()
        },
        "databases": {
            name: modes.described(
                topology,
                name,
                {node: found[node].get("database", NOTHING) for node in each.nodes},
                chosen(topology, name, found),
                {node: found[node].get("standby", NOTHING) for node in each.standby},
            )
            for name, each in topology.databases.items()
        },
        "backups": backups.described(
            topology, {node: row.get("backup", NOTHING) for node, row in found.items()}, moment.timestamp()
        ),
        "logs": shipping.described(
            inventory, {node: row.get("shipping", NOTHING) for node, row in found.items()}, moment.timestamp()
        ),
        "alerts": alerts.fired(
            {host.name: found[host.name].get("alerts", NOTHING) for host in inventory.group("alertmanager")}
        ),
        "runs": last_runs.told({node: row["runs"] for node, row in found.items() if "runs" in row}),
        "time": {
            host.name: answers.tracking(found[host.name].get("time", NOTHING)) for host in inventory.group("ntp")
        },
        "certificates": {
            host.name: certificates.rows(
                host, answers.chains(found[host.name].get("certificates", NOTHING)), moment
            )
            for host in inventory.group("certificates")
        },
    }
    document["problems"] = list(problems(topology, document))
    document["healthy"] = not document["problems"]
    return document


def node(host: Host, found: Mapping[str, Outcome]) -> dict[str, Any]:
    """One node's row."""
    reachable = found["system"].rc == 0
    return {
        "address": host.address,
        "addresses": dict(host.addresses),
        "roles": list(host.groups),
        "reachable": reachable,
        "why": "" if reachable else found["system"].stderr.strip().split("\n")[-1],
        "units": answers.units(found["units"]),
        "failed_units": found["failed"].stdout.split() if reachable else [],
        **answers.system(found["system"]),
    }


def virtual_ips(topology: Topology, found: Found) -> dict[str, Any]:
    """Who holds each virtual IP now: one node when all is well."""
    held = {name: answers.addresses(outcomes.get("addresses", NOTHING)) for name, outcomes in found.items()}
    return {
        str(vip.address): {
            "load_balancer": name,
            "prefer": vip.prefer,
            "holders": [node for node in balancer.nodes if str(vip.address) in held.get(node, ())],
        }
        for name, balancer in topology.load_balancers.items()
        for vip in balancer.virtual_ips
    }


def backends(balancer: LoadBalancer, found: Found) -> dict[str, Any]:
    """Each server of each backend: up when every reachable balancer says so, with what each of them says."""
    seen: dict[str, dict[str, dict[str, bool]]] = {}
    for name in balancer.nodes:
        outcomes = found.get(name, {})
        if balancer.engine == "haproxy":
            views = answers.haproxy_servers(outcomes.get("backends", NOTHING))
        else:
            views = answers.probed_servers(outcomes.get("probe", NOTHING))
        if views:
            seen[name] = views
    return {
        key: {
            "one_at_a_time": backend.one_at_a_time,
            "servers": {server: server_row(seen, key, server) for server in backend.nodes},
        }
        for key, backend in balancer.backends.items()
    }


def chosen(topology: Topology, name: str, found: Found) -> str | None:
    """The node to which all balancers that answer lead the writes of a database; None when they do not agree."""
    database = topology.databases[name]
    balancer = topology.load_balancers.get(database.through or "")
    said = {
        answers.table_server(found.get(node, {}).get("tables", NOTHING), f"{name}-{WRITE}", database.nodes)
        for node in (balancer.nodes if balancer else ())
    } - {None}
    return said.pop() if len(said) == 1 else None


def server_row(seen: Mapping[str, Mapping[str, Mapping[str, bool]]], backend: str, server: str) -> dict[str, Any]:
    """One server of a backend."""
    by = {balancer: views.get(backend, {}).get(server, False) for balancer, views in seen.items()}
    return {"up": bool(by) and all(by.values()), "seen_by": by}


def problems(topology: Topology, document: Mapping[str, Any]) -> Iterator[str]:
    """Everything that is not well, each as one plain sentence."""
    for name, row in document["nodes"].items():
        if not row["reachable"]:
            yield f"{name} does not answer ({row['why'] or 'no reason given'})"
            continue
        for unit, state in row["units"].items():
            if state != "active":
                yield f"{name}: {unit} is {state}"
        for unit in row["failed_units"]:
            if unit.removesuffix(".service") not in row["units"]:
                yield f"{name}: unit {unit} failed"
        if row.get("disk_percent", 0) >= DISK_FULL_PERCENT:
            yield f"{name}: the disk is {row['disk_percent']} % full"
    yield from vip_problems(document)
    yield from backend_problems(document)
    reachable = {name: row["reachable"] for name, row in document["nodes"].items()}
    yield from modes.problems(topology, document["databases"], reachable)
    yield from backups.problems(topology, document["backups"], reachable)
    yield from shipping.problems(document["logs"])
    yield from time_problems(document)
    yield from alerts.problems(document["alerts"])
    yield from certificate_problems(document)


def vip_problems(document: Mapping[str, Any]) -> Iterator[str]:
    """A virtual IP is held by exactly one node."""
    for address, row in document["virtual_ips"].items():
        if not row["holders"]:
            yield f"virtual IP {address} is held by no node"
        elif len(row["holders"]) > 1:
            yield f"virtual IP {address} is held by {' and '.join(row['holders'])} at once (split brain)"


def backend_problems(document: Mapping[str, Any]) -> Iterator[str]:
    """Every server of every backend is up; of those that have one writer, one is."""
    for name, balancer in document["load_balancers"].items():
        for key, backend in balancer["backends"].items():
            alone = backend["one_at_a_time"]
            if alone and not any(row["up"] for row in backend["servers"].values()):
                yield f"{name}: no server of backend {key} is up"
            for server, row in backend["servers"].items():
                if not row["up"] and not alone:
                    yield f"{name}: server {server} of backend {key} is down"


def time_problems(document: Mapping[str, Any]) -> Iterator[str]:
    """Every reachable node's clock is synchronised and near."""
    for name, row in document["time"].items():
        if not document["nodes"][name]["reachable"]:
            continue
        if not row["synchronised"]:
            yield f"{name}: the clock is not synchronised"
        elif abs(row["offset_seconds"]) > MAX_OFFSET_SECONDS:
            yield f"{name}: the clock is {row['offset_seconds']:+.3f} s off"


def certificate_problems(document: Mapping[str, Any]) -> Iterator[str]:
    """No certificate of a reachable node is missing, or near its end."""
    for name, rows in document["certificates"].items():
        for certificate, row in rows.items():
            if row["warning"] and document["nodes"][name]["reachable"]:
                yield f"{name}: certificate {certificate}: {row['warning']}"
