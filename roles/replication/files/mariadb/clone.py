"""A copy of all data from one node to another: streamed over TLS while the donor goes on, nothing deleted."""

import json
import os
import pwd
import shutil
import subprocess
import threading
import time

import steps
from engine import DATA, UNIT
from server import SOCKET, UNFINISHED, RefusedError, Server, settings, systemctl
from telling import ASIDE, aside_folder, run, size, tell, worthless

PORT = 4444
# A mount point cannot be renamed: the copy comes to a folder inside it, and what was there goes to one, into which
# neither the server nor mariabackup looks (`ignore_db_dirs`; they take any other folder for a schema).
FOUND = os.path.join(DATA, "lost+found")
INCOMING = os.path.join(ASIDE, "incoming") if os.path.ismount(DATA) else DATA + ".incoming"
CHUNK = 1 << 20
SPARE = 256 << 20  # for the server beside the copy
PATIENCE = 120  # seconds until the other end is there
BACKUP = ["mariabackup", "--backup", "--user=root", f"--socket={SOCKET}", "--stream=xbstream", "--parallel=2"]
POSITION_FILES = "mariadb_backup_binlog_info", "xtrabackup_binlog_info"


def end(known, peer):
    """What both ends say of TLS: who they are, whom they trust, and which node the other one has to be."""
    folder = known["certificate"]
    return (
        f"cert={folder}/cert.pem,key={folder}/key.pem,cafile={known['authority']},verify=1,"
        f"openssl-min-proto-version=TLS1.2,commonname={peer}"
    )


