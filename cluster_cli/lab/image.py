"""Builds the node image once per recipe: from Debian packages, or on top of a stock image."""

import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from filelock import FileLock

from cluster_cli.errors import ClusterError
from cluster_cli.lab import host
from cluster_cli.lab.apt_sources import apt_options, host_sources
from cluster_cli.lab.command import last_words
from cluster_cli.lab.engine import Engine
from cluster_cli.lab.recipe import DPKG_OPTIONS, FINISH, SUITE, UNIFIED, WITHOUT_DATES, Recipe

LABEL = "io.cluster.image-source"
BUILD_SECONDS = 1200
NEEDED_GIB = 2.0
Notify = Callable[[str], None]
NOISE = ("tmp", "cleanup", "hook", "automatically", "equal to the host", "signed-by")

NO_REGISTRY = "no such image, or no answer: leave lab.image away to build it from Debian packages"
# What a builder said -> what to do about it.
REMEDIES = (
    ("No space left on device", "free some disk (2 GiB are needed), then run the same command again"),
    ("Could not resolve", "the package mirror has no DNS answer: check /etc/resolv.conf"),
    ("Temporary failure resolving", "the package mirror has no DNS answer: check /etc/resolv.conf"),
    ("Unable to connect", "the package mirror does not answer: check the network and /etc/apt/sources.list*"),
    ("Failed to fetch", "the package mirror does not answer: check the network and /etc/apt/sources.list*"),
    ("NO_PUBKEY", "apt-get install debian-archive-keyring"),
    ("Release file", "the mirror's index is expired or missing: check the clock and /etc/apt/sources.list*"),
    ("pinging container registry", NO_REGISTRY),
    ("registry", NO_REGISTRY),
)


def recipe(base: str | None = None, suite: str = SUITE) -> Recipe:
    """The recipe for this host: its own mirrors, or the stock image base."""
    if base:
        return Recipe(base=base)
    options = apt_options() | (WITHOUT_DATES if suite in UNIFIED else {})
    return Recipe(suite=suite, sources=tuple(host_sources(suite)), apt_options=options)


def ensure_image(engine: Engine, wanted: Recipe, notify: Notify) -> str:
    """The reference of the image wanted describes, built when the engine has none; older ones are pruned.

    Raises ClusterError with what to do: disk full, mirror out of reach, builder missing.
    """
    if engine.has_image(wanted.reference):
        return wanted.reference
    with FileLock(host.cache_dir() / f"image-{engine.name}.lock"):  # of two labs one builds it
        if not engine.has_image(wanted.reference):
            _check_disk(engine)
            notify(f"building the node image from {wanted.source} (once, about a minute)")
            (_build_on_stock if wanted.base else _build_from_packages)(engine, wanted, notify)
            prune(engine, wanted)
    return wanted.reference


def prune(engine: Engine, keep: Recipe) -> None:
    """Remove our older images made from the same source; those a container still uses stay."""
    ours = engine.run(
        "images", "--filter", f"label={LABEL}={keep.source}", "--format", "{{.Repository}}:{{.Tag}}"
    ).split()
    for reference in set(ours) - {keep.reference}:
        engine.attempt("rmi", reference)


def mmdebstrap_command(wanted: Recipe, target: Path) -> list[str]:
    """The mmdebstrap call that makes the root file system; apt's index and cache stay in it for the nodes."""
    return [
        "mmdebstrap",
        "--variant=minbase",
        "--include=" + ",".join(wanted.packages),
        *(f"--dpkgopt={option}" for option in DPKG_OPTIONS),
        *(f'--aptopt={key} "{value}"' for key, value in sorted(wanted.apt_options.items())),
        '--aptopt=Acquire::Languages "none"',
        "--skip=cleanup/apt",
        f'--customize-hook=chroot "$1" sh -c {shlex.quote(FINISH)}',
        wanted.suite,
        str(target),
        *wanted.sources,
    ]


def _build_from_packages(engine: Engine, wanted: Recipe, notify: Notify) -> None:
    """mmdebstrap makes a root file system out of packages, the engine imports it."""
    if not shutil.which("mmdebstrap"):
        raise ClusterError(
            "mmdebstrap is not installed",
            where="the node image",
            why="without an image name in the topology the image is built from Debian packages",
            hint="apt-get install mmdebstrap, or: make setup, or name a stock image: lab: {image: debian:12}",
        )
    with tempfile.TemporaryDirectory(dir=host.cache_dir()) as scratch:
        rootfs = Path(scratch) / "rootfs.tar"
        _stream([*engine.sudo, *mmdebstrap_command(wanted, rootfs)], notify)
        notify("importing the image")
        changes = ['CMD ["/sbin/init"]', f"LABEL {LABEL}={wanted.source}", *engine.dialect.import_changes]
        flags = [word for change in changes for word in ("--change", change)]
        _stream(engine.argv("import", *flags, str(rootfs), wanted.reference), notify)


def _build_on_stock(engine: Engine, wanted: Recipe, notify: Notify) -> None:
    """The engine pulls the stock image and adds one layer with our packages."""
    with tempfile.TemporaryDirectory(dir=host.cache_dir()) as scratch:
        for name, text in (
            ("Containerfile", wanted.containerfile),
            ("finish", FINISH),
            ("options", "\n".join(DPKG_OPTIONS) + "\n"),
        ):
            (Path(scratch) / name).write_text(text)
        label, file = f"{LABEL}={wanted.source}", f"{scratch}/Containerfile"
        limits = [f"--ulimit={name}={limit}:{limit}" for name, limit in host.ulimits().items()]
        names = ["--label", label, "--tag", wanted.reference, "--file", file]
        _stream(engine.argv("build", *limits, *names, scratch), notify)


def _stream(argv: Sequence[str], notify: Notify) -> None:
    """Run a builder, its lines going to notify. Raises ClusterError with its last words and a remedy."""
    said: list[str] = []
    with subprocess.Popen(
        ["timeout", str(BUILD_SECONDS), *argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as builder:
        for line in builder.stdout or ():
            said.append(line)
            if progress := progress_line(line):
                notify(progress)
    if builder.returncode:
        raise build_failed(builder.returncode, "".join(said))


def progress_line(line: str) -> str:
    """A builder's line as a person wants to see it; "" for noise."""
    for start in ("I: ", "STEP "):
        if line.startswith(start) and not any(noise in line for noise in NOISE):
            return line.removeprefix("I: ").strip().rstrip(".")[:100]
    return ""


def build_failed(code: int, output: str) -> ClusterError:
    """The error for a builder that ended with code after saying output."""
    telling = [line for line in output.splitlines() if line.startswith(("E:", "W:", "Error", "Err:"))]
    late = f"not done after {BUILD_SECONDS} s" if code == 124 else ""
    remedy = next((remedy for sign, remedy in REMEDIES if sign in output), "run the same command again")
    why = late or last_words("\n".join(telling)) or last_words(output) or f"exit code {code}"
    return ClusterError("the node image could not be built", where="the node image", why=why, hint=remedy)


def _check_disk(engine: Engine) -> None:
    """Refuse before a long build what would fail at its end."""
    for place in (engine.dialect.storage, str(host.cache_dir())):
        if (free := host.free_gib(place)) < NEEDED_GIB:
            raise ClusterError(
                "not enough disk for the node image",
                where=place,
                why=f"{free:.1f} GiB free, {NEEDED_GIB:.0f} GiB needed",
                hint="free some disk, for example unused images: " + engine.name + " image prune",
            )
