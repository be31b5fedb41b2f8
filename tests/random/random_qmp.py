#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Gives the program random QMP, valid and nearly valid, while frames go through it.
"""usage: random_qmp.py [OPTION]... PROGRAM

  --seed N      the seed of the first sequence (by the clock); each next one is one more
  --seconds N   go on for so long (15)
  --limit S     how late an answer may be, in seconds (2); a command that waits for a peer may be
                later, and then another monitor must be answered in that time
  --length N    operations of a sequence (60)
  --replay F    do what file F holds, once: what a failure has printed, or a part of it

Each sequence has a program of its own, with sockets at every end. After it: all counters add up, no
frame was torn, the program ends with status 0 and has written no complaint. A failure prints its
seed and its operations, one a line. Prints TAP: one point.
"""

import argparse
import json
import os
import pathlib
import random
import re
import socket
import subprocess
import sys
import tempfile
import time

import generate
import wires

# Far from the host's network, where that may be had.
NAMESPACE = ['unshare', '--net', 'sh', '-c',
             'ip link set lo up && ip route add 224.0.0.0/4 dev lo && exec "$@"', 'sh']
START_S = 60
COMPLAINTS = re.compile(r'CRITICAL|WARNING \*\*|ERROR:|runtime error|Sanitizer')
# For a program with sanitizers. GLib has no frame pointers: only the slow unwinder sees whose a
# leak below it is, and so tells the one of libslirp, which is known, from ours.
SANITIZERS = {
    'ASAN_OPTIONS': 'detect_stack_use_after_return=1:strict_string_checks=1:'
                    'fast_unwind_on_malloc=0',
    'LSAN_OPTIONS': 'print_suppressions=0:suppressions='
                    f'{pathlib.Path(__file__).resolve().parents[2]}/scripts/lsan.supp',
    'UBSAN_OPTIONS': 'halt_on_error=1:print_stacktrace=1',
}
OPTIONS = '''-nodefaults
-qmp unix:qmp.sock,server=on,wait=off -qmp unix:other.sock,server=on,wait=off
-netdev stream,id=n0,server=on,addr.type=unix,addr.path=n0.sock
-netdev dgram,id=n2,local.type=unix,local.path=n2.sock,remote.type=unix,remote.path=w2.sock
-export stream,id=e0,netdev=n0,addr.type=unix,addr.path=e0.sock
-chardev socket,id=c0,path=c0.sock,server=on,wait=off
-chardev socket,id=c1,path=c1.sock,server=on,wait=off
-chardev socket,id=c2,path=c2.sock,server=on,wait=off
-chardev ringbuf,id=c3 -chardev null,id=c4
-chardev socket,id=c5,path=c5.sock,server=on,wait=off
-chardev socket,id=c6,path=c6.sock,server=on,wait=off
-chardev socket,id=c7,path=c7.sock,server=on,wait=off
-object iothread,id=i0
-object colo-compare,id=f9,primary_in=c5,secondary_in=c6,outdev=c7,iothread=i0'''
HUB = '-netdev hubport,id=n3,hubid=0,netdev=n1 -netdev hubport,id=n4,hubid=0,netdev=n2'
LISTENING = ('n0', 'e0')
CHARDEVS = ('c0', 'c1', 'c2', 'c5', 'c6', 'c7')
# Answered when it is known whether a peer or a name server has answered.
WAITING = re.compile(r'"(chardev-add|chardev-change|netdev_add|net-export-add|'
                     r'human-monitor-command)"')


class Fault(Exception):
    """What must not be."""


class Silent(Fault):
    """No answer came in time."""


class Monitor:
    """A connection to one of its monitors."""

    def __init__(self, sock):
        self.socket = sock
        self.buffer = b''

    def send(self, text, fds=()):
        try:
            socket.send_fds(self.socket, [text.encode()], list(fds))
        except (BrokenPipeError, ConnectionResetError):
            pass

    def read(self, seconds):
        """Returns: one message, or None at the end."""
        self.socket.settimeout(seconds)
        while b'\n' not in self.buffer:
            try:
                data = self.socket.recv(1 << 20)
            except TimeoutError as error:
                raise Silent(f'no answer after {seconds} s') from error
            if not data:
                return None
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b'\n')
        return json.loads(line)

    def reply(self, seconds, end=None):
        """Returns: the next message that is no event, or None at the end."""
        while True:
            message = self.read(seconds)
            if message is None or 'event' not in message:
                return message
            if end and message['event'] == 'SHUTDOWN':
                end()

    def close(self):
        self.socket.close()


