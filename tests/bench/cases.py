# SPDX-License-Identifier: GPL-2.0-or-later
# The cases of "make bench": what each one builds, and what one run of it measures.

import json
import os
import statistics
import subprocess
import time

from programs import BenchError, DEADLINE_S, Wiring, dgram_pair, roomy_pair, udp_pair
from vhost import vhost_cases

# How many frames may be on their way: fewer than a queue of a hub or an injection holds (10000),
# and than the buffer of a UDP socket.
QUEUE_WINDOW = 4000
DGRAM_WINDOW = 256
# QEMU sends frames out of order and cut as soon as a hub's taker has no room. So few are on
# their way that the takers' sockets have room for all of them.
QEMU_HUB_WINDOW = {64: 128, 1514: 64}
QEMU_UNIX_DGRAM_WINDOW = 8
QEMU_UDP_WINDOW = 64
# QEMU drops what is released while the taker's socket has no room, or reverses it.
COMPARE_WINDOW = 4000
# What waits on one connection: not more than max_queue_size.
COMPARE_QUEUE = 1000
QEMU_COMPARE_WINDOW = 256
QEMU_CHANNEL_WINDOW = 64
# All netdevs busy: what one of them gets before it is the next one's turn, and how many frames
# are on their way in all.
TURN_BYTES = 65536
TURN_WINDOW = 1 << 18
MANY = 1000
CHAIN_FILTERS = 8
ROUND_TRIPS = 20


