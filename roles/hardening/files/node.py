"""What the hardening role wants to know of a node, and the settings no file can make.

    python3 - look WISHES     print, as JSON, what is missing, what can be set, and what differs
    python3 - apply WISHES    set what differs in the running kernel, one line for each
    python3 - list WISHES     only say what apply would do

WISHES is one JSON object, see observe() for its keys. Runs on the node's own Python, standard library only.
"""

import glob
import grp
import json
import os
import pwd
import re
import subprocess
import sys

FOLDERS = ("/usr/lib/sysctl.d", "/run/sysctl.d", "/etc/sysctl.d")
SU_WHEEL = "auth       required   pam_wheel.so"


def read(path):
    """The text of a file, empty when there is none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""


def run(*words):
    """The output of a program."""
    return subprocess.run(words, capture_output=True, text=True, errors="replace").stdout


def missing(packages):
    """Those of the packages that are not installed."""
    listing = run("dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *packages).splitlines()
    return [name for name in packages if f"{name} installed" not in listing]


def has_apparmor():
    """Whether this kernel has AppArmor and lets us use it; a container's host keeps it for itself."""
    if os.path.exists("/run/systemd/container"):
        return False
    return read("/sys/module/apparmor/parameters/enabled").strip() == "Y"


# --- kernel settings -------------------------------------------------------------------------------


def concrete(key):
    """The files of a setting: one for each interface where there is an asterisk; default is one of them."""
    return sorted(glob.glob("/proc/sys/" + key.translate(str.maketrans("./", "/."))))


def name_of(path):
    """The setting of a file."""
    return path[len("/proc/sys/") :].translate(str.maketrans("./", "/."))


def overridden(own):
    """Settings that a file after ours makes, in the order systemd-sysctl reads them."""
    later = [
        path
        for folder in FOLDERS
        for path in glob.glob(f"{folder}/*.conf")
        if os.path.basename(path) > os.path.basename(own)
    ]
    lines = [
        line for path in later for line in read(path).splitlines() if not line.lstrip().startswith(("#", ";"))
    ]
    return {line.partition("=")[0].strip(" \t-").replace("/", ".") for line in lines if "=" in line}


def loosened(settings):
    """Reverse path filtering is loose where the node has addresses on several interfaces."""
    lines = run("ip", "-o", "-4", "address", "show", "scope", "global").splitlines()
    several = len({line.split()[1] for line in lines}) > 1
    return {
        key: 2 if several and key.endswith(".rp_filter") and value == 1 else value
        for key, value in settings.items()
    }


def settable(settings):
    """Those this node has and may write: in a container only its own network's."""
    return {key: value for key, value in loosened(settings).items() if can_write(concrete(key))}


def can_write(paths):
    return bool(paths) and all(os.access(path, os.W_OK) for path in paths)


def differing(settings, own):
    """(file, value now, value wanted) of each setting that the running kernel has otherwise."""
    theirs = overridden(own)
    for key, value in settable(settings).items():
        for path in concrete(key):
            live = read(path).strip()
            if live != str(value) and name_of(path) not in theirs and key not in theirs:
                yield path, live, value


def apply(settings, own, really):
    """Set them, one line for each; what the kernel refuses after all is told and left."""
    for path, live, value in differing(settings, own):
        try:
            if really:
                with open(path, "w", encoding="ascii") as file:
                    file.write(f"{value}\n")
            print(f"{name_of(path)}: {live} -> {value}")
        except OSError as error:
            print(f"{name_of(path)} stays {live}: {error.strerror}", file=sys.stderr)


# --- files of which only a part is ours ------------------------------------------------------------


def merged_login_defs(text, wanted):
    """login.defs with these values, each where it stands already, else at the end."""
    for key, value in wanted.items():
        line = f"{key}\t{value}"
        text, found = re.subn(rf"^[ \t]*{key}[ \t].*$", line, text, flags=re.M)
        text = text if found else text.rstrip("\n") + f"\n{line}\n"
    return text


def merged_su(text):
    """/etc/pam.d/su that lets only the group sudo become somebody else, after root, who always may."""
    ours = f"{SU_WHEEL} use_uid group=sudo"
    if ours in text:
        return text
    text, found = re.subn(rf"^#[ \t]*{re.escape(SU_WHEEL)}[ \t]*$", ours, text, count=1, flags=re.M)
    return text if found else re.sub(r"^(auth\s.*pam_rootok\.so.*)$", rf"\1\n{ours}", text, count=1, flags=re.M)


def homes(user):
    """The administrator's home, as managed_files wants it; none for root, whose home is closed already."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        return []
    group = grp.getgrgid(entry.pw_gid).gr_name
    return [{"path": entry.pw_dir, "owner": user, "group": group, "mode": "0750"}] if entry.pw_uid else []


# --- verbs -----------------------------------------------------------------------------------------


def observe(wishes):
    """What the tasks of the role decide by."""
    possible = settable(wishes["sysctl"])
    apparmor = has_apparmor()
    return {
        "missing": missing(wishes["packages"] + (wishes["apparmor_packages"] if apparmor else [])),
        "apparmor": apparmor,
        "sysctl": possible,
        "not_ours": [key for key in wishes["sysctl"] if key not in possible],
        "live": [path for path, _, _ in differing(wishes["sysctl"], wishes["sysctl_file"])],
        "login_defs": merged_login_defs(read("/etc/login.defs"), wishes["login_defs"]),
        "su": merged_su(read("/etc/pam.d/su")),
        "homes": homes(wishes["admin_user"]),
    }


def main(verb, wishes):
    if verb == "look":
        print(json.dumps(observe(wishes)))
    else:
        apply(wishes["sysctl"], wishes["sysctl_file"], verb == "apply")


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
