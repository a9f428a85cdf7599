"""A change of a node's interfaces as two scripts: one makes it, one takes it back.

Both run apart from us, since the connection we came over may break meanwhile. The way back is a timer of systemd,
and a unit for the next boot, should the node lose its power before anybody came in: both do nothing as soon as
the token is taken away.
"""

import contextlib
import io
import os
import re
import shlex
import tarfile
import time

from ansible_collections.cluster.core.plugins.module_utils import guard, interfaces, ledger

FOLDER = os.path.join(ledger.FOLDER, "network")  # not in /run: it must be there after a loss of power
BEFORE, AFTER = os.path.join(FOLDER, "before.tar"), os.path.join(FOLDER, "after.tar")
ARMED, LOCK = os.path.join(FOLDER, "armed"), os.path.join(FOLDER, "lock")
APPLY, GO_BACK = os.path.join(FOLDER, "apply"), os.path.join(FOLDER, "go-back")
APPLIED = "/run/cluster/network-applied"
NETWORKD = "/etc/systemd/network"
OURS = re.compile(r"05-cluster-.+\.(network|netdev)")  # before anything a distribution or netplan writes
UNIT = "cluster-network-way-back"
AT_BOOT = f"/etc/systemd/system/{UNIT}.service"
WANTED = f"/etc/systemd/system/sysinit.target.wants/{UNIT}.service"
BOOT_UNIT = f"""# Written by cluster (role network), and gone as soon as somebody came in over the new interfaces.
[Unit]
Description=Put the old network configuration back: nobody came in over the new one
DefaultDependencies=no
RequiresMountsFor={FOLDER}
Before=network-pre.target systemd-networkd.service networking.service NetworkManager.service shutdown.target
Conflicts=shutdown.target
Wants=network-pre.target

[Service]
Type=oneshot
ExecStart=/bin/sh {GO_BACK} boot

[Install]
WantedBy=sysinit.target
"""


class Change:
    """What is to be done. files: path to its new text, None for one that is to go; rows: the interfaces."""

    def __init__(self, rows, files, cared):
        self.rows, self.files, self.cared = rows, files, cared
        self.names = [row["name"] for row in rows]
        self.ran = interfaces.networkd_runs()

    def devices(self):
        """Bonds and VLANs whose description is another now, or gone: VLANs first, since they stand on bonds."""
        paths = [path for path in self.files if path.endswith(".netdev")]
        names = {os.path.basename(path).removeprefix("05-cluster-").removesuffix(".netdev") for path in paths}
        vlans = [row["name"] for row in self.rows if row["kind"] == "vlan"]
        return sorted(names, key=lambda name: (name not in vlans, name))

    def apply_lines(self, missing):
        """The commands that make the change. missing: interfaces whose file is right and whose state is not."""
        there = [name for name in self.devices() if os.path.exists(os.path.join(interfaces.SYS, name))]
        for name, manager in sorted(self.cared.items()):
            if manager == "ifupdown":
                yield f"ifdown --force {name} || true"
        yield from put(AFTER, [path for path, text in self.files.items() if text is None])
        yield from (f"ip link delete {name}" for name in there)
        if "NetworkManager" in self.cared.values():
            yield "nmcli general reload"
        yield "systemctl enable --quiet systemd-networkd"
        if there or not self.ran:
            yield "systemctl restart systemd-networkd"
        else:
            yield "networkctl reload"
            yield from (f"networkctl reconfigure {name}" for name in missing)

    def go_back_lines(self):
        """The commands that make the running system as it was; the files are back by then."""
        held = interfaces.held()
        yield from (f"ip link delete {name} || true" for name in self.devices())
        yield "systemctl restart systemd-networkd" if self.ran else "systemctl disable --now systemd-networkd"
        if "NetworkManager" in self.cared.values():
            yield "nmcli general reload || true"
        for name in self.names:
            if not os.path.exists(os.path.join(interfaces.SYS, name)) or interfaces.state(name)[1]:
                continue  # networkd sees to it again
            yield f"ip address flush dev {name}; ip link set {name} up"
            if self.cared.get(name) == "ifupdown":
                yield f"ifup --force {name}"
            yield from (f"ip address replace {address} dev {name}" for address in held.get(name, ()))
            yield from (f"ip route replace {' '.join(words)}" for words in interfaces.routes(name))

    def write_scripts(self, token, missing):
        """Both scripts, with the new files and the old ones beside them."""
        there = [path for path in self.files if os.path.exists(path)]
        with archive(BEFORE) as before:
            for path in there:
                before.add(path)
        with archive(AFTER) as after:
            for path, text in self.files.items():
                if text is not None:
                    add_text(after, path, text)
        restore = put(BEFORE, [path for path in self.files if path not in there])
        guard.write(GO_BACK, go_back_script(restore, self.go_back_lines()))
        guard.write(APPLY, apply_script(token, self.apply_lines(missing)))


