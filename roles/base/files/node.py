"""What the base role wants to know of a node, and the settings no file can make.

    python3 - look WISHES     print, as JSON, what stands in the way and what differs
    python3 - apply WISHES    set what differs in the running system, one line for each
    python3 - list WISHES     only say what apply would do

WISHES is one JSON object, see observe() for its keys. Runs on the node's own Python, standard library only.
"""

import grp
import json
import os
import pwd
import re
import socket
import subprocess
import sys
import time

LEFT_POLICY = "#!/bin/sh\nexit 101\n"  # what a killed Ansible apt task leaves behind
UNFINISHED = ("half-installed", "unpacked", "half-configured", "triggers-awaited", "triggers-pending")
BUILT_IN_LOCALES = ("C", "C.utf8", "POSIX")
UTC = ("UTC", "Etc/UTC", "Universal", "Zulu")
ZONES = "/usr/share/zoneinfo"
MB = 1024 * 1024
UNIT_FILES = "/etc/systemd/system"
WRITTEN = "/var/lib/cluster/files.json"  # what cluster wrote, by path
# Who may lose its place on a node, who draws clients there first. Servers of databases are left to role spare.
ENDED = (
    "keepalived", "haproxy", "nginx", "apache2", "garb", "cluster-standby@", "mariadb@",
    "cluster-backup.target", "cluster-backup-source", "cluster-backup-files",
    "prometheus", "prometheus-alertmanager", "prometheus-blackbox-exporter", "grafana-server",
    "prometheus-mysqld-exporter", "prometheus-node-exporter", "cluster-metrics",
    "cluster-log-shipper", "cluster-log-receiver", "cluster-log-sender",
)  # fmt: skip
OUR_SOURCE = re.compile(r"cluster-[a-z0-9-]+\.sources")


