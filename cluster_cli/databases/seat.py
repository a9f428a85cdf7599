"""Up to where the data of a node goes that comes from a backup, and the past by which the others know it. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Seat:
    """gtid: the position, of MySQL the exact set. group, seqno: of a Galera group, in its numbers; else empty."""

    gtid: str
    group: str = ""
    seqno: int = 0

    def document(self, history: Sequence[str]) -> str:
        """As a node takes it (roles/backup_source/files/exchange.py, seat). history: its last GTIDs, in order."""
        return json.dumps({"history": list(history), "group": self.group, "seqno": self.seqno})
