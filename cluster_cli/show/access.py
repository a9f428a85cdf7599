"""Who may log in, as tables and as a document for scripts."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from cluster_cli.access.granted import Grant
from cluster_cli.topology.security import Access

STYLES = {"good": "green", "revoked": "red", "expired": "dim"}


def access_document(access: Access, grants: Sequence[Grant], now: datetime | None = None) -> dict[str, Any]:
    """The document of `access list -o json` (contract)."""
    now = now or datetime.now(UTC)
    operators = {
        name: {"role": operator.role, "keys": len(operator.keys)} for name, operator in access.operators.items()
    }
    certificates = [
        {
            "id": row.id,
            "operator": row.operator,
            "role": row.role,
            "key": row.key,
            "since": row.since,
            "until": row.until,
            "by": row.by,
            "state": row.state(access.revoked, now),
            "known": row.operator in access.operators,
        }
        for row in grants
    ]
    return {
        "schema_version": 1,
        "operators": operators,
        "certificates": certificates,
        "revoked": list(access.revoked),
    }


def access_tables(document: Mapping[str, Any]) -> Iterator[Table]:
    """Operators, then certificates, the newest last."""
    people = Table("operator", "role", "keys in the topology", box=SIMPLE_HEAD, pad_edge=False)
    for name, row in document["operators"].items():
        people.add_row(name, row["role"], str(row["keys"]))
    yield people
    papers = Table("certificate", "role", "until", "state", "given by", box=SIMPLE_HEAD, pad_edge=False)
    papers.columns[0].no_wrap = True
    for row in document["certificates"]:
        state = Text(row["state"], style=STYLES[row["state"]])
        if row["state"] == "good" and not row["known"]:
            state = Text("its operator is gone", style="dim")
        papers.add_row(row["id"], row["role"], row["until"], state, row["by"])
    if document["certificates"]:
        yield papers
