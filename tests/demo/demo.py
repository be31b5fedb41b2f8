#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Shows what becomes of a stopped VM's frames: in stock QEMU, and here with the feature off and on.
"""usage: demo.py PROGRAM FOLDER

Starts QEMU, if it is installed, and PROGRAM twice, with enable_when_stopped=off and =on:

    this program --UDP--> netdev net0 --> hub --> netdev net1 --UDP--> this program (the guest)
                               |
                          redirector f0 --chardev chr0--> this program (the other host)

and sends frames in three phases: the VM runs; the VM is stopped, and f0 is added when the first
frames are already there; the VM runs again. Frames are checked at both ends. FOLDER gets the pcap
files that a filter-dump writes. What QEMU loses is shown. The exit status is 1 if PROGRAM damages
or reorders a frame or its counters do not add up, or if it loses one or keeps one back with the
feature on.
"""

import json
import os
import pathlib
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

import frames

FRAMES_PER_PHASE = 600
# How many reach the stopped VM before the redirector is there.
FRAMES_BEFORE = 10
# So many fit into the buffer of a socket that somebody reads.
BURST = 32
PHASES = ('running', 'stopped', 'resumed')
DEADLINE_S = 30
# How long nothing must come out before we believe that nothing will; of all, and of one burst.
QUIET_S = 0.5
BURST_QUIET_S = 0.02
PCAP_MAGIC = 0xa1b2c3d4
QEMU = 'qemu-system-x86_64'


class DemoError(Exception):
    """The demo cannot go on."""


class Qmp:
    """A QMP connection."""

    def __init__(self, path):
        self.socket = connect(path)
        self.file = self.socket.makefile('rb')
        self.read()
        self.command('qmp_capabilities')

    def read(self):
        line = self.file.readline()
        if not line:
            raise DemoError('QMP: the program closed the connection')
        return json.loads(line)

    def command(self, name, **arguments):
        request = {'execute': name, 'arguments': arguments}
        self.socket.sendall(json.dumps(request).encode())
        while True:
            reply = self.read()
            if 'return' in reply:
                return reply['return']
            if 'error' in reply:
                raise DemoError(f'{name}: {reply["error"]["desc"]}')

    def close(self):
        self.file.close()
        self.socket.close()


