"""The SSH keys of a node as the role needs them: python3 - WISHES

WISHES is a JSON object: user, make (generate what is missing), over_ssh (Ansible came in over SSH),
revoked (ids of certificates whose key is made anew).
Prints a JSON object; private keys are made here and stay here.
"""

import grp
import json
import os
import pwd
import re
import subprocess
import sys

HOST_KEY = "/etc/ssh/ssh_host_ed25519_key"
OURS = "/etc/ssh/sshd_config.d/00-cluster.conf"  # written anew whatever is wrong in it


def read(path):
    """The text of a file, empty when there is none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def run(*words):
    """Run a program; returns its output, or ends with its complaint."""
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def make_host_key():
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", HOST_KEY)


def make_user_key(user, key):
    """As the user: root would follow a link the user left there."""
    folder = os.path.dirname(key)
    if not os.path.isdir(folder):
        run("runuser", "-u", user, "--", "mkdir", "-m", "700", folder)
    comment = f"{user}@{os.uname().nodename}"
    run("runuser", "-u", user, "--", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", key)


def is_revoked(key, revoked):
    """Whether the certificate of a key has an id that counts no more: somebody else may have the key."""
    shown = subprocess.run(["ssh-keygen", "-Lf", f"{key}-cert.pub"], capture_output=True, text=True).stdout
    found = re.search(r'^\s*Key ID: "(.*)"$', shown, re.M)
    return bool(found) and found[1] in revoked


def problems(user, over_ssh):
    """Whole sentences on what would keep people out, or our settings from working."""
    broken = subprocess.run([sshd(), "-t"], capture_output=True, text=True)
    if broken.returncode != 0 and OURS not in broken.stderr:
        yield (
            f"The SSH server's configuration is broken already: {' '.join(broken.stderr.split())} "
            "Mend it first: sshd -t shows when it is right."
        )
        return
    if not re.search(r"(?im)^\s*include\s+.*sshd_config\.d/\*\.conf", read("/etc/ssh/sshd_config")):
        yield (
            "/etc/ssh/sshd_config does not include /etc/ssh/sshd_config.d/*.conf, so our settings would not "
            "count. Put this line at its top: Include /etc/ssh/sshd_config.d/*.conf"
        )
    if user is None:
        yield "The account that goes from node to node does not exist. The role base makes it: run it first."
    caller = os.environ.get("SUDO_USER") or "root"
    if over_ssh and not can_use_a_key(caller):
        yield (
            f"{caller} has no key in ~/.ssh/authorized_keys and would be locked out, as passwords are to be "
            f"switched off. Copy one there first: ssh-copy-id {caller}@{os.uname().nodename}"
        )


def can_use_a_key(name):
    """Whether passwords can be switched off without locking this account out."""
    home = pwd.getpwnam(name).pw_dir
    shown = subprocess.run([sshd(), "-T"], capture_output=True, text=True).stdout
    settings = dict(line.split(" ", 1) for line in shown.splitlines() if " " in line)
    elsewhere = ("authorizedkeyscommand", "trustedusercakeys")
    if any(settings.get(key, "none") != "none" for key in elsewhere):
        return True
    files = settings.get("authorizedkeysfile", ".ssh/authorized_keys").split()
    paths = [file.replace("%u", name).replace("%h", home) for file in files]
    return any(read(os.path.join(home, path)) for path in paths)


def sshd():
    """sshd wants its absolute path, and its empty directory, which socket activation makes late."""
    os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
    return "/usr/sbin/sshd"


def started_by_socket():
    """no: sshd runs all the time. shared: started by the first connection. each: anew for each one."""
    shown = run("systemctl", "show", "ssh.socket", "-p", "ActiveState,Accept").split()
    if "ActiveState=active" not in shown:
        return "no"
    return "each" if "Accept=yes" in shown else "shared"


def find(user):
    """The account, or None."""
    try:
        return pwd.getpwnam(user)
    except KeyError:
        return None


def main(wishes):
    entry = find(wishes["user"])
    key = f"{entry.pw_dir if entry else ''}/.ssh/id_cluster"
    found = list(problems(entry, wishes["over_ssh"]))
    made = []
    if wishes["make"] and not found:
        if not os.path.exists(f"{HOST_KEY}.pub"):
            make_host_key()
            made.append(HOST_KEY)
        if is_revoked(key, wishes["revoked"]):
            for path in (f"{key}-cert.pub", f"{key}.pub", key):
                os.unlink(path)
        if not os.path.exists(f"{key}.pub"):
            make_user_key(wishes["user"], key)
            made.append(key)
    report = {
        "problems": found,
        "made": made,
        "host_public": read(f"{HOST_KEY}.pub"),
        "host_certificate": read(f"{HOST_KEY}-cert.pub"),
        "user_key": key,
        "user_group": grp.getgrgid(entry.pw_gid).gr_name if entry else "",
        "user_public": read(f"{key}.pub"),
        "user_certificate": read(f"{key}-cert.pub"),
        "known_hosts": read("/etc/ssh/ssh_known_hosts"),
        "socket": started_by_socket(),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
