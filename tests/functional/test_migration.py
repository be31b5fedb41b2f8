#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Tests that a live migration under load loses nothing, in every mode and over every export.
"""
    br0 -- tapA -- daemon A -- export -- QEMU A
        |             | hand-over (TCP or TLS)   | migration
        -- tapB -- daemon B -- export -- QEMU B
"""

import functools
import sys

from lab import migration, tap, traffic
from lab.errors import check, check_equal
from lab.network import GUEST_MAC
from lab.side import EXPORTS, SOCKETS, STREAM, VHOST_USER, pair

RUNS = 5
PER_SECOND = 2000
FAST_PER_SECOND = 5000
SECONDS = 4
OUT_PER_SECOND = 200
LATE_PER_SECOND = 200
LATE_S = 20
ECHO_BYTES_PER_S = 100000
# The frames that the source's QEMU had taken but may not have given to its guest.
IN_FLIGHT_MAX = dict.fromkeys(SOCKETS, 3)
IN_FLIGHT_MAX[VHOST_USER] = 0


def migrates(kind, mode, per_second, lab, tls=False):
    source, target = pair(lab, kind, tls=tls)
    echo = traffic.Echo(lab, ECHO_BYTES_PER_S)
    receiver = traffic.Receiver(lab, 2, OUT_PER_SECOND, OUT_PER_SECOND * SECONDS)
    sender = traffic.Sender(lab, 1, per_second, per_second * SECONDS)
    sender.wait_sent(per_second)
    relay = lab.relay(source, target)
    blackout = migration.migrate(source.guest, target.guest, relay.uri, mode)
    sent = sender.result()['sent']
    counted = traffic.check_stream(lab.deadline, 1, sent, IN_FLIGHT_MAX[kind])
    out = receiver.result()
    check_equal((out['holes'], out['reordered']), ('', 0), 'datagrams of the guest out of place')
    check(echo.check_whole() > 0, 'no TCP')
    check_equal(source.handover()['kept']['frames'], 0, 'frames the source keeps')
    check_equal(target.handover()['kept']['frames'], 0, 'frames the destination keeps')
    if (kind, mode) == (VHOST_USER, migration.POSTCOPY):
        check_pages_came(target)
    print(f'# blackout {blackout.ms:.0f} ms, {counted["duplicated"]} duplicated, '
          f'{source.handover()["acknowledged"]} handed over')


def check_pages_came(target):
    """The rings were worked before their memory was here, and all that was asked for came."""
    postcopy = target.export()['vhost-user']['postcopy']
    check(postcopy['come'] > 0, f'no page was missed: {postcopy}')
    check_equal((postcopy['active'], postcopy['awaited']), (False, 0), 'the end of postcopy')


def network_learns_late(lab):
    """The network goes on for LATE_S to send to the old host."""
    source, target = pair(lab, STREAM)
    sender = traffic.Sender(lab, 1, LATE_PER_SECOND, LATE_PER_SECOND * (LATE_S + 1))
    sender.wait_sent(LATE_PER_SECOND)
    lab.network.pin(GUEST_MAC, source.tap)
    migration.migrate(source.guest, target.guest, lab.relay(source, target).uri)
    counted = traffic.check_stream(lab.deadline, 1, sender.result()['sent'], IN_FLIGHT_MAX[STREAM])
    lab.network.pin(GUEST_MAC, target.tap)
    direct = traffic.Sender(lab, 2, LATE_PER_SECOND, LATE_PER_SECOND).result()['sent']
    traffic.check_stream(lab.deadline, 2, direct)
    handover = source.handover()
    check(handover['acknowledged'] > LATE_PER_SECOND * (LATE_S - 1), f'not late: {handover}')
    check_equal(handover['kept']['frames'], 0, 'frames the source keeps')
    check('quiet' in handover, f'nothing tells whether more come: {handover}')
    print(f'# {handover["acknowledged"]} handed over, {counted["duplicated"]} duplicated, the last '
          f'{handover["quiet"]} ms ago')


CASES = [(f'{kind}, {mode}, {run}', functools.partial(migrates, kind, mode, PER_SECOND))
         for kind in SOCKETS for mode in migration.MODES for run in range(1, RUNS + 1)]
CASES += [(f'{kind}, {FAST_PER_SECOND}/s',
           functools.partial(migrates, kind, migration.PRECOPY, FAST_PER_SECOND))
          for kind in EXPORTS]
CASES += [(f'{VHOST_USER}, {mode}, {run}',
           functools.partial(migrates, VHOST_USER, mode, PER_SECOND))
          for mode in (migration.PRECOPY, migration.POSTCOPY) for run in range(1, RUNS + 1)]
CASES.append((f'the network learns {LATE_S} s late', network_learns_late))
CASES += [(f'{kind}, tls', functools.partial(migrates, kind, migration.PRECOPY, FAST_PER_SECOND,
                                             tls=True))
          for kind in (STREAM, VHOST_USER)]

if __name__ == '__main__':
    sys.exit(tap.main(CASES))
