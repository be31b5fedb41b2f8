#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Tests what becomes of every frame when a guest is stopped and resumed under load.
"""
    br0 -- tapA -- netdev net0 -- export e0 -- QEMU A

The daemon loses none. QEMU may: what it has read and its NIC had no buffers for is thrown away at a
plain stop, more on a busy machine. So the sum is checked: sent = received + lost in QEMU. With
vhost-user QEMU has no part in it, and none at all may be lost.
"""

import functools
import sys

from lab import tap, traffic
from lab.account import Account
from lab.errors import check, check_equal
from lab.side import EXPORTS, VHOST_USER, Side

CYCLES = 20
STOP_MAX_S = 2
FAST_PER_SECOND = 2000
SLOW_PER_SECOND = 1000
LONG_STOP_S = 5
LONG_COUNT = 7000
ECHO_BYTES_PER_S = 100000
OUT_CYCLES = 5
MORE_THAN_NEEDED = 300000


class Exact:
    """The account of a guest whose stops cost nothing."""

    def __init__(self, lab):
        self.deadline = lab.deadline

    def check_stream(self, flow, sent):
        traffic.check_stream(self.deadline, flow, sent)
        return f'{sent} datagrams, none of them lost'


def start(make_side, lab):
    """Returns: the side with its guest, and the account of what it gets."""
    side = make_side(lab)
    side.start_guest()
    return side, Exact(lab) if side.kind == VHOST_USER else Account(side)


def stop_and_cont(side, sender, count):
    """Stop the guest while count datagrams are sent to it."""
    side.guest.qmp.command('stop')
    side.daemon.qmp.wait('STOP')
    sender.wait_more(count)
    side.guest.qmp.command('cont')
    side.daemon.qmp.wait('RESUME')


def many_cycles(make_side, lab):
    side, account = start(make_side, lab)
    echo = traffic.Echo(lab, ECHO_BYTES_PER_S)
    sender = traffic.Sender(lab, 1, FAST_PER_SECOND, MORE_THAN_NEEDED)
    for cycle in range(1, CYCLES + 1):
        sender.wait_more(FAST_PER_SECOND // 5)
        stop_and_cont(side, sender, FAST_PER_SECOND * STOP_MAX_S * cycle // CYCLES)
    sender.wait_more(FAST_PER_SECOND // 5)
    sent = sender.stop()['sent']
    echoed = echo.check_whole()
    print(f'# {account.check_stream(1, sent)}; {echoed} bytes of TCP both ways')


def long_stop(make_side, lab):
    side, account = start(make_side, lab)
    sender = traffic.Sender(lab, 1, SLOW_PER_SECOND, LONG_COUNT)
    sender.wait_sent(SLOW_PER_SECOND)
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


def make(kind, follows, lab):
    return Side(lab, 'A', kind, follows=follows)


SIDES = [(kind, functools.partial(make, kind, True)) for kind in EXPORTS]
SIDES.append((f'{VHOST_USER}, alone', functools.partial(make, VHOST_USER, False)))

CASES = [(f'{kind}: {name}', functools.partial(case, side)) for kind, side in SIDES
         for name, case in ((f'{CYCLES} stops of up to {STOP_MAX_S} s', many_cycles),
                            (f'a stop of {LONG_STOP_S} s', long_stop),
                            ('the stop is sharp for what the guest sends', own_stream))]

if __name__ == '__main__':
    sys.exit(tap.main(CASES, seconds=120))
