# SPDX-License-Identifier: GPL-2.0-or-later
# Genuine Ethernet frames (ARP, ICMP, UDP) with sequence numbers, for the demo.
"""Frames carry a mark, a sequence number and a pattern made of it, and right checksums."""

import struct

MAC_GUEST = bytes.fromhex('525400123456')
MAC_SENDER = bytes.fromhex('525400aabb01')
IP_GUEST = bytes([192, 0, 2, 15])
IP_SENDER = bytes([192, 0, 2, 1])
BROADCAST = b'\xff' * 6
MARK = b'QNDT'
ETHERNET = 14
IP = 20
LENGTHS = (60, 98, 342, 590, 1024, 1514)
KINDS = ('ARP', 'ICMP', 'UDP')


def checksum(data):
    """The Internet checksum (RFC 1071); 0 over data that holds its own."""
    if len(data) % 2:
        data += b'\0'
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def payload_of(number, length):
    head = MARK + struct.pack('!I', number)
    return head + bytes((number + place) & 0xff for place in range(len(head), length))


def number_of(payload):
    """The sequence number of a payload that is whole, else None."""
    if payload[:4] != MARK or len(payload) < 8:
        return None
    number = struct.unpack('!I', payload[4:8])[0]
    return number if payload == payload_of(number, len(payload)) else None


def arp_frame(number, _length):
    body = struct.pack('!HHBBH', 1, 0x0800, 6, 4, 1) + MAC_SENDER + IP_SENDER + bytes(6) + IP_GUEST
    return BROADCAST + MAC_SENDER + b'\x08\x06' + body + payload_of(number, 18)


def ip_frame(number, protocol, segment):
    def header(check):
        return struct.pack('!BBHHHBBH4s4s', 0x45, 0, IP + len(segment), number & 0xffff, 0, 64,
                           protocol, check, IP_SENDER, IP_GUEST)
    return (MAC_GUEST + MAC_SENDER + b'\x08\x00' + header(checksum(header(0))) + segment)


def icmp_frame(number, length):
    payload = payload_of(number, length - ETHERNET - IP - 8)

    def segment(check):
        return struct.pack('!BBHHH', 8, 0, check, 1, number & 0xffff) + payload
    return ip_frame(number, 1, segment(checksum(segment(0))))


def udp_frame(number, length):
    payload = payload_of(number, length - ETHERNET - IP - 8)
    size = 8 + len(payload)
    pseudo = IP_SENDER + IP_GUEST + struct.pack('!BBH', 0, 17, size)

    def segment(check):
        return struct.pack('!HHHH', 40000, 9, size, check) + payload
    return ip_frame(number, 17, segment(checksum(pseudo + segment(0)) or 0xffff))


def build(number):
    """The frame with this number: its kind and length follow from it."""
    make = (arp_frame, icmp_frame, udp_frame)[number % len(KINDS)]
    return make(number, LENGTHS[number % len(LENGTHS)])


def check(frame):
    """The number of a frame whose checksums and payload are right, else None."""
    if len(frame) < 60:
        return None
    if frame[12:14] == b'\x08\x06':
        return number_of(frame[42:])
    packet, segment = frame[ETHERNET:ETHERNET + IP], frame[ETHERNET + IP:]
    if frame[12:14] != b'\x08\x00' or checksum(packet):
        return None
    pseudo = packet[12:20] + struct.pack('!BBH', 0, 17, len(segment)) if packet[9] == 17 else b''
    return None if checksum(pseudo + segment) else number_of(segment[8:])
