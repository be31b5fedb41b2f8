# SPDX-License-Identifier: GPL-2.0-or-later
# A process of the lab: it ends with the test, whatever happens, and its last words are kept.

import select
import signal
import subprocess

from .errors import LabError
from .network import libc

PR_SET_PDEATHSIG = 1
LAST_WORDS = 2000


def die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A program that runs; what it writes to standard error is in a file."""

    def __init__(self, name, command, folder, deadline, fds=(), **options):
        self.name = name
        self.command = command
        self.deadline = deadline
        self.errors = folder / f'{name}.err'
        with open(self.errors, 'ab') as errors:
            options.setdefault('stdin', subprocess.DEVNULL)
            options.setdefault('stdout', errors)
            self.process = subprocess.Popen(command, stderr=errors, pass_fds=fds,
                                            preexec_fn=die_with_parent, **options)
        self.pid = self.process.pid

    def last_words(self):
        return self.errors.read_bytes()[-LAST_WORDS:].decode(errors='replace')

    def is_running(self):
        return self.process.poll() is None

    def wait(self):
        """Returns: the exit status."""
        try:
            return self.process.wait(self.deadline.remaining(f'the end of {self.name}'))
        except subprocess.TimeoutExpired:
            raise LabError(f'{self.name} does not end') from None

    def kill(self):
        """SIGKILL; afterwards it is gone."""
        if self.is_running():
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()

    def peak_kib(self):
        """The most memory it ever had resident."""
        with open(f'/proc/{self.pid}/status', encoding='ascii') as status:
            for line in status:
                if line.startswith('VmHWM:'):
                    return int(line.split()[1])
        raise LabError(f'{self.name} has ended:\n{self.last_words()}')


class LineReader:
    """Reads lines of a pipe or socket under a deadline."""

    def __init__(self, name, fd, read, deadline):
        self.name = name
        self.fd = fd
        self.read = read
        self.deadline = deadline
        self.pending = b''
        self.has_ended = False

    def fill(self):
        """Wait for more. Returns: false at the end."""
        left = self.deadline.remaining(f'a line from {self.name}')
        if not select.select([self.fd], [], [], left)[0]:
            return True
        try:
            data = self.read(65536)
        except ConnectionResetError:
            data = b''
        self.has_ended = not data
        self.pending += data
        return not self.has_ended

    def line(self):
        """Returns: the next line without its end; None at the end."""
        while b'\n' not in self.pending:
            if not self.fill():
                return None
        line, self.pending = self.pending.split(b'\n', 1)
        return line.rstrip(b'\r')
