# SPDX-License-Identifier: GPL-2.0-or-later
# Runs the program for the tests of what watches it: QMP, HTTP and frames.
"""A program with a folder of its own, whose QMP listens at qmp.sock there."""

import contextlib
import json
import os
import pathlib
import socket
import struct
import subprocess
import tempfile

DEADLINE_S = 60


class Qmp:
    """A QMP connection."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect(str(path))
        self.file = self.socket.makefile('rw', encoding='utf-8')
        json.loads(self.file.readline())
        self('qmp_capabilities')

    def reply(self, command, **arguments):
        self.file.write(json.dumps({'execute': command, 'arguments': arguments}) + '\n')
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline())
            if 'return' in answer or 'error' in answer:
                return answer

    def __call__(self, command, **arguments):
        return self.reply(command, **arguments)['return']

    def hmp(self, line):
        return self('human-monitor-command', **{'command-line': line})

    def until(self, what, condition):
        """Until @condition() is true; each try asks the program, which works meanwhile."""
        for _ in range(20000):
            if condition():
                return
        raise TimeoutError(what)


class Program:
    """The running program."""

    def __init__(self, binary, folder, options):
        self.folder = pathlib.Path(folder)
        self.process = None
        path = self.folder / 'qmp.sock'
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            listener.settimeout(DEADLINE_S)
            fd = listener.fileno()
            os.set_inheritable(fd, True)
            self.process = subprocess.Popen(
                [binary, '-nodefaults', '-chardev',
                 f'socket,id=qmp0,fd={fd},server=on,wait=off', '-mon', 'qmp0,mode=control',
                 *options], cwd=folder, close_fds=False, stdin=subprocess.DEVNULL)
            try:
                self.qmp = Qmp(path)
            except OSError:
                self.stop()
                raise

    def path(self, name):
        return str(self.folder / name)

    def connect(self, name):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(DEADLINE_S)
        client.connect(self.path(name))
        return client

    def stop(self):
        """Returns: the exit status."""
        self.process.terminate()
        return self.process.wait(DEADLINE_S)

    def memory(self):
        """Bytes of physical memory that it has of its own."""
        text = pathlib.Path(f'/proc/{self.process.pid}/status').read_text(encoding='utf-8')
        return 1024 * int(next(line.split()[1] for line in text.splitlines()
                               if line.startswith('RssAnon:')))


@contextlib.contextmanager
def running(binary, options):
    """A program with these options, in which {} stands for its folder."""
    with tempfile.TemporaryDirectory(prefix='qnd-watch-') as folder:
        program = Program(binary, folder, [option.replace('{}', folder) for option in options])
        try:
            yield program
            status = program.stop()
            assert status == 0, f'the program ended with status {status}'
        finally:
            program.process.kill()
            program.process.wait()


def frame(number, length=64):
    """An Ethernet frame, with its length in front."""
    content = b'\xff' * 6 + b'\x02\0\0\0\0\1' + b'\x88\xb5' + struct.pack('>I', number)
    content = content.ljust(length, b'.')
    return struct.pack('>I', len(content)) + content


def read_all(client):
    """What comes until the end."""
    parts = []
    while part := client.recv(65536):
        parts.append(part)
    return b''.join(parts)


def http(program, request, name='metrics.sock'):
    """One request. Returns: (status, fields, content)."""
    with program.connect(name) as client:
        client.sendall(request)
        return split_answer(read_all(client))


def split_answer(answer):
    head, _, content = answer.partition(b'\r\n\r\n')
    line, *fields = head.decode('ascii').split('\r\n')
    version, status, _ = line.split(' ', 2)
    assert version == 'HTTP/1.1', line
    return (int(status), {name.lower(): value for name, value in
                          (field.split(': ', 1) for field in fields)}, content)


def get_page(program):
    status, fields, content = http(program, b'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n')
    assert status == 200, (status, content)
    assert fields['content-type'].startswith('application/openmetrics-text; version=1.0.0')
    assert int(fields['content-length']) == len(content), fields
    return content.decode('utf-8')
