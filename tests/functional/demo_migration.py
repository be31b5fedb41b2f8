#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Migrates a loaded guest with QEMU's own backend and through our daemons, and shows what was lost.
"""usage: demo_migration.py [OPTION]... BUILD

Boots a tiny Linux guest in stock QEMU, sends it a steady stream of numbered datagrams, and
migrates it to a second QEMU meanwhile: once with its NIC on QEMU's own tap backend, once on
qemu-net-daemon, which owns the tap. The guest counts what it gets. It also sends a stream of its
own, whose longest gap on the host's clock is how long the guest was away. Needs root, for network
namespaces and taps; the network of the machine is not touched.

  --runs N         migrations of each kind (10)
  --count N        datagrams in each migration (8000)
  --rate N         datagrams in a second (1000)
  --mode MODE      precopy, pause-before-switchover or postcopy (precopy)
  --export TYPE    how the guest attaches to the daemon: stream, dgram or vhost-user (stream)
  --svg FILE       a picture of the first migration of each kind (BUILD/demo-migration.svg)
  --qemu COMMAND   the QEMU to use, with options if it wants some (qemu-system-x86_64)

The exit status is 1 if a migration through the daemons lost a datagram, duplicated more than 3
(over vhost-user: any), or reordered any.
"""

import argparse
import dataclasses
import os
import pathlib
import signal
import statistics
import sys

import timeline
from lab import migration, sampler, traffic
from lab.errors import LabError, Skip
from lab.guest import qemu_version
from lab.scene import Lab
from lab.side import EXPORTS, SOCKETS, STOCK, Side, pair
from lab.tap import end_in_order

# The frames that the source's QEMU had taken but may not have given to its guest.
DUPLICATES_MAX = {kind: 3 if kind in SOCKETS else 0 for kind in EXPORTS}
CASE_S = 60
IN_STREAM, OUT_STREAM = 1, 2
LOAD_MS = 2000
LOAD_ROUNDS = 3


@dataclasses.dataclass
class Outcome:
    """What became of the datagrams of one migration, or of several."""

    sent: int = 0
    received: int = 0
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0
    gap_ms: float = 0.0
    out_sent: int = 0
    out_lost: int = 0

    def is_good(self, kind):
        return (self.lost, self.reordered) == (0, 0) and self.duplicated <= DUPLICATES_MAX[kind]

    def cells(self):
        return (f'{self.sent:>6} {self.received:>6} {self.lost:>5} {self.duplicated:>4} '
                f'{self.reordered:>5} {self.gap_ms:>7.0f}')


def total(outcomes):
    """The sums; of the gaps the longest."""
    together = Outcome()
    for outcome in outcomes:
        for field in dataclasses.fields(Outcome):
            join = max if field.name == 'gap_ms' else sum
            setattr(together, field.name, join((getattr(together, field.name),
                                                getattr(outcome, field.name))))
    return together


def draw_panel(kind, outcome, blackout, curves):
    """A panel of the picture: what was seen of a migration."""
    version = f'QEMU {".".join(map(str, qemu_version()[:2]))}'
    is_good = outcome.lost == 0 and (kind == STOCK or outcome.is_good(kind))
    result = f'{outcome.lost} of {outcome.sent} datagrams lost'
    if is_good:
        result = f'none of {outcome.sent} datagrams lost, none out of order'
    title = f'{version} on a tap' if kind == STOCK else f'{version} on qemu-net-daemon ({kind})'
    return timeline.Panel(title, blackout.ms / 1000, curves, result, is_good)


