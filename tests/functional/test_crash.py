#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Tests that a QEMU or a daemon that dies takes no frame with it that somebody else can keep.
"""
    br0 -- tapA -- daemon A -- export -- QEMU A
        |             | hand-over (TCP)    | migration
        -- tapB -- daemon B -- export -- QEMU B
"""

import functools
import sys

from lab import migration, tap, traffic
from lab.errors import check, check_equal
from lab.migration import PAUSE
from lab.side import EXPORTS, Side, pair

PER_SECOND = 1000
COUNT = 5000
GONE_COUNT = 500


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


CASES = [(f'{kind}: {name}', functools.partial(case, kind)) for kind in EXPORTS
         for name, case in (("the guest's QEMU killed and started again", guest_killed),
                            ("the destination's daemon killed in mid switch-over",
                             daemon_killed))]

if __name__ == '__main__':
    sys.exit(tap.main(CASES))
