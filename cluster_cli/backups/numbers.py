"""Where the numbers of transactions go on in a new history: beyond all that were ever given. Pure.

MariaDB's are one sequence in a domain: the next one is named. MySQL's are sets: all up to a full million count as
executed where the new history begins, so that the server gives none of them.
"""

from collections.abc import Iterable

from cluster_cli.databases.group_replication.gtid import GtidSet, union

MILLION = 1_000_000


def beyond(most: int) -> int:
    """The full million that is at least one million beyond a number."""
    return (most // MILLION + 2) * MILLION


def sequences(position: str, domain: int) -> list[int]:
    """Those of a domain in a position; none in what is no position, as of a mark."""
    words = (word.strip().split("-") for word in position.strip().split(","))
    return [int(word[2]) for word in words if len(word) == 3 and word[0] == str(domain) and word[2].isdigit()]


def spent(known: Iterable[str]) -> GtidSet:
    """All that counts as given where these sets were: of everybody who numbered any, up to beyond the last."""
    whole = union(map(GtidSet.parse, known))
    return GtidSet({source: ((1, beyond(rows[-1][1])),) for source, rows in whole.parts.items()})


def told(numbers: GtidSet) -> str:
    """A set as it goes to a server, and into a note."""
    return str(numbers).replace(" ", "")
