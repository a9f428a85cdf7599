"""The accounts of operators, made and locked: python3 - WISHES

WISHES is a JSON object: operators (each with name, role, keys, principal), make (change anything at all).
Prints a JSON object: what it did (or would do), what is in the way, and the files that let operators in.
Ours are the members of one group, so that those who are no longer wanted are found again.
"""

import glob
import grp
import json
import os
import pwd
import signal
import subprocess
import sys

GROUP = "cluster-operators"
MARK = "cluster operator"  # in the account's comment: it is ours even when we died before it joined the group
KEYS, PRINCIPALS = "/etc/ssh/cluster_operators", "/etc/ssh/auth_principals"
LOCKED = "1"  # days since 1970, in shadow(5)'s field for expiry


def run(*words):
    """Run a program that must succeed, or end with its complaint."""
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")


def members():
    """The accounts we made, by name."""
    try:
        listed = set(grp.getgrnam(GROUP).gr_mem)
    except KeyError:
        listed = set()
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    marked = {name for name, entry in known.items() if entry.pw_gecos == MARK}
    return {name: known[name] for name in sorted(listed | marked) if name in known}


def is_locked(name):
    """Whether the account has expired (shadow(5), field 8)."""
    with open("/etc/shadow", encoding="utf-8", errors="surrogateescape") as file:
        rows = (line.rstrip("\n").split(":") for line in file)
        return next((row[7] == LOCKED for row in rows if row[0] == name), False)


def in_the_way(wanted, ours):
    """Whole sentences on accounts that are there and not ours."""
    for name in wanted:
        if name in ours:
            continue
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid < 1000:
            yield f"{name} is an account of the system here (uid {entry.pw_uid}). Give the operator another name."
        else:
            yield (
                f"{name} has an account here that cluster did not make, and it was left alone. Give the operator "
                f"another name, or hand the account over: usermod -aG {GROUP} {name}"
            )


def steps(wanted, ours):
    """What is to be done, each as (what, commands)."""
    if wanted and not has_group():
        yield f"group {GROUP} made", [("groupadd", "--system", GROUP)]
    for name in wanted:
        if name not in ours:
            make = ("useradd", "--create-home", "--shell", "/bin/bash", "--password", "*")
            yield f"{name} made", [(*make, "--comment", MARK, "--groups", GROUP, name)]
        elif is_locked(name):
            yield f"{name} let in again", [("usermod", "--expiredate", "", name)]
        if name in ours and (not has_group() or name not in grp.getgrnam(GROUP).gr_mem):
            yield f"{name} joined {GROUP}", [("usermod", "-aG", GROUP, name)]
    for name in ours:
        if name not in wanted and not is_locked(name):
            yield f"{name} locked", [("usermod", "--expiredate", LOCKED, name)]


def has_group():
    try:
        return bool(grp.getgrnam(GROUP))
    except KeyError:
        return False


def end_sessions(uid):
    """A locked account keeps no session and leaves nothing running."""
    for path in glob.glob("/proc/[0-9]*"):
        try:
            if os.stat(path).st_uid == uid:
                os.kill(int(os.path.basename(path)), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            continue


def files(operators, ours):
    """What sshd reads of each operator; of the others, that it is to go."""
    names = {operator["name"] for operator in operators}
    left = {os.path.basename(path) for path in glob.glob(f"{KEYS}/*")} | set(ours)
    for operator in operators:
        limits = "" if operator["role"] == "admin" else "restrict,pty "  # as in a certificate: no forwarding
        text = "".join(f"{limits}{key}\n" for key in operator["keys"])
        yield {"path": f"{KEYS}/{operator['name']}", "content": text}
        yield {"path": f"{PRINCIPALS}/{operator['name']}", "content": f"{operator['principal']}\n"}
    for name in sorted(left - names):
        yield {"path": f"{KEYS}/{name}", "state": "absent"}
        yield {"path": f"{PRINCIPALS}/{name}", "state": "absent"}


def main(wishes):
    wanted = [operator["name"] for operator in wishes["operators"]]
    ours = members()
    problems = list(in_the_way(wanted, ours))
    todo = [] if problems else list(steps(wanted, ours))
    report = {"problems": problems, "done": [what for what, _ in todo], "files": []}
    report["files"] = list(files(wishes["operators"], ours))
    for _, commands in todo if wishes["make"] else ():
        for words in commands:
            run(*words)
    for name, entry in ours.items() if wishes["make"] and not problems else ():
        if name not in wanted:
            end_sessions(entry.pw_uid)
    print(json.dumps(report))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
