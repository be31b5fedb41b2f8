#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Tests what becomes of every frame when a guest is stopped and resumed under load.
"""
    br0 -- tapA -- netdev net0 -- export e0 -- QEMU A

The daemon loses none. QEMU may: what it has read and its NIC had no buffers for is thrown away at a
plain stop, more on a busy machine. So the sum is checked: sent = received + lost in QEMU. With
gate=on the follower counts what QEMU has lost, and the guest gets it again. With vhost-user QEMU
has no part in it. In both none at all may be lost.
"""

import functools
import sys

from lab import tap, traffic
from lab.account import Account
from lab.errors import check, check_equal
from lab.side import EXPORTS, SOCKETS, VHOST_USER, Side

CYCLES = 20
STOP_MAX_S = 2
FAST_PER_SECOND = 2000
SLOW_PER_SECOND = 1000
LONG_STOP_S = 5
LONG_COUNT = 7000
ECHO_BYTES_PER_S = 100000
OUT_CYCLES = 5
MORE_THAN_NEEDED = 300000
GATE_ON = ',gate=on'


class Exact:
    """The account of a guest whose stops cost nothing.

    What QEMU has thrown away comes again behind what it had read after that: with gate=on one
    datagram of each stop may.
    """

    def __init__(self, side, reordered):
        self.side = side
        self.deadline = side.lab.deadline
        self.reordered = reordered

    def wait_exact(self):
        while self.side.export()['exact-stop'] is not True:
            self.deadline.remaining('an exact stop')

    def check_stream(self, flow, sent):
        counted = traffic.check_stream(self.deadline, flow, sent, reordered=self.reordered)
        return (f'{sent} datagrams, none lost before the guest, {sent - counted["unique"]} in its '
                f'socket, {counted["reordered"]} late')


class Inexact(Account):
    """That of one whose stops may cost what QEMU has accepted."""

    def wait_exact(self):
        pass


def start(make_side, lab, stops):
    """Returns: the side with its guest, and the account of what it gets."""
    side = make_side(lab)
    side.start_guest()
    if side.kind == VHOST_USER:
        return side, Exact(side, 0)
    return side, Exact(side, stops) if side.export_more == GATE_ON else Inexact(side)


def stop_and_cont(side, sender, count):
    """Stop the guest while count datagrams are sent to it."""
    side.guest.qmp.command('stop')
    side.daemon.qmp.wait('STOP')
    sender.wait_more(count)
    side.guest.qmp.command('cont')
    side.daemon.qmp.wait('RESUME')


def many_cycles(make_side, lab):
    side, account = start(make_side, lab, CYCLES)
    echo = traffic.Echo(lab, ECHO_BYTES_PER_S)
    sender = traffic.Sender(lab, 1, FAST_PER_SECOND, MORE_THAN_NEEDED)
    account.wait_exact()
    for cycle in range(1, CYCLES + 1):
        sender.wait_more(FAST_PER_SECOND // 5)
        stop_and_cont(side, sender, FAST_PER_SECOND * STOP_MAX_S * cycle // CYCLES)
    sender.wait_more(FAST_PER_SECOND // 5)
    sent = sender.stop()['sent']
    echoed = echo.check_whole()
    print(f'# {account.check_stream(1, sent)}; {echoed} bytes of TCP both ways')


def long_stop(make_side, lab):
    side, account = start(make_side, lab, 1)
    sender = traffic.Sender(lab, 1, SLOW_PER_SECOND, LONG_COUNT)
    sender.wait_sent(SLOW_PER_SECOND)
    account.wait_exact()
    side.guest.qmp.command('stop')
    side.daemon.qmp.wait('STOP')
    sender.wait_more(LONG_STOP_S * SLOW_PER_SECOND)
    export = side.export()
    check(export['held-to-guest']['frames'] > (LONG_STOP_S - 1) * SLOW_PER_SECOND,
          f'not held: {export}')
    check_equal(export['waits-for'], 'vm-stopped', 'what the frames wait for')
    if side.follows:
        check_equal(side.follower()['hold'], 'vm-stopped', 'why frames are held')
    side.guest.qmp.command('cont')
    check_equal(sender.result()['sent'], LONG_COUNT, 'datagrams sent')
    print(f'# {account.check_stream(1, LONG_COUNT)}')


def own_stream(make_side, lab):
    """What the guest sends before a stop is out before our STOP event, and nothing after it."""
    side = make_side(lab)
    side.start_guest()
    receiver = traffic.Receiver(lab, 2, SLOW_PER_SECOND, MORE_THAN_NEEDED)
    sender = traffic.Sender(lab, 1, SLOW_PER_SECOND, MORE_THAN_NEEDED)
    for _ in range(OUT_CYCLES):
        sender.wait_more(SLOW_PER_SECOND // 2)
        stop_and_cont(side, sender, SLOW_PER_SECOND // 2)
    sender.wait_more(SLOW_PER_SECOND // 2)
    sender.stop()
    out = receiver.stop()
    check_equal((out['holes'], out['reordered'], out['duplicated']), ('', 0, 0),
                'datagrams of the guest out of place')
    qmp = side.daemon.qmp
    times = [when for _, when in receiver.arrivals()]
    for stop, resume in zip(qmp.times('STOP'), [when for when in qmp.times('RESUME')
                                                if when > qmp.times('STOP')[0]]):
        late = [when for when in times if stop < when < resume]
        check(not late, f'{len(late)} frames of the guest came out after our STOP event, the last '
                        f'{(max(late, default=0) - stop) * 1000:.1f} ms after')


def make(kind, follows, export_more, lab):
    return Side(lab, 'A', kind, follows=follows, export_more=export_more)


SIDES = [(kind, functools.partial(make, kind, True, '')) for kind in EXPORTS]
SIDES.append((f'{VHOST_USER}, alone', functools.partial(make, VHOST_USER, False, '')))
GATED = [(kind + GATE_ON, functools.partial(make, kind, True, GATE_ON)) for kind in SOCKETS]

HOLDS = ((f'{CYCLES} stops of up to {STOP_MAX_S} s', many_cycles),
         (f'a stop of {LONG_STOP_S} s', long_stop))
ALL = (*HOLDS, ('the stop is sharp for what the guest sends', own_stream))

CASES = [(f'{kind}: {name}', functools.partial(case, side)) for sides, cases in
         ((SIDES, ALL), (GATED, HOLDS)) for kind, side in sides for name, case in cases]

if __name__ == '__main__':
    sys.exit(tap.main(CASES, seconds=120))
