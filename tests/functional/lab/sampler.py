# SPDX-License-Identifier: GPL-2.0-or-later
# Looks at counters again and again while a migration goes on, without getting in its way.
"""
    br0 (what the host sends) -- taps -- daemons (what is held) -- QEMUs (what the NIC has taken)

Each probe has a thread, and each program a monitor of its own: a QEMU that stops or loads a guest
answers late.
"""

import contextlib
import json
import socket
import threading
import time

from .side import VHOST_USER

PERIOD_S = 0.01
INDEX_MASK = 0xffff
NIC = 'virtio-net'
RECEIVE_QUEUE = 0


class Monitor:
    """QMP to a unix socket, one question at a time."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(str(path))
        self.file = self.socket.makefile('rw', encoding='utf-8')
        self.file.readline()
        self.lock = threading.Lock()
        self.ask('qmp_capabilities')

    def ask(self, command, **arguments):
        """Returns: the answer; None = it was refused."""
        with self.lock:
            self.file.write(json.dumps({'execute': command, 'arguments': arguments}) + '\n')
            self.file.flush()
            while True:
                answer = json.loads(self.file.readline())
                if 'return' in answer or 'error' in answer:
                    return answer.get('return')


class NicProbe:
    """How many frames the guest's NIC has taken: the index of its ring, which has 16 bits.

    Not for vhost-user: to answer, QEMU 7.2 takes the ring back from whoever works it.
    """

    def __init__(self, path):
        self.monitor = Monitor(path)
        self.device = None

    def __call__(self):
        if self.device is None:
            devices = self.monitor.ask('x-query-virtio') or ()
            self.device = next((one['path'] for one in devices if one['name'] == NIC), None)
        status = self.device and self.monitor.ask('x-query-virtio-queue-status',
                                                  path=self.device, queue=RECEIVE_QUEUE)
        return status and status['used-idx']


class ExportProbe:
    """The same where the daemon works the ring itself."""

    def __init__(self, monitor):
        self.monitor = monitor

    def __call__(self):
        export = self.monitor.ask('query-net-exports')[0]
        return export['to-guest']['frames'] & INDEX_MASK


class HeldProbe:
    """How many frames wait in a daemon: for the VM, or for the other host."""

    def __init__(self, monitor):
        self.monitor = monitor

    def __call__(self):
        held = sum(netdev['tx']['held']['frames'] for netdev in self.monitor.ask('query-netdevs'))
        return held + sum(entry['handover']['kept']['frames']
                          for entry in self.monitor.ask('query-netfilters')
                          if 'handover' in entry)


def taken_probe(side, daemon):
    """How many frames the side's guest has taken. daemon: the monitor of its daemon."""
    if side.kind == VHOST_USER:
        return ExportProbe(daemon)
    return NicProbe(side.path('qemu-sample'))


def sent_probe():
    """How many frames the host has sent into the bridge."""
    with open('/proc/self/net/dev', encoding='ascii') as file:
        for line in file:
            name, _, numbers = line.partition(':')
            if name.strip() == 'br0':
                return int(numbers.split()[9])
    return None


class Series(threading.Thread):
    """What a probe has told: (real time in seconds, value), as often as it answers."""

    def __init__(self, probe):
        super().__init__(daemon=True)
        self.probe = probe
        self.points = []
        self.ends = threading.Event()
        self.start()

    def run(self):
        with contextlib.suppress(OSError, ValueError):  # its program ends
            while not self.ends.wait(PERIOD_S):
                before = time.time()
                value = self.probe()
                if value is not None:
                    self.points.append(((before + time.time()) / 2, value))

    def finish(self):
        """Returns: the points."""
        self.ends.set()
        self.join(30)
        return self.points


def unwrapped(points):
    """A counter of 16 bits as one that goes on."""
    result, total, last = [], 0, None
    for when, value in points:
        total += 0 if last is None else (value - last) & INDEX_MASK
        last = value
        result.append((when, total))
    return result


class Sampler:
    """All that can be seen of the migration from one side to another."""

    def __init__(self, source, target):
        sides = [(side, Monitor(side.path('daemon-sample')) if side.daemon else None)
                 for side in (source, target)]
        self.sent = Series(sent_probe)
        self.taken = [Series(taken_probe(*side)) for side in sides]
        self.held = [Series(HeldProbe(daemon)) for _, daemon in sides if daemon]

    def finish(self, blackout):
        """Returns: {name: points}, in seconds since the guest stopped."""
        source, target = (series.finish() for series in self.taken)
        taken = ([point for point in source if point[0] <= blackout.stop] +
                 [point for point in target if point[0] >= blackout.resume])
        curves = {'sent': self.sent.finish(), 'received': unwrapped(taken)}
        for name, series in zip(('held', 'held there'), self.held):
            curves[name] = series.finish()
        return {name: [(when - blackout.stop, value) for when, value in points]
                for name, points in curves.items()}
