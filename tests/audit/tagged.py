"""Frames with a VLAN tag (IEEE 802.1Q), sent and read by hand: this host's kernel need not know VLANs."""

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager

ETH_P_ALL, ETH_P_8021Q, ETH_P_ARP = 0x0003, 0x8100, 0x0806
SOL_PACKET, PACKET_AUXDATA = 263, 8  # linux/if_packet.h
TAG_IS_THERE = 1 << 4  # TP_STATUS_VLAN_VALID
AUXDATA = struct.Struct("IIIHHHH")  # struct tpacket_auxdata
REQUEST, REPLY = 1, 2


def asked_over_vlan(interface: str, tag: int, target: str, source: str, seconds: float = 5) -> str:
    """Who has `target`? Asked in a VLAN; the hardware address of who answers in the same one, or nothing."""
    with wire(interface) as link:
        ours = link.getsockname()[4]  # the interface's own: a bridge hands it no frames for others
        question = struct.pack("!HHBBH", 1, 0x0800, 6, 4, REQUEST) + ours + socket.inet_aton(source)
        question += bytes(6) + socket.inet_aton(target)
        header = b"\xff" * 6 + ours + struct.pack("!HHH", ETH_P_8021Q, tag, ETH_P_ARP)
        link.send(header + question)
        for seen, kind, payload in frames(link, seconds):
            answer = kind == ETH_P_ARP and struct.unpack("!H", payload[6:8])[0] == REPLY
            if answer and seen == tag and payload[14:18] == socket.inet_aton(target):
                return payload[8:14].hex(":")
    return ""


@contextmanager
def wire(interface: str) -> Iterator[socket.socket]:
    """Everything that passes an interface, with its tags."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as link:
        link.bind((interface, ETH_P_ALL))
        link.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        yield link


def frames(link: socket.socket, seconds: float) -> Iterator[tuple[int, int, bytes]]:
    """(VLAN id or 0, EtherType, payload) of every frame until the time is over; the kernel takes the tag out."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        link.settimeout(left)
        try:
            frame, told, _, _ = link.recvmsg(2048, socket.CMSG_SPACE(AUXDATA.size))
        except TimeoutError:
            return
        tag, kind, payload = 0, struct.unpack("!H", frame[12:14])[0], frame[14:]
        if kind == ETH_P_8021Q:
            tag, kind = struct.unpack("!HH", payload[:4])
            payload = payload[4:]
        for level, what, data in told:
            status, *_, tci, _ = AUXDATA.unpack(data[: AUXDATA.size])
            if (level, what) == (SOL_PACKET, PACKET_AUXDATA) and status & TAG_IS_THERE:
                tag = tci & 0x0FFF
        yield tag & 0x0FFF, kind, payload