def apply_script(token, lines):
    """Stops at the first failure, and leaves word of it."""
    body = "\n".join(lines)
    return (
        f"# usage: sh apply\nsaid=$(exec 2>&1; set -e\n{body}\n)\n"
        f"printf '%s %s\\n%s\\n' {token} $? \"$said\" >{APPLIED}.new && mv {APPLIED}.new {APPLIED}\n"
    )


def go_back_script(restore, lines):
    """Does what it can: nothing is worse than to stop half-way here."""
    return f"""# usage: sh go-back TOKEN|boot
exec 9>{LOCK}
flock 9
[ "$1" = boot ] || [ "$(cat {ARMED} 2>/dev/null)" = "$1" ] || exit 0
{chr(10).join(restore)}
[ "$1" = boot ] || {{
{chr(10).join(lines)}
}}
rm -f {ARMED} {WANTED} {AT_BOOT}
echo 'nobody came in over the new interfaces in time: the old ones are back'
"""


def armed():
    """The token of the timer that will take the change back; empty when there is none."""
    return guard.read(ARMED)


def armed_at():
    """When the timer was started, in seconds since the epoch; 0 when there is none."""
    try:
        return os.stat(ARMED).st_mtime
    except FileNotFoundError:
        return 0


def arm(module, token, seconds):
    """Start the timer, and leave word for the next boot."""
    guard.write(AT_BOOT, BOOT_UNIT, 0o644)
    if not os.path.lexists(WANTED):
        os.makedirs(os.path.dirname(WANTED), exist_ok=True)
        os.symlink(AT_BOOT, WANTED)
    guard.start(module, f"{UNIT}-{token}", seconds, GO_BACK, token)
    guard.write(ARMED, token)


def disarm(module):
    """The interfaces stay as they are."""
    token = armed()
    for path in (ARMED, WANTED, AT_BOOT):
        if os.path.lexists(path):
            os.unlink(path)
    guard.stop(module, f"{UNIT}-{token}")


def let_it_go_back(module, seconds):
    """Wait until a change nobody confirmed, as of a run that died, is taken back; begins it if nobody does."""
    deadline = time.monotonic() + seconds
    while armed() and time.monotonic() < deadline:
        time.sleep(0.3)
    if token := armed():
        module.run_command(["/bin/sh", GO_BACK, token])


@contextlib.contextmanager
def archive(path):
    """A new archive of files with their whole paths, owners and modes; there at once when it is complete."""
    with open(path + ".new", "wb") as file:
        with tarfile.open(fileobj=file, mode="w") as handle:
            yield handle
        file.flush()
        os.fsync(file.fileno())  # it is the way back after a loss of power
    os.rename(path + ".new", path)


def add_text(handle, path, text):
    """A file that is not there yet."""
    content = text.encode("utf-8", "surrogateescape")
    member = tarfile.TarInfo(path.lstrip("/"))
    member.size, member.mode, member.mtime = len(content), 0o644, time.time()
    handle.addfile(member, io.BytesIO(content))


def put(archived, gone):
    """The commands that put all files of an archive into their places, and take others away."""
    return [f"tar -C / --no-overwrite-dir -xf {archived}", *([shlex.join(["rm", "-f", *gone])] if gone else [])]
