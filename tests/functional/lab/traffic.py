# SPDX-License-Identifier: GPL-2.0-or-later
# Traffic between the host and the test guest, and what became of it.

import os
import select
import socket
import struct
import subprocess

from .errors import LabError, check, check_equal
from .network import GUEST
from .process import LineReader, Process

CONTROL_PORT = 7000
ECHO_PORT = 7
ZEROES_PORT = 5002
# How long one question may be under way before it is asked again.
ASK_AGAIN_S = 0.5
ARRIVAL = struct.Struct('=IIq')


def words(text):
    """The NAME=VALUE words of a line; numbers as such."""
    pairs = (word.partition('=')[::2] for word in text.split() if '=' in word)
    return {name: int(value) if value.lstrip('-').isdigit() else value for name, value in pairs}


class Tool:
    """A labhost that runs. What it prints at its end is its result."""

    kind = None

    def __init__(self, lab, *arguments):
        self.deadline = lab.deadline
        command = [str(lab.labhost), self.kind, GUEST, *(str(word) for word in arguments)]
        self.process = Process(lab.unique(f'labhost-{self.kind}'), command, lab.folder,
                               lab.deadline, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        fd = self.process.process.stdout.fileno()
        self.lines = LineReader(self.process.name, fd, lambda size: os.read(fd, size),
                                lab.deadline)
        lab.add(self)
        self.next_line('started')

    def next_line(self, begin):
        """Returns: the next line that begins so."""
        while (line := self.lines.line()) is not None:
            if line.decode().startswith(begin):
                return line.decode()
        raise LabError(f'{self.process.name} ended: {self.process.last_words()}')

    def result(self):
        """Wait for the end. Returns: the numbers."""
        last = {}
        while (line := self.lines.line()) is not None:
            last = words(line.decode())
        check_equal(self.process.wait(), 0,
                    f'{self.process.last_words()}exit status of {self.process.name}')
        return last

    def stop(self):
        """Tell it to come to an end. Returns: the numbers."""
        self.process.process.stdin.close()
        return self.result()

    def close(self):
        self.process.kill()


class Sender(Tool):
    """Numbered datagrams into the guest."""

    kind = 'send'

    def __init__(self, lab, stream, per_second, count):
        self.stream = stream
        self.sent = 0
        super().__init__(lab, stream, per_second, count)

    def wait_sent(self, count):
        """Until so many have been sent; with a precision of a tenth of a second."""
        while self.sent < count:
            self.sent = words(self.next_line('progress='))['progress']

    def wait_more(self, count):
        """Until so many more have been sent than when this was called."""
        while select.select([self.lines.fd], [], [], 0)[0] or b'\n' in self.lines.pending:
            self.sent = words(self.next_line('progress='))['progress']
        self.wait_sent(self.sent + count)


class Receiver(Tool):
    """A numbered stream out of the guest."""

    kind = 'receive'

    def __init__(self, lab, stream, per_second, count):
        self.path = lab.folder / f'arrivals-{stream}'
        super().__init__(lab, stream, per_second, count, self.path)

    def arrivals(self):
        """(number, real time in seconds) of each datagram that came."""
        return [(seq, real_us / 1e6)
                for seq, _, real_us in ARRIVAL.iter_unpack(self.path.read_bytes())]


class Echo(Tool):
    """A TCP connection whose bytes the guest sends back."""

    kind = 'echo'

    def check_whole(self):
        """End it: every byte that went out has come back, unchanged. Returns: how many."""
        result = self.stop()
        check_equal(result['wrong'], 0, 'bytes of the TCP stream that are wrong')
        check_equal(result['received'], result['sent'], 'bytes of the TCP stream that came back')
        return result['sent']


class Load(Tool):
    """TCP into the guest, as fast as it goes."""

    kind = 'load'


def ask(deadline, port, datagram):
    """Send a datagram until an answer comes. Returns: the answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((GUEST, port))
        while True:
            client.send(datagram)
            left = min(ASK_AGAIN_S, deadline.remaining('an answer of the guest'))
            if select.select([client], [], [], left)[0]:
                return client.recv(65536)


def report(deadline, stream):
    """What the guest has counted of a stream into it."""
    return words(ask(deadline, CONTROL_PORT, struct.pack('!cB', b'Q', stream)).decode())


def check_stream(deadline, stream, sent, duplicates=0, reordered=0):
    """The guest has got every datagram of a stream, in order. Returns: what it counted.

    A guest whose programs get no time for seconds, on a busy host, throws datagrams away itself:
    its kernel counts those that found the socket full.
    """
    counted = report(deadline, stream)
    check(0 <= sent - counted['unique'] <= counted['found_full'],
          f'datagrams that reached the guest ({counted}): {counted["unique"]}, not {sent}')
    check(counted['reordered'] <= reordered,
          f'{counted["reordered"]} datagrams came out of order; {reordered} at most ({counted})')
    check(counted['duplicated'] <= duplicates,
          f'{counted["duplicated"]} datagrams came twice; {duplicates} at most')
    return counted


def drain(deadline, count):
    """Read so many bytes of what the guest sends over TCP as fast as it can."""
    with socket.create_connection((GUEST, ZEROES_PORT)) as client:
        while count > 0:
            client.settimeout(deadline.remaining('bytes of the guest'))
            data = client.recv(1 << 20)
            check(data and not data.strip(b'\0'), 'the TCP stream of the guest is broken')
            count -= len(data)


def run_in_guest(command):
    """Run a command in the guest's shell."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b'C' + command.encode(), (GUEST, CONTROL_PORT))