def connect(path):
    """Connect to a unix socket that may not be there yet."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        client = socket.socket(socket.AF_UNIX)
        try:
            client.connect(path)
            client.settimeout(DEADLINE_S)
            return client
        except (FileNotFoundError, ConnectionRefusedError):
            client.close()
        if time.monotonic() > deadline:
            raise DemoError(f'nobody listens on {path}')
        select.select([], [], [], 0.01)


class Output:
    """A place where frames come out, and their numbers in order."""

    def __init__(self, sock):
        self.socket = sock
        self.numbers = []
        self.damaged = 0

    def add(self, frame):
        number = frames.check(frame)
        if number is None:
            self.damaged += 1
        else:
            self.numbers.append(number)

    @property
    def reordered(self):
        highest, count = -1, 0
        for number in self.numbers:
            count += number < highest
            highest = max(highest, number)
        return count


class Guest(Output):
    """What the VM gets: one datagram is one frame."""

    def read(self):
        self.add(self.socket.recv(65536))


class OtherHost(Output):
    """What the redirector sends: a length in front of each frame."""

    def __init__(self, sock):
        super().__init__(sock)
        self.pending = b''

    def read(self):
        data = self.socket.recv(65536)
        if not data:
            raise DemoError('the chardev was closed')
        self.pending += data
        while len(self.pending) >= 4:
            length = struct.unpack('!I', self.pending[:4])[0]
            if len(self.pending) < 4 + length:
                return
            self.add(self.pending[4:4 + length])
            self.pending = self.pending[4 + length:]


class Phase:
    """What became of the frames that were sent in one phase."""

    def __init__(self, name, first):
        self.name = name
        self.numbers = range(first, first + FRAMES_PER_PHASE)
        self.sent = FRAMES_PER_PHASE
        self.at_once = 0
        self.came = 0

    @property
    def later(self):
        return self.came - self.at_once

    @property
    def lost(self):
        return self.sent - self.came


def udp_socket():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(('127.0.0.1', 0))
    return sock


def free_port():
    with udp_socket() as sock:
        return sock.getsockname()[1]


def dgram(name, local, remote):
    return ['-netdev', f'dgram,id={name},local.type=inet,local.host=127.0.0.1,local.port={local},'
                       f'remote.type=inet,remote.host=127.0.0.1,remote.port={remote}']


class Run:
    """One program through the three phases."""

    def __init__(self, program, name, folder, feature):
        self.name = name
        self.feature = feature
        self.pcap = folder / f'enable_when_stopped-{feature}.pcap' if feature else None
        self.phases = []
        self.counters = {}
        self.work = tempfile.TemporaryDirectory(prefix='qnd-demo-')
        self.wire, guest = udp_socket(), udp_socket()
        self.port = free_port()
        self.command = self.command_line(program, guest.getsockname()[1])
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL)
        self.qmp = Qmp(f'{self.work.name}/qmp.sock')
        self.guest = Guest(guest)
        self.other = OtherHost(connect(f'{self.work.name}/out.sock'))
        # The program has accepted the connection once the chardev is there for its own query.
        self.wait_connected()

    def command_line(self, program, guest_port):
        work = self.work.name
        command = [program, '-nodefaults', '-machine', 'none', '-display', 'none',
                   *dgram('net0', self.port, self.wire.getsockname()[1]),
                   '-netdev', 'hubport,id=p0,hubid=0,netdev=net0',
                   *dgram('net1', free_port(), guest_port),
                   '-netdev', 'hubport,id=p1,hubid=0,netdev=net1',
                   '-chardev', f'socket,id=chr0,path={work}/out.sock,server=on,wait=off',
                   '-qmp', f'unix:{work}/qmp.sock,server=on,wait=off']
        if self.pcap:
            command += ['-object', f'filter-dump,id=d0,netdev=net0,queue=tx,file={self.pcap}']
        return command

    def wait_connected(self):
        deadline = time.monotonic() + DEADLINE_S
        while True:
            chardevs = {chardev['label']: chardev for chardev in
                        self.qmp.command('query-chardev')}
            if not chardevs['chr0']['filename'].startswith('disconnected:'):
                return
            if time.monotonic() > deadline:
                raise DemoError('the chardev does not take the connection')

    def add_redirector(self):
        feature = {'enable_when_stopped': self.feature == 'on'} if self.feature else {}
        self.qmp.command('object-add', **{'qom-type': 'filter-redirector', 'id': 'f0',
                                          'netdev': 'net0', 'queue': 'tx', 'outdev': 'chr0',
                                          **feature})

    def seen(self):
        return set(self.guest.numbers) | set(self.other.numbers)

    def read_until(self, numbers, seconds):
        """Read until these frames are there, or nothing comes for some seconds."""
        outputs = {output.socket: output for output in (self.guest, self.other)}
        while not set(numbers) <= self.seen():
            readable = select.select(list(outputs), [], [], seconds)[0]
            if not readable:
                return
            for sock in readable:
                outputs[sock].read()

    def send(self, numbers, seconds):
        """A burst after the other; each waits for what comes out of the one before."""
        for first in range(0, len(numbers), BURST):
            burst = numbers[first:first + BURST]
            for number in burst:
                self.wire.sendto(frames.build(number), ('127.0.0.1', self.port))
            self.read_until(burst, seconds)

    def begin(self, name):
        self.phases.append(Phase(name, len(self.phases) * FRAMES_PER_PHASE))
        return self.phases[-1]

    def count(self, phase):
        return len(set(phase.numbers) & self.seen())

    def phase_running(self, name):
        phase = self.begin(name)
        self.send(phase.numbers, DEADLINE_S if self.feature == 'on' else QUIET_S)
        phase.at_once = self.count(phase)

    def phase_stopped(self):
        phase = self.begin('stopped')
        patience = DEADLINE_S if self.feature == 'on' else BURST_QUIET_S
        self.send(phase.numbers[:FRAMES_BEFORE], BURST_QUIET_S)
        self.add_redirector()
        self.send(phase.numbers[FRAMES_BEFORE:], patience)
        self.read_until(phase.numbers, DEADLINE_S if self.feature == 'on' else QUIET_S)
        phase.at_once = self.count(phase)
        return phase

    def run(self):
        self.phase_running('running')
        self.qmp.command('stop')
        stopped = self.phase_stopped()
        self.qmp.command('cont')
        self.read_until(stopped.numbers, QUIET_S)
        self.phase_running('resumed')
        for phase in self.phases:
            phase.came = self.count(phase)
        if self.feature:
            self.counters = self.qmp.command('query-netdevs')[0]['tx']
        self.end()

    def end(self):
        self.qmp.command('quit')
        self.qmp.close()
        status = self.process.wait(DEADLINE_S)
        for sock in (self.wire, self.guest.socket, self.other.socket):
            sock.close()
        self.work.cleanup()
        if status != 0:
            raise DemoError(f'{self.name} ended with status {status}')

    def abandon(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def faults(self):
        stopped = self.phases[1]
        came = self.guest.numbers + self.other.numbers
        damaged = self.guest.damaged + self.other.damaged
        if self.guest.reordered or self.other.reordered:
            yield 'frames were reordered'
        if damaged:
            yield f'{damaged} frames were damaged'
        if len(came) > len(set(came)):
            yield 'frames came twice'
        if self.feature == 'on':
            yield from self.faults_on()
        elif stopped.at_once:
            yield 'frames came out of a stopped VM that nobody asked for'
        if not counters_agree(self.counters):
            yield 'the counters of query-netdevs do not add up'
        if self.counters['in']['frames'] != len(came):
            yield 'what was read is not what came out'

    def faults_on(self):
        sent = [number for phase in self.phases for number in phase.numbers]
        if any(phase.lost for phase in self.phases):
            yield 'frames were lost'
        if self.phases[1].at_once != self.phases[1].sent:
            yield 'frames sent while the VM was stopped did not come out while it was'
        if pcap_numbers(self.pcap) != sent:
            yield f'{self.pcap} does not hold every frame, in order'


def pcap_numbers(path):
    """The numbers of the frames in a pcap file."""
    data = path.read_bytes()
    order = '<' if struct.unpack('<I', data[:4])[0] == PCAP_MAGIC else '>'
    numbers, at = [], 24
    while at < len(data):
        length = struct.unpack(order + 'I', data[at + 8:at + 12])[0]
        numbers.append(frames.check(data[at + 16:at + 16 + length]))
        at += 16 + length
    return numbers


def dropped(counters):
    return sum(drop['frames'] for drop in counters['dropped'])


def counters_agree(counters):
    came = counters['in']['frames'] + counters['injected']['frames']
    return came == dropped(counters) + sum(counters[name]['frames']
                                           for name in ('delivered', 'consumed', 'held'))


COLUMNS = ('', 'VM', 'sent', 'out at once', 'out after resume', 'lost')


def row_of(run, phase):
    return (run.name, phase.name, phase.sent, phase.at_once,
            phase.later if phase.name == 'stopped' else '', phase.lost)


def print_table(runs):
    rows = [[row_of(run, phase) for phase in run.phases] for run in runs]
    heads = [name.rsplit(' ', 1) if ' ' in name else ['', name] for name in COLUMNS]
    cells = [head + [str(row[place]) for group in rows for row in group]
             for place, head in enumerate(heads)]
    widths = [max(len(text) for text in column) for column in cells]
    line = '+' + '+'.join('-' * (width + 2) for width in widths) + '+'
    print(line)
    for part in (0, 1):
        print('|' + '|'.join(f' {head[part]:>{width}} '
                             for head, width in zip(heads, widths)) + '|')
    print(line)
    for group in rows:
        for row in group:
            print('|' + '|'.join(f' {value:>{width}} '
                                 for value, width in zip(row, widths)) + '|')
        print(line)


def explain(run):
    print(f'{run.name}:')
    print('  ' + ' '.join(run.command).replace(' -', ' \\\n    -'))
    counters = run.counters
    if counters:
        print(f'  counters: {counters["in"]["frames"]} in = {counters["delivered"]["frames"]} '
              f'delivered + {counters["consumed"]["frames"]} redirected + '
              f'{counters["held"]["frames"]} held + {dropped(counters)} dropped')
        print(f'  recorded by filter-dump: {run.pcap}')


def programs(program):
    """Command, name and feature of each run."""
    qemu = shutil.which(QEMU)
    if qemu:
        yield qemu, 'stock QEMU', None
    for feature in ('off', 'on'):
        yield program, f'enable_when_stopped={feature}', feature


def run_all(program, folder):
    runs = []
    for command, name, feature in programs(program):
        run = Run(command, name, folder, feature)
        try:
            run.run()
        finally:
            run.abandon()
        runs.append(run)
    return runs


def demo(program, folder):
    folder.mkdir(parents=True, exist_ok=True)
    runs = run_all(program, folder)
    print(f'Frames for a VM that runs, is stopped, and is resumed: {", ".join(frames.KINDS)} in '
          f'turn, {min(frames.LENGTHS)} to {max(frames.LENGTHS)} bytes.\nWhile it is stopped, a '
          f'filter-redirector is added behind the first {FRAMES_BEFORE}.\n')
    for run in runs:
        explain(run)
    print()
    print_table(runs)
    if runs[0].feature:
        print(f'{QEMU} is not installed (Debian package qemu-system-x86): no comparison.')
    faults = [f'{run.name}: {fault}' for run in runs if run.feature for fault in run.faults()]
    for fault in faults:
        print(f'FAILED: {fault}')
    if not faults:
        print('What nobody reads waits in the buffer of the socket until that is full.\nWith the '
              'feature on, all came out while the VM was stopped: once, whole and in order.')
    return 1 if faults else 0


def main():
    if len(sys.argv) != 3:
        print(__doc__, end='', file=sys.stderr)
        return 2
    program = os.path.abspath(sys.argv[1])
    try:
        return demo(program, pathlib.Path(sys.argv[2]).resolve())
    except (DemoError, OSError, subprocess.SubprocessError) as error:
        print(f'demo: {error}', file=sys.stderr)
        return 1


if __name__ == '__main__':
    sys.exit(main())