def verified(known):
    """Refuse a certificate of our own that the authority does not vouch for, before the other end has to."""
    words = ["openssl", "verify", "-CAfile", known["authority"], "-untrusted", f"{known['certificate']}/cert.pem"]
    done = subprocess.run(
        [*words, f"{known['certificate']}/cert.pem"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RefusedError(f"this node's certificate is not good: {(done.stderr or done.stdout).strip()}")


def header():
    """What the donor says first: how much comes, and what it knows of the database's past."""
    server = Server()
    return {"size": size(DATA), "history": server.value("SELECT @@gtid_binlog_state")}


def give(node):
    """Stream all data of this node to another one that listens for it."""
    known = settings()
    verified(known)
    first = (json.dumps(header()) + "\n").encode()
    there = f"OPENSSL:{known['addresses'][node]}:{PORT},{end(known, node)},retry={PATIENCE},interval=1"
    with open("/var/log/cluster-copy.log", "w", encoding="utf-8") as log:
        line = subprocess.Popen(["socat", "-u", "STDIN", there], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        line.stdin.write(first)
        line.stdin.flush()
        backup = subprocess.Popen(BACKUP, stdout=line.stdin, stderr=log)
        line.stdin.close()
        words = line.stderr.read().decode(errors="replace").strip()
        if line.wait() != 0:
            backup.kill()
            backup.wait()
            raise RefusedError(f"{node} cannot be given the copy: {words[-300:]}")
        if backup.wait() != 0:
            raise RefusedError(f"mariabackup failed: {tail('/var/log/cluster-copy.log')}")
    return {}


def tail(path):
    """The last lines of a log."""
    with open(path, encoding="utf-8", errors="replace") as handle:
        return "".join(handle.readlines()[-4:]).strip()


def take(donor, source):
    """Take a copy from a donor, put it in place of what is here, and follow the source."""
    began, known = time.monotonic(), settings()
    verified(known)
    shutil.rmtree(INCOMING, ignore_errors=True)
    os.makedirs(os.path.dirname(INCOMING), mode=0o700, exist_ok=True)
    os.mkdir(INCOMING, mode=0o700)
    first, count = fill(known, donor)
    tell(bytes=count, of=count, doing="preparing")
    prepare()
    with open(os.path.join(INCOMING, os.path.basename(UNFINISHED)), "w", encoding="utf-8") as handle:
        json.dump({"donor": donor}, handle)
    position = position_of(INCOMING)
    aside = swap()
    tell(bytes=count, of=count, doing="starting")
    steps.start()
    place(position, first["history"])
    steps.follow(source)
    seconds = round(time.monotonic() - began, 1)
    tell(bytes=count, of=count, doing="done")
    return {"bytes": count, "seconds": seconds, "aside": aside, "position": position}


def prepare():
    """Make the files one consistent state.

    A copy of a replica may have transactions that were about to be committed, and were in no binary log yet. A
    server that has one does not start on them (MDEV-36025), so they are rolled back by one that has none.
    """
    run(["mariabackup", "--prepare", f"--target-dir={INCOMING}"])
    words = ["mariadbd", f"--defaults-file={INCOMING}/backup-my.cnf", f"--datadir={INCOMING}", "--user=root"]
    run([*words, "--bootstrap", "--plugin-maturity=unknown", "--skip-log-bin", "--tc-heuristic-recover=ROLLBACK"])


def fill(known, donor):
    """Let the stream in; returns what the donor said first, and how many bytes came."""
    here = f"OPENSSL-LISTEN:{PORT},bind={known['addresses'][known['node']]},reuseaddr,{end(known, donor)}"
    line = subprocess.Popen(
        ["socat", "-u", f"{here},accept-timeout={PATIENCE}", "STDOUT"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    complaints = []
    threading.Thread(target=lambda: complaints.append(line.stderr.read()), daemon=True).start()
    said = line.stdout.readline()
    if not said:
        line.wait()
        time.sleep(0.1)
        raise RefusedError(f"{donor} gave nothing: {b''.join(complaints).decode(errors='replace').strip()[-300:]}")
    first = json.loads(said)
    if (room := shutil.disk_usage(INCOMING).free) < first["size"] + SPARE:
        line.kill()
        lacking = (first["size"] + SPARE - room >> 20) + 1
        raise RefusedError(
            f"there is no room for the copy beside the data that is there: {first['size'] >> 20} MB come, "
            f"{room >> 20} MB are free, {lacking} MB are missing; make room where {INCOMING} is, or move what was "
            f"set aside before ({ASIDE if os.path.ismount(DATA) else DATA + '.before-*'}) elsewhere"
        )
    into = subprocess.Popen(["mbstream", "-x", "-C", INCOMING], stdin=subprocess.PIPE)
    count = counted(line.stdout, into.stdin, first["size"])
    into.stdin.close()
    if into.wait() != 0 or line.wait() != 0 or not position_file(INCOMING):
        raise RefusedError(f"the copy from {donor} broke off after {count} bytes")
    return first, count


def counted(source, sink, expected):
    """Hand the stream on, and say how far it is; returns the bytes that came."""
    count, last = 0, 0.0
    while chunk := source.read1(CHUNK):
        sink.write(chunk)
        count += len(chunk)
        if time.monotonic() - last > 0.5:
            tell(bytes=count, of=max(expected, count), doing="copying")
            last = time.monotonic()
    return count


def position_file(folder):
    """Where mariabackup wrote the position; None for a copy that is not whole."""
    places = (os.path.join(folder, name) for name in POSITION_FILES)
    return next((place for place in places if os.path.exists(place)), None)


def position_of(folder):
    """The GTID position of a copy: the third column (mariabackup's documentation, "Files Created")."""
    with open(position_file(folder), encoding="utf-8") as handle:
        fields = handle.read().split()
    return fields[2] if len(fields) > 2 else ""


def swap():
    """Put the copy in place. What was there is moved aside, unless it never held anything; returns where to."""
    useless = worthless()
    steps.halt() if not useless else systemctl("stop", UNIT)
    owner = pwd.getpwnam("mysql")
    for place, folders, names in os.walk(INCOMING):
        for name in (".", *folders, *names):
            os.chown(os.path.join(place, name), owner.pw_uid, owner.pw_gid, follow_symlinks=False)
    os.chmod(INCOMING, 0o755)
    if os.path.ismount(DATA):
        return exchange(useless, owner)
    aside = ""
    if os.path.isdir(DATA):
        aside = aside_folder()
        os.rename(DATA, aside)
    os.rename(INCOMING, DATA)
    if useless and aside:
        shutil.rmtree(aside)
        aside = ""
    return aside


def exchange(useless, owner):
    """The same inside a mount point, name by name; returns where the old data is.

    Interrupted half-way it is no data directory: the folder `mysql`, without which no server starts, goes first
    and comes last. A folder that ends in .part tells that what is left beside it is old data, too.
    """
    parts = [name for name in os.listdir(ASIDE) if name.endswith(".part")]
    kept = os.path.join(ASIDE, f"before-{time.strftime('%Y%m%dT%H%M%S')}")
    os.mkdir(kept + ".part", mode=0o700)
    move(DATA, kept + ".part", last=lambda name: name != "mysql")
    for part in [*parts, os.path.basename(kept) + ".part"]:
        os.rename(os.path.join(ASIDE, part), os.path.join(ASIDE, part.removesuffix(".part")))
    move(INCOMING, DATA, last=lambda name: name == "mysql")
    os.chown(DATA, owner.pw_uid, owner.pw_gid)
    os.rmdir(INCOMING)
    if useless and not parts:
        shutil.rmtree(kept)
        return ""
    return kept


def move(source, target, last):
    """Move all data from one folder to another; the names for which `last` is true at the end."""
    for name in sorted(os.listdir(source), key=last):
        if os.path.join(source, name) not in (ASIDE, FOUND):
            os.rename(os.path.join(source, name), os.path.join(target, name))


def place(position, history):
    """Let the server know where in the database's past its data is."""
    server = Server()
    server.say("STOP SLAVE", "RESET SLAVE ALL", "RESET MASTER")
    if position:
        server.rows("SET GLOBAL gtid_binlog_state = %s", merged(history, position))
        server.rows("SET GLOBAL gtid_slave_pos = %s", position)


def merged(history, position):
    """The past as the donor knew it when the copy began, up to the position at which it ended."""
    found = {}
    for word in [*history.split(","), *position.split(",")]:  # the last of a domain must be that of the position
        domain, server, sequence = word.strip().split("-") if word.strip() else ("", "", "")
        if domain:
            found.pop((domain, server), None)
            found[domain, server] = sequence
    return ",".join(f"{domain}-{server}-{sequence}" for (domain, server), sequence in found.items())
