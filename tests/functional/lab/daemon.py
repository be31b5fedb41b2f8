# SPDX-License-Identifier: GPL-2.0-or-later
# A qemu-net-daemon under test: its monitor, its counters, its memory, its orderly end.

import json

from .errors import LabError, check, check_equal
from .process import Process
from .qmp import Qmp

PEAK_KIB = 40 << 10
# What is known of the frames that a stop may have cost.
TRACES = ('-trace', 'export_in_flight_*', '-trace', 'vm_nics_judged')
OUTCOMES = ('delivered', 'consumed', 'held')


def dropped(counters):
    return sum(drop['frames'] for drop in counters['dropped'])


def check_conservation(netdev):
    """What came in is delivered, consumed, held or dropped for a reason."""
    for direction in ('tx', 'rx'):
        counters = netdev[direction]
        came = counters['in']['frames'] + counters['injected']['frames']
        went = dropped(counters) + sum(counters[name]['frames'] for name in OUTCOMES)
        check_equal(went, came, f'frames of netdev {netdev["id"]} {direction} that are '
                                f'accounted for ({counters})')


def check_handover(filter_id, end):
    """Every frame of a hand-over has come to its end, or is kept."""
    came = end['taken'] + end['in-flight'], end['received']
    went = (sum(end[name] for name in ('acknowledged', 'returned', 'dropped')),
            sum(end[name] for name in ('repeated', 'injected', 'cancelled')))
    kept = end['kept']['frames']
    check(kept in (came[0] - went[0], came[1] - went[1]), f'{filter_id} does not add up: {end}')


class Daemon:
    """A qemu-net-daemon process, and QMP to it."""

    def __init__(self, lab, name, options, fds=()):
        self.name = name
        self.is_sanitized = lab.is_sanitized
        self.qmp = Qmp(f'daemon {name}', lab.deadline)
        command = [str(lab.build / 'qemu-net-daemon'), '-nodefaults', *TRACES,
                   *self.qmp.options(), *options]
        self.process = Process(f'daemon-{name}', command, lab.folder, lab.deadline,
                               fds=[self.qmp.far.fileno(), *fds])
        lab.add(self)
        self.qmp.begin()

    def netdev(self):
        """Returns: the entry of query-netdevs."""
        return self.qmp.command('query-netdevs')[0]

    def held(self, direction='tx'):
        return self.netdev()[direction]['held']['frames']

    def check_end(self):
        """What holds in every case: nothing vanished, memory is bounded, the end is clean."""
        for netdev in self.qmp.command('query-netdevs'):
            check_conservation(netdev)
        for entry in self.qmp.command('query-netfilters'):
            if 'handover' in entry:
                check_handover(entry['id'], entry['handover'])
        peak = self.process.peak_kib()
        check(self.is_sanitized or peak < PEAK_KIB,
              f'daemon {self.name} had {peak} KiB resident; {PEAK_KIB} at most')
        self.qmp.command('quit')
        check_equal(self.process.wait(), 0, f'exit status of daemon {self.name}')

    def kill(self):
        self.process.kill()

    def close(self):
        self.kill()
        self.qmp.close()

    def counters(self):
        """What a reader of a failed test wants to know of the frames, as far as it tells."""
        for query in ('query-netdevs', 'query-netfilters', 'query-net-exports',
                      'query-vm-follower'):
            try:
                yield f'daemon {self.name}: {query}: {json.dumps(self.qmp.command(query))}'
            except (LabError, OSError) as error:
                yield f'daemon {self.name}: {query}: {error}'

    def story(self):
        yield from (f'{event.time:.6f} daemon {self.name}: {event.name} {event.data or ""}'
                    for event in self.qmp.events)
        if self.process.last_words():
            yield f'daemon {self.name} wrote: {self.process.last_words()}'
