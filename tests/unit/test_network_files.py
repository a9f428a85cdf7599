"""The files of systemd-networkd, as the role's templates write them for a rendered node."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cluster_cli.inventory import render
from cluster_cli.render.connection import Access
from cluster_cli.topology.load import parse

ROOT = Path(__file__).parents[2]
ACCESS = Access("/c/topology.yml", "/c/secrets.yml", "/s/known_hosts", "/run/s", "/s/key")
TEMPLATES = Environment(  # as Ansible sets it up
    loader=FileSystemLoader(ROOT / "roles/network/templates"),
    trim_blocks=True,
    keep_trailing_newline=True,
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701, no HTML
)
TEXT = (ROOT / "tests/golden/inventories/interfaces.yml").read_text(encoding="utf-8")


def written(node: str, interface: str, kind: str) -> list[str]:
    """The lines of one file that are neither empty nor comments."""
    rows = render(parse(TEXT), ACCESS).host(node).vars["network_interfaces"]
    row = next(row for row in rows if row["name"] == interface)
    text = TEMPLATES.get_template(f"interface.{kind}.j2").render(interface=row)
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_a_bond_with_a_vlan_on_it() -> None:
    assert written("lb1", "bond0", "netdev") == [
        *("[NetDev]", "Name=bond0", "Kind=bond", "[Bond]", "Mode=802.3ad", "MIIMonitorSec=100ms"),
        *("LACPTransmitRate=fast", "TransmitHashPolicy=layer3+4"),
    ]
    assert written("lb1", "bond0", "network") == [
        *(
            "[Match]",
            "Name=bond0",
            "[Link]",
            "MTUBytes=9000",
            "[Network]",
            "VLAN=bond0.20",
            "Address=10.0.0.11/24",
        ),
        *("DHCP=no", "IPv6AcceptRA=no", "ConfigureWithoutCarrier=yes"),
    ]


def test_a_member_has_nothing_but_its_bond() -> None:
    assert written("lb1", "eno1", "network") == [
        *(
            "[Match]",
            "Name=eno1",
            "[Network]",
            "Bond=bond0",
            "DHCP=no",
            "IPv6AcceptRA=no",
            "LinkLocalAddressing=no",
        )
    ]


def test_a_vlan_with_the_default_route() -> None:
    assert written("lb1", "bond0.20", "netdev") == ["[NetDev]", "Name=bond0.20", "Kind=vlan", "[VLAN]", "Id=20"]
    assert written("lb1", "bond0.20", "network")[-3:] == ["[Route]", "Destination=0.0.0.0/0", "Gateway=10.0.2.1"]


def test_a_lease_outlives_networkd_and_carries_the_route() -> None:
    lines = written("db1", "eno1", "network")
    assert {"DHCP=ipv4", "KeepConfiguration=dhcp-on-stop", "VLAN=eno1.40", "Gateway=10.9.9.1"} <= set(lines)
    assert "ConfigureWithoutCarrier=yes" not in lines
