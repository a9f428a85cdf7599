"""What a node's image is made of: a minimal Debian server with systemd and SSH, nothing more."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

SUITE = "bookworm"
UNIFIED = ("sid",)  # suites whose systemd knows cgroup v2 only
# MySQL's clone plugin renames folders of its data, which an overlay refuses for those that came with an image.
VOLUMES = {"sid": ("/var/lib/mysql",)}
WITHOUT_DATES = {"Acquire::Check-Valid-Until": "false"}  # a mirror may be behind what a moving suite allows

PACKAGES = (
    "ca-certificates",
    "dbus",
    "iproute2",
    "iputils-ping",
    "netbase",  # names of protocols and ports
    "nftables",
    "openssh-server",
    "procps",
    "python3",
    "python3-apt",
    "sudo",
    "systemd-sysv",
    "unattended-upgrades",  # Debian's cloud images have it too
)

DPKG_OPTIONS = (
    "force-unsafe-io",  # fsync per file is what installing waits for
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*",
)

# Both ways of building run this inside the image, as root, after the packages. Why each:
# - host keys are one per node: made at its first boot; one modern kind, RSA costs a second each.
# - an empty machine-id gets the container's uuid and is no "first boot", which would enable every preset.
# - the engine mounts /proc/sys read-only, rightly: vm.* and kernel.* are the host's. net.* is the node's own.
# - hosts and hostname are the engine's to say; the builder left its own.
# - updates come when a role says so; what unattended-upgrades runs all day only delays a shutdown.
# - each reload of systemd asks all generators, and packages reload it: a container has no disk or TPM to find.
# - what apt knows is computed here once, not on every node.
# - wait-online can hold the boot for two minutes; each path unit takes an inotify instance of the host's 128.
FINISH = r"""set -eu
rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub /usr/sbin/policy-rc.d
cat > /etc/systemd/system/node-host-key.service <<'UNIT'
[Unit]
Description=Make this node's SSH host key
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key
Before=ssh.service ssh.socket

[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -q -t ed25519 -N "" -C "" -f /etc/ssh/ssh_host_ed25519_key

[Install]
WantedBy=multi-user.target
UNIT
cat > /etc/systemd/system/node-sysctl.service <<'UNIT'
[Unit]
Description=Let this node set its own network sysctls
DefaultDependencies=no
Before=systemd-sysctl.service sysinit.target
ConditionVirtualization=container
ConditionPathIsReadWrite=!/proc/sys/net

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -ec 'mkdir -p /run/proc; mount -t proc proc /run/proc; \
  mount --bind /run/proc/sys/net /proc/sys/net; umount -l /run/proc; rmdir /run/proc'

[Install]
WantedBy=sysinit.target
UNIT
systemctl enable node-host-key.service node-sysctl.service
systemctl mask systemd-networkd-wait-online.service
systemctl mask systemd-ask-password-console.path systemd-ask-password-wall.path
systemctl mask e2scrub_all.timer fstrim.timer
mkdir -p /etc/systemd/system-generators
for generator in /usr/lib/systemd/system-generators/systemd-*; do
  case $generator in
    *-fstab-generator | *-sysv-generator) ;;
    *) ln -s /dev/null "/etc/systemd/system-generators/${generator##*/}" ;;
  esac
done
systemctl disable apt-daily.timer apt-daily-upgrade.timer unattended-upgrades.service
mkdir -p /etc/systemd/journald.conf.d
printf '[Journal]\nStorage=persistent\nSystemMaxUse=32M\n' > /etc/systemd/journald.conf.d/node.conf
mkdir -p /var/log/journal
passwd --quiet --lock root
touch /etc/default/locale
rm -f /var/lib/dbus/machine-id
: > /etc/machine-id
for file in hosts hostname; do { : > /etc/$file; } 2>/dev/null || true; done
apt-cache --quiet=2 gencaches
rm -rf /var/cache/apt/archives/*.deb /var/log/apt/* /var/log/dpkg.log /tmp/* /var/tmp/*
"""

CONTAINERFILE = """FROM {source}
COPY options /etc/dpkg/dpkg.cfg.d/90-node
COPY finish /run/finish
RUN printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d \\
 && apt-get update \\
 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends {packages} \\
 && sh /run/finish
STOPSIGNAL SIGRTMIN+3
CMD ["/sbin/init"]
"""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides an image's content. base: a stock image to build on, or "" for packages."""

    base: str = ""
    suite: str = SUITE
    sources: Sequence[str] = ()
    apt_options: Mapping[str, str] = field(default_factory=dict)
    packages: Sequence[str] = PACKAGES

    @property
    def source(self) -> str:
        """What it is made from, in a word: the stock image or the Debian suite."""
        return self.base or f"debian:{self.suite}"

    @property
    def reference(self) -> str:
        """The image's name; its tag is a hash of the recipe, so a changed recipe is another image."""
        parts = (self, FINISH, CONTAINERFILE if self.base else "", DPKG_OPTIONS)
        return f"localhost/cluster-node:{hashlib.sha256(repr(parts).encode()).hexdigest()[:12]}"

    @property
    def containerfile(self) -> str:
        """The build file on top of the stock image."""
        return CONTAINERFILE.format(source=self.base, packages=" ".join(self.packages))