class Limits:
    """How long or how much one run is."""

    def __init__(self, measure_ms, total_bytes=0):
        self.total_bytes = total_bytes
        self.measure_ms = measure_ms
        self.warm_up_ms = measure_ms // 4

    def frames(self, frame):
        """How many of a flow; 0 = as many as go in the time."""
        return min(self.total_bytes // frame, 2000)


class Traffic:
    """A case in which frames flow. build(wiring) makes the sockets and options.

    Cases of one group are run in turn, to be compared with one another.
    """

    kind = 'traffic'
    skip = None

    def __init__(self, case, name, frame, build, *, stopped=False, window=0,
                 qemu_window=None, dgram=False, chunk=None, busy=None, has_relay=True):
        self.case = case
        self.has_relay = has_relay
        self.group = (case, frame)
        self.name = name
        self.frame = frame
        self.build = build
        self.stopped = stopped
        self.window = window
        self.qemu_window = qemu_window or window
        self.dgram = dgram
        self.chunk = chunk
        self.busy = busy

    def takes(self, program):
        """Whether the program is measured here."""
        return program.name != 'dpdk'

    def command(self, tools, wiring, limits, pid):
        inputs = wiring.inputs[:self.busy]
        outputs = wiring.outputs[:self.busy] + wiring.copies
        window = self.qemu_window if wiring.program.name == 'qemu' else self.window
        command = [tools + '/bench-traffic', f'--frame={self.frame}', f'--pid={pid}',
                   f'--measure={limits.measure_ms}', f'--warm-up={limits.warm_up_ms}',
                   f'--window={window}', f'--frames={limits.frames(self.frame)}',
                   '--in=' + ','.join(str(sock.fileno()) for sock in inputs),
                   '--out=' + ','.join(str(sock.fileno()) for sock in outputs)]
        if self.dgram:
            command.append('--dgram')
        if self.chunk:
            command.append(f'--chunk={self.chunk}')
        return command, [sock.fileno() for sock in inputs + outputs]

    def run(self, program, tools, limits):
        """Returns: what was measured, as a dict."""
        wiring = Wiring(program)
        process = qmp = None
        try:
            self.build(wiring)
            process, qmp = program.start(wiring)
            wiring.close_far()
            if self.stopped and qmp:
                qmp.command('stop')
            counts = self.send(process, wiring, tools, limits)
            counts['peak_kib'] = process.memory_kib('VmHWM')
            return counts
        finally:
            for part in (qmp, process, wiring):
                if part:
                    part.close()

    def send(self, process, wiring, tools, limits):
        command, fds = self.command(tools, wiring, limits, process.pid)
        done = subprocess.run(command, pass_fds=fds, check=False, capture_output=True, text=True,
                              timeout=DEADLINE_S)
        if done.returncode != 0:
            raise BenchError(f'{done.stderr.strip()} {process.last_words()}'.strip())
        counts = json.loads(done.stdout)
        frames = max(counts['frames'], 1)
        return {'checked': counts['checked'],
                'frames_per_s': counts['frames'] * 1e9 / counts['ns'],
                'cpu_ns_per_frame': counts['cpu_ns'] / frames}


class Compare(Traffic):
    """Case i: the same segments from two guests through colo-compare."""

    def __init__(self, conns, payload):
        super().__init__('i', f'{conns} connection{"s" * (conns > 1)}', payload, compare,
                         window=COMPARE_WINDOW if conns > 1 else COMPARE_QUEUE,
                         qemu_window=QEMU_COMPARE_WINDOW, has_relay=False)
        self.conns = conns

    def takes(self, program):
        return program.has_monitor

    def command(self, tools, wiring, limits, pid):
        primary, secondary, out = (sock.fileno() for sock in wiring.inputs + wiring.outputs)
        window = self.qemu_window if wiring.program.name == 'qemu' else self.window
        return [tools + '/bench-compare', f'--primary={primary}', f'--secondary={secondary}',
                f'--out={out}', f'--payload={self.frame}', f'--conns={self.conns}',
                f'--window={window}', f'--frames={limits.frames(self.frame)}', f'--pid={pid}',
                f'--measure={limits.measure_ms}', f'--warm-up={limits.warm_up_ms}'
                ], [primary, secondary, out]


class StartUp:
    """Case g: until the QMP greeting, and memory at rest."""

    case = 'g'
    group = ('g', 0)
    kind = 'start'
    skip = None

    def __init__(self, netdevs):
        self.netdevs = netdevs
        self.name = f'{netdevs} netdev{"s" * (netdevs > 1)}'

    def takes(self, program):
        return program.has_monitor

    def run(self, program, tools, limits):
        wiring = Wiring(program)
        for number in range(self.netdevs):
            wiring.add_socket_netdev(number, wiring.input())
        try:
            seconds, process, qmp = program.time_start(wiring)
            try:
                return {'greeting_ms': seconds * 1e3, 'rest_kib': process.memory_kib('VmRSS')}
            finally:
                qmp.close()
                process.close()
        finally:
            wiring.close()


class StopCont:
    """Case h: how long stop and cont take, as QMP sees it."""

    case = 'h'
    group = ('h', 0)
    kind = 'latency'
    skip = None

    def __init__(self, netdevs):
        self.netdevs = netdevs
        self.name = f'{netdevs} netdevs'

    def takes(self, program):
        return program.has_monitor

    def run(self, program, tools, limits):
        wiring = Wiring(program)
        many_redirectors(self.netdevs)(wiring)
        try:
            process, qmp = program.start(wiring)
            try:
                return measure_round_trips(qmp)
            finally:
                qmp.close()
                process.close()
        finally:
            wiring.close()


def measure_round_trips(qmp):
    times = {'stop': [], 'cont': []}
    for _ in range(ROUND_TRIPS):
        for name, seconds in times.items():
            begin = time.perf_counter()
            qmp.command(name)
            seconds.append(time.perf_counter() - begin)
    return {f'{name}_ms': statistics.median(seconds) * 1e3 for name, seconds in times.items()}


# ---- what is built ----

def many_redirectors(n):
    """n times: stream in -> netdev -> redirector -> chardev -> stream out."""
    def build(wiring):
        for number in range(n):
            wiring.add_socket_netdev(number, wiring.input())
            wiring.add_chardev(f'c{number}', wiring.output())
            wiring.add_redirector(number, f'queue=tx,outdev=c{number}')
    return build


def injection(wiring):
    """stream in -> chardev -> redirector -> netdev -> stream out."""
    wiring.add_socket_netdev(0, wiring.output())
    wiring.add_chardev('c0', wiring.input())
    wiring.add_redirector(0, 'queue=rx,indev=c0')


def channel(tls):
    """stream in -> netdev -> redirector -> TCP -> redirector -> netdev -> stream out."""
    def build(wiring):
        wiring.add_channel(tls)
        wiring.add_socket_netdev(0, wiring.input())
        wiring.add_socket_netdev(1, wiring.output(roomy_pair))
        wiring.add_redirector(0, 'queue=tx,outdev=out0')
        wiring.add_redirector(1, 'queue=rx,indev=in0')
    return build


def hub(extra=None):
    """stream in -> netdev -> hub -> netdev -> stream out, with a filter on the first netdev."""
    def build(wiring):
        wiring.add_socket_netdev(0, wiring.input(), hub=0)
        wiring.add_socket_netdev(1, wiring.output(roomy_pair), hub=0)
        if extra:
            extra(wiring)
    return build


def mirror(wiring):
    wiring.add_chardev('c0', wiring.copy())
    wiring.add('-object', 'filter-mirror,id=m0,netdev=n0,queue=tx,outdev=c0')


def dump(wiring):
    wiring.add('-object', f'filter-dump,id=d0,netdev=n0,queue=tx,file={os.devnull}')


def dgram_hub(make):
    """datagrams in -> netdev -> hub -> netdev -> datagrams out."""
    def build(wiring):
        for number, link in enumerate((wiring.input, wiring.output)):
            wiring.add_netdev(number, f'dgram,local.type=fd,local.str={link(make)}', hub=0)
    return build


def chain(n):
    """Case a with n filters in front that let everything pass."""
    def build(wiring):
        wiring.add_socket_netdev(0, wiring.input())
        wiring.add_chardev('c0', wiring.output())
        for number in range(n):
            wiring.add('-object', f'filter-replay,id=p{number},netdev=n0,queue=all')
        wiring.add_redirector(0, 'queue=tx,outdev=c0')
    return build


def compare(wiring):
    """stream in of the primary, stream in of the secondary -> colo-compare -> stream out."""
    for name, fd in (('pri', wiring.input(roomy_pair)), ('sec', wiring.input(roomy_pair)),
                     ('out', wiring.output(roomy_pair))):
        wiring.add_chardev(name, fd)
    wiring.add('-object', 'iothread,id=io')
    wiring.add('-object', 'colo-compare,id=cmp0,primary_in=pri,secondary_in=sec,outdev=out,'
                          'iothread=io')


def redirector_cases():
    for frame in (64, 256, 1514, 65000):
        for stopped in (False, True):
            yield Traffic('a', f'{frame} B, {"stopped" if stopped else "running"}', frame,
                          many_redirectors(1), stopped=stopped)


def hub_cases():
    for frame in (64, 1514):
        for name, extra in (('hub', None), ('mirror', mirror), ('dump', dump)):
            yield Traffic('c', f'{frame} B, {name}', frame, hub(extra), window=QUEUE_WINDOW,
                          qemu_window=QEMU_HUB_WINDOW[frame])


def dgram_cases():
    for frame in (64, 1514):
        for name, make, qemu_window in (('unix', dgram_pair, QEMU_UNIX_DGRAM_WINDOW),
                                        ('udp', udp_pair, QEMU_UDP_WINDOW)):
            yield Traffic('d', f'{frame} B, {name}', frame, dgram_hub(make), dgram=True,
                          window=DGRAM_WINDOW, qemu_window=qemu_window)


def channel_cases():
    for frame in (64, 1514):
        for name, tls in (('TCP', False), ('TLS', True)):
            yield Traffic('l', f'{frame} B, {name}', frame, channel(tls), window=QUEUE_WINDOW,
                          qemu_window=QEMU_CHANNEL_WINDOW, has_relay=False)


def many_cases():
    for n in (1, 10, 100, MANY):
        yield Traffic('f', f'{n}, one busy', 64, many_redirectors(n), busy=1)
    for n in (10, 100, MANY):
        yield Traffic('f', f'{n}, all busy', 64, many_redirectors(n), chunk=TURN_BYTES,
                      window=TURN_WINDOW)


def all_cases():
    """Every line of the table, in order."""
    cases = list(redirector_cases())
    cases += [Traffic('b', f'{frame} B', frame, injection, window=QUEUE_WINDOW)
              for frame in (64, 1514)]
    cases += list(hub_cases()) + list(dgram_cases())
    cases += [Traffic('e', f'{n} filters', 64, chain(n)) for n in (0, CHAIN_FILTERS)]
    cases += list(many_cases())
    cases += [Compare(conns, 64) for conns in (1, MANY)]
    cases += list(channel_cases())
    cases += [StartUp(1), StartUp(MANY), StopCont(MANY)]
    return cases + list(vhost_cases())
