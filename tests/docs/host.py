# SPDX-License-Identifier: GPL-2.0-or-later
# A host for the documents' examples: a namespace in which blocks are pasted into a shell.
"""
Network, mounts and processes are the host's own. /run, /tmp and /etc are folders of the test's,
and both hosts of an example are this one: 192.0.2.1 and 192.0.2.2. The programs that the examples
start have one more QMP monitor each, by which the test sees that they are up, and ends them.
"""

import json
import os
import pathlib
import re
import select
import shutil
import socket
import subprocess
import tempfile
import time

DEADLINE_S = 60
TCP_ESTABLISHED = '01'
DAEMON = 'qemu-net-daemon'
QEMU = 'qemu-system-x86_64'
UNSHARE = ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
SETUP = '''set -e
ip link set lo up
ip route add 224.0.0.0/4 dev lo
ip address add 192.0.2.1/24 dev lo
ip address add 192.0.2.2/24 dev lo
cp -a /etc/. "$1/etc" 2>/dev/null || :
mount --bind "$2" "$1/run/bin/daemon"
mount --bind "$1/etc" /etc
mount --rbind "$1/run" /run
mount --bind "$1/tmp" /tmp
echo ready
exec cat
'''
PASTE = 'cd /run/clone && PATH=/run/bin:$PATH exec bash -ec "$0"'
# LeakSanitizer looks into /proc at the end, which a chroot does not have.
WRAPPERS = {
    DAEMON: 'case "$*" in *chroot=*) export ASAN_OPTIONS="$ASAN_OPTIONS:detect_leaks=0" ;; esac\n'
            'exec /run/bin/daemon "$@" -mon check,mode=control '
            '-chardev socket,id=check,path=/run/check/$$,server=on,wait=off',
    QEMU: 'exec {qemu} "$@" -qmp unix:/run/check/$$,server=on,wait=off',
}


class Fault(Exception):
    """An example that does not do what it must."""


class Unable(Exception):
    """What this system does not let us have."""


def check_able(privileged):
    """Raises Unable when there are no namespaces to be had; what fails in one is a fault."""
    for program in ('unshare', 'nsenter', 'ip'):
        if not shutil.which(program):
            raise Unable(f'{program} is missing')
    tried = subprocess.run(enter_namespaces(privileged) + ['true'], stdin=subprocess.DEVNULL,
                           stderr=subprocess.PIPE, check=False, text=True)
    if tried.returncode:
        raise Unable(f'no namespaces: {tried.stderr.strip()}')


def enter_namespaces(privileged):
    return UNSHARE + ([] if privileged else ['--user', '--map-root-user'])


def wait_for(what, is_true):
    """Ask until the answer is true; each answer has waited for something."""
    deadline = time.monotonic() + DEADLINE_S
    while not (answer := is_true()):
        if time.monotonic() > deadline:
            raise Fault(f'no {what} after {DEADLINE_S} s')
        select.select([], [], [], 0.01)
    return answer