def read(path):
    """The text of a file, empty when there is none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def listed(folder):
    """The names in a directory, none when there is no such directory."""
    return os.listdir(folder) if os.path.isdir(folder) else []


def run(*words):
    """Run a program; returns (code, standard output, standard error)."""
    plain = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", env=plain)
    return done.returncode, done.stdout, done.stderr.strip()


# --- what stands in the way: each yields whole sentences -------------------------------------------


def disk_problems(needed_mb):
    """File systems that are read-only, or have too few blocks or file entries left."""
    seen = set()
    for path in ("/", "/var", "/var/lib/dpkg", "/var/cache/apt/archives", "/tmp"):
        if not os.path.isdir(path) or os.stat(path).st_dev in seen:
            continue
        seen.add(os.stat(path).st_dev)
        disk = os.statvfs(path)
        needed = min(needed_mb, 64) if path == "/tmp" else needed_mb
        free = disk.f_bavail * disk.f_frsize // MB
        if disk.f_flag & os.ST_RDONLY:
            yield (
                f"{path} is mounted read-only, so nothing can be installed or configured. "
                "Find the cause in dmesg, then: mount -o remount,rw " + path
            )
        elif free < needed:
            yield (
                f"The disk is nearly full: {path} has {free} MB free and {needed} MB are needed, and a disk "
                "that fills up half-way leaves packages and files half-written. Make room "
                "(apt-get clean; journalctl --vacuum-size=100M) or enlarge it."
            )
        elif disk.f_files and disk.f_favail < 5000:
            yield (
                f"The disk is nearly full: {path} has room for only {disk.f_favail} more files "
                "(inodes; df -i shows them). Remove what is not needed, often old sessions or mail queues."
            )


def clock_problems(controller_now, tolerance):
    """A clock so wrong that certificates would count as expired or not yet valid."""
    ahead = int(time.time() - controller_now)
    if abs(ahead) > tolerance:
        hours, minutes = abs(ahead) // 3600, abs(ahead) % 3600 // 60
        yield (
            f"The clock is {hours} h {minutes} min {'ahead of' if ahead > 0 else 'behind'} the control "
            "machine's, so certificates would be refused. Find out which of the two is wrong and set it "
            f"(date -s @{int(controller_now)} sets this node's to the control machine's)."
        )


def package_problems(listing_code, words):
    """No apt, or a package database that cannot be read."""
    if listing_code == 127:
        yield "This is not Debian or Ubuntu: there is no dpkg. Use a node of a supported system."
    elif listing_code != 0:
        yield (
            f"The package database cannot be read: {words[:200]}. "
            "dpkg keeps an older copy: compare /var/lib/dpkg/status with status-old."
        )


# --- packages --------------------------------------------------------------------------------------


def packages():
    """(code, words, {package: (error flag, status)}) as dpkg tells it."""
    try:
        code, out, words = run("dpkg-query", "-W", "-f", "${Package} ${db:Status-Eflag} ${db:Status-Status}\n")
    except FileNotFoundError:
        return 127, "", {}
    rows = [line.split() for line in out.splitlines()]
    return code, words, {row[0]: (row[1], row[2]) for row in rows if len(row) == 3}


def repositories(names):
    """The names of the package repositories we added, by their files."""
    return sorted(name[len("cluster-") : -len(".sources")] for name in names if OUR_SOURCE.fullmatch(name))


def unfinished(listing):
    """Whether a package run was killed before its end."""
    if any(name.isdigit() for name in listed("/var/lib/dpkg/updates")):
        return True
    if read("/usr/sbin/policy-rc.d") == LEFT_POLICY:
        return True
    return any(flag != "ok" or status in UNFINISHED for flag, status in listing.values())


# --- files of which only a part is ours ------------------------------------------------------------


def merged_hosts(text, hosts, own_name, cluster):
    """/etc/hosts with our block; a foreign line keeps only the names that are not the cluster's.

    A cluster name must not lead elsewhere, least of all to Debian's 127.0.1.1: a
    service bound to the node's own name would then be reachable from nobody.
    """
    begin, end = f"# BEGIN cluster {cluster}", f"# END cluster {cluster}"
    # a node is in one cluster: the block of another is that of the same one under an older name
    text = re.sub(r"^# BEGIN cluster (\S+)\n.*?^# END cluster \1\n", "", text, flags=re.S | re.M)
    ours = {name for host in hosts for name in host["names"]} | {own_name}
    lines = [kept for line in text.splitlines() if (kept := without_names(line, ours)) is not None]
    if not any(re.match(r"127\.0\.0\.1\s", line) for line in lines):
        lines.insert(0, "127.0.0.1\tlocalhost")
    block = [f"{host['address']}\t{' '.join(host['names'])}" for host in hosts]
    return "\n".join([*lines, begin, *block, end]) + "\n"


def without_names(line, names):
    """The line of a hosts file without these names; None when none is left."""
    words = line.partition("#")[0].split()
    if not set(words[1:]) & names:
        return line
    left = [word for word in words[1:] if word not in names]
    return "\t".join([words[0], " ".join(left)]) if left else None


def merged_keys(text, keys):
    """authorized_keys with the keys that are not in it yet; those of others stay.

    An operator's key of the lab that is wanted no more goes: it was rotated.
    """
    wanted = {key.split()[1] for key in keys}
    ours = {" ".join(key.split()[2:]) for key in keys}
    ours = {comment for comment in ours if comment.startswith("operator of ")}
    lines = [line for line in text.splitlines() if not is_old(line, wanted, ours)]
    known = {word for line in lines if not line.startswith("#") for word in line.split()}
    missing = [key.strip() for key in keys if key.split()[1] not in known]
    return "".join(line + "\n" for line in [*lines, *missing])


def is_old(line, wanted, ours):
    """Whether a line of authorized_keys is a key of ours, by its comment, that is wanted no more."""
    words = line.split()
    return len(words) > 2 and words[1] not in wanted and " ".join(words[2:]) in ours


def account(name):
    """What there is of the administrator's account."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return {"exists": False, "sudo": False, "home": f"/home/{name}", "group": name, "ssh_ready": False}
    groups = {group.gr_name for group in grp.getgrall() if name in group.gr_mem}
    folder = f"{entry.pw_dir}/.ssh"
    ready = os.path.isdir(folder) and os.stat(folder).st_uid == entry.pw_uid
    return {
        "exists": True,
        "sudo": "sudo" in groups or entry.pw_uid == 0,
        "home": entry.pw_dir,
        "group": grp.getgrgid(entry.pw_gid).gr_name,
        "ssh_ready": ready,
    }


# --- settings of the running system: each yields (what would change, how) ---------------------------


def hostname_changes(name):
    if socket.gethostname() != name:
        yield f"hostname: {socket.gethostname()} -> {name}", lambda: socket.sethostname(name)


def sysctl_path(key):
    """sysctl(8): dots separate, unless a slash comes first."""
    first = next((char for char in key if char in "./"), ".")
    return "/proc/sys/" + (key if first == "/" else key.translate(str.maketrans("./", "/.")))


def sysctl_changes(settings):
    for key, value in settings.items():
        live = read(sysctl_path(key)).split()
        if live != str(value).split():
            yield f"{key}: {' '.join(live) or 'unset'} -> {value}", lambda k=key, v=value: set_sysctl(k, v)


def set_sysctl(key, value):
    try:
        with open(sysctl_path(key), "w", encoding="ascii") as file:
            file.write(f"{value}\n")
    except FileNotFoundError:
        sys.exit(f"This kernel has no setting {key}: is it misspelt, or its module not loaded?")
    except OSError as error:
        sys.exit(
            f"{key} cannot be set to {value}: {error.strerror}. In a container such settings often belong "
            "to the host: set it there, or give it to the container engine (--sysctl)."
        )


def zone_file(zone):
    return f"{ZONES}/{zone}"


