# SPDX-License-Identifier: GPL-2.0-or-later
# Clients that talk to a server at the same time, and look at each byte that comes back.

import os
import selectors
import shutil
import socket

from . import content
from .errors import LabError, Skip, check, check_equal
from .network import GUEST
from .process import Process
from .server import ECHO_PORT, PART_BYTES, UPLOAD_PORT

READ_BYTES = 1 << 18
CURL_SECONDS = 300


class Connection:
    """A connection on which bursts of bytes go out, and after each its answer comes back.

    seed: from which the bytes are made; total: how many there are, after which it closes.
    """

    def __init__(self, port, seed, total, burst):
        self.seed = seed
        self.total = total
        self.burst = burst
        self.sent = self.received = self.burst_end = 0
        self.is_over = False
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex((GUEST, port))

    def fileno(self):
        return self.socket.fileno()

    def answer(self, begin, size):
        """What is to come back there."""
        raise NotImplementedError

    def answer_size(self, sent):
        """How much is to come back for so many bytes."""
        raise NotImplementedError

    def wanted(self):
        """How many bytes it may say now."""
        if self.sent == self.burst_end and self.received == self.answer_size(self.sent):
            self.burst_end = min(self.total, self.sent + self.burst)
        return self.burst_end - self.sent

    def interest(self):
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self.wanted() > 0 else 0)

    def serve(self, events):
        try:
            if events & selectors.EVENT_WRITE and self.wanted() > 0:
                self._say()
            if events & selectors.EVENT_READ:
                self._hear()
        except OSError as error:
            raise LabError(f'{self.seed} broke: {error}') from error

    def _say(self):
        self.sent += self.socket.send(content.stream(self.seed, self.sent, self.wanted()))
        if self.sent == self.total:
            self.socket.shutdown(socket.SHUT_WR)

    def _hear(self):
        data = self.socket.recv(READ_BYTES)
        if data:
            check(data == self.answer(self.received, len(data)),
                  f'wrong bytes for {self.seed}, from {self.received} on')
            self.received += len(data)
            return
        check_equal(self.received, self.answer_size(self.total),
                    f'bytes that came back to {self.seed}')
        self.is_over = True

    def story(self):
        return f'{self.seed}: {self.sent} of {self.total} bytes said, {self.received} heard'

    def close(self):
        self.socket.close()


class Echo(Connection):
    """All that is said comes back."""

    def answer(self, begin, size):
        return content.stream(self.seed, begin, size)

    def answer_size(self, sent):
        return sent


class Upload(Connection):
    """As much as the server takes without an answer; it answers by what it has got."""

    def __init__(self, port, seed, parts):
        said = (content.stream(seed, number * PART_BYTES, PART_BYTES) for number in range(parts))
        self.answers = b''.join(content.digest(part) for part in said)
        super().__init__(port, seed, parts * PART_BYTES, PART_BYTES)

    def answer(self, begin, size):
        return self.answers[begin:begin + size]

    def answer_size(self, sent):
        return sent // PART_BYTES * len(self.answers) * PART_BYTES // self.total


def find_curl():
    path = shutil.which('curl')
    if not path:
        raise Skip('the program curl is missing; Debian package curl')
    return path


class Curl:
    """A curl that loads pages, one after the other on one connection unless it is told more."""

    def __init__(self, lab, sizes, *more):
        self.sizes = sizes
        self.received = 0
        self.is_over = False
        name = lab.unique('curl')
        self.files = [lab.folder / f'{name}-{number}' for number in range(len(sizes))]
        pages = [word for size, file in zip(sizes, self.files)
                 for word in ('-o', str(file), f'http://{GUEST}/{size}')]
        self.process = Process(name, [find_curl(), '-q', '-sS', '--fail', '--noproxy', '*',
                                      '--max-time', str(CURL_SECONDS), *more, *pages],
                               lab.folder, lab.deadline)
        self.end = os.pidfd_open(self.process.pid)

    def fileno(self):
        return self.end

    def interest(self):
        return selectors.EVENT_READ

    def serve(self, _events):
        check_equal(self.process.wait(), 0, f'exit status of {self.process.name} '
                                            f'({self.process.last_words()})')
        for size, file in zip(self.sizes, self.files):
            check(file.read_bytes() == content.page(size),
                  f'{self.process.name}: page {size} is wrong')
            self.received += size
        self.is_over = True

    def story(self):
        return f'{self.process.name}, pages {self.sizes}, did not end'

    def close(self):
        self.process.kill()
        os.close(self.end)


class Talk:
    """What all clients of a case have to say and to hear."""

    def __init__(self, lab):
        self.lab = lab
        self.deadline = lab.deadline
        self.clients = []
        self.selector = selectors.DefaultSelector()
        lab.add(self)

    def add(self, client):
        self.clients.append(client)
        self.selector.register(client, client.interest(), client)
        return client

    def echo(self, total, burst, port=ECHO_PORT):
        return self.add(Echo(port, f'echo {len(self.clients)}', total, burst))

    def upload(self, parts):
        return self.add(Upload(UPLOAD_PORT, f'upload {len(self.clients)}', parts))

    def curl(self, sizes, *more):
        return self.add(Curl(self.lab, sizes, *more))

    def watch(self, source, function):
        """Call function when there is something to read from source."""
        self.selector.register(source, selectors.EVENT_READ, function)

    def unwatch(self, source):
        self.selector.unregister(source)

    def is_over(self):
        return all(client.is_over for client in self.clients)

    def received(self):
        return sum(client.received for client in self.clients)

    def _serve(self, client, events):
        client.serve(events)
        if client.is_over:
            self.selector.unregister(client)
        else:
            self.selector.modify(client, client.interest(), client)

    def _run_once(self, seconds):
        for key, events in self.selector.select(seconds):
            if isinstance(key.data, (Connection, Curl)):
                self._serve(key.data, events)
            else:
                key.data()

    def run(self, until=None, what='the end of all that clients have to say'):
        """Let them talk until that is so; without it, until they have done."""
        until = until or self.is_over
        while not until():
            self._run_once(self.deadline.remaining(what))

    def run_while_asking(self, question, what):
        """Let them talk until the answer of another process is yes."""
        while not question():
            self.deadline.remaining(what)
            self._run_once(0)

    def run_for(self, count):
        """Let them talk until so many more bytes have come back, or until they have done."""
        goal = self.received() + count
        self.run(lambda: self.received() >= goal or self.is_over(), f'{count} bytes more')

    def story(self):
        for client in self.clients:
            if not client.is_over:
                yield client.story()

    def close(self):
        for client in self.clients:
            client.close()
        self.selector.close()
