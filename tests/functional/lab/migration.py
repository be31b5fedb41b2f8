# SPDX-License-Identifier: GPL-2.0-or-later
# Live migration from one QEMU to another, in the ways that QEMU has.

import dataclasses

PRECOPY = 'precopy'
PAUSE = 'pause-before-switchover'
POSTCOPY = 'postcopy'
MODES = (PRECOPY, PAUSE, POSTCOPY)

# What source and destination are asked to be capable of.
CAPABILITIES = {
    PRECOPY: ([], []),
    PAUSE: (['pause-before-switchover'], []),
    POSTCOPY: (['postcopy-ram'], ['postcopy-ram']),
}


@dataclasses.dataclass
class Blackout:
    """When the guest stopped here and went on there (real time, seconds)."""

    stop: float
    resume: float

    @property
    def ms(self):
        return (self.resume - self.stop) * 1000


def set_capabilities(qmp, names):
    qmp.command('migrate-set-capabilities',
                capabilities=[{'capability': name, 'state': True}
                              for name in ['events', *names]])


def begin(source, target, uri, mode=PRECOPY, more=()):
    """Start the migration; more: capabilities of both sides."""
    for guest, names in zip((source, target), CAPABILITIES[mode]):
        set_capabilities(guest.qmp, [*names, *more])
    source.qmp.command('migrate', uri=uri)
    source.qmp.wait('MIGRATION', status='active')


def switch_over(source, mode=PRECOPY):
    """Do what the mode needs to be done by hand."""
    if mode == PAUSE:
        source.qmp.wait('MIGRATION', status='pre-switchover')
        source.qmp.command('migrate-continue', state='pre-switchover')
    elif mode == POSTCOPY:
        source.qmp.command('migrate-start-postcopy')


def migrate(source, target, uri, mode=PRECOPY):
    """Migrate and wait until the guest runs there. Returns: the Blackout."""
    begin(source, target, uri, mode)
    switch_over(source, mode)
    source.qmp.wait('MIGRATION', status='completed')
    stop = source.qmp.wait('STOP')
    return Blackout(stop.time, target.qmp.wait('RESUME').time)
