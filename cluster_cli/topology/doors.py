"""The ways in to databases: frontends and backends that their load balancers get without being written down."""

from cluster_cli.topology.databases import DATABASE_PORT, DOORBELL, Database
from cluster_cli.topology.model import Backend, Frontend, LoadBalancer, Topology
from cluster_cli.topology.problems import Path

WRITE, READ = "write", "read"
# A node that died is out after two checks; a good one is in after one, since it says itself what it is fit for.
CHECK = {"type": "http", "port": DOORBELL, "interval": "1s", "timeout": "900ms", "fall": 2, "rise": 1}
IDLE = "8h"  # as the server's own wait_timeout


def with_doors(topology: Topology) -> Topology:
    """The topology whose load balancers lead to its databases, too."""
    balancers = {
        name: with_doors_of(
            balancer, {key: each for key, each in topology.databases.items() if each.through == name}
        )
        if balancer.engine == "haproxy"
        else balancer
        for name, balancer in topology.load_balancers.items()
    }
    return topology.model_copy(update={"load_balancers": balancers}) if topology.databases else topology


def written_as(topology: Topology, balancer: str, frontend: str) -> Path:
    """Where the file says on which port a frontend of a load balancer listens: of a door, at its database."""
    for name, database in topology.databases.items():
        for kind in (WRITE, READ):
            if (database.through, f"{name}-{kind}") == (balancer, frontend):
                return ("databases", name, "ports", kind)
    return ("load_balancers", balancer, "frontends", frontend, "bind")


def with_doors_of(balancer: LoadBalancer, databases: dict[str, Database]) -> LoadBalancer:
    """A load balancer that leads to these databases."""
    vips = balancer.virtual_ips
    address = str(vips[0].address) if len(vips) == 1 else None  # a node of the database may be a balancer, too
    frontends = {
        f"{name}-{kind}": Frontend(
            bind=getattr(database.ports, kind), address=address, mode="tcp", backend=f"{name}-{kind}"
        )
        for name, database in databases.items()
        for kind in (WRITE, READ)
    }
    backends = {
        f"{name}-{kind}": backend(database, kind) for name, database in databases.items() for kind in (WRITE, READ)
    }
    return balancer.model_copy(
        update={
            "frontends": {**balancer.frontends, **frontends},
            "backends": {**balancer.backends, **backends},
        }
    )


def backend(database: Database, kind: str) -> Backend:
    """The nodes of a database: one at a time for writes, the least busy for reads; none of those is delayed."""
    nodes = database.nodes if kind == WRITE else [each for each in database.nodes if each not in database.delayed]
    return Backend.model_validate(
        {
            "nodes": nodes or database.nodes,  # the second of a file that is refused
            "port": DATABASE_PORT,
            "mode": "tcp",
            "balance": "leastconn" if kind == READ else "roundrobin",
            "one_at_a_time": kind == WRITE,
            "check": {**CHECK, "path": f"/{kind}"},
            "server_timeout": IDLE,
        }
    )
