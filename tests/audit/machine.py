"""A virtual machine with three cables in a network namespace of its own, so that this host is left alone.

Emulated (TCG), since a nested /dev/kvm may be worse than none: it boots in half a minute, or two on a busy host.
"""

import ctypes
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.command import CLUSTER, Done, wait_for

MANAGEMENT, CLUSTER_SIDE = "10.89.134.1", "10.89.124.1"
CLONE_NEWNET = 0x40000000  # sched.h
BOOT_SECONDS = 300
CABLES = {"tm": "brm", "tb1": "brb", "tb2": "brb"}  # end of the cable -> switch
QEMU = """qemu-system-x86_64 -M q35 -accel tcg,tb-size=128 -cpu max -smp 1 -m 512
-nodefaults -no-user-config -display none -device virtio-rng-pci"""
SSH_OPTIONS = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "ConnectTimeout=15", "LogLevel=ERROR")


def missing() -> str:
    """What this host lacks for a virtual machine; empty when it has all."""
    programs = [name for name in ("qemu-system-x86_64", "qemu-img", "mmdebstrap", "ip") if not shutil.which(name)]
    if os.geteuid() != 0:
        return "root, for a network namespace"
    if not Path("/dev/net/tun").exists():
        return "/dev/net/tun"
    return ", ".join(programs)


class Machine:
    """One machine. Its first cable (enp0s4) is for management, the other two (enp0s5, enp0s6) go to one switch."""

    def __init__(self, image: Path, folder: Path, name: str = "cluster-audit") -> None:
        self.image, self.folder, self.space = image, folder, name
        self.key = folder / "key"
        shutil.copy(image / "key", self.key)
        self.disk, self.monitor = folder / "disk.qcow2", folder / "monitor"
        run("qemu-img", "create", "-q", "-f", "qcow2", "-b", image / "base.qcow2", "-F", "qcow2", self.disk)

    def plug(self) -> None:
        """Make switches and cables."""
        self.unplug()
        run("ip", "netns", "add", self.space)
        self.inside("ip", "link", "set", "lo", "up")
        for bridge, address in {"brm": MANAGEMENT, "brb": CLUSTER_SIDE}.items():
            self.inside("ip", "link", "add", bridge, "type", "bridge")
            self.inside("ip", "address", "add", f"{address}/24", "dev", bridge)
            self.inside("ip", "link", "set", bridge, "up")
        for cable, bridge in CABLES.items():
            self.inside("ip", "tuntap", "add", "dev", cable, "mode", "tap")
            self.inside("ip", "link", "set", cable, "master", bridge, "up")

    def unplug(self) -> None:
        """Take them away."""
        subprocess.run(["ip", "netns", "del", self.space], capture_output=True, check=False)

    def power_on(self) -> None:
        """Boot, and wait for SSH."""
        words = QEMU.split()
        words += ["-kernel", self.image / "vmlinuz", "-initrd", self.image / "initrd.img"]
        words += ["-append", "root=/dev/vda rw console=ttyS0 quiet"]
        words += ["-drive", f"id=d0,file={self.disk},format=qcow2,if=none,cache=unsafe"]
        words += ["-device", "virtio-blk-pci,drive=d0", "-monitor", f"unix:{self.monitor},server,nowait"]
        for number, cable in enumerate(CABLES):
            words += ["-netdev", f"tap,id=n{number},ifname={cable},script=no,downscript=no"]
            place = f"id=nic{number},addr={hex(4 + number)},mac=52:54:00:00:00:{10 + number}"
            words += ["-device", f"virtio-net-pci,netdev=n{number},{place}"]
        words += ["-serial", f"file:{self.folder / 'console'}"]
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", self.space, *map(str, words)], start_new_session=True, stdin=subprocess.DEVNULL
        )
        self.wait_up()

    def power_off(self) -> None:
        """As if the plug was pulled."""
        self.process.kill()
        self.process.wait()

    def reboot(self) -> None:
        """Shut down in order and boot again."""
        before = self.ssh("cat /proc/sys/kernel/random/boot_id")
        self.ssh("systemctl reboot", check=False)
        wait_for(
            "a new boot", lambda: before != self.ssh("cat /proc/sys/kernel/random/boot_id", check=False) != "", 300
        )

    def wait_up(self) -> float:
        """Wait until sshd greets us at the management address; the seconds it took."""
        return wait_for("SSH", lambda: self.greets("10.89.134.31"), BOOT_SECONDS, every=0.5)

    def cable(self, number: int, plugged: bool) -> None:
        """Plug cable 0, 1 or 2 in, or pull it."""
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(self.monitor))
            link.recv(4096)
            link.sendall(f"set_link nic{number} {'on' if plugged else 'off'}\n".encode())
            time.sleep(0.2)  # the monitor has no word for "done" but its next prompt
            link.recv(4096)

    def greets(self, address: str, source: str = "", seconds: float = 2) -> bool:
        """Whether sshd greets somebody at this address of the switches' side. source: where we come from."""
        with self.namespace():
            try:
                with socket.create_connection((address, 22), seconds, (source, 0) if source else None) as link:
                    link.settimeout(seconds * 5)
                    return link.recv(4) == b"SSH-"
            except OSError:
                return False

    def ssh(self, command: str, check: bool = True) -> str:
        """Run a command in the machine as root."""
        words = [word for option in SSH_OPTIONS for word in ("-o", option)]
        done = self.inside("ssh", *words, "-i", self.key, "root@10.89.134.31", command, check=check, seconds=120)
        return done.stdout.strip()

    def cluster(self, *words: str | Path, seconds: float = 900) -> Done:
        """Run `cluster WORDS...` from the management network."""
        began = time.monotonic()
        done = self.inside(CLUSTER, *words, check=False, seconds=seconds)
        return Done(done.returncode, done.stdout, done.stderr, time.monotonic() - began)

    def inside(
        self, *words: str | Path, check: bool = True, seconds: float = 60
    ) -> "subprocess.CompletedProcess[str]":
        """Run a program where the switches are."""
        call = ["ip", "netns", "exec", self.space, *map(str, words)]
        done = subprocess.run(
            call,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env=slow(),
            stdin=subprocess.DEVNULL,
        )
        assert not check or done.returncode == 0, done
        return done

    @contextmanager
    def namespace(self) -> Iterator[None]:
        """Sockets made by this thread in the block are where the switches are."""
        libc = ctypes.CDLL(None, use_errno=True)
        with Path("/run/netns", self.space).open() as there, Path("/proc/thread-self/ns/net").open() as here:
            assert libc.setns(there.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            try:
                yield
            finally:
                libc.setns(here.fileno(), CLONE_NEWNET)


def slow() -> dict[str, str]:
    """An emulated machine takes its time to answer."""
    return {**os.environ, "ANSIBLE_TIMEOUT": "90"}


def run(*words: str | Path) -> None:
    """Run a program that must succeed."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done
