"""The disk of a virtual machine with a kernel of its own: made from Debian packages once, and kept."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from cluster_cli.lab.apt_sources import apt_options, host_sources
from cluster_cli.lab.host import cache_dir
from cluster_cli.lab.recipe import DPKG_OPTIONS, SUITE

PACKAGES = (
    *("systemd-sysv", "udev", "dbus", "linux-image-cloud-amd64", "kmod", "ifupdown", "iproute2", "netbase"),
    *("openssh-server", "sudo", "python3", "python3-apt", "procps", "ca-certificates", "nftables"),
    *("auditd", "logrotate", "rsyslog", "rsyslog-relp", "python3-cryptography"),
)
# ifupdown sees to the first cable, as on a machine Debian's installer set up.
FINISH = r"""set -eu
rm -f /etc/ssh/ssh_host_*
cat >/etc/systemd/system/host-key.service <<'UNIT'
[Unit]
Before=ssh.service
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key
[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key
[Install]
WantedBy=multi-user.target
UNIT
systemctl enable host-key.service
systemctl mask systemd-networkd-wait-online.service
systemctl mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer
echo /dev/vda / ext4 rw,relatime 0 1 >/etc/fstab
echo machine >/etc/hostname
: >/etc/machine-id
mkdir -p -m 700 /root/.ssh
echo "$1" >/root/.ssh/authorized_keys
cat >/etc/network/interfaces <<'TEXT'
auto lo
iface lo inet loopback

auto enp0s4
iface enp0s4 inet static
    address 10.89.134.31/24
TEXT
"""


def image() -> Path:
    """The folder with base.qcow2, vmlinuz, initrd.img, and key, the SSH key that opens it."""
    name = hashlib.sha256(repr((PACKAGES, FINISH, SUITE)).encode()).hexdigest()[:12]
    folder = cache_dir() / f"machine-{name}"
    if not (folder / "base.qcow2").exists():
        for old in cache_dir().glob("machine-*"):
            shutil.rmtree(old)
        folder.mkdir()
        build(folder)
    return folder


def build(folder: Path) -> None:
    """Takes about two minutes."""
    key, root, raw = folder / "key", folder / "root", folder / "disk.raw"
    call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "machine", "-f", key)
    options = [f"--dpkgopt={option}" for option in DPKG_OPTIONS]
    options += [f'--aptopt={name} "{value}"' for name, value in sorted(apt_options().items())]
    words = ["mmdebstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", *options, SUITE, root]
    call(*words, *host_sources(SUITE))
    call("chroot", root, "sh", "-s", key.with_suffix(".pub").read_text().strip(), stdin=FINISH)
    for name in ("vmlinuz", "initrd.img"):
        shutil.copy(next((root / "boot").glob(f"{name}-*")), folder / name)
    call("mkfs.ext4", "-q", "-F", "-d", root, raw, "2G")
    call("qemu-img", "convert", "-O", "qcow2", raw, folder / "new.qcow2")
    shutil.rmtree(root)
    raw.unlink()
    (folder / "new.qcow2").rename(folder / "base.qcow2")


def call(*words: str | Path, stdin: str = "") -> None:
    """Run a program that must succeed."""
    env = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    argv = [str(word) for word in words]
    done = subprocess.run(argv, capture_output=True, text=True, env=env, input=stdin, check=False)
    assert done.returncode == 0, f"{words[0]}: {done.stderr[-2000:]}"
