#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Tests the lab itself with stock QEMU on the taps: what it does not lose, the others may not.
"""
    br0 -- tapA -- QEMU A
        -- tapB -- QEMU B
"""

import sys

from lab import migration, tap, traffic
from lab.errors import check, check_equal
from lab.side import STOCK, Side, pair

PER_SECOND = 1000
COUNT = 3000


def guest_is_reached(lab):
    Side(lab, 'A', STOCK).start_guest()
    check_equal(traffic.ask(lab.deadline, traffic.ECHO_PORT, b'hello'), b'hello', 'the echo')


def nothing_is_lost_at_rest(lab):
    Side(lab, 'A', STOCK).start_guest()
    echo = traffic.Echo(lab, 100000)
    receiver = traffic.Receiver(lab, 2, PER_SECOND, COUNT)
    sent = traffic.Sender(lab, 1, PER_SECOND, COUNT).result()['sent']
    report = traffic.report(lab.deadline, 1)
    check_equal(sent, COUNT, 'datagrams sent')
    check_equal(report['unique'], COUNT, 'datagrams the guest has counted')
    check_equal(report['reordered'] + report['duplicated'], 0, 'datagrams out of place')
    check_equal(receiver.result()['unique'], COUNT, 'datagrams out of the guest')
    check(echo.check_whole() > 0, 'no TCP')


def migration_loses_the_blackout(lab):
    source, target = pair(lab, STOCK)
    sender = traffic.Sender(lab, 1, PER_SECOND, COUNT)
    sender.wait_sent(COUNT // 3)
    blackout = migration.migrate(source.guest, target.guest, lab.relay(source, target).uri)
    sender.result()
    lost = COUNT - traffic.report(lab.deadline, 1)['unique']
    print(f'# {lost} datagrams lost in a blackout of {blackout.ms:.0f} ms')
    check(0 < lost < COUNT // 2, f'{lost} datagrams lost')


CASES = (
    ('the guest is reached', guest_is_reached),
    ('nothing is lost at rest', nothing_is_lost_at_rest),
    ('a migration loses the blackout', migration_loses_the_blackout),
)

if __name__ == '__main__':
    sys.exit(tap.main(CASES))
