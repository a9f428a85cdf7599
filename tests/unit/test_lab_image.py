"""The image's recipe, the calls that build it, and what a failed build tells."""

from dataclasses import replace
from pathlib import Path

import pytest

from cluster_cli.lab.image import build_failed, mmdebstrap_command, progress_line
from cluster_cli.lab.recipe import Recipe

RECIPE = Recipe(sources=("deb http://mirror.example/debian bookworm main",))


def test_the_tag_is_the_content():
    assert RECIPE.reference == replace(RECIPE).reference
    others = [
        replace(RECIPE, packages=("systemd-sysv",)),
        replace(RECIPE, suite="trixie"),
        replace(RECIPE, sources=()),
    ]
    references = {
        RECIPE.reference,
        Recipe(base="debian:12").reference,
        *(other.reference for other in others),
    }
    assert len(references) == 5
    assert all(reference.startswith("localhost/cluster-node:") for reference in references)


def test_mmdebstrap_uses_the_hosts_mirror_and_keeps_its_index():
    argv = mmdebstrap_command(replace(RECIPE, apt_options={"Acquire::Check-Date": "false"}), Path("/t"))
    assert argv[-3:] == ["bookworm", "/t", "deb http://mirror.example/debian bookworm main"]
    assert "--skip=cleanup/apt" in argv
    assert '--aptopt=Acquire::Check-Date "false"' in argv


def test_containerfile_builds_on_the_stock_image():
    text = Recipe(base="debian:12", packages=("a", "b")).containerfile
    assert text.startswith("FROM debian:12\n")
    assert "--no-install-recommends a b" in text


@pytest.mark.parametrize(
    ("output", "remedy"),
    [
        ("E: x\ntar: y: No space left on device", "free some disk"),
        ("Err:1 http://m.example bookworm\nE: Failed to fetch http://m.example", "mirror does not answer"),
        ("W: GPG error: NO_PUBKEY 0E98404D386FA1D9", "debian-archive-keyring"),
        (
            "Error: initializing source docker://x: pinging container registry x: dial tcp",
            "leave lab.image away",
        ),
        ("boom", "run the same command again"),
    ],
)
def test_a_failed_build_names_the_remedy(output, remedy):
    error = build_failed(25, output)
    assert remedy in error.hint
    assert error.why


def test_progress_is_quiet_about_noise():
    assert progress_line("I: extracting archives...\n") == "extracting archives"
    assert progress_line("STEP 2/5: RUN x\n") == "STEP 2/5: RUN x"
    assert progress_line("I: running --customize-hook in shell: sh -c 'chroot\n") == ""
    assert progress_line("Get:1 http://m.example bookworm\n") == ""
