"""How far the numbers of a database's transactions went, by its nodes and by what is kept of it."""

from collections.abc import Sequence

from cluster_cli.backups import numbers
from cluster_cli.backups.nodes import backup_nodes, listed
from cluster_cli.databases.group_replication.gtid import GtidSet
from cluster_cli.databases.live import Live
from cluster_cli.render.databases import domain_id

MARK = "restored"  # a kind that has no position (roles/backup/files/catalogue.py)
IS_AT = 'mariadb --no-defaults -BNe "SELECT @@gtid_binlog_pos"'
HAS = (
    "mysql --no-defaults --connect-timeout=3 -BN --raw -e \"SELECT REPLACE(@@GLOBAL.gtid_executed, '\\n', '');"
    " SELECT REPLACE(received_transaction_set, '\\n', '') FROM performance_schema.replication_connection_status\""
)


def beyond(live: Live, running: Sequence[str]) -> int:
    """The sequence at which GTIDs of MariaDB go on: a full million beyond all that were ever given."""
    domain, found = domain_id(live.workspace.topology, live.name), [0]
    for position in (*told(live, running, IS_AT), *kept(live)):
        found += numbers.sequences(position, domain)
    return numbers.beyond(max(found))


def given(live: Live, running: Sequence[str], before: str) -> GtidSet:
    """The GTIDs of MySQL that count as given: all that were, and those up to a full million beyond.

    before: what counted as given until now.
    """
    return numbers.spent(text for text in (*told(live, running, HAS), *kept(live), before) if ":" in text)


def told(live: Live, running: Sequence[str], question: str) -> list[str]:
    """What nodes whose servers run answer, a line each; nothing of one that does not."""
    answers = [live.run(node, question) for node in running]
    return [line for answer in answers if answer.rc == 0 for line in answer.out.splitlines()]


def kept(live: Live) -> list[str]:
    """The positions of all copies and fetches that backup nodes have."""
    rows = [each for said in listed(backup_nodes(live.workspace, live.name)).values() for each in said["backups"]]
    return [each["position"] for each in rows if each["database"] == live.name and each["kind"] != MARK]
