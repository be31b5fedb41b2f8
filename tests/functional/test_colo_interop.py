#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Tests that our filters and colo-compare work with those of stock QEMU, in both roles.
"""
    +--------- feeder ---------+            +-------- comparer --------+
    primary ──► net0 ─ mirror ─┼────────────┼► primary_in              |
    secondary ► net1 ─ mirror ─┼────────────┼► secondary_in  notify_dev┼◄─► manager
    client ◄─── net2 ─ redir. ◄┼────────────┼─ outdev                  |
    +--------------------------+            +--------------------------+

One of the two is ours, the other QEMU; no guest is needed.
"""

import functools
import itertools
import select
import socket
import struct
import sys

from lab import tap
from lab.errors import check, check_equal
from lab.guest import find_qemu
from lab.process import Process
from lab.qmp import Qmp

ENDS = ('pri', 'sec', 'out')
CLIENT = (bytes([10, 0, 0, 9]), 40000)
GUEST = (bytes([10, 0, 0, 1]), 80)
UDP, TCP = 17, 6
ACK = 0x10


def words_sum(data):
    data += b'\0' * (len(data) % 2)
    total = sum(struct.unpack(f'>{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ipv4(protocol, segment):
    """An Ethernet frame from the guest to the client."""
    head = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(segment), 7, 0, 64, protocol, 0,
                       GUEST[0], CLIENT[0])
    head = head[:10] + struct.pack('>H', words_sum(head)) + head[12:]
    return bytes.fromhex('525400000009' '525400000001' '0800') + head + segment


def udp(payload):
    return ipv4(UDP, struct.pack('>HHHH', GUEST[1], CLIENT[1], 8 + len(payload), 0) + payload)


def tcp(seq, payload, ack=1):
    return ipv4(TCP, struct.pack('>HHIIBBHHH', GUEST[1], CLIENT[1], seq, ack, 0x50, ACK, 8192, 0,
                                 0) + payload)


class Stream:
    """One end of a stream of frames, each with its length in front."""

    def __init__(self, lab, sock):
        self.deadline = lab.deadline
        self.socket = sock
        lab.add(self)

    def send(self, frame):
        self.socket.sendall(struct.pack('>I', len(frame)) + frame)

    def read(self, count, what):
        data = b''
        while len(data) < count:
            self.socket.settimeout(self.deadline.remaining(what))
            more = self.socket.recv(count - len(data))
            check(more, f'{what}: end of file')
            data += more
        return data

    def receive(self, what):
        return self.read(struct.unpack('>I', self.read(4, what))[0], what)

    def is_silent(self):
        return not select.select([self.socket], [], [], 0)[0]

    def close(self):
        self.socket.close()


class Program:
    """A program without a guest, given descriptors. Its filters take all frames, so none wait."""

    def __init__(self, lab, name, options, fds=()):
        self.qmp = Qmp(name, lab.deadline)
        command = [*self.command(lab), '-nodefaults', *self.qmp.options(), *options]
        self.process = Process(name, command, lab.folder, lab.deadline,
                               fds=[self.qmp.far.fileno(), *fds])
        lab.add(self)
        self.qmp.begin()

    def close(self):
        self.process.kill()
        self.qmp.close()

    def story(self):
        if self.process.last_words():
            yield f'{self.qmp.name} wrote: {self.process.last_words()}'


class Stock(Program):
    """QEMU."""

    @staticmethod
    def command(_lab):
        return find_qemu()

    def __init__(self, lab, name, options, fds=()):
        super().__init__(lab, name, ['-M', 'none', '-display', 'none', *options], fds)


class Ours(Program):
    """qemu-net-daemon."""

    @staticmethod
    def command(lab):
        return [str(lab.build / 'qemu-net-daemon')]


def comparer_options(lab, vnet):
    options = ['-object', 'iothread,id=io']
    for end in (*ENDS, 'ntf'):
        options += ['-chardev', f'socket,id={end},path={lab.folder}/{end},server=on,wait=off']
    return options + ['-object', 'colo-compare,id=cmp0,primary_in=pri,secondary_in=sec,outdev=out,'
                                 f'iothread=io,notify_dev=ntf{vnet}']


def feeder_options(lab, vnet, fds):
    """Copies of what comes to net0 and net1 go to the comparer; what it releases leaves by net2."""
    options = []
    for number, (end, fd) in enumerate(zip(ENDS, fds)):
        options += ['-netdev', f'socket,id=net{number},fd={fd}',
                    '-netdev', f'hubport,id=hub{number},hubid={number},netdev=net{number}',
                    '-chardev', f'socket,id={end},path={lab.folder}/{end}']
    for number in (0, 1):
        on = f'netdev=net{number},queue=tx'
        options += ['-object', f'filter-mirror,id=m{number},{on},outdev={ENDS[number]}{vnet}',
                    '-chardev', f'null,id=null{number}',
                    '-object', f'filter-redirector,id=sink{number},{on},outdev=null{number}']
    return options + ['-object', f'filter-redirector,id=r,netdev=net2,queue=rx,indev=out{vnet}']


class Pair:
    """Feeder and comparer of one case; qemu: which of them is QEMU."""

    def __init__(self, lab, qemu, vnet):
        vnet = ',vnet_hdr_support=on' if vnet else ''
        kinds = {'feeder': Ours, 'comparer': Ours, qemu: Stock}
        self.comparer = kinds['comparer'](lab, 'comparer', comparer_options(lab, vnet))
        near, far = zip(*(socket.socketpair() for _ in ENDS))
        fds = [sock.fileno() for sock in far]
        self.primary, self.secondary, self.client = (Stream(lab, sock) for sock in near)
        manager = socket.socket(socket.AF_UNIX)
        manager.connect(f'{lab.folder}/ntf')
        self.manager = Stream(lab, manager)
        self.vnet = bool(vnet)
        self.say(b'COLO_USERSPACE_PROXY_INIT')
        self.hear(b'COLO_COMPARE_GET_XEN_INIT')
        self.feeder = kinds['feeder'](lab, 'feeder', feeder_options(lab, vnet, fds), fds)
        for sock in far:
            sock.close()
        self.wait_connected(lab)

    def wait_connected(self, lab):
        """A packet released before the outdev has been accepted would be lost."""
        while any(chardev['filename'].startswith('disconnected:')
                  for chardev in self.comparer.qmp.command('query-chardev')):
            lab.deadline.remaining('connections between feeder and comparer')

    def say(self, text):
        """A message of the manager; QEMU wants the word for the header where there are some."""
        word = struct.pack('>I', 0) if self.vnet else b''
        self.manager.socket.sendall(struct.pack('>I', len(text)) + word + text)

    def hear(self, text):
        check_equal(self.manager.receive(f'message {text}'), text, 'message to the manager')

    def expect(self, *frames):
        for frame in frames:
            check_equal(self.client.receive('a released packet'), frame, 'released packet')

    def expect_silence(self):
        for process in (self.feeder, self.comparer, self.feeder):
            process.qmp.command('query-status')
        check(self.client.is_silent(), 'something was released that should not be')


def equal_is_released(pair):
    for count in range(100):
        frame = udp(b'datagram %d' % count)
        for stream in (pair.primary, pair.secondary):
            stream.send(frame)
        pair.expect(frame)


def cut_differently(pair):
    pair.primary.send(tcp(1000, b'abcdefgh'))
    pair.secondary.send(tcp(1000, b'abc'))
    pair.secondary.send(tcp(1003, b'defgh'))
    pair.expect(tcp(1000, b'abcdefgh'))


def untrackable_passes(pair):
    arp = b'\xff' * 6 + bytes.fromhex('525400000001' '0806') + bytes(46)
    pair.primary.send(arp)
    pair.expect(arp)


def different_asks(pair):
    pair.primary.send(udp(b'this'))
    pair.secondary.send(udp(b'that'))
    pair.hear(b'DO_CHECKPOINT')
    pair.expect_silence()
    pair.say(b'COLO_CHECKPOINT')
    pair.expect(udp(b'this'))


def works_together(qemu, vnet, lab):
    """All in one life of the two: what is asked for in one part is over in the next."""
    pair = Pair(lab, qemu, vnet)
    for part in (equal_is_released, cut_differently, untrackable_passes, different_asks,
                 equal_is_released):
        part(pair)


CASES = [(f'QEMU is the {qemu}{", virtio-net headers" if vnet else ""}',
          functools.partial(works_together, qemu, vnet))
         for qemu, vnet in itertools.product(('comparer', 'feeder'), (False, True))]

if __name__ == '__main__':
    sys.exit(tap.main(CASES, 30))