class Program:
    """The program, its monitors and its wires."""

    def __init__(self, path, limit):
        self.limit = limit
        self.number = 0
        self.is_ending = False
        self.errors = open('stderr', 'w+b')
        self.more = []
        inner, far = wires.pair()
        self.wires = [inner, wires.bound('w2.sock', 'n2.sock')]
        command = [path, *OPTIONS.split(), '-netdev', f'socket,id=n1,fd={far.fileno()}',
                   *HUB.split()]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.errors,
                                        stderr=self.errors, pass_fds=[far.fileno()],
                                        env={**os.environ, **SANITIZERS})
        far.close()
        self.monitor, self.other = (Monitor(self._connect(name))
                                    for name in ('qmp.sock', 'other.sock'))
        self.wires[1].socket.connect('n2.sock')
        # Filters may put other lengths in front of frames there.
        self.wires += [wires.Wire(f'{name}.sock') for name in LISTENING]
        self.wires += [wires.Wire(f'{name}.sock', is_checked=False) for name in CHARDEVS]
        for monitor in (self.monitor, self.other):
            monitor.read(START_S)
            monitor.send('{"execute": "qmp_capabilities"}\n')
            monitor.reply(START_S)

    def _connect(self, path):
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            sock = socket.socket(socket.AF_UNIX)
            try:
                sock.connect(path)
                return sock
            except OSError:
                sock.close()
        raise Fault(f'it does not start: {self.said()}')

    def said(self):
        self.errors.flush()
        return pathlib.Path('stderr').read_text(encoding='utf-8', errors='replace')

    def _set_ending(self):
        self.is_ending = True

    def _late_reply(self):
        """The reply to a command that waits for a peer, while others are served."""
        self.other.send('{"execute": "query-name"}\n')
        self.other.reply(self.limit)
        return self.monitor.reply(START_S, self._set_ending)

    def exchange(self, text, fds=()):
        """Send a request. Returns: its reply, or None when the program has ended in order."""
        self.monitor.send(text, fds)
        begin = time.monotonic()
        waits = WAITING.search(text)
        try:
            reply = self.monitor.reply(self.limit, self._set_ending)
        except Silent:
            if not waits:
                raise
            reply = self._late_reply()
        late = time.monotonic() - begin
        if reply is None:
            self.ended()
            return None
        if late > self.limit and not waits:
            raise Fault(f'an answer after {late:.1f} s')
        if 'error' in reply and not reply['error']['desc']:
            raise Fault('an error without a text')
        return reply

    def ended(self):
        status = self.process.wait(START_S)
        if status or not self.is_ending:
            raise Fault(f'it ended with status {status}')

    def ask(self, name):
        reply = self.exchange(json.dumps({'execute': name}) + '\n')
        if reply is None:
            return []
        if 'error' in reply:
            raise Fault(f'{name}: {reply["error"]["desc"]}')
        return reply['return']

    def do(self, kind, what):
        """One operation. Returns: whether the program goes on."""
        if kind == 'traffic':
            source = random.Random(what)
            for wire in self.wires:
                self.number = wire.run(source, self.number)
            return True
        if kind == 'raw':
            return self.exchange(what + '\n') is not None
        fds = []
        if what['execute'] in ('getfd', 'add-fd'):
            near, far = wires.pair()
            self.wires.append(near)
            fds = [far.fileno()]
        reply = self.exchange(json.dumps(what) + '\n', fds)
        if fds:
            far.close()
        return reply is not None

    def check_counters(self):
        """What came in went somewhere."""
        for netdev in self.ask('query-netdevs'):
            for direction in {'tx', 'rx'} & set(netdev):
                check_sum(f'{netdev["id"]} {direction}', netdev[direction],
                          ('in', 'injected'), ('delivered', 'consumed', 'held'))
        for entry in self.ask('query-netfilters'):
            check_sum(entry['id'], entry, ('in',), ('passed', 'consumed', 'held'))
        for entry in self.ask('query-colo-compare'):
            for side in ('primary', 'secondary'):
                check_packets(entry, side)

    def end(self):
        """In order."""
        if not self.is_ending:
            self.exchange('{"execute": "quit"}\n')
            while self.monitor.read(START_S) is not None:
                pass
        try:
            status = self.process.wait(START_S)
        except subprocess.TimeoutExpired as error:
            raise Fault('it does not end') from error
        if status:
            raise Fault(f'it ended with status {status}')
        complaint = COMPLAINTS.search(self.said())
        if complaint:
            raise Fault(f'it complains: {complaint.group()}')

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.monitor.close()
        self.other.close()
        self.errors.close()
        for wire in self.wires:
            wire.hang_up()


