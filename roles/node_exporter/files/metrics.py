"""Says how this node's services are, in a file that node_exporter tells Prometheus (its textfile collector).

Usage: metrics SETTINGS. It looks once, and ends: between two looks nothing of it stays in memory. Where it is to
look every few seconds it stays for some looks, since to begin takes as long as to look. What does not answer is
left out; that nothing at all is told any more is an alert, too.
"""

import json
import os
import socket
import subprocess
import sys
import time

SECONDS = 5  # no question may take longer
STAYS_SECONDS = 15
SERVER_SECONDS, SERVERS = 2, 8  # what a server of a backend may take, and how many are asked at once
CERTIFICATES_EVERY = 300  # seconds, unless one was touched
FILES_EVERY = 4  # looks, unless cluster wrote one: to have what hashes takes as long as to hash
OURS = ("/etc/", "/usr/local/")  # where configuration and programs lie that nobody else writes
MOST_FILES = 20  # of which it tells by name
HELP = {
    "unit_active": "Whether a unit runs.",
    "unit_failed": "A unit that systemd calls failed.",
    "clock_synchronised": "Whether the clock follows a source.",
    "clock_offset_seconds": "How far the clock is off, by chronyd's estimate.",
    "clock_stratum": "How many servers the clock is away from a reference.",
    "virtual_ip_held": "Whether the node holds a virtual IP.",
    "files_changed": "How many files that cluster wrote are not as it left them.",
    "file_changed": "A file that cluster wrote, and that is not as it left it.",
    "backend_server_up": "Whether a server of a backend answers this balancer.",
    "certificate_not_after_seconds": "Until when a certificate counts.",
    "certificate_not_before_seconds": "From when on it counts.",
    "run_started_timestamp_seconds": "When a run of cluster began, one of the last.",
    "run_seconds": "How long it took.",
    "run_changed": "How many changes it made.",
    "database_writable": "Whether the node's server is fit for writes.",
    "database_readable": "Whether it is fit for reads.",
    "database_quorum": "Whether it sees a majority of its group.",
    "database_members": "How many members of its group it sees.",
    "database_replication_running": "Whether a replica fetches and applies.",
    "database_lag_seconds": "How far a replica is behind.",
    "database_acknowledging_replicas": "How many replicas acknowledge what a primary writes.",
}
# Prints the times of certificates; apart, since what it needs takes as long to load as all the rest takes.
READ_CERTIFICATES = """
import os, sys
from cryptography import x509
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        found = x509.load_pem_x509_certificate(file.read())
    times = (found.not_valid_before, found.not_valid_after)
    seconds = (each.replace(tzinfo=__import__("datetime").timezone.utc).timestamp() for each in times)
    print(os.path.basename(os.path.dirname(path)), *(f"{each:.0f}" for each in seconds))
"""


