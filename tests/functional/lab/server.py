# SPDX-License-Identifier: GPL-2.0-or-later
# The program in a VM that is a namespace: servers for echoes, for uploads and for web pages.
"""usage: python3 -m lab.server

Standard input takes a command a line; standard output answers each with a line:
    differ      from now on each byte of an answer is another than it should be
    agree       no more
    announce    send what a NIC sends when its VM has come to another host
    count       answered with the connections that are open and those that there were
"""

import os
import selectors
import socket
import sys

from . import content
from .network import GUEST_MAC

ECHO_PORT = 7
UPLOAD_PORT = 9
WEB_PORT = 80
NIC = 'vm0'
RARP = 0x8035
BACKLOG = 128
PART_BYTES = 32 << 10
READ_BYTES = 65536
# What a connection may have to say before it is listened to no more.
WAITING_BYTES = 256 << 10
INVERTED = bytes(255 - byte for byte in range(256))


class Connection:
    """What a client has asked and is to be told; answer: makes of one the other."""

    def __init__(self, sock, answer):
        self.socket = sock
        self.answer = answer
        self.asked = bytearray()
        self.waiting = bytearray()
        self.is_ending = False

    def interest(self):
        listens = not self.is_ending and len(self.waiting) < WAITING_BYTES
        return (selectors.EVENT_READ if listens else 0) | \
               (selectors.EVENT_WRITE if self.waiting else 0)

    def read(self, differs):
        data = self.socket.recv(READ_BYTES)
        self.is_ending |= not data
        self.asked += data
        answer = self.answer(self)
        self.waiting += answer.translate(INVERTED) if differs else answer

    def write(self):
        del self.waiting[:self.socket.send(self.waiting)]

    def is_over(self):
        return self.is_ending and not self.waiting


def echo(connection):
    data = bytes(connection.asked)
    connection.asked.clear()
    return data


def upload(connection):
    """Answers each PART_BYTES by what it has got."""
    answers = b''
    while len(connection.asked) >= PART_BYTES:
        answers += content.digest(connection.asked[:PART_BYTES])
        del connection.asked[:PART_BYTES]
    return answers


def web_answer(head):
    """The answer to one request, and whether it is the last of its connection."""
    lines = head.decode('latin-1').split('\r\n')
    name = lines[0].split(' ')[1].lstrip('/')
    body, status = (content.page(int(name)), '200 OK') if name.isdigit() else \
                   (b'no such page\n', '404 Not Found')
    is_last = any(line.lower() == 'connection: close' for line in lines)
    head = (f'HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n'
            'Content-Type: application/octet-stream\r\n'
            f'Connection: {"close" if is_last else "keep-alive"}\r\n\r\n')
    return head.encode() + body, is_last


def web(connection):
    answers = b''
    while b'\r\n\r\n' in connection.asked:
        head, _, rest = connection.asked.partition(b'\r\n\r\n')
        connection.asked = rest
        answer, is_last = web_answer(head)
        answers += answer
        connection.is_ending |= is_last
    return answers


def announce():
    """A reverse ARP request for the NIC's own address, so that switches learn where it is."""
    mac = bytes.fromhex(GUEST_MAC.replace(':', ''))
    body = bytes.fromhex('0001 0800 06 04 0003') + 2 * (mac + bytes(4))
    frame = b'\xff' * 6 + mac + RARP.to_bytes(2, 'big') + body
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((NIC, RARP))
        sock.send(frame.ljust(60, b'\0'))


class Server:
    """All connections, in one loop."""

    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.differs = False
        self.n_open = self.n_accepted = 0
        os.set_blocking(sys.stdin.fileno(), False)
        self.selector.register(sys.stdin.fileno(), selectors.EVENT_READ, self.command)
        for port, answer in ((ECHO_PORT, echo), (UPLOAD_PORT, upload), (WEB_PORT, web)):
            self.listen(port, answer)

    def listen(self, port, answer):
        listener = socket.create_server(('', port), backlog=BACKLOG)
        listener.setblocking(False)
        self.selector.register(listener, selectors.EVENT_READ,
                               lambda _events: self.accept(listener, answer))

    def accept(self, listener, answer):
        sock, _ = listener.accept()
        sock.setblocking(False)
        self.add(Connection(sock, answer))
        self.n_accepted += 1

    def add(self, connection):
        self.n_open += 1
        self.selector.register(connection.socket, connection.interest(),
                               lambda events: self.serve(connection, events))

    def serve(self, connection, events):
        try:
            if events & selectors.EVENT_READ:
                connection.read(self.differs)
            if events & selectors.EVENT_WRITE:
                connection.write()
        except OSError:
            connection.waiting.clear()
            connection.is_ending = True
        if connection.is_over():
            self.end(connection)
        else:
            self.selector.modify(connection.socket, connection.interest(),
                                 self.selector.get_key(connection.socket).data)

    def end(self, connection):
        self.selector.unregister(connection.socket)
        connection.socket.close()
        self.n_open -= 1

    def command(self, _events):
        words = os.read(sys.stdin.fileno(), READ_BYTES)
        if not words:
            raise SystemExit
        for word in words.decode().split():
            if word == 'count':
                print(f'open={self.n_open} accepted={self.n_accepted}', flush=True)
            else:
                if word == 'announce':
                    announce()
                else:
                    self.differs = word == 'differ'
                print(word, flush=True)

    def run(self):
        print('ready', flush=True)
        while True:
            for key, events in self.selector.select():
                key.data(events)


if __name__ == '__main__':
    Server().run()