def dropped(counters):
    return sum(drop['frames'] for drop in counters['dropped'])


def check_sum(name, counters, came, went):
    into = sum(counters[part]['frames'] for part in came)
    out = sum(counters[part]['frames'] for part in went) + dropped(counters)
    if into != out:
        raise Fault(f'{name}: {into} in, {out} accounted for: {json.dumps(counters)}')


def check_packets(entry, side):
    counters = entry[side]
    counters['held'] = entry['held'] if side == 'primary' else {'frames': 0}
    check_sum(f'{entry["id"]} {side}', counters, ('in',), ('done', 'queued', 'held'))


def run_sequence(path, limit, operations):
    """Raises Fault, with what the program wrote."""
    with tempfile.TemporaryDirectory(prefix='qnd-') as folder:
        os.chdir(folder)
        os.mkdir('folder')
        for name in ('fifo', 'fifo.in', 'fifo.out'):
            os.mkfifo(name)
        program = Program(path, limit)
        done = []
        try:
            for operation in operations:
                done.append(operation)
                if not program.do(*operation):
                    break
            if not program.is_ending:
                program.check_counters()
            program.end()
        except (Fault, wires.Torn, OSError, KeyError, ValueError) as error:
            status = program.process.poll()
            state = 'it runs' if status is None else f'it has ended with status {status}'
            raise Fault(f'{error!r}; {state}; the last operation: {json.dumps(done[-1:])}\n'
                        f'{program.said()[-6000:]}') from error
        finally:
            program.close()
            os.chdir('/')


def schema_of(path):
    with tempfile.TemporaryDirectory(prefix='qnd-') as folder:
        os.chdir(folder)
        program = Program(path, START_S)
        try:
            schema = program.ask('query-qmp-schema')
            program.end()
            return schema
        finally:
            program.close()
            os.chdir('/')


def sequence(schema, seed, length):
    generator = generate.Generator(schema, random.Random(seed))
    return [generator.operation() for _ in range(length)]


def report(seed, fault, operations):
    print(f'not ok 1 random QMP, seed {seed}')
    print('# ' + str(fault).replace('\n', '\n# '))
    print('# the operations, for --replay:')
    for operation in operations:
        print(json.dumps(operation))


def parse_arguments():
    parser = argparse.ArgumentParser(usage=__doc__.split('\n', 1)[0][7:])
    parser.add_argument('--seed', type=int, default=int(time.time()) * 1000)
    parser.add_argument('--seconds', type=float, default=15)
    parser.add_argument('--limit', type=float, default=2)
    parser.add_argument('--length', type=int, default=60)
    parser.add_argument('--replay', type=pathlib.Path)
    parser.add_argument('program')
    return parser.parse_args()


def enter_namespace():
    """Start anew in one. Returns where that cannot be had, or has been done."""
    if 'QND_RANDOM_INSIDE' in os.environ:
        return
    os.environ['QND_RANDOM_INSIDE'] = '1'
    prefix = NAMESPACE if os.geteuid() == 0 else \
        NAMESPACE[:1] + ['--user', '--map-root-user'] + NAMESPACE[1:]
    done = subprocess.run(prefix + ['true'], check=False, stderr=subprocess.DEVNULL)
    if done.returncode == 0:
        os.execvp(prefix[0], prefix + [sys.executable, *sys.argv])
    print('1..1\nok 1 random QMP # SKIP no network namespace can be made')
    sys.exit(0)


def run(args, path):
    """Returns: the exit status."""
    if args.replay:
        operations = [json.loads(line) for line in args.replay.read_text().splitlines()
                      if line.startswith('[')]
        run_sequence(path, args.limit, operations)
        return 0
    schema = schema_of(path)
    end = time.monotonic() + args.seconds
    seed = args.seed
    while time.monotonic() < end:
        operations = sequence(schema, seed, args.length)
        try:
            run_sequence(path, args.limit, operations)
        except Fault as fault:
            report(seed, fault, operations)
            return 1
        seed += 1
    print(f'ok 1 random QMP: {seed - args.seed} sequences of {args.length} operations, '
          f'seeds {args.seed} to {seed - 1}')
    return 0


def main():
    args = parse_arguments()
    enter_namespace()
    print('1..1', flush=True)
    return run(args, os.path.abspath(args.program))


if __name__ == '__main__':
    sys.exit(main())
