# SPDX-License-Identifier: GPL-2.0-or-later
# Finds in a guest's memory what the back end of its vhost-user NIC has written there.
"""
The back end writes used rings, and frames into buffers. A frame is found by its addresses: it is
for the guest or for a group. What a large one has behind its first buffer is found as payload: it
is of the one TCP stream that the tests send, whose bytes follow a rule.
"""

import re
import struct

from .errors import check_equal
from .network import GUEST_MAC

# As in virtio_net_hdr of virtio 1: what stands in front of a frame in its buffer.
HEADER = 12
ADDRESSES = 12
IPV4, IPV6 = b'\x08\x00', b'\x86\xdd'
TYPES = rb'(?:\x08\x00|\x08\x06|\x80\x35|\x86\xdd)'
RECEIVERS = (re.escape(bytes.fromhex(GUEST_MAC.replace(':', ''))), rb'\xff\xff\xff\xff\xff\xff',
             rb'\x01\x00\x5e[\x00-\xff]{3}', rb'\x33\x33[\x00-\xff]{4}')
FRAMES = [re.compile(receiver + rb'[\x00-\xff]{6}' + TYPES) for receiver in RECEIVERS]
FRAME_MIN, FRAME_MAX = 60, 14 + 65535
# So many bytes of the stream in a row are no chance.
PAYLOAD_MIN = 4
# A run that a byte belongs to may begin or end so far from it.
BESIDE = PAYLOAD_MIN - 1
# From one byte of the stream to the next, modulo 256; labhost.c makes it.
PAYLOAD_STEPS = (31, 32)


def frame_size(data, at):
    """The bytes of the frame at this place, as its own header tells; at most what may be."""
    kind = data[at + ADDRESSES:at + ADDRESSES + 2]
    if kind == IPV4 and at + 18 <= len(data):
        total = struct.unpack_from('>H', data, at + 16)[0]
        return max(14 + total, FRAME_MIN) if total >= 20 else FRAME_MAX
    if kind == IPV6 and at + 20 <= len(data):
        return max(54 + struct.unpack_from('>H', data, at + 18)[0], FRAME_MIN)
    return FRAME_MIN


def has_frame(memory, begin, end):
    """Whether a received frame, or its header, is in these bytes, from wherever it begins."""
    base = max(begin - FRAME_MAX, 0)
    data = memory[base:end + HEADER + ADDRESSES + 2]
    for pattern in FRAMES:
        match = pattern.search(data)
        while match:
            at = match.start()
            if base + at - HEADER < end and base + at + frame_size(data, at) > begin:
                return True
            match = pattern.search(data, at + 1)
    return False


def has_payload(data):
    run = 1
    for before, byte in zip(data, data[1:]):
        run = run + 1 if (byte - before) % 256 in PAYLOAD_STEPS else 1
        if run == PAYLOAD_MIN:
            return True
    return False


class BackEndWrites:
    """rings: (begin, end) of each used ring; memory: that of the guest, as it is now."""

    def __init__(self, memory, rings):
        self.memory = memory
        self.rings = rings

    def include(self, begin, end):
        """Whether any of these bytes of the memory may be the back end's."""
        return (any(begin < ring_end and end > ring for ring, ring_end in self.rings) or
                has_frame(self.memory, begin, end) or
                has_payload(self.memory[max(begin - BESIDE, 0):end + BESIDE]))


def used_rings(qmp):
    """Where the used rings of the guest's NIC are; they are split, as no test asks for packed.

    For a VM that is stopped only: of one that runs QEMU 7.2 would keep the rings.
    """
    paths = [device['path'] for device in qmp.command('x-query-virtio')
             if device['name'] == 'virtio-net']
    check_equal(len(paths), 1, 'NICs of the guest')
    rings = []
    for queue in (0, 1):
        ring = qmp.command('x-query-virtio-queue-status', path=paths[0], queue=queue)
        rings.append((ring['vring-used'], ring['vring-used'] + 6 + 8 * ring['vring-num']))
    return rings
