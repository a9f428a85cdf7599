"""Where this machine gets Debian packages from, so that nodes get them from the same mirror."""

import platform
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from cluster_cli.lab.command import attempt
from cluster_cli.lab.host import program_path

APT = Path("/etc/apt")
TAILS = ("", "-updates", "-security", "/updates")
MOVING = ("sid", "unstable")  # their updates and security fixes come in themselves
COMPONENTS = ("main", "contrib", "non-free", "non-free-firmware")
LOOPBACK = r"//(127\.|localhost|\[::1\])"
CARRIED_OPTIONS = r'(Acquire::(?:https?::Proxy|Check-Valid-Until|Check-Date)) "([^"]+)";'


def host_sources(suite: str, apt: Path = APT) -> list[str]:
    """One-line sources for suite, its updates and its security fixes, from the mirrors this Debian host uses.

    Empty when the host is no Debian or its sources are not understood: mmdebstrap's own default serves then.
    """
    release = _os_release()
    codename = release.get("VERSION_CODENAME", "")
    if release.get("ID") != "debian" or not codename:
        return []
    paths = [
        apt / "sources.list",
        *sorted(apt.glob("sources.list.d/*.list")),
        *apt.glob("sources.list.d/*.sources"),
    ]
    texts = [(path.suffix, path.read_text()) for path in paths if path.is_file()]
    return translated(texts, codename, suite)


def translated(texts: list[tuple[str, str]], codename: str, suite: str) -> list[str]:
    """The Debian sources in texts (pairs of suffix and content) with the host's codename replaced by suite.

    Other people's repositories are left out: those signed by another key, or named unlike a suite of Debian.
    """
    lines: list[str] = []
    for suffix, text in texts:
        for uri, each, components in _deb822(text) if suffix == ".sources" else _one_line(text):
            tail = each.removeprefix(codename)
            if tail and suite in MOVING:
                continue
            wanted = [component for component in components if component in COMPONENTS]
            if each.startswith(codename) and tail in TAILS and "main" in wanted:
                line = f"deb {uri} {suite}{tail} {' '.join(wanted)}"
                lines += [line] if line not in lines else []
    return lines if any(f" {suite} main" in line for line in lines) else []


def apt_options(dump: str | None = None) -> dict[str, str]:
    """The host's apt settings without which its mirror may not answer: a proxy, a snapshot's expired dates.

    A proxy on a loopback address is left out: a node cannot reach it.
    """
    if dump is None:
        dump = attempt(["apt-config", "dump"], timeout=20).stdout if program_path("apt-config") else ""
    found = dict(re.findall(rf"^{CARRIED_OPTIONS}$", dump, re.MULTILINE))
    return {key: value for key, value in found.items() if not re.search(LOOPBACK, value)}


def _deb822(text: str) -> Iterator[tuple[str, str, list[str]]]:
    """(uri, suite, components) of every enabled binary stanza of a .sources file."""
    plain = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", plain):
        folded = re.sub(r"\n[ \t]+", " ", stanza)
        pairs = (line.partition(":") for line in folded.splitlines())
        fields = {key.strip().lower(): value.strip() for key, _, value in pairs}
        usable = "deb" in fields.get("types", "").split() and fields.get("enabled") != "no"
        if usable and "debian-archive" in fields.get("signed-by", "debian-archive"):
            for uri in fields.get("uris", "").split():
                for suite in fields.get("suites", "").split():
                    yield uri, suite, fields.get("components", "").split()


def _one_line(text: str) -> Iterator[tuple[str, str, list[str]]]:
    """(uri, suite, components) of every `deb` line of a sources.list."""
    for line in text.splitlines():
        match = re.match(r"deb\s+(?:\[([^]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]+)", line.strip())
        if match and ("signed-by" not in (match[1] or "") or "debian-archive" in match[1]):
            yield match[2], match[3], match[4].split()


def _os_release() -> Mapping[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}
