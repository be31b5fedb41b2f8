#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Tests that a migration that fails or is cancelled costs the source's guest no frame.
"""
    br0 -- tapA -- daemon A -- export -- QEMU A
        |             | hand-over (TCP)    | migration, which does not succeed
        -- tapB -- daemon B -- export -- QEMU B
"""

import functools
import sys

from lab import migration, tap, traffic
from lab.errors import check, check_equal
from lab.migration import PAUSE
from lab.side import EXPORTS, VHOST_USER, Side, pair

PER_SECOND = 1000
COUNT = 5000
# Slow enough that a migration is still under way when it is to fail.
BYTES_PER_SECOND = 1 << 20
# The state of a device in this place is not understood by a QEMU that has it in another.
OTHER_PLACE = ',addr=0x8'
PAUSE_COUNT = 500

STOPS = 20
STOPS_PER_SECOND = 5000
STOPS_COUNT = STOPS_PER_SECOND * (STOPS + 1) // 2
STOPS_BANDWIDTH = 512 << 20


def linger(source):
    source.guest.qmp.command_with('migrate-set-parameters', {'max-bandwidth': BYTES_PER_SECOND})


def killed_while_active(source, target, sender):
    linger(source)
    migration.begin(source.guest, target.guest, target.uri())
    target.guest.kill()
    source.guest.qmp.wait('MIGRATION', status='failed')
    check(not source.guest.qmp.has_seen('STOP'), 'the source has stopped')


def killed_at_switchover(source, target, sender):
    migration.begin(source.guest, target.guest, target.uri(), PAUSE)
    source.guest.qmp.wait('MIGRATION', status='pre-switchover')
    sender.wait_more(PAUSE_COUNT)
    target.guest.kill()
    source.guest.qmp.command('migrate-continue', state='pre-switchover')
    source.guest.qmp.wait('MIGRATION', status='failed')
    source.guest.qmp.wait('RESUME')


def cannot_load(source, target, sender):
    """Without return-path the source does not know; somebody has to let it go on.

    Unless the destination is gone before the source has sent all: then that fails.
    """
    migration.begin(source.guest, target.guest, target.uri())
    end = source.guest.qmp.wait_any('MIGRATION', {'status': 'completed'}, {'status': 'failed'})
    if end.data['status'] == 'failed':
        source.guest.qmp.wait('RESUME')
        return
    target.guest.qmp.wait_end()
    sender.wait_more(PAUSE_COUNT)
    check_equal(source.follower()['hold'], 'in-migration', 'why frames are held')
    source.guest.qmp.command('cont')
    source.guest.qmp.wait('RESUME')


def cannot_load_and_tells(source, target, sender):
    migration.begin(source.guest, target.guest, target.uri(), more=['return-path'])
    source.guest.qmp.wait('MIGRATION', status='failed')
    source.guest.qmp.wait('RESUME')


def cancelled_while_active(source, target, sender):
    linger(source)
    migration.begin(source.guest, target.guest, target.uri())
    sender.wait_more(PAUSE_COUNT)
    source.guest.qmp.command('migrate_cancel')
    source.guest.qmp.wait('MIGRATION', status='cancelled')
    check(not source.guest.qmp.has_seen('STOP'), 'the source has stopped')


def cancelled_at_switchover(source, target, sender):
    migration.begin(source.guest, target.guest, target.uri(), PAUSE)
    source.guest.qmp.wait('MIGRATION', status='pre-switchover')
    sender.wait_more(PAUSE_COUNT)
    source.guest.qmp.command('migrate_cancel')
    source.guest.qmp.wait('MIGRATION', status='cancelled')
    source.guest.qmp.wait('RESUME')


def fails(kind, how, device, lab):
    source, target = pair(lab, kind, device=device)
    sender = traffic.Sender(lab, 1, PER_SECOND, COUNT)
    sender.wait_sent(PER_SECOND)
    how(source, target, sender)
    check_equal(sender.result()['sent'], COUNT, 'datagrams sent')
    traffic.check_stream(lab.deadline, 1, COUNT)
    check_equal(source.export()['held-to-guest']['frames'], 0, 'frames still held')
    check_equal(source.handover()['kept']['frames'], 0, 'frames the source keeps')
    check_equal(target.handover()['injected'], 0, 'frames given to the other guest')


def stop_for_nothing(source):
    """Migrate to nowhere, and go on: the stop is as for any other migration."""
    qmp = source.guest.qmp
    qmp.command('migrate', uri='exec:cat >/dev/null')
    qmp.wait('MIGRATION', status='completed')
    while source.follower()['unanswered'] > 0:
        source.lab.deadline.remaining('what the VM has still to answer')
    while source.guest.qmp.command('query-status')['status'] != 'postmigrate':
        source.lab.deadline.remaining('the end of the migration')
    qmp.command('cont')
    source.daemon.qmp.wait('RESUME')


def stops_for_nothing(kind, lab):
    """At this rate one in three stops costs QEMU a frame, which must come again, and no other.

    Behind the one that QEMU throws away it may have read one more, which then comes first. Over
    vhost-user it gets none.
    """
    source = Side(lab, 'A', kind)
    source.start_guest()
    migration.set_capabilities(source.guest.qmp, [])
    source.guest.qmp.command_with('migrate-set-parameters', {'max-bandwidth': STOPS_BANDWIDTH})
    sender = traffic.Sender(lab, 1, STOPS_PER_SECOND, STOPS_COUNT)
    for number in range(STOPS):
        sender.wait_sent(STOPS_PER_SECOND * (number + 1) // 2)
        stop_for_nothing(source)
    check_equal(sender.result()['sent'], STOPS_COUNT, 'datagrams sent')
    traffic.check_stream(lab.deadline, 1, STOPS_COUNT,
                         reordered=0 if kind == VHOST_USER else STOPS)


WAYS = (
    ('destination killed while active', killed_while_active, ''),
    ('destination killed at pre-switchover', killed_at_switchover, ''),
    ('destination cannot load, and the source does not know', cannot_load, OTHER_PLACE),
    ('destination cannot load, and tells', cannot_load_and_tells, OTHER_PLACE),
    ('cancelled while active', cancelled_while_active, ''),
    ('cancelled at pre-switchover', cancelled_at_switchover, ''),
)
CASES = [(f'{kind}: {name}', functools.partial(fails, kind, how, device))
         for kind in EXPORTS for name, how, device in WAYS]
CASES += [(f'{kind}: {STOPS} migrations to nowhere', functools.partial(stops_for_nothing, kind))
          for kind in EXPORTS]

if __name__ == '__main__':
    sys.exit(tap.main(CASES))