class Qmp:
    """A QMP connection."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect(str(path))
        self.file = self.socket.makefile('rb')
        self._read()
        self.command('qmp_capabilities')

    def _read(self):
        line = self.file.readline()
        if not line:
            raise Fault('QMP was closed')
        return json.loads(line)

    def request(self, request):
        self.socket.sendall(json.dumps(request).encode() + b'\n')
        while True:
            reply = self._read()
            if 'error' in reply:
                raise Fault(f'{request["execute"]}: {reply["error"]["desc"]}')
            if 'return' in reply:
                return reply['return']

    def command(self, name, **arguments):
        return self.request({'execute': name, 'arguments': arguments})

    def wait_end(self):
        """Until the other side hangs up; QEMU does so with requests unread."""
        try:
            while self.file.readline():
                pass
        except ConnectionResetError:
            pass

    def close(self):
        self.file.close()
        self.socket.close()


class Pasted:
    """A shell that runs a block."""

    def __init__(self, host, text):
        self.output = tempfile.TemporaryFile()
        self.process = subprocess.Popen(host.enter + ['sh', '-c', PASTE, text],
                                        stdin=subprocess.PIPE, stdout=self.output,
                                        stderr=self.output)

    def said(self):
        return os.pread(self.output.fileno(), 1 << 16, 0).decode(errors='replace').strip()

    def type(self, lines):
        self.process.stdin.write(''.join(line + '\n' for line in lines).encode())
        self.process.stdin.flush()

    def check_end(self):
        """It has to come to a good end."""
        status = self.process.wait(DEADLINE_S)
        if status:
            raise Fault(f'exit status {status}: {self.said()}')

    def has_failed(self):
        return self.process.poll()

    def close(self):
        self.process.stdin.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.output.close()


class Program:
    """A program that an example has started, and its monitor."""

    def __init__(self, name, shell, qmp):
        self.name = name
        self.shell = shell
        self.qmp = qmp

    def end(self):
        """Returns when it has ended, in order."""
        try:
            self.qmp.command('quit')
            self.qmp.wait_end()
            self.shell.check_end()
        finally:
            self.qmp.close()
            self.shell.close()


class Host:
    """The host."""

    def __init__(self, program):
        privileged = os.geteuid() == 0
        check_able(privileged)
        self.work = pathlib.Path(tempfile.mkdtemp(prefix='qnd-'))
        for name in ('etc', 'tmp', 'run/bin', 'run/check', 'run/clone/build'):
            (self.work / name).mkdir(parents=True)
        self.work.chmod(0o755)
        self._write_wrappers()
        self.init = subprocess.Popen(
            enter_namespaces(privileged) + ['sh', '-c', SETUP, 'sh', str(self.work), program],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if self.init.stdout.readline() != b'ready\n':
            why = self.init.stderr.read().decode().strip()
            self.close()
            raise Fault(f'the host cannot be set up: {why}')
        pid = self.init.pid
        children = pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text(encoding='ascii')
        self.child = children.split()[0]
        self.enter = ['nsenter', '-t', self.child, '--net', '--mount', '--pid']
        if not privileged:
            self.enter += ['--user', '--preserve-credentials']

    def _write_wrappers(self):
        (self.work / 'run/bin/daemon').touch()
        for name, text in WRAPPERS.items():
            path = self.work / 'run/bin' / name
            path.write_text('#!/bin/sh\n' + text.format(qemu=shutil.which(QEMU)) + '\n',
                            encoding='utf-8')
            path.chmod(0o755)
        (self.work / 'run/clone/build' / DAEMON).symlink_to(f'/run/bin/{DAEMON}')

    def path(self, inside):
        """Where the host's path is for us."""
        return f'{self.work}{inside}'

    def is_connected(self, port):
        """Whether a TCP client has connected to the host's port."""
        lines = pathlib.Path(f'/proc/{self.child}/net/tcp').read_text(encoding='ascii')
        return re.search(rf'^ *\d+: \S+ [0-9A-F]+:{port:04X} {TCP_ESTABLISHED} ', lines, re.M)

    def _monitors(self):
        return set(os.listdir(self.path('/run/check')))

    def _new_monitor(self, before, shell):
        """A connection to it, if it is there."""
        if shell.has_failed():
            shell.check_end()
        for name in self._monitors() - before:
            try:
                return Qmp(self.path(f'/run/check/{name}'))
            except ConnectionRefusedError:
                pass
        return None

    def paste(self, text):
        """Paste what comes to an end by itself."""
        shell = Pasted(self, text)
        try:
            shell.check_end()
        finally:
            shell.close()

    def start(self, text, name):
        """Paste what runs a program. Returns: it, when its monitor answers."""
        before = self._monitors()
        shell = Pasted(self, text)
        try:
            return Program(name, shell, wait_for(f'monitor of {name}',
                                                 lambda: self._new_monitor(before, shell)))
        except (Fault, OSError) as error:
            said = shell.said()
            shell.close()
            raise Fault(f'{error}: {said}') from error

    def close(self):
        self.init.stdin.close()
        self.init.wait()
        self.init.stdout.close()
        self.init.stderr.close()
        shutil.rmtree(self.work, ignore_errors=True)
