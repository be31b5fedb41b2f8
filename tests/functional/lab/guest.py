# SPDX-License-Identifier: GPL-2.0-or-later
# A test guest: stock QEMU, its monitor, its console.
"""
LAB_QEMU in the environment names another QEMU, with options if it wants some, such as -L FOLDER.
"""

import functools
import os
import re
import shlex
import shutil
import socket
import subprocess

from .errors import LabError, Skip
from .network import GUEST_MAC
from .process import LineReader, Process
from .qmp import Qmp

QEMU = 'qemu-system-x86_64'
MEMORY_MIB = 128


def find_qemu():
    """Returns: the command that starts QEMU, as a list."""
    program, *options = shlex.split(os.environ.get('LAB_QEMU') or QEMU)
    path = shutil.which(program)
    if not path:
        raise Skip(f'{program} is missing; Debian package qemu-system-x86')
    return [path, *options]


@functools.cache
def qemu_version():
    """Returns: what the program says of itself, as in (7, 2, 22)."""
    text = subprocess.run([*find_qemu(), '--version'], stdout=subprocess.PIPE, text=True,
                          check=True).stdout
    return tuple(int(number) for number in re.search(r'(\d+)\.(\d+)\.(\d+)', text).groups())


class Guest:
    """A QEMU process. Its netdev n0 is what the caller says."""

    def __init__(self, lab, name, netdev, *, incoming=None, device='', more=()):
        self.name = name
        self.folder = lab.folder
        self.qmp = Qmp(f'QEMU {name}', lab.deadline)
        self.console, far = socket.socketpair()
        self.lines = LineReader(f'console of {name}', self.console.fileno(), self.console.recv,
                                lab.deadline)
        self.monitor_path = self.folder / f'{name}.qmp'
        self.log = self.folder / f'{name}.log'
        command = self.command_line(lab, netdev, incoming, device, far.fileno()) + list(more)
        self.process = Process(f'qemu-{name}', command, lab.folder, lab.deadline,
                               fds=[far.fileno(), self.qmp.far.fileno()])
        far.close()
        lab.add(self)
        self.qmp.begin()

    def command_line(self, lab, netdev, incoming, device, console_fd):
        command = [*find_qemu(), '-M', 'q35', '-accel', 'tcg', '-m', str(MEMORY_MIB), '-nodefaults',
                   '-no-user-config', '-display', 'none',
                   '-chardev', f'socket,id=con,fd={console_fd},logfile={self.log}',
                   '-serial', 'chardev:con', '-kernel', str(lab.kernel), '-initrd',
                   str(lab.initrd), '-append', 'console=ttyS0 quiet ipv6.disable=1',
                   '-netdev', netdev,
                   '-device', f'virtio-net-pci,netdev=n0,mac={GUEST_MAC},romfile={device}',
                   '-qmp', f'unix:{self.monitor_path},server=on,wait=off']
        return command + self.qmp.options() + (['-incoming', incoming] if incoming else [])

    def wait_ready(self):
        """Until the program in the guest serves."""
        while (line := self.lines.line()) is not None:
            if b'labguest: ready' in line:
                return
        raise LabError(f'guest {self.name} ended before it was ready')

    def kill(self):
        self.process.kill()

    def quit(self):
        """End QEMU in good order."""
        self.qmp.command('quit')
        return self.process.wait()

    def close(self):
        self.kill()
        self.qmp.close()
        self.console.close()

    def story(self):
        """What a reader of a failed test wants to see."""
        yield from (f'{event.time:.6f} QEMU {self.name}: {event.name} {event.data or ""}'
                    for event in self.qmp.events)
        if self.process.last_words():
            yield f'QEMU {self.name} wrote: {self.process.last_words()}'
