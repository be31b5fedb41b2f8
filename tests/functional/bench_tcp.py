#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Measures how fast a guest's TCP is on QEMU's own tap and through our daemon, in alternating runs.
"""usage: bench_tcp.py [OPTION]... BUILD

Boots a tiny Linux guest for each kind of attachment, all at once, and lets them have the bridge in
turn: QEMU's own tap, and our daemon's tap behind exports of type vhost-user, stream and dgram. In
each turn TCP goes into the guest, then out of it, as fast as it goes, and datagrams go to it one at
a time and come back. Needs root, for a network namespace and taps.

  --runs N          turns of each kind (5)
  --ms N            length of each load (2000)
  --kinds LIST      the kinds beside QEMU's own tap (vhost-user,stream,dgram)
  --poll-us LIST    of exports of type vhost-user: more than one guest, each with one of these
  --qemu COMMAND    the QEMU to use, with options if it wants some (qemu-system-x86_64)

The numbers are medians; the ratios are medians of the ratios of each run to QEMU's own tap in the
same run, so what slows a whole run cancels out. CPU: of QEMU and the daemon together, for each MB.
"""

import argparse
import dataclasses
import os
import pathlib
import signal
import socket
import statistics
import sys
import time

from lab import traffic
from lab.errors import LabError, Skip
from lab.network import GUEST
from lab.scene import Lab
from lab.side import EXPORTS, STOCK, VHOST_USER, Side
from lab.tap import end_in_order

ROUND_TRIPS = 1000
BOOT_S = 120
READ_BYTES = 1 << 20


@dataclasses.dataclass
class Turn:
    """What one guest did in one run."""

    in_mb: float
    in_cpu: float
    out_mb: float
    out_cpu: float
    trip_us: float


class Place:
    """A guest, and what it is attached to."""

    def __init__(self, lab, name, kind, poll_us=None):
        self.lab = lab
        self.name = kind if poll_us is None else f'{kind} {poll_us}'
        self.side = Side(lab, name, kind, follows=False,
                         export_more=f',poll-us={poll_us}' if poll_us is not None else '')
        self.turns = []
        self.side.start_guest()
        self.unplug()

    def unplug(self):
        self.lab.network.ip(f'link set {self.side.tap} nomaster')

    def cpu_ms(self):
        """What QEMU and the daemon have used of the processors."""
        pids = [thing.process.pid for thing in (self.side.guest, self.side.daemon) if thing]
        return sum(int((task / 'schedstat').read_text(encoding='ascii').split()[0])
                   for pid in pids for task in pathlib.Path(f'/proc/{pid}/task').iterdir()) / 1e6

    def take_turn(self, ms):
        self.lab.network.plug(self.side.tap)
        traffic.ask(self.lab.deadline, traffic.ECHO_PORT, b'hello')
        before = self.cpu_ms()
        loaded = traffic.Load(self.lab, ms).result()
        between = self.cpu_ms()
        out_bytes, out_s = drain_for(self.lab.deadline, ms / 1000)
        after = self.cpu_ms()
        self.turns.append(Turn(
            loaded['acknowledged'] / loaded['us'],
            (between - before) / (loaded['acknowledged'] / 1e6),
            out_bytes / 1e6 / out_s, (after - between) / (out_bytes / 1e6),
            round_trip_us(self.lab.deadline)))
        self.unplug()


def drain_for(deadline, seconds):
    """Read what the guest sends over TCP as fast as it can. Returns: bytes, seconds."""
    count = 0
    buf = bytearray(READ_BYTES)
    with socket.create_connection((GUEST, traffic.ZEROES_PORT)) as client:
        begin = time.monotonic()
        while (now := time.monotonic()) < begin + seconds:
            client.settimeout(deadline.remaining('bytes of the guest'))
            count += client.recv_into(buf)
        return count, now - begin


def round_trip_us(deadline):
    """Returns: the median time in which a datagram comes back."""
    times = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((GUEST, traffic.ECHO_PORT))
        client.settimeout(deadline.remaining('datagrams of the guest'))
        for _ in range(ROUND_TRIPS):
            begin = time.perf_counter()
            client.send(b'there and back')
            client.recv(READ_BYTES)
            times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1e6


# ---- the table ----

def median(place, field):
    return statistics.median(getattr(turn, field) for turn in place.turns)


def ratio(place, stock, field):
    ratios = [getattr(turn, field) / getattr(other, field)
              for turn, other in zip(place.turns, stock.turns)]
    return f'{statistics.median(ratios):5.2f} ({min(ratios):.2f}-{max(ratios):.2f})'


def print_table(places):
    stock = places[0]
    print(f'{"attachment":<16} {"in MB/s":>8} {"x QEMU":>17} {"CPU ms":>7} {"out MB/s":>9} '
          f'{"x QEMU":>17} {"CPU ms":>7} {"trip us":>8} {"x QEMU":>17}')
    for place in places:
        print(f'{place.name:<16} {median(place, "in_mb"):>8.0f} {ratio(place, stock, "in_mb"):>17} '
              f'{median(place, "in_cpu"):>7.2f} {median(place, "out_mb"):>9.0f} '
              f'{ratio(place, stock, "out_mb"):>17} {median(place, "out_cpu"):>7.2f} '
              f'{median(place, "trip_us"):>8.0f} {ratio(place, stock, "trip_us"):>17}')


def run(args):
    lab = Lab(args.build, BOOT_S + args.runs * (len(args.kinds) + 5) * (args.ms * 2 / 1000 + 10))
    try:
        kinds = [(STOCK, None)]
        for kind in args.kinds:
            polls = args.poll_us if kind == VHOST_USER and args.poll_us else [None]
            kinds += [(kind, poll_us) for poll_us in polls]
        places = [Place(lab, chr(ord('A') + number), *kind) for number, kind in enumerate(kinds)]
        for _ in range(args.runs):
            for place in places:
                place.take_turn(args.ms)
        lab.finish()
    except BaseException:
        print('\n'.join(lab.story()), file=sys.stderr)
        raise
    finally:
        lab.close()
    print_table(places)


def parse_arguments():
    parser = argparse.ArgumentParser(usage=__doc__.split('\n', 1)[0][7:], add_help=False)
    parser.add_argument('-h', '--help', action='store_true')
    parser.add_argument('--runs', type=int, default=5)
    parser.add_argument('--ms', type=int, default=2000)
    parser.add_argument('--kinds', default=f'{VHOST_USER},stream,dgram')
    parser.add_argument('--poll-us', default='')
    parser.add_argument('--qemu')
    parser.add_argument('build', nargs='?')
    args = parser.parse_args()
    if args.help or not args.build:
        print(__doc__, end='')
        sys.exit(0 if args.help else 2)
    args.kinds = args.kinds.split(',')
    args.poll_us = args.poll_us.split(',') if args.poll_us else []
    if not set(args.kinds) <= set(EXPORTS):
        sys.exit(f'bench_tcp: --kinds: the kinds are {", ".join(EXPORTS)}')
    return args


def main():
    args = parse_arguments()
    signal.signal(signal.SIGTERM, end_in_order)
    if args.qemu:
        os.environ['LAB_QEMU'] = args.qemu
    try:
        run(args)
    except (LabError, Skip, OSError) as error:
        print(f'bench_tcp: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
