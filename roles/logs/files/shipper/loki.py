"""Records as Loki takes them, by its push API.

Of records with the same labels, time and text, Loki shows one. It takes what it can of a request and answers 400
for the rest, which it will never take.
"""

import json
import re

from endpoint import NotTakenError, status

PATH, KIND = "/loki/api/v1/push", "application/json"
TAKEN = (200, 204)
LABELS = ("node", "service", "severity", "stream")
IGNORED = re.compile(r"total ignored: (\d+) out of")
LATE = re.compile(r"too far behind|out of order")
RECORDS_FAULT = re.compile(r"too far behind|out of order|too old|too new|exceeded")


def headers(settings):
    """Whose logs they are, where it has several tenants."""
    return {"X-Scope-OrgID": settings["tenant"]} if settings["tenant"] else {}


def body(settings, records):
    """The request. settings: cluster."""
    streams = {}
    for each in records:
        labels = {"cluster": settings["cluster"]} | {name: getattr(each, name) for name in LABELS}
        row = streams.setdefault(tuple(labels.values()), {"stream": labels, "values": []})
        text = f"{each.uid} {each.speaker}[{each.pid}]: {each.message}"
        row["values"].append([str(each.nanoseconds), text])
    return json.dumps({"streams": list(streams.values())}, separators=(",", ":")).encode()


def refused(settings, code, text):
    """How many records it will never take, and why; raises NotTakenError when all are to be sent again.

    settings: alone, whether no other receiver sends the same. What is far older than what Loki has of a stream was
    sent by the other one: each sends a stream in the order of time.
    """
    if code in TAKEN:
        return 0, ""
    if code != 400 or not RECORDS_FAULT.search(text):
        raise NotTakenError(status(code, text))
    if LATE.search(text) and not settings["alone"]:
        return 0, ""
    return sum(map(int, IGNORED.findall(text))) or 1, " ".join(text.split())[:200]
