"""Put a node's package system right: python3 - PACKAGES [renew]

Finishes what a killed package run left (dpkg-query's states say what), and with
`renew` fetches the package index anew and proves that PACKAGES can be
installed. Prints a line for each thing done; exits 1 with a plain sentence.
"""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time

LOCK_SECONDS = 120
POLICY = "/usr/sbin/policy-rc.d"
NO_START = "#!/bin/sh\nexit 101\n"
KEEP_CONFIG = ("--force-confdef", "--force-confold")
APT = (
    "apt-get", "-y", "-q", "--no-install-recommends",
    "-o", f"DPkg::Lock::Timeout={LOCK_SECONDS}",
    *(word for option in KEEP_CONFIG for word in ("-o", f"Dpkg::Options::={option}")),
)  # fmt: skip
QUIET = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}


def run(*words):
    """Run a program without questions; returns (code, its complaints)."""
    done = subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=QUIET,
    )
    complaints = [line for line in done.stdout.splitlines() if line.startswith(("E:", "W:", "dpkg:"))]
    return done.returncode, " ".join(complaints) or done.stdout[-500:].strip()


def wait_for_lock():
    """dpkg itself does not wait for another package run; so wait here."""
    deadline = time.monotonic() + LOCK_SECONDS
    with open("/var/lib/dpkg/lock-frontend", "w", encoding="ascii") as lock:
        while True:
            try:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() > deadline:
                    sys.exit(
                        f"Another package run holds dpkg's lock for more than {LOCK_SECONDS} s. "
                        "Let it end (ps aux | grep -E 'apt|dpkg'), then run again."
                    )
                time.sleep(1)
            else:
                return


@contextlib.contextmanager
def services_stay_down():
    """Services wait for their configuration; also clears the ban a killed run left behind."""
    with contextlib.suppress(FileNotFoundError), open(POLICY, encoding="utf-8") as file:
        if file.read() == NO_START:
            os.unlink(POLICY)
            print("removed the start ban a killed package run had left")
    if os.path.exists(POLICY):  # someone else's policy
        yield
        return
    with open(POLICY, "w", encoding="ascii") as file:
        file.write(NO_START)
    os.chmod(POLICY, 0o755)
    try:
        yield
    finally:
        os.unlink(POLICY)


def states():
    """(package, error flag, status) of all packages."""
    listing = ("dpkg-query", "-W", "-f", "${binary:Package} ${db:Status-Eflag} ${db:Status-Status}\n")
    out = subprocess.run(listing, capture_output=True, text=True, check=True).stdout
    return [line.split() for line in out.splitlines()]


def broken():
    """Packages that are neither wholly there nor wholly gone."""
    fine = ("installed", "config-files", "not-installed")
    return [name for name, flag, status in states() if flag != "ok" or status not in fine]


def half_unpacked():
    """Packages of which files are missing: only unpacking them again helps."""
    return [name for name, flag, status in states() if flag != "ok" or status == "half-installed"]


def finish():
    """Finish the interrupted run; returns what is still wrong, and why."""
    run("dpkg", "--configure", "-a", *KEEP_CONFIG)
    if names := half_unpacked():
        run(*APT, "install", "--reinstall", *names)
    code, words = run(*APT, "-f", "install")
    if code == 0 and not broken():
        return ""
    return f"{' '.join(broken()) or 'apt-get -f install fails'}: {words}"


def renew_index():
    """Fetch the whole index: apt takes a damaged one for fresh. Keep the old one when the mirror is away."""
    lists, aside = "/var/lib/apt/lists", "/var/lib/apt/lists.cluster"
    shutil.rmtree(aside, ignore_errors=True)
    os.rename(lists, aside)
    os.makedirs(f"{lists}/partial")
    code, words = run(
        "apt-get", "-q", "-o", "APT::Update::Error-Mode=any", "-o", "Acquire::http::Timeout=20", "update"
    )
    if code != 0:
        shutil.rmtree(lists)
        os.rename(aside, lists)
        return words
    shutil.rmtree(aside)
    print("fetched the package index anew")
    return ""


def main(packages, renew):
    wait_for_lock()
    index_words = renew_index() if renew else ""
    with services_stay_down():
        if broken() or any(name.isdigit() for name in os.listdir("/var/lib/dpkg/updates")):
            words = finish()
            print("finished an interrupted package installation")
            if words:
                sys.exit(f"The package system could not be repaired: {words}")
    if renew:
        code, words = run("apt-get", "-s", "install", *packages)
        if code != 0:
            sys.exit(
                f"The packages cannot be installed: {index_words or words} "
                "Check the node's way to its package mirror (/etc/apt/sources.list*), and their names."
            )


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2:] == ["renew"])
