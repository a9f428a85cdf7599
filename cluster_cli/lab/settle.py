"""What is done inside a node once it runs: wait for systemd, let the admin in, read the host keys.

One script, one exec: a second `up` costs one of these per node. Everything in it may run twice.
"""

import shlex
import socket
import time
from dataclasses import dataclass
from ipaddress import IPv4Address

from cluster_cli.errors import ClusterError
from cluster_cli.lab.command import words_of
from cluster_cli.lab.engine import Engine

BOOT_SECONDS = 90
SSH_SECONDS = 20

# $1 node name, $2 its address. The engine mounts its own hosts and hostname over the node's at every start;
# a mounted file cannot be replaced by renaming, which is how every config file of ours is written.
# A database server that waits for its group holds up the rest of the boot, for as long as that takes. It is for
# `up` to help it, which needs the node.
BOOT = r"""set -eu
end=$(($(date +%s) + $3))
only_a_database_starts() {
  systemctl list-jobs --no-legend | awk '$4 != "running" { next }
    $2 ~ /^(mariadb|mysql)\.service$/ { waits = 1; next } { other = 1 } END { exit !waits || other }'
}
while :; do
  state=$(systemctl is-system-running 2>/dev/null || true)
  case $state in running|degraded) break ;; esac
  if systemctl -q is-active ssh && only_a_database_starts; then break; fi
  if [ "$(date +%s)" -ge $end ]; then
    echo "systemd is still '$state' after $3 s: $(systemctl list-jobs --no-legend | head -3)" >&2; exit 9
  fi
  sleep 0.1
done
for file in hosts hostname; do
  if grep -q " /etc/$file " /proc/mounts; then umount "/etc/$file"; fi
done
[ -s /etc/hostname ] || echo "$1" > /etc/hostname
[ -s /etc/hosts ] || printf '127.0.0.1 localhost\n::1 localhost ip6-localhost\n%s %s\n' "$2" "$1" > /etc/hosts
"""

# $4 user, $5 public key. A key file that has the key is left alone: a role may own it by now.
ACCESS = r"""id "$4" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash --password '*' "$4"
rule="$4 ALL=(ALL) NOPASSWD: ALL"
if [ "$(cat /etc/sudoers.d/90-cluster-admin 2>/dev/null)" != "$rule" ]; then
  (umask 337; rm -f /run/cluster-sudoers; echo "$rule" > /run/cluster-sudoers)
  visudo -cqf /run/cluster-sudoers
  cp --preserve=mode /run/cluster-sudoers /etc/sudoers.d/90-cluster-admin.new
  mv /etc/sudoers.d/90-cluster-admin.new /etc/sudoers.d/90-cluster-admin
fi
home=$(getent passwd "$4" | cut -d: -f6)
blob=$(echo "$5" | cut -d' ' -f1,2)
if ! grep -qF "$blob" "$home/.ssh/authorized_keys" 2>/dev/null; then
  install -d -m 700 -o "$4" -g "$(id -g "$4")" "$home/.ssh"
  (umask 077; echo "$5" > "$home/.ssh/authorized_keys.new")
  chown "$4:" "$home/.ssh/authorized_keys.new"
  mv "$home/.ssh/authorized_keys.new" "$home/.ssh/authorized_keys"
fi
"""

REPORT = r"""if [ "$state" != running ]; then
  systemctl list-units --failed --plain --no-legend | sed 's/ .*//; s/^/failed /'
fi
for link in /sys/class/net/eth*; do echo "carrier $(cat "$link/carrier")"; done
for file in /etc/ssh/ssh_host_*_key.pub; do
  [ ! -e "$file" ] || sed -E 's/^([^ ]+ [^ ]+).*/key \1/' "$file"
done
"""


@dataclass(frozen=True)
class Settled:
    """What a node said: host keys ("ssh-ed25519 AAAA..."), failed units, whether all its cables are in."""

    host_keys: tuple[str, ...]
    failed_units: tuple[str, ...]
    plugged: bool


def settle(engine: Engine, container: str, node: str, address: IPv4Address, access: tuple[str, str]) -> Settled:
    """Wait until the node has booted, give access (user, public key) and say what it answered.

    Raises ClusterError when systemd does not come up in 90 s or the node has no host key.
    """
    settled = parse(_script(engine, container, BOOT + ACCESS + REPORT, node, str(address), *access))
    if not settled.host_keys:
        raise ClusterError(
            "the node has no SSH host key",
            where=node,
            why="no /etc/ssh/ssh_host_*_key.pub in it",
            hint=f"{engine.name} exec {container} journalctl -u node-host-key -u ssh",
        )
    return settled


def wait_booted(engine: Engine, container: str, node: str, address: IPv4Address) -> Settled:
    """Wait until a started node has booted; access is as it was."""
    return parse(_script(engine, container, BOOT + REPORT, node, str(address)))


def parse(report: str) -> Settled:
    """The lines of the script's report."""
    rows = [line.split(" ", 1) for line in report.splitlines() if " " in line]
    carriers = [value for kind, value in rows if kind == "carrier"]
    return Settled(
        host_keys=tuple(value for kind, value in rows if kind == "key"),
        failed_units=tuple(value for kind, value in rows if kind == "failed"),
        plugged=bool(carriers) and set(carriers) == {"1"},
    )


def _script(engine: Engine, container: str, script: str, node: str, address: str, *access: str) -> str:
    arguments = [node, address, str(BOOT_SECONDS), *access]
    shell = ["sh", "-s", "--", *arguments]
    done = engine.exec(container, shell, stdin=script, timeout=BOOT_SECONDS + 30)
    if done.returncode:
        raise ClusterError(
            "the node did not get ready",
            where=node,
            why=words_of(done),
            hint=f"look inside: {engine.name} exec -it {shlex.quote(container)} journalctl -b",
        )
    return done.stdout


def await_sshd(engine: Engine, container: str, node: str, address: IPv4Address) -> None:
    """Wait until sshd greets us at the node's address. Raises ClusterError when it does not in 20 s."""
    end, why = time.monotonic() + SSH_SECONDS, ""
    while time.monotonic() < end:
        try:
            with socket.create_connection((str(address), 22), timeout=2) as link:
                link.settimeout(5)
                if link.recv(4) == b"SSH-":
                    return
                why = "something else than sshd answers"
        except OSError as refusal:
            why = str(refusal)
        time.sleep(0.1)
    raise ClusterError(
        f"sshd does not answer at {address}",
        where=node,
        why=why,
        hint=f"{engine.name} exec {shlex.quote(container)} systemctl status ssh",
    )
