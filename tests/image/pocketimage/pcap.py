"""What a guest sent, out of a capture of its network card."""

import struct


def packets(path):
    """(source, kind, bytes) of each packet; kind is "arp", "dhcp", "tcp:PORT" or what it is in words."""
    data = path.read_bytes()
    if len(data) < 24:
        return []
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    found, at = [], 24
    while at + 16 <= len(data):
        _, _, length, _ = struct.unpack(order + "IIII", data[at:at + 16])
        frame = data[at + 16:at + 16 + length]
        at += 16 + length
        if len(frame) >= 14:
            found.append((frame[6:12].hex(":"), kind(frame), frame))
    return found


def kind(frame):
    ether = struct.unpack("!H", frame[12:14])[0]
    if ether == 0x0806:
        return "arp"
    if ether == 0x86DD:
        return "ipv6"
    if ether != 0x0800:
        return f"ether {ether:04x}"
    header = (frame[14] & 15) * 4
    protocol, body = frame[23], frame[14 + header:]
    if protocol not in (6, 17) or len(body) < 4:
        return f"ip protocol {protocol}"
    source, target = struct.unpack("!HH", body[:4])
    if protocol == 17:
        return "dhcp" if (source, target) == (68, 67) else f"udp {source}->{target}"
    return f"tcp {source}->{target}"
