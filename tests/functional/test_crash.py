#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Tests that a QEMU or a daemon that dies takes no frame with it that somebody else can keep.
"""
    br0 -- tapA -- daemon A -- export -- QEMU A
        |             | hand-over (TCP)    | migration
        -- tapB -- daemon B -- export -- QEMU B

LAB_KILLS in the environment: how often a program is killed under load.
"""

import functools
import os
import sys

from lab import migration, tap, traffic
from lab.errors import check, check_equal
from lab.migration import PAUSE
from lab.side import EXPORTS, VHOST_USER, Side, pair

PER_SECOND = 1000
COUNT = 5000
GONE_COUNT = 500
KILLS = int(os.environ.get('LAB_KILLS', '2'))
MORE_THAN_NEEDED = 300000
CASE_S = 60 + 12 * KILLS


def guest_killed(kind, lab):
    side = Side(lab, 'A', kind)
    side.start_guest()
    traffic.Sender(lab, 1, PER_SECOND, COUNT // 5).result()
    traffic.check_stream(lab.deadline, 1, COUNT // 5)
    side.guest.kill()
    side.daemon.qmp.wait('NET_EXPORT_DISCONNECTED', id='e0')
    side.daemon.qmp.wait('VM_FOLLOWER_STATE', state='disconnected')
    traffic.Sender(lab, 2, PER_SECOND, GONE_COUNT).result()
    export = side.export()
    check(not export['connected'], 'the export believes in its guest')
    check_equal(export['held-to-guest']['frames'], GONE_COUNT, 'frames held for a guest to come')
    check_equal(side.follower()['hold'], 'vm-not-connected', 'why frames are held')
    side.start_guest()
    check_equal(side.export()['connections'], 2, 'connections of the export')
    check_equal(side.export()['held-to-guest']['frames'], 0, 'frames held after that')
    traffic.Sender(lab, 3, PER_SECOND, COUNT // 5).result()
    traffic.check_stream(lab.deadline, 3, COUNT // 5)


def daemon_killed(kind, lab):
    """The destination's daemon dies in mid switch-over: the source holds, and says so."""
    source, target = pair(lab, kind)
    sender = traffic.Sender(lab, 1, PER_SECOND, COUNT)
    sender.wait_sent(PER_SECOND)
    migration.begin(source.guest, target.guest, target.uri(), PAUSE)
    source.guest.qmp.wait('MIGRATION', status='pre-switchover')
    sender.wait_more(GONE_COUNT)
    target.daemon.kill()
    sender.wait_more(GONE_COUNT)
    handover = source.handover()
    check(not handover['connected'], 'the source does not know that its other end has gone')
    check_equal(handover['phase'], 'diverting', 'phase of the hand-over')
    check(handover['kept']['frames'] > GONE_COUNT, f'not kept: {handover}')
    check_equal(source.follower()['hold'], 'in-migration', 'why frames are held')
    source.guest.qmp.command('migrate_cancel')
    source.guest.qmp.wait('RESUME')
    sender.result()
    traffic.check_stream(lab.deadline, 1, COUNT)


def holes_of(counted):
    """Returns: the first and the last number of each."""
    return [tuple(int(number) for number in hole.split('-'))
            for hole in counted['holes'].split(',') if hole]


def first_arrival(counted):
    """The number of the first datagram that a guest got; behind it none may be missing."""
    first = counted['highest'] + 1 - counted['unique']
    check_equal((holes_of(counted), counted['reordered'], counted['duplicated']),
                ([(0, first - 1)], 0, 0), f'what is missing, out of order, twice ({counted})')
    return first


def guest_killed_in_load(kind, lab):
    """Each guest gets all that is sent from some moment after its start until it is killed."""
    side = Side(lab, 'A', kind)
    side.start_guest()
    sender = traffic.Sender(lab, 1, PER_SECOND, MORE_THAN_NEEDED)
    receiver = traffic.Receiver(lab, 2, PER_SECOND, MORE_THAN_NEEDED)
    for _ in range(KILLS):
        sender.wait_more(GONE_COUNT)
        side.guest.kill()
        side.daemon.qmp.wait('NET_EXPORT_DISCONNECTED', id='e0')
        sender.wait_more(GONE_COUNT)
        side.start_guest()
        sender.wait_more(GONE_COUNT)
        first = first_arrival(traffic.report(lab.deadline, 1))
    sent = sender.stop()['sent']
    out = receiver.stop()
    check_equal((out['holes'], out['reordered'], out['duplicated']), ('', 0, 0),
                'datagrams of the first guest out of place')
    counted = traffic.report(lab.deadline, 1)
    check_equal((counted['highest'], first_arrival(counted)), (sent - 1, first),
                'the last datagram, and the first that the last guest got')
    check_equal(side.export()['connections'], KILLS + 1, 'connections of the export')
    check_equal(side.export()['held-to-guest']['frames'], 0, 'frames still held')
    print(f'# {KILLS} kills, {sent} sent, the last guest got all from {first}')


def daemon_killed_in_load(kind, lab):
    """What is sent while there is no daemon is lost, in one piece each time, and nothing else."""
    side = Side(lab, 'A', kind)
    side.start_guest()
    sender = traffic.Sender(lab, 1, PER_SECOND, MORE_THAN_NEEDED)
    for kill in range(KILLS):
        sender.wait_more(GONE_COUNT)
        side.daemon.kill()
        sender.wait_more(GONE_COUNT // 5)
        side.start_daemon()
        side.daemon.qmp.wait('NET_EXPORT_CONNECTED', id='e0')
        sender.wait_more(GONE_COUNT)
        counted = traffic.report(lab.deadline, 1)
        check_equal((len(holes_of(counted)), counted['reordered'], counted['duplicated']),
                    (kill + 1, 0, 0), f'holes, datagrams out of order and twice ({counted})')
    sent = sender.stop()['sent']
    counted = traffic.report(lab.deadline, 1)
    lost = sum(last - first + 1 for first, last in holes_of(counted))
    check_equal((counted['unique'] + lost, counted['highest']), (sent, sent - 1),
                'datagrams got and lost, and the last')
    check_equal(side.export()['held-to-guest']['frames'], 0, 'frames still held')
    print(f'# {KILLS} kills, {sent} sent, {lost} lost while there was no daemon')


CASES = [(f'{kind}: {name}', functools.partial(case, kind)) for kind in EXPORTS
         for name, case in (("the guest's QEMU killed and started again", guest_killed),
                            ("the destination's daemon killed in mid switch-over",
                             daemon_killed))]
CASES += [(f'{VHOST_USER}: {name}', functools.partial(case, VHOST_USER))
          for name, case in ((f"the guest's QEMU killed {KILLS} times under load",
                              guest_killed_in_load),
                             (f'the daemon killed {KILLS} times under load',
                              daemon_killed_in_load))]

if __name__ == '__main__':
    sys.exit(tap.main(CASES, CASE_S))
