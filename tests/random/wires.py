# SPDX-License-Identifier: GPL-2.0-or-later
# The outside ends of netdevs, exports and chardevs: frames go in, and what comes out is looked at.

import os
import socket
import struct

MARK = b'QNDR'
HEAD = struct.Struct('!12sH4sIH')
MAX_FRAME = 1514
READ_BYTES = 1 << 18
# What may wait here to be taken; then nothing more is sent.
PENDING_MAX = 1 << 18


class Torn(Exception):
    """A frame came out that is not as it went in."""


def frame(number, length):
    """A broadcast frame of length bytes whose content follows from its number."""
    head = HEAD.pack(b'\xff' * 6 + b'\x52\x54\0\0\0\1', 0x88b5, MARK, number, length)
    return head + bytes((number + place) & 0xff for place in range(length - len(head)))


def check(data):
    """Of ours it must be one; others (requests of a stack inside, for instance) may be anything."""
    if len(data) < HEAD.size or data[14:18] != MARK:
        return
    number, length = HEAD.unpack_from(data)[3:]
    if data != frame(number, length):
        raise Torn(f'frame {number} of {length} bytes came out with {len(data)}: {data[:64].hex()}')


class Wire:
    """One end. path: where the program listens, or None for a socket that is connected."""

    def __init__(self, path=None, sock=None, is_checked=True):
        self.path = path
        self.socket = None
        self.is_checked = is_checked
        self.pending = b''
        self.came = b''
        if sock:
            self.use(sock)

    def use(self, sock):
        self.socket = sock
        self.socket.setblocking(False)
        self.is_datagram = sock.type == socket.SOCK_DGRAM
        self.pending = self.came = b''

    def connect(self):
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.setblocking(False)
            sock.connect(self.path)
        except OSError:
            sock.close()
            return
        self.use(sock)

    def hang_up(self):
        if self.socket:
            self.socket.close()
            self.socket = None

    def send(self, number, length):
        if not self.socket or len(self.pending) > PENDING_MAX:
            return
        data = frame(number, length)
        if self.is_datagram:
            try:
                self.socket.send(data)
            except OSError:
                pass
        else:
            self.pending += struct.pack('!I', length) + data

    def flush(self):
        try:
            while self.pending:
                self.pending = self.pending[self.socket.send(self.pending):]
        except BlockingIOError:
            pass

    def read(self):
        """Take what is there, once."""
        try:
            data = self.socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        if self.is_datagram:
            check(data)
        elif not data:
            self.hang_up()
        elif self.is_checked:
            self.came += data
            self.cut()

    def cut(self):
        at = 0
        while len(self.came) - at >= 4:
            length = struct.unpack_from('!I', self.came, at)[0]
            if length > 1 << 17:
                raise Torn(f'a length of {length}')
            if len(self.came) - at < 4 + length:
                break
            check(self.came[at + 4:at + 4 + length])
            at += 4 + length
        self.came = self.came[at:]

    def run(self, random, number):
        """Some traffic. Returns: the number for the next frame."""
        if not self.socket and self.path:
            self.connect()
        for _ in range(random.choice((0, 1, 3, 20))):
            self.send(number, random.choice((60, 60, 342, 1024, MAX_FRAME)))
            number += 1
        try:
            if self.socket:
                self.flush()
            if self.socket and random.random() < 0.8:
                self.read()
        except (BrokenPipeError, ConnectionError):
            self.hang_up()
        if random.random() < 0.02 and self.path:
            self.hang_up()
        return number


def pair(kind=socket.SOCK_STREAM):
    """A wire and the socket for the program."""
    near, far = socket.socketpair(socket.AF_UNIX, kind)
    return Wire(sock=near), far


def bound(path, target):
    """A datagram wire at path, that sends to target as soon as that is there."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(path)
    if os.path.exists(target):
        sock.connect(target)
    return Wire(sock=sock)
