"""The host's Debian mirrors, read out of its apt files."""

from cluster_cli.lab.apt_sources import apt_options, translated

DEB822 = """\
Types: deb deb-src
# a snapshot
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
 bookworm-backports
Components: main non-free-firmware
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Types: deb
URIs: http://packages.example/node
Suites: bookworm
Components: main
Signed-By: /usr/share/keyrings/node.gpg

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
"""

ONE_LINE = """\
# deb http://old.example/debian bookworm main
deb [arch=amd64] http://mirror.example/debian bookworm main contrib # ours
deb [signed-by=/etc/apt/keyrings/x.asc] http://x.example/debian bookworm main
deb http://x.example/apt stable main
deb-src http://mirror.example/debian bookworm main
"""


def test_deb822_keeps_debian_only():
    assert translated([(".sources", DEB822)], "bookworm", "bookworm") == [
        "deb http://mirror.example/debian bookworm main non-free-firmware",
        "deb http://mirror.example/debian bookworm-updates main non-free-firmware",
        "deb http://mirror.example/debian-security bookworm-security main",
    ]


def test_one_line_and_another_suite():
    assert translated([(".list", ONE_LINE)], "bookworm", "trixie") == [
        "deb http://mirror.example/debian trixie main contrib"
    ]


def test_without_the_main_suite_nothing_is_taken():
    assert (
        translated([(".list", "deb http://m.example/debian bookworm-updates main")], "bookworm", "bookworm") == []
    )


def test_options_of_the_host_are_carried_but_no_proxy_of_its_own():
    dump = (
        'Acquire::http::Proxy "http://proxy.example:3142";\n'
        'Acquire::https::Proxy "http://127.0.0.1:8080";\n'
        'Acquire::Check-Valid-Until "false";\n'
        'APT::Architecture "amd64";\n'
    )
    assert apt_options(dump) == {
        "Acquire::http::Proxy": "http://proxy.example:3142",
        "Acquire::Check-Valid-Until": "false",
    }


def test_a_moving_suite_has_no_updates_of_its_own():
    assert translated([(".sources", DEB822)], "bookworm", "sid") == [
        "deb http://mirror.example/debian sid main non-free-firmware"
    ]
