#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Tests that ten thousand visitors at each listening socket leave a program that answers.
"""usage: many_connections.py PROGRAM

Visitors come one after another; many say nothing, some send garbage or a part of a frame. Nobody
reads the program's standard error, which is a pipe. After each ten thousand QMP must answer, and
a whole frame must still come in. Prints TAP: one point for each socket, one for the end.
"""

import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time

VISITORS = 10000
DEADLINE_S = 60
SAY = (b'', b'', b'\xff\xff\xff\xff', b'\0\0\0\x40abc', b'', b'{"execute": ]\n', b'\0', b'\n\n')
OPTIONS = '''-nodefaults -qmp unix:ctl.sock,server=on,wait=off -qmp unix:qmp.sock,server=on,wait=off
-monitor unix:hmp.sock,server=on,wait=off
-netdev stream,id=n0,server=on,addr.type=unix,addr.path=stream.sock
-netdev hubport,id=p0,hubid=0,netdev=n0
-netdev socket,id=n1,listen=127.0.0.1:{port} -netdev hubport,id=p1,hubid=0,netdev=n1
-netdev hubport,id=n2,hubid=2
-export stream,id=e0,netdev=n2,addr.type=unix,addr.path=export.sock
-chardev socket,id=c0,path=mirror.sock,server=on,wait=off
-object filter-mirror,id=m0,netdev=n0,queue=all,outdev=c0
-chardev socket,id=c1,path=indev.sock,server=on,wait=off
-object filter-redirector,id=r0,netdev=n0,queue=all,indev=c1'''
# What listens, and which netdev a frame must reach there, in which direction.
UNIX = (('stream.sock', 'n0', 'tx'), ('export.sock', 'n2', 'rx'), ('mirror.sock', None, None),
        ('indev.sock', None, None), ('qmp.sock', None, None), ('hmp.sock', None, None))
FRAME = struct.pack('!I', 60) + b'\xff' * 60


class Fault(Exception):
    """What must not be."""


def free_port():
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return sock.getsockname()[1]


def connect(address):
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    sock = socket.socket(family)
    # Not settimeout(): that would make a full backlog an error.
    for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
        sock.setsockopt(socket.SOL_SOCKET, option, struct.pack('@ll', DEADLINE_S, 0))
    sock.connect(address)
    return sock


def wait_accepted(sock):
    """A TCP whose backlog is full answers only when it is asked again, after a second."""
    if sock.family == socket.AF_INET:
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(4096):
            pass


class Program:
    """The program and its monitor."""

    def __init__(self, path):
        self.port = free_port()
        self.process = subprocess.Popen([path] + OPTIONS.format(port=self.port).split(),
                                        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.socket = self._start()
        self.file = self.socket.makefile('rb')
        self.file.readline()
        self.ask('qmp_capabilities')

    def _start(self):
        deadline = time.monotonic() + DEADLINE_S
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                return connect('ctl.sock')
            except OSError:
                pass
        raise Fault('it does not start')

    def ask(self, name):
        """Raises TimeoutError where no answer comes."""
        self.socket.sendall(json.dumps({'execute': name}).encode() + b'\n')
        while True:
            reply = json.loads(self.file.readline())
            if 'return' in reply:
                return reply['return']
            if 'error' in reply:
                raise Fault(f'{name}: {reply["error"]["desc"]}')

    def frames(self, netdev, direction):
        entry = next(entry for entry in self.ask('query-netdevs') if entry['id'] == netdev)
        return entry[direction]['in']['frames']

    def visit(self, address):
        for number in range(VISITORS):
            with connect(address) as sock:
                try:
                    sock.sendall(SAY[number % len(SAY)])
                    wait_accepted(sock)
                except (BrokenPipeError, ConnectionResetError):
                    pass

    def still_serves(self, address, netdev, direction):
        before = self.frames(netdev, direction)
        with connect(address) as sock:
            sock.sendall(FRAME)
            deadline = time.monotonic() + DEADLINE_S
            while self.frames(netdev, direction) == before:
                if time.monotonic() > deadline:
                    raise Fault(f'no frame comes in any more at {address}')

    def end(self):
        self.ask('quit')
        # Until now nobody has read what it had to say.
        self.process.communicate(timeout=DEADLINE_S)
        if self.process.returncode:
            raise Fault(f'exit status {self.process.returncode}')

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stderr.close()


def point(number, text, action):
    """Returns: whether it went well."""
    try:
        action()
    except (Fault, OSError, ValueError, subprocess.SubprocessError) as error:
        print(f'not ok {number} {text}\n# {error!r}', flush=True)
        return False
    print(f'ok {number} {text}', flush=True)
    return True


def run(program):
    places = UNIX + ((('127.0.0.1', program.port), 'n1', 'tx'),)
    print(f'1..{len(places) + 1}', flush=True)
    good = True
    for number, (address, netdev, direction) in enumerate(places, 1):
        def check(place=address, net=netdev, way=direction):
            program.visit(place)
            program.ask('query-status')
            if net:
                program.still_serves(place, net, way)
        good &= point(number, f'{VISITORS} visitors at {address}', check)
    return point(len(places) + 1, 'it ends in order', program.end) and good


def main():
    path = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix='qnd-') as folder:
        os.chdir(folder)
        program = Program(path)
        try:
            return 0 if run(program) else 1
        finally:
            program.close()
            os.chdir('/')


if __name__ == '__main__':
    sys.exit(main())
