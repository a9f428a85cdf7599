"""Packages from a repository the topology names: only with its key, only what it is good for, and gone with it."""

import re
from collections.abc import Iterator

import pytest

from .command import Done, cluster, wait_for
from .conftest import Stack, running
from .data_tier import only_in_drills

pytestmark = only_in_drills

TOPOLOGY = """
name: e2e-repositories
provider: podman
network: {subnet: 10.89.82.0/24}
nodes:
  app1: {}
  shelf1: {}
firewall: {open: [{port: 8099, nodes: [shelf1]}]}
"""
REPOSITORY = """
system:
  packages: [cluster-hello]
  repositories:
    hello:
      uri: http://10.89.82.12:8099
      suite: stable
      signed_by: keys/hello.asc
      nodes: [app1]
      pin: {packages: [cluster-hello]}
"""
# A repository with a package of its own, and one that would replace Debian's.
MAKE = r"""
export DEBIAN_FRONTEND=noninteractive GNUPGHOME=/root/sign
apt-get update -q
set -e
apt-get install -yq --no-install-recommends apt-utils gnupg
install -d -m 0700 /root/sign
mkdir -p /srv/packages
cd /srv/packages
mkdir -p pool dists/stable/main/binary-amd64 dists/stable/main/binary-arm64
for package in cluster-hello:1.0 less:9999; do
  mkdir -p /tmp/package/DEBIAN
  printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: e2e <e2e@example.com>\nDescription: proof\n' \
    ${package%:*} ${package#*:} > /tmp/package/DEBIAN/control
  dpkg-deb --build /tmp/package pool
done
for machine in amd64 arm64; do apt-ftparchive packages pool > dists/stable/main/binary-$machine/Packages; done
apt-ftparchive -o APT::FTPArchive::Release::Suite=stable -o APT::FTPArchive::Release::Components=main \
  -o 'APT::FTPArchive::Release::Architectures=amd64 arm64' release dists/stable > /tmp/Release
for who in right wrong; do
  gpg --batch --quiet --passphrase '' --quick-gen-key $who@example.com ed25519 sign never
  gpg --armor --export $who@example.com > /root/$who.asc
done
gpg --batch --yes --local-user right@example.com --clearsign -o dists/stable/InRelease /tmp/Release
systemd-run --unit packages python3 -m http.server -d /srv/packages 8099
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("repositories"), TOPOLOGY) as stack:
        stack.on("shelf1", MAKE, 300)
        (stack.folder / "keys").mkdir()
        yield stack


def brought_up(lab: Stack, key: str, text: str = TOPOLOGY + REPOSITORY) -> Done:
    """The stage `base` with this text, and with one of the two keys as the repository's."""
    (lab.folder / "keys/hello.asc").write_text(lab.on("shelf1", f"cat /root/{key}.asc"))
    (lab.folder / "topology.yml").write_text(text)
    return cluster("up", lab.folder, "--only", "base", "-o", "json", timeout=600)


def test_a_repository_with_another_key_is_not_used(lab: Stack) -> None:
    done = brought_up(lab, "wrong")
    assert done.code == 1, done
    assert "cluster-hello.sources was not replaced" in done.err
    assert "is not signed" in done.err
    assert lab.on("app1", "ls -A /etc/apt/sources.list.d").strip() == ""


def test_one_that_does_not_answer_is_named(lab: Stack) -> None:
    lab.on("shelf1", "systemctl stop packages")
    done = brought_up(lab, "right")
    lab.on("shelf1", "systemd-run --unit packages python3 -m http.server -d /srv/packages 8099")
    wait_for("it to answer", lambda: "LISTEN" in lab.on("shelf1", "ss -Hltn sport = :8099"), 20)
    assert done.code == 1, done
    assert re.search(r"cluster-hello.sources was not replaced.* http://10.89.82.12:8099", done.err)


def test_it_gives_what_it_is_good_for_and_nothing_else(lab: Stack) -> None:
    text = TOPOLOGY + REPOSITORY.replace("packages: [cluster-hello]\n  rep", "packages: [less]\n  rep")
    done = brought_up(lab, "right", text)
    assert done.code == 0, done
    lab.on("app1", "apt-get install -yq cluster-hello")
    assert lab.on("app1", "dpkg-query -W -f '${Version}' cluster-hello") == "1.0"
    assert lab.on("app1", "dpkg-query -W -f '${Version}' less") != "9999"
    assert cluster("up", lab.folder, "--only", "base", "-o", "json").json["changed"] == 0


def test_one_that_does_not_answer_any_more_keeps_no_others_back(lab: Stack) -> None:
    lab.on("shelf1", "systemctl stop packages")
    lab.on("app1", "touch -d '3 days ago' /var/lib/apt/lists; rm -f /var/lib/apt/periodic/update-success-stamp")
    (lab.folder / "topology.yml").write_text(TOPOLOGY + REPOSITORY.replace("[cluster-hello]\n", "[hello]\n", 1))
    done = cluster("up", lab.folder, "--only", "base", "-o", "json", timeout=600)
    lab.on("shelf1", "systemd-run --unit packages python3 -m http.server -d /srv/packages 8099")
    assert done.code == 0, done
    assert lab.on("app1", "hello").strip() == "Hello, world!"


def test_one_that_is_no_longer_named_is_taken_away(lab: Stack) -> None:
    done = brought_up(lab, "right", TOPOLOGY)
    assert done.code == 0, done
    assert lab.on("app1", "find /etc/apt -name 'cluster-*'") == ""
