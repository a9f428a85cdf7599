"""Records as Elasticsearch and OpenSearch take them, by their bulk API.

A record's id is made of what it says, so the same one from another receiver, or sent once more, is there already
(409).
"""

import json
import time

from endpoint import NotTakenError, status
from lines import FIELDS

PATH, KIND = "/_bulk", "application/x-ndjson"
TAKEN, THERE = (200, 201), 409


def headers(_):
    """None of its own."""
    return {}


def body(settings, records):
    """The request. settings: cluster, index (strftime(3), by the record's time in UTC)."""
    rows = []
    for each in records:
        index = time.strftime(settings["index"], time.gmtime(each.seconds))
        rows.append({"create": {"_index": index, "_id": each.digest(settings["cluster"])}})
        fields = {name: getattr(each, name) for name in FIELDS}
        rows.append({"@timestamp": f"{each.at}Z", "cluster": settings["cluster"], "stream": each.stream, **fields})
    return "".join(f"{json.dumps(row, separators=(',', ':'))}\n" for row in rows).encode()


def refused(_, code, text):
    """How many records it will never take, and why; raises NotTakenError when any is to be sent again.

    What it says of one record (400) is that record's fault only where it takes others: an index that cannot be
    made is the endpoint's.
    """
    if code not in TAKEN:
        raise NotTakenError(status(code, text))
    try:
        items = [next(iter(item.values())) for item in json.loads(text)["items"]]
        codes = [item["status"] for item in items]
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration):
        raise NotTakenError(f"its answer is not that of a bulk request: {text[:100]}") from None
    bad = [item for item in items if item["status"] not in (*TAKEN, THERE)]
    later = [item for item in bad if item["status"] != 400 or len(bad) == len(codes)]
    if later:
        raise NotTakenError(status(later[0]["status"], reason(later[0])))
    return len(bad), reason(bad[0]) if bad else ""


def reason(item):
    """Why a record was not taken, in the endpoint's words."""
    error = item.get("error")
    return error.get("reason", "") if isinstance(error, dict) else str(error or "")
