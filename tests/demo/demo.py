#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Shows what a filter-redirector does with a stopped VM's frames, with the feature off and on.
"""usage: demo.py PROGRAM FOLDER

Starts PROGRAM twice, with enable_when_stopped=off and =on:

    this program --socket--> netdev net0 --> redirector f0 --chardev chr0--> this program

and sends frames in three phases: the VM runs, the VM is stopped, the VM runs again. Frames
are checked at the other end. FOLDER gets the pcap files that a filter-dump writes. The exit
status is 1 if a frame is lost, damaged or reordered, or if the frames of the stopped phase
did not come out while stopped when they should.
"""

import json
import os
import pathlib
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time

import frames

FRAMES_PER_PHASE = 150
PHASES = ('running', 'stopped', 'resumed')
DEADLINE_S = 30
# How long nothing must come out before we believe that nothing will.
QUIET_S = 0.5
PCAP_MAGIC = 0xa1b2c3d4


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


class Receiver:
    """Reads what comes out of the chardev and keeps the numbers of the frames."""

    def __init__(self, sock):
        self.socket = sock
        self.pending = b''
        self.numbers = []
        self.damaged = 0

    def take(self):
        while len(self.pending) >= 4:
            length = struct.unpack('!I', self.pending[:4])[0]
            if len(self.pending) < 4 + length:
                return
            number = frames.check(self.pending[4:4 + length])
            self.pending = self.pending[4 + length:]
            if number is None:
                self.damaged += 1
            else:
                self.numbers.append(number)

    def read_until(self, count, seconds):
        """Read until there are count frames, or nothing comes for some seconds."""
        while len(self.numbers) + self.damaged < count:
            if not select.select([self.socket], [], [], seconds)[0]:
                return
            data = self.socket.recv(65536)
            if not data:
                raise DemoError('the chardev was closed')
            self.pending += data
            self.take()


class Phase:
    """What became of the frames that were sent in one phase."""

    def __init__(self, name, first, count):
        self.name = name
        self.numbers = range(first, first + count)
        self.sent = count
        self.at_once = 0
        self.later = 0
        self.lost = 0
        self.reordered = 0

    @property
    def waiting(self):
        return self.sent - self.at_once