def said(*words):
    """What a command printed; empty when it failed."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def unit_rows(units):
    """Whether the units run, and all that failed. To ask takes longer than to be told of all there are."""
    told = said("systemctl", "list-units", "--all", "--full", "--no-legend", "--plain")
    states = {row[0].removesuffix(".service"): row[2] for row in map(str.split, told.splitlines())}
    for unit in units if states else ():
        labels = {"unit": unit["name"], "balances": "yes" if unit["balances"] else "no"}
        yield "unit_active", labels, int(states.get(unit["name"]) == "active")
    for name in (name for name, state in states.items() if state == "failed"):
        yield "unit_failed", {"unit": name}, 1


def clock_rows(_):
    """From `chronyc -c tracking` (chronyc(1)); a clock nobody knows of is not synchronised."""
    row = said("chronyc", "-n", "-c", "tracking").strip().split(",")
    known = len(row) >= 14
    yield "clock_synchronised", {}, int(known and row[13] not in ("Not synchronised", "3"))
    if known:
        yield "clock_offset_seconds", {}, row[4]
        yield "clock_stratum", {}, row[2]


def virtual_ip_rows(wanted):
    """Which of the addresses the node holds."""
    try:
        links = json.loads(said("ip", "-j", "-4", "addr", "show") or "[]")
    except ValueError:
        return
    held = {each.get("local") for link in links for each in link.get("addr_info", ())}
    for address in wanted if links else ():
        yield "virtual_ip_held", {"address": address}, int(address in held)


def file_rows(place):
    """Files that are not as they were left.

    What a container engine mounts over them is not ours to judge. What is gone is not told: with its role, it may.
    """
    try:
        with open(place, encoding="utf-8") as file:
            known = json.load(file)
    except (OSError, ValueError):
        return
    ours = [path for path in sorted(known) if path.startswith(OURS) and not os.path.ismount(path)]
    changed = [path for path in ours if now(path) not in (None, known[path])]
    yield "files_changed", {}, len(changed)
    for path in changed[:MOST_FILES]:
        yield "file_changed", {"path": path}, 1


def now(path):
    """The SHA-256 of a file as it is, None when there is none."""
    import hashlib

    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return None


def backend_rows(servers):
    """Which servers of its backends a balancer reaches: one that has no checks of its own (nginx)."""
    import concurrent.futures

    with concurrent.futures.ThreadPoolExecutor(SERVERS) as pool:
        for server, up in zip(servers, pool.map(answers, servers), strict=True):
            yield "backend_server_up", {"proxy": server["backend"], "server": server["name"]}, int(up)


def answers(server):
    """Whether a server answers as its check wants it to."""
    import http.client

    connection = http.client.HTTPConnection(server["address"], server["port"], timeout=SERVER_SECONDS)
    try:
        if server["check"] != "http":
            connection.connect()
            return True
        connection.request("GET", server["path"], headers={"Host": server["host"]} if server["host"] else {})
        return connection.getresponse().status == server["expect"]
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def certificate_rows(paths):
    """The times between which the certificates count."""
    for line in said(sys.executable, "-I", "-c", READ_CERTIFICATES, *paths).splitlines():
        name, begins, ends = line.split()
        yield "certificate_not_before_seconds", {"certificate": name}, begins
        yield "certificate_not_after_seconds", {"certificate": name}, ends


def read_certificates(folder, place):
    """Have a text with the times of the certificates, made again where one of them changed, came or went."""
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    paths = [path for name in names if os.path.isfile(path := os.path.join(folder, name, "cert.pem"))]
    changed = max((os.stat(each).st_ctime for each in (*paths, folder) if os.path.exists(each)), default=0)
    if counts(place, CERTIFICATES_EVERY, changed):
        return
    rows = list(certificate_rows(paths)) if paths else []
    if rows or not paths:  # else it took too long; what was told still counts
        write(place, text(rows))


def look_at_files(known, place, seconds):
    """Have a text with what files are not as they were left, made again after so many seconds, and after a run."""
    left_at = os.stat(known).st_mtime if os.path.exists(known) else 0
    if not counts(place, seconds, left_at):
        write(place, text(file_rows(known)))


def counts(place, seconds, since):
    """Whether a text was made after a moment, and not longer ago than these seconds."""
    made_at = os.stat(place).st_mtime if os.path.exists(place) else 0
    return since < made_at < time.time() < made_at + seconds


def run_rows(place):
    """The last runs of cluster, which control machines leave here."""
    try:
        with open(place, encoding="utf-8") as file:
            return [row for each in json.load(file) for row in of_run(each)]
    except (OSError, ValueError, LookupError, TypeError):
        return []  # there was none yet, or it is of another version


def of_run(run):
    """One of them. A character that may not stand in a label would cost all metrics of the node."""
    import datetime

    names = ("run", "verb", "about", "who", "result")
    labels = {name: "".join(filter(str.isprintable, run[name])) for name in names}
    began = datetime.datetime.fromisoformat(run["started"]).timestamp()
    yield "run_started_timestamp_seconds", labels, f"{began:.0f}"
    yield "run_changed", {"run": labels["run"]}, int(run["changed"])
    if run["seconds"] is not None:
        yield "run_seconds", {"run": labels["run"]}, float(run["seconds"])


def database_rows(databases):
    """What role doorbell says of the node, and by what it tells."""
    for each in databases:
        labels = {"database": each["name"]}
        answers = {kind: asked(each, f"/{kind}") for kind in ("write", "read")}
        yield "database_writable", labels, int(answers["write"][0] == 200)
        yield "database_readable", labels, int(answers["read"][0] == 200)
        for name, value in state_rows(answers["read"][1]):
            yield name, labels, value


def asked(database, path):
    """(status, what it knows by name) by a plain request; (0, {}) when it does not answer.

    The library's HTTP client takes as long to load as a whole look, and what finds names for addresses a part.
    """
    try:
        with socket.socket() as connection:
            connection.settimeout(SECONDS)
            connection.connect((database["address"], database["port"]))
            connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            with connection.makefile("rb") as file:
                head, _, body = file.read().decode(errors="replace").partition("\r\n\r\n")
    except OSError:
        return 0, {}
    status = next((int(word) for word in head.split()[1:2] if word.isdigit()), 0)
    rows = (line.partition(" ") for line in body.splitlines())
    return status, {name: value for name, _, value in rows}


def state_rows(state):
    """What the server says of its part in the database (role doorbell), as numbers."""
    if "wsrep_cluster_status" in state:
        yield "database_quorum", int(state["wsrep_cluster_status"] == "Primary")
    if "wsrep_cluster_size" in state:
        yield "database_members", state["wsrep_cluster_size"]
    if "unreachable" in state:
        seen = int(state["members"]) - int(state["unreachable"])
        yield "database_quorum", int(2 * seen > int(state["members"]) and state["member_state"] == "ONLINE")
        yield "database_members", seen
    if state.get("io"):
        yield "database_replication_running", int(state["io"] == state["sql"] == "Yes")
        if state["lag"].isdigit():
            yield "database_lag_seconds", state["lag"]
    elif "io" in state and state.get("waits") == "1":
        clients = (value for name, value in state.items() if name.endswith("_clients"))
        yield "database_acknowledging_replicas", next(clients, "0")


KINDS = {
    "units": unit_rows,
    "clock": clock_rows,
    "virtual_ips": virtual_ip_rows,
    "backends": backend_rows,
    "runs": run_rows,
    "databases": database_rows,
}


def text(rows):
    """Metrics in Prometheus's text format, those of one name together."""
    by_name = {}
    for name, labels, value in rows:
        marks = ",".join(f"{key}={json.dumps(each, ensure_ascii=False)}" for key, each in labels.items())
        by_name.setdefault(name, []).append(f"cluster_{name}{{{marks}}} {value}")
    lines = []
    for name, found in by_name.items():
        lines += [f"# HELP cluster_{name} {HELP[name]}", f"# TYPE cluster_{name} gauge", *found]
    return "".join(f"{line}\n" for line in lines)


