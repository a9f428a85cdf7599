"""The one ordered list of what `up` does. playbooks/site.yml imports the same stages in the same order."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """One step of the plan: a playbook of that name, applying roles to the nodes that have them.

    apart: what fails in it fails the run, but keeps nothing else from being done and verified.
    """

    name: str
    title: str
    roles: tuple[str, ...]
    apart: bool = False

    @property
    def playbook(self) -> str:
        """The playbook's file name."""
        return f"{self.name}.yml"


STAGES: tuple[Stage, ...] = (
    Stage("base", "Prepare the nodes", ("base",)),
    Stage("network", "Set up the interfaces", ("network",)),
    Stage("ssh_trust", "Let the nodes trust each other over SSH", ("ssh_trust",)),
    Stage("firewall", "Drop what is not declared", ("firewall",)),
    Stage("hardening", "Harden the nodes", ("hardening",)),
    Stage("access", "Let operators in", ("access",)),
    Stage("ntp", "Keep one time on all nodes", ("ntp",)),
    Stage("certificates", "Give out certificates", ("certificates",)),
    Stage("audit", "Gather records of logins and commands", ("audit",)),
    Stage(
        "database", "Keep the data", ("spare", "galera", "garbd", "group_replication", "replication", "doorbell")
    ),
    Stage("backup", "Fetch and prove backups", ("backup_source", "backup_files", "backup")),
    Stage("standby", "Stand by for databases", ("standby",)),
    Stage("web", "Serve the web sites", ("web",)),
    Stage("load_balancer", "Balance the traffic", ("haproxy", "nginx")),
    Stage("keepalived", "Hold the virtual addresses", ("keepalived",)),
    Stage("logs", "Gather the logs", ("logs",)),
    Stage(
        "monitoring",
        "Watch the cluster",
        ("node_exporter", "mysqld_exporter", "blackbox_exporter", "alertmanager", "prometheus"),
    ),
    Stage("grafana", "Draw dashboards", ("grafana",), apart=True),
)
WITH_CERTIFICATES = (
    "certificates",
    "audit",
    "database",
    "backup",
    "load_balancer",
    "logs",
    "monitoring",
    "grafana",
)  # those a new one goes through
REMOVE = Stage("remove", "Remove what was installed", ())  # not part of the plan: what `down` does to machines
APART = frozenset(stage.name for stage in STAGES if stage.apart)
ROLES: tuple[str, ...] = tuple(role for stage in STAGES for role in stage.roles)


def stages_for(groups: set[str], only: tuple[str, ...] = ()) -> tuple[Stage, ...]:
    """The stages that have something to do: a role with nodes, and named in `only` unless that is empty."""
    return tuple(stage for stage in STAGES if groups & set(stage.roles) and (not only or stage.name in only))
