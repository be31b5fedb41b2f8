# SPDX-License-Identifier: GPL-2.0-or-later
# Tables of rates: what the counters of two moments say of the time between them.
"""
A snapshot is what the queries of one moment told. A table has a title, columns and rows of text; a
rate of what was not there before counts from 0.
"""

import dataclasses

QUERIES = ('query-status', 'query-netdevs', 'query-netfilters', 'query-net-exports')
UNITS = ('', 'k', 'M', 'G', 'T')


@dataclasses.dataclass
class Snapshot:
    """The answers to the queries, and when they came, in seconds."""

    time: float
    status: dict
    netdevs: list
    filters: list
    exports: list


@dataclasses.dataclass
class Table:
    """title: of the first column. rows: lists of text, as many as columns, and a key to sort by."""

    title: str
    columns: tuple
    rows: list


def take(client, time):
    return Snapshot(time, *(client.ask(query) for query in QUERIES))


def short(number):
    """A number in at most five characters: 999, 1.23k, 45.6M."""
    unit = 0
    while number >= 999.5 and unit < len(UNITS) - 1:
        number /= 1000
        unit += 1
    if unit == 0 and float(number).is_integer():
        return f'{number:.0f}'
    digits = 2 if number < 9.995 else 1 if number < 99.95 else 0
    return f'{number:.{digits}f}{UNITS[unit]}'


class Rates:
    """Rates of members of one entry: @now, and @before, which may be {}."""

    def __init__(self, now, before, seconds):
        self.now, self.before, self.seconds = now, before, seconds

    @staticmethod
    def get(entry, path):
        for name in path.split('.'):
            entry = entry.get(name) if isinstance(entry, dict) else None
        return entry or 0

    def count(self, path):
        return self.get(self.now, path)

    def rate(self, path, factor=1):
        """Per second; a counter that has begun anew counts from 0."""
        old, new = self.get(self.before, path), self.get(self.now, path)
        return factor * (new - (old if old <= new else 0)) / self.seconds

    def dropped(self, path):
        """Frames per second that are dropped, for all reasons."""
        old, new = (sum(drop['frames'] for drop in self.get(entry, path) or ())
                    for entry in (self.before, self.now))
        return (new - (old if old <= new else 0)) / self.seconds


def pairs(now, before):
    """Each entry with the one of the same id that was there before."""
    old = {entry['id']: entry for entry in before}
    return ((entry, old.get(entry['id'], {})) for entry in now)


def netdev_state(netdev):
    if not netdev['link-up']:
        return 'link down'
    if 'peer' not in netdev:
        return 'no peer'
    return 'read' if netdev['polled'] else 'not read'


def netdev_rows(now, before, seconds):
    for netdev, old in pairs(now.netdevs, before.netdevs):
        if 'peer' not in netdev:
            yield 0, [netdev['id'], netdev['type'], '-', '', '', '', '', '', netdev_state(netdev)]
            continue
        for direction in ('tx', 'rx'):
            of = Rates(netdev[direction], old.get(direction, {}), seconds)
            dropped = of.dropped('dropped')
            if direction == 'tx':
                outside = Rates(netdev, old, seconds)
                dropped += outside.dropped('dropped') + outside.rate('kernel-dropped')
            yield of.rate('in.frames'), [
                netdev['id'], netdev['type'], direction, short(of.rate('in.frames')),
                short(of.rate('delivered.frames')), short(of.rate('delivered.bytes', 8)),
                short(of.count('held.frames')), short(dropped),
                netdev_state(netdev) if direction == 'tx' else
                'blocked' if netdev['rx']['blocked'] else '']


def filter_state(entry):
    if entry['status'] != 'on':
        return 'off'
    if 'handover' in entry:
        return entry['handover']['phase']
    for end in ('outdev', 'indev'):
        if entry.get(f'{end}-connected') is False:
            return f'{end} cut'
    return 'on, asks' if entry['wants-stopped'] else 'on'


def filter_rows(now, before, seconds):
    for entry, old in pairs(now.filters, before.filters):
        of = Rates(entry, old, seconds)
        kept = Rates.get(entry, 'handover.kept.frames')
        yield of.rate('in.frames'), [
            entry['id'], entry['type'].removeprefix('filter-'), entry['queue'],
            short(of.rate('in.frames')), short(of.rate('to-outdev.frames')),
            short(of.rate('from-indev.frames')), short(of.count('held.frames') + kept),
            short(of.dropped('dropped') + of.rate('copies-lost.frames')
                  + of.rate('kernel-dropped')), filter_state(entry)]


def export_state(entry):
    if not entry['connected']:
        return 'no guest'
    return 'connected' if entry['waits-for'] == 'none' else entry['waits-for']


def export_rows(now, before, seconds):
    for entry, old in pairs(now.exports, before.exports):
        of = Rates(entry, old, seconds)
        yield of.rate('to-guest.frames') + of.rate('from-guest.frames'), [
            entry['id'], entry['type'], entry['netdev'], short(of.rate('to-guest.frames')),
            short(of.rate('from-guest.frames')),
            short(of.rate('to-guest.bytes', 8) + of.rate('from-guest.bytes', 8)),
            short(of.count('held-to-guest.frames') + of.count('held-from-guest.frames')),
            short(of.dropped('dropped') + of.rate('kernel-dropped')), export_state(entry)]


KINDS = (
    ('NETDEV', ('type', 'way', 'in/s', 'out/s', 'bit/s', 'held', 'drop/s', 'state'), netdev_rows),
    ('FILTER', ('type', 'way', 'in/s', 'outdev/s', 'indev/s', 'held', 'lost/s', 'state'),
     filter_rows),
    ('EXPORT', ('type', 'netdev', 'to/s', 'from/s', 'bit/s', 'held', 'drop/s', 'state'),
     export_rows),
)


def tables(now, before, by_rate=False):
    """The tables of what there is. by_rate: the busiest first, not in order of creation."""
    seconds = max(now.time - before.time, 1e-6)
    for title, columns, make_rows in KINDS:
        rows = list(make_rows(now, before, seconds))
        if by_rate:
            rows.sort(key=lambda row: -row[0])
        if rows:
            yield Table(title, columns, [row for _, row in rows])
