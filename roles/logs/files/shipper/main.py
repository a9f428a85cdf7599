"""Sends what this receiver keeps to Elasticsearch and Loki endpoints, and tells how far each has everything.

Usage: log-shipper SETTINGS SECRETS
"""

import json
import os
import signal
import sys
import threading

import elasticsearch
import loki
from account import Account
from endpoint import Endpoint
from kept import Kept
from shipping import Shipping

TOLD_EVERY = 2.0  # seconds
LEAVE = 10  # seconds a request that is on its way may take when we are stopped
PROTOCOLS = {"elasticsearch": elasticsearch, "loki": loki}
METRICS = (  # name, what is told, type, help
    (
        "shipped_until_timestamp_seconds",
        "until",
        "gauge",
        "What was received before this was sent.",
    ),
    ("shipped_records_total", "sent", "counter", "Records the endpoint took, or had from the other receiver."),
    ("refused_records_total", "refused", "counter", "Records the endpoint will never take."),
    ("lost_bytes_total", "lost_bytes", "counter", "Bytes that were removed here before they were sent."),
)


def say(text):
    """A line for the journal."""
    print(text, flush=True)


def shippings(settings, secrets):
    """One for each endpoint."""
    for row in settings["endpoints"]:
        known = {"cluster": settings["cluster"], "alone": settings["alone"], **row}
        protocol = PROTOCOLS[row["kind"]]
        endpoint = Endpoint(known, secrets.get(row["name"], ""), protocol.headers(known))
        account = Account(os.path.join(settings["state"], f"{row['name']}.json"))
        kept = Kept(settings["logs"], settings["security"])
        yield Shipping(known, endpoint, protocol, kept, account, say)


def metrics(told):
    """In Prometheus's text format. told: by endpoint."""
    lines = []
    for name, key, kind, what in METRICS:
        lines += [f"# HELP cluster_logs_{name} {what}", f"# TYPE cluster_logs_{name} {kind}"]
        lines += [f'cluster_logs_{name}{{endpoint="{each}"}} {row[key]}' for each, row in told.items()]
    return "".join(f"{line}\n" for line in lines)


def tell(folder, running):
    """Write what status and metrics read; never seen half."""
    told = {each.name: each.account.told() for each in running}
    for name, text in (("status.json", json.dumps(told)), ("logs.prom", metrics(told))):
        path = os.path.join(folder, name)
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(f"{path}.new", 0o644)
        os.rename(f"{path}.new", path)


def read(path):
    """A file's JSON."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def main(settings, secrets):
    """Until we are stopped, or there is nothing to be sent any more; 1 when one of them ended by itself."""
    known, over = read(settings), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    running = list(shippings(known, read(secrets)))
    threads = [threading.Thread(target=each.run, args=(over,), daemon=True) for each in running]
    for thread in threads:
        thread.start()
    tell(known["run"], running)
    while os.path.exists(settings) and not over.wait(TOLD_EVERY):
        tell(known["run"], running)
        if not all(thread.is_alive() for thread in threads):
            return 1
    over.set()
    for thread in threads:
        thread.join(LEAVE)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