def timezone_changes(zone):
    current = os.path.realpath("/etc/localtime")
    if not os.path.exists("/etc/localtime") and zone in UTC:
        return  # without the file the time is UTC
    if current != os.path.realpath(zone_file(zone)):
        shown = os.path.relpath(current, ZONES) if os.path.exists(current) else "UTC"
        yield f"timezone: {shown} -> {zone}", lambda: set_timezone(zone)


def set_timezone(zone):
    if not os.path.exists(zone_file(zone)) and zone in UTC:
        os.unlink("/etc/localtime")
        return
    if not os.path.exists(zone_file(zone)):
        sys.exit(f"There is no timezone called {zone}: see the names below {ZONES}.")
    os.symlink(zone_file(zone), "/etc/localtime.cluster")
    os.rename("/etc/localtime.cluster", "/etc/localtime")


def locale_changes(name):
    plain = name.replace("UTF-8", "utf8")
    if plain in BUILT_IN_LOCALES or plain in run("locale", "-a")[1].split():
        return
    yield f"locale: {name} is to be generated", lambda: generate_locale(name)


def generate_locale(name):
    supported = read("/usr/share/i18n/SUPPORTED").splitlines()
    line = next((row for row in supported if row.split()[:1] == [name]), None)
    if line is None:
        sys.exit(f"There is no locale called {name}: /usr/share/i18n/SUPPORTED lists them.")
    wanted = read("/etc/locale.gen")
    if line not in wanted.splitlines():
        with open("/etc/locale.gen", "w", encoding="utf-8") as file:
            file.write(wanted.rstrip("\n") + f"\n{line}\n")
    code, out, words = run("locale-gen")
    if code != 0:
        sys.exit(f"The locale {name} could not be generated: {words or out}")


# --- what has no place here any more -----------------------------------------------------------------


def instances(unit):
    """Those that systemd knows of a template; of another unit itself."""
    if not unit.endswith("@"):
        return [unit]
    _, out, _ = run("systemctl", "list-units", "--all", "--plain", "--no-legend", f"{unit}*.service")
    return [line.split()[0].removesuffix(".service") for line in out.splitlines()]


def ours(unit, written):
    """Whether cluster wrote the unit's file, its template, or drop-ins of one of them."""
    names = {unit, f"{unit.partition('@')[0]}@"} if "@" in unit else {unit}
    begins = tuple(f"{UNIT_FILES}/{name}{'' if name.endswith('.target') else '.service'}" for name in names)
    return any(path.startswith(begins) for path in written)


def is_there(unit):
    """Whether a unit runs, or would at boot."""
    runs, _, _ = run("systemctl", "-q", "is-active", unit)
    _, enabled, _ = run("systemctl", "is-enabled", unit)
    return runs == 0 or enabled.strip() in ("enabled", "enabled-runtime")


def leftovers(wanted):
    """Who served for the topology as it was, and has no place in it now. wanted: empty, there is none."""
    written = json.loads(read(WRITTEN) or "{}") if wanted else {}
    known = (each for each in ENDED if any(path.startswith(f"{UNIT_FILES}/{each}") for path in written))
    names = (name for each in known for name in instances(each))
    return [name for name in names if name not in wanted and ours(name, written) and is_there(name)]


def live_changes(wishes):
    """All that differs in the running system."""
    yield from hostname_changes(wishes["hostname"])
    yield from sysctl_changes(wishes["sysctl"])
    yield from timezone_changes(wishes["timezone"])
    yield from locale_changes(wishes["locale"])


# --- verbs -----------------------------------------------------------------------------------------


def observe(wishes):
    """What the tasks of the role decide by."""
    code, words, listing = packages()
    missing = [name for name in wishes["packages"] if listing.get(name, ("", ""))[1] != "installed"]
    needed_mb = wishes["install_mb"] if missing else wishes["spare_mb"]
    admin = account(wishes["admin_user"])
    return {
        "problems": [
            *package_problems(code, words),
            *disk_problems(needed_mb),
            *clock_problems(wishes["now"], wishes["clock_tolerance"]),
        ],
        "missing": missing,
        "repositories": repositories(listed("/etc/apt/sources.list.d")),
        "unfinished": code == 0 and unfinished(listing),
        "hosts": merged_hosts(read("/etc/hosts"), wishes["hosts"], wishes["hostname"], wishes["domain"]),
        "admin": admin,
        "authorized_keys": merged_keys(read(f"{admin['home']}/.ssh/authorized_keys"), wishes["admin_keys"]),
        "locale_path": os.path.realpath("/etc/default/locale"),
        "leftovers": leftovers(wishes["units"]),
        "live": [text for text, change in live_changes(wishes)],
    }


def main(verb, wishes):
    if verb == "look":
        print(json.dumps(observe(wishes)))
        return
    for text, change in live_changes(wishes):
        if verb == "apply":
            change()
        print(text)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