def run_migration(lab, kind, args, is_drawn=False):
    """Returns: the Outcome, and a panel of the picture or None."""
    source, target = pair(lab, kind, is_sampled=is_drawn)
    looks = sampler.Sampler(source, target) if is_drawn else None
    receiver = traffic.Receiver(lab, OUT_STREAM, args.rate, args.count)
    sender = traffic.Sender(lab, IN_STREAM, args.rate, args.count)
    sender.wait_sent(args.count // 5)
    blackout = migration.migrate(source.guest, target.guest, target.uri(), args.mode)
    sent = sender.result()['sent']
    report = traffic.report(lab.deadline, IN_STREAM)
    out = receiver.result()
    curves = looks.finish(blackout) if looks else None
    lab.finish()
    outcome = Outcome(sent, report['total'], sent - report['unique'], report['duplicated'],
                      report['reordered'], out['gap_us'] / 1000, args.count,
                      args.count - out['unique'])
    return outcome, draw_panel(kind, outcome, blackout, curves) if curves else None


def in_lab(args, function, *arguments):
    lab = Lab(args.build, CASE_S + args.count / args.rate, os.environ.get('LAB_SANITIZE', 'none'))
    try:
        return function(lab, *arguments)
    except BaseException:
        print('\n'.join(lab.story()), file=sys.stderr)
        raise
    finally:
        lab.close()


# ---- the table ----

WIDTH = len(Outcome().cells())
HEAD = f'{"sent":>6} {"recvd":>6} {"lost":>5} {"dup.":>4} {"reor.":>5} {"gap ms":>7}'


def rule(join='+'):
    return f'+-----+-{"-" * WIDTH}-{join}-{"-" * WIDTH}-+'


def row(title, left, right):
    return f'| {title:>3} | {left:>{WIDTH}} | {right:>{WIDTH}} |'


def print_table(args):
    """Run it all. Returns: the outcomes of both kinds, and the panels of the picture."""
    outcomes = {STOCK: [], args.export: []}
    panels = []
    print(rule())
    print(row('', f'{"tap, QEMU":^{WIDTH}}',
              f'{f"tap, qemu-net-daemon, {args.export}, QEMU":^{WIDTH}}'))
    print(row('run', HEAD, HEAD))
    print(rule())
    for run in range(1, args.runs + 1):
        for kind, those in outcomes.items():
            outcome, panel = in_lab(args, run_migration, kind, args, run == 1)
            those.append(outcome)
            panels += [panel] if panel else []
        print(row(run, *(those[-1].cells() for those in outcomes.values())), flush=True)
    print(rule())
    print(row('all', *(total(those).cells() for those in outcomes.values())))
    print(rule())
    return outcomes, panels


def write_picture(args, panels):
    path = pathlib.Path(args.svg or pathlib.Path(args.build) / 'demo-migration.svg')
    path.write_text(timeline.svg(f'Live migration of a guest that gets {args.rate} datagrams/s',
                                 panels), encoding='utf-8')
    print(f'The first run of each, drawn: {path}')


def explain(args):
    version = '.'.join(map(str, qemu_version()))
    print(f'Live migration ({args.mode}) of a guest in QEMU {version} that gets {args.rate} '
          f'datagrams/s,\n{args.count} in each run, and sends as many.\n', flush=True)


def explain_after(outcomes):
    print('sent, recvd, lost, dup., reor.: datagrams into the guest, which counts them. gap: the '
          'longest\ntime in which the host heard nothing from the guest. Of the datagrams that the '
          'guests sent')
    print(' and '.join(f'{total(those).out_lost} of {total(those).out_sent}'
                       for those in outcomes.values()) + ' were lost.')


# ---- what gating costs ----

def load_rates(lab, kind):
    """Returns: MB/s of TCP into the guest by gate=on and off, alternating."""
    source = Side(lab, 'A', kind)
    source.start_guest()
    rates = {'off': [], 'on': []}
    for _ in range(LOAD_ROUNDS):
        for gate, those in rates.items():
            source.daemon.qmp.command('net-export-set', id='e0', gate=gate)
            result = traffic.Load(lab, LOAD_MS).result()
            those.append(result['acknowledged'] / result['us'])
    lab.finish()
    return rates


def print_gating(args):
    rates = in_lab(args, load_rates, args.export)
    off, on = (statistics.median(rates[gate]) for gate in ('off', 'on'))
    print(f'TCP into the guest at full speed: {off:.0f} MB/s with gate=off, as while no migration '
          f'is in\nprogress; {on:.0f} MB/s with gate=on, as during one ({on / off * 100:.0f} %).')


def parse_arguments():
    parser = argparse.ArgumentParser(usage=__doc__.split('\n', 1)[0][7:], add_help=False)
    parser.add_argument('-h', '--help', action='store_true')
    parser.add_argument('--runs', type=int, default=10)
    parser.add_argument('--count', type=int, default=8000)
    parser.add_argument('--rate', type=int, default=1000)
    parser.add_argument('--mode', choices=migration.MODES, default=migration.PRECOPY)
    parser.add_argument('--export', choices=EXPORTS, default=EXPORTS[0])
    parser.add_argument('--svg')
    parser.add_argument('--qemu')
    parser.add_argument('build', nargs='?')
    args = parser.parse_args()
    if args.help or not args.build:
        print(__doc__, end='')
        sys.exit(0 if args.help else 2)
    return args


def main():
    args = parse_arguments()
    signal.signal(signal.SIGTERM, end_in_order)
    if args.qemu:
        os.environ['LAB_QEMU'] = args.qemu
    try:
        explain(args)
        outcomes, panels = print_table(args)
        explain_after(outcomes)
        write_picture(args, panels)
        if args.export in SOCKETS:
            print_gating(args)
    except (LabError, Skip, OSError) as error:
        print(f'demo_migration: {error}', file=sys.stderr)
        return 1
    bad = [run for run, outcome in enumerate(outcomes[args.export], 1)
           if not outcome.is_good(args.export)]
    if bad:
        print(f'FAILED: in run {", ".join(map(str, bad))} datagrams were lost, reordered or came '
              f'twice too often.')
        return 1
    print('Through the daemons every datagram reached the guest, in order.')
    return 0


if __name__ == '__main__':
    sys.exit(main())