class Run:
    """The program, with the feature off or on, through the three phases."""

    def __init__(self, program, folder, feature):
        self.feature = feature
        self.pcap = folder / f'enable_when_stopped-{feature}.pcap'
        self.phases = []
        self.counters = {}
        self.work = tempfile.TemporaryDirectory(prefix='qnd-demo-')
        self.wire, inner = socket.socketpair()
        self.wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self.wire.settimeout(DEADLINE_S)
        self.command = self.command_line(program, inner.fileno())
        self.process = subprocess.Popen(self.command, pass_fds=[inner.fileno()],
                                        stdin=subprocess.DEVNULL)
        inner.close()
        self.qmp = Qmp(f'{self.work.name}/qmp.sock')
        self.receiver = Receiver(connect(f'{self.work.name}/out.sock'))
        # The program has accepted the connection once the chardev is there for its own query.
        self.wait_connected()

    def command_line(self, program, wire_fd):
        work = self.work.name
        return [program, '-nodefaults',
                '-nic', f'socket,id=net0,fd={wire_fd}',
                '-chardev', f'socket,id=chr0,path={work}/out.sock,server=on,wait=off',
                '-object', f'filter-dump,id=d0,netdev=net0,queue=tx,file={self.pcap}',
                '-object', 'filter-redirector,id=f0,netdev=net0,queue=tx,outdev=chr0,'
                           f'enable_when_stopped={self.feature}',
                '-qmp', f'unix:{work}/qmp.sock,server=on,wait=off']

    def wait_connected(self):
        deadline = time.monotonic() + DEADLINE_S
        while True:
            chardevs = {chardev['label']: chardev for chardev in
                        self.qmp.command('query-chardev')}
            if not chardevs['chr0']['filename'].startswith('disconnected:'):
                return
            if time.monotonic() > deadline:
                raise DemoError('the chardev does not take the connection')

    def send(self, name):
        phase = Phase(name, len(self.phases) * FRAMES_PER_PHASE, FRAMES_PER_PHASE)
        self.phases.append(phase)
        for number in phase.numbers:
            frame = frames.build(number)
            self.wire.sendall(struct.pack('!I', len(frame)) + frame)
        return phase

    def count(self, phase):
        wanted = set(phase.numbers)
        return sum(number in wanted for number in self.receiver.numbers)

    def phase_running(self, name, before):
        phase = self.send(name)
        self.receiver.read_until(before + phase.sent, DEADLINE_S)
        phase.at_once = self.count(phase)

    def phase_stopped(self):
        phase = self.send('stopped')
        wait = DEADLINE_S if self.feature == 'on' else QUIET_S
        self.receiver.read_until(FRAMES_PER_PHASE + phase.sent, wait)
        phase.at_once = self.count(phase)
        return phase

    def run(self):
        self.phase_running('running', 0)
        self.qmp.command('stop')
        stopped = self.phase_stopped()
        self.qmp.command('cont')
        self.receiver.read_until(2 * FRAMES_PER_PHASE, DEADLINE_S)
        stopped.later = self.count(stopped) - stopped.at_once
        self.phase_running('resumed', 2 * FRAMES_PER_PHASE)
        self.judge()
        self.counters = self.qmp.command('query-netdevs')[0]['tx']
        self.end()

    def judge(self):
        highest = -1
        came = self.receiver.numbers
        for number in came:
            phase = self.phases[number // FRAMES_PER_PHASE]
            phase.reordered += number < highest
            highest = max(highest, number)
        for phase in self.phases:
            phase.lost = phase.sent - len(set(phase.numbers) & set(came))

    def end(self):
        self.qmp.command('quit')
        self.qmp.close()
        status = self.process.wait(DEADLINE_S)
        self.receiver.socket.close()
        self.wire.close()
        self.work.cleanup()
        if status != 0:
            raise DemoError(f'the program ended with status {status}')

    def abandon(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def faults(self):
        stopped = self.phases[1]
        sent = [number for phase in self.phases for number in phase.numbers]
        if any(phase.lost for phase in self.phases):
            yield 'frames were lost'
        if any(phase.reordered for phase in self.phases):
            yield 'frames were reordered'
        if self.receiver.damaged:
            yield f'{self.receiver.damaged} frames were damaged'
        if len(self.receiver.numbers) > len(sent):
            yield 'frames came twice'
        if self.feature == 'on' and stopped.at_once != stopped.sent:
            yield 'frames sent while the VM was stopped did not come out while it was'
        if self.feature == 'off' and stopped.at_once:
            yield 'frames came out of a stopped VM that nobody asked for'
        if pcap_numbers(self.pcap) != sent:
            yield f'{self.pcap} does not hold every frame, in order'
        if not counters_agree(self.counters):
            yield 'the counters of query-netdevs do not add up'


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


COLUMNS = ('enable_when_stopped', 'VM', 'sent', 'out while running', 'out while stopped', 'held',
           'delivered after resume', 'lost', 'reordered')


def row_of(run, phase):
    is_stopped = phase.name == 'stopped'
    return (run.feature, phase.name, phase.sent,
            '' if is_stopped else phase.at_once,
            phase.at_once if is_stopped else '',
            phase.waiting if is_stopped else '',
            phase.later if is_stopped else '',
            phase.lost, phase.reordered)


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
    print(f'enable_when_stopped={run.feature}:')
    print('  ' + ' '.join(run.command).replace(' -', ' \\\n    -'))
    counters = run.counters
    print(f'  counters: {counters["in"]["frames"]} in = {counters["delivered"]["frames"]} '
          f'delivered + {counters["consumed"]["frames"]} redirected + '
          f'{counters["held"]["frames"]} held + {dropped(counters)} dropped')
    print(f'  recorded by filter-dump: {run.pcap}')


def demo(program, folder):
    folder.mkdir(parents=True, exist_ok=True)
    runs = []
    for feature in ('off', 'on'):
        run = Run(program, folder, feature)
        try:
            run.run()
        finally:
            run.abandon()
        runs.append(run)
    print('A filter-redirector on a netdev; the VM runs, is stopped, and is resumed.')
    print(f'Each phase sends {FRAMES_PER_PHASE} frames: {", ".join(frames.KINDS)} in turn, '
          f'{min(frames.LENGTHS)} to {max(frames.LENGTHS)} bytes.\n')
    for run in runs:
        explain(run)
    print()
    print_table(runs)
    faults = [f'enable_when_stopped={run.feature}: {fault}'
              for run in runs for fault in run.faults()]
    for fault in faults:
        print(f'FAILED: {fault}')
    if not faults:
        print('Every frame came out once, whole and in order; with the feature on, those of the '
              'stopped phase\ncame out while the VM was stopped.')
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