def others(paths):
    """Metrics other programs of the node wrote."""
    for path in paths:
        try:
            with open(path, encoding="utf-8") as file:
                yield file.read()
        except FileNotFoundError:
            pass  # nothing was done yet of what it tells


def write(place, content):
    """A file that is never seen half; in a folder whose files others may read."""
    with open(f"{place}.new", "w", encoding="utf-8") as file:
        file.write(content)
        os.fchmod(file.fileno(), 0o644)
    os.rename(f"{place}.new", place)


def look(known):
    """Look, and write down what is seen."""
    rows = [row for kind, rows_of in KINDS.items() if known[kind] for row in rows_of(known[kind])]
    texts = list(known["textfiles"])
    if known["certificates"]:
        texts.append(f"{known['file']}.certificates")
        read_certificates(known["certificates"], texts[-1])
    if known["files"]:
        texts.append(f"{known['file']}.files")
        look_at_files(known["files"], texts[-1], FILES_EVERY * known["seconds"])
    write(known["file"], "".join([text(rows), *others(texts)]))


def main(place):
    """Look once, or as often as there is time for; who waits for the next look is who called."""
    began = time.monotonic()
    with open(place, encoding="utf-8") as file:
        known = json.load(file)
    look(known)
    while time.monotonic() - began + known["seconds"] < STAYS_SECONDS:
        time.sleep(known["seconds"])
        look(known)


if __name__ == "__main__":
    main(sys.argv[1])
