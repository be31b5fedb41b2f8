# SPDX-License-Identifier: GPL-2.0-or-later
# Puts the runs of "make bench" together: medians, spread, ratios, the table and the JSON file.

import itertools
import json
import platform
import statistics
import subprocess

from cases import CHAIN_FILTERS, MANY

# The head of each kind of table.
HEADS = {
    'traffic': f'{"case":<20} {"program":<7} {"kframes/s":>10} {"min":>8} {"max":>8} '
               f'{"ns CPU/frame":>13} {"MiB":>7} {"x QEMU":>7} {"% relay":>8}',
    'vhost': f'{"case":<20} {"program":<7} {"kframes/s":>10} {"min":>8} {"max":>8} '
             f'{"ns CPU/frame":>13} {"x DPDK":>7}',
    'start': f'{"case":<20} {"program":<7} {"greeting ms":>12} {"min":>8} {"max":>8} '
             f'{"MiB at rest":>12}',
    'latency': f'{"case":<20} {"program":<7} {"stop ms":>9} {"min":>8} {"max":>8} '
               f'{"cont ms":>9} {"min":>8} {"max":>8}',
}


class Result:
    """All runs of one program in one case; None is a run that failed."""

    def __init__(self, case, program, runs):
        self.case = case
        self.program = program
        self.runs = runs

    def by_round(self, key):
        return [run and run[key] for run in self.runs]

    def values(self, key):
        return [value for value in self.by_round(key) if value is not None]

    def median(self, key):
        return statistics.median(self.values(key))

    def spread(self, key, scale=1.0, digits=2):
        values = self.values(key)
        return f'{min(values) * scale:>8.{digits}f} {max(values) * scale:>8.{digits}f}'

    def as_json(self):
        keys = next(run for run in self.runs if run).keys()
        return {'case': self.case.case, 'name': self.case.name, 'program': self.program,
                **{key: {'median': self.median(key), 'min': min(self.values(key)),
                         'max': max(self.values(key)), 'runs': self.by_round(key)}
                   for key in keys}}


def quotient(above, below):
    """The median of the quotients round by round: what slows a whole round cancels out."""
    quotients = [one / other for one, other in zip(above, below)
                 if one is not None and other]
    return statistics.median(quotients) if quotients else None


def ratio(result, other):
    key = 'frames_per_s'
    return quotient(result.by_round(key), other.by_round(key)) if other else None


def traffic_line(result, peers):
    to_qemu = ratio(result, peers.get('qemu'))
    to_relay = ratio(result, peers.get('relay'))
    return (f'{result.median("frames_per_s") / 1e3:>10.1f} '
            f'{result.spread("frames_per_s", 1e-3, 1)} '
            f'{result.median("cpu_ns_per_frame"):>13.1f} {result.median("peak_kib") / 1024:>7.1f} '
            + (f'{to_qemu:>7.2f} ' if to_qemu else f'{"-":>7} ')
            + (f'{to_relay * 100:>8.1f}' if to_relay else f'{"-":>8}'))


def vhost_line(result, peers):
    to_dpdk = ratio(result, peers.get('dpdk'))
    return (f'{result.median("frames_per_s") / 1e3:>10.1f} '
            f'{result.spread("frames_per_s", 1e-3, 1)} '
            f'{result.median("cpu_ns_per_frame"):>13.1f} '
            + (f'{to_dpdk:>7.2f}' if to_dpdk else f'{"-":>7}'))


def start_line(result, peers):
    return (f'{result.median("greeting_ms"):>12.2f} {result.spread("greeting_ms")} '
            f'{result.median("rest_kib") / 1024:>12.1f}')


def latency_line(result, peers):
    return (f'{result.median("stop_ms"):>9.2f} {result.spread("stop_ms")} '
            f'{result.median("cont_ms"):>9.2f} {result.spread("cont_ms")}')


LINES = {'traffic': traffic_line, 'vhost': vhost_line, 'start': start_line, 'latency': latency_line}


def case_lines(case, peers):
    """The lines of a case; peers: the results by program."""
    title = f'{case.case}  {case.name}'
    for name, result in peers.items():
        yield f'{title:<20} {name:<7} {LINES[case.kind](result, peers)}'
        title = ''


# ---- what the cases show together ----

def differences(values, others):
    return [None if None in pair else pair[0] - pair[1] for pair in zip(values, others)]


class Summary:
    """Numbers made of more than one line of the table, beside what is aimed at."""

    def __init__(self, results):
        self.results = {(case.case, case.name): peers for case, peers in results}
        self.entries = []
        self.add_ratios()
        self.add_stopped()
        self.add_filters()
        self.add_many()
        self.add_compare()
        self.add_start()
        self.add_vhost()

    def values(self, case, name, program, key):
        """One value for each round; none if it was not measured."""
        result = self.results.get((case, name), {}).get(program)
        return result.by_round(key) if result else []

    def add(self, text, above, below, aim, *, at_least=False, scale=1.0, unit=''):
        """The quotient of two lists of values, if both were measured."""
        value = quotient(above, below)
        if value is None:
            return
        value *= scale
        is_met = value >= aim if at_least else value <= aim
        self.entries.append({'text': text, 'value': value, 'aim': aim, 'unit': unit,
                             'at_least': at_least, 'is_met': is_met})

    def add_plain(self, text, values, aim, scale, unit):
        self.add(text, values, [1] * len(values), aim, scale=scale, unit=unit)

    def add_ratios(self):
        def speed(frame, program):
            return self.values('a', f'{frame} B, running', program, 'frames_per_s')

        self.add('a  64 B: frames/s, times QEMU', speed(64, 'ours'), speed(64, 'qemu'), 30,
                 at_least=True)
        self.add('a  64 B: frames/s, % of the relay', speed(64, 'ours'), speed(64, 'relay'), 40,
                 at_least=True, scale=100)
        self.add('a  1514 B: frames/s, % of the relay', speed(1514, 'ours'),
                 speed(1514, 'relay'), 85, at_least=True, scale=100)
        self.add('a  64 B: CPU of QEMU per frame, times ours',
                 self.values('a', '64 B, running', 'qemu', 'cpu_ns_per_frame'),
                 self.values('a', '64 B, running', 'ours', 'cpu_ns_per_frame'), 25, at_least=True)

    def add_stopped(self):
        for frame in (64, 256, 1514, 65000):
            self.add(f'a  {frame} B: frames/s stopped, % of running',
                     self.values('a', f'{frame} B, stopped', 'ours', 'frames_per_s'),
                     self.values('a', f'{frame} B, running', 'ours', 'frames_per_s'), 95,
                     at_least=True, scale=100)

    def add_filters(self):
        long, short = (self.values('e', f'{n} filters', 'ours', 'cpu_ns_per_frame')
                       for n in (CHAIN_FILTERS, 0))
        self.add_plain('e  CPU per filter and frame', differences(long, short), 3,
                       1 / CHAIN_FILTERS, ' ns')

    def add_many(self):
        one = self.values('f', '1, one busy', 'ours', 'cpu_ns_per_frame')
        for name, aim in (('one busy', 1.2), ('all busy', 1.5)):
            self.add(f'f  CPU per frame, {MANY} {name}, times that of 1',
                     self.values('f', f'{MANY}, {name}', 'ours', 'cpu_ns_per_frame'), one, aim)

    def add_compare(self):
        ours, qemu = (self.values('i', f'{MANY} connections', program, 'frames_per_s')
                      for program in ('ours', 'qemu'))
        self.add(f'i  {MANY} connections: packets/s, times QEMU', ours, qemu, 5, at_least=True)

    def add_start(self):
        one = self.values('g', '1 netdev', 'ours', 'rest_kib')
        many = self.values('g', f'{MANY} netdevs', 'ours', 'rest_kib')
        self.add_plain('g  greeting, 1 netdev',
                       self.values('g', '1 netdev', 'ours', 'greeting_ms'), 10, 1, ' ms')
        self.add_plain('g  at rest, 1 netdev', one, 8, 1 / 1024, ' MiB')
        self.add_plain('g  at rest, each further netdev', differences(many, one), 40,
                       1 / (MANY - 1), ' KiB')

    def add_vhost(self):
        for case, frame in itertools.product('jk', (64, 1514)):
            for ring in ('split', 'packed'):
                ours, dpdk = (self.values(case, f'{frame} B, {ring}', program, 'frames_per_s')
                              for program in ('ours', 'dpdk'))
                self.add(f'{case}  {frame} B, {ring}: frames/s, times DPDK', ours, dpdk,
                         0.9 if (frame, ring) == (64, 'packed') else 1, at_least=True)
        for ring in ('split', 'packed'):
            long, short = (self.values('j', f'64 B, {ring}{more}', 'ours', 'cpu_ns_per_frame')
                           for more in (f', {CHAIN_FILTERS} flt', ''))
            self.add_plain(f'j  64 B, {ring}: CPU of {CHAIN_FILTERS} filters for a frame',
                           differences(long, short), 5, 1, ' ns')

    def lines(self):
        if self.entries:
            yield f'{"together":<56} {"measured":>12}   aim'
        for entry in self.entries:
            word = 'at least' if entry['at_least'] else 'at most'
            unit = entry['unit']
            yield (f'{entry["text"]:<56} {entry["value"]:>8.2f}{unit:<4}   '
                   f'{word} {entry["aim"]:g}{unit}{"" if entry["is_met"] else ": MISSED"}')


# ---- the machine ----

def read_first(path, key):
    with open(path, encoding='utf-8', errors='replace') as file:
        for line in file:
            if line.startswith(key):
                return line.split(':', 1)[1].strip()
    return 'unknown'


def program_version(program):
    done = subprocess.run([program.path, '--version'], check=False, capture_output=True,
                          text=True)
    return done.stdout.splitlines()[0] if done.stdout else 'unknown'


def describe_machine(programs, cpus):
    return {'cpu': read_first('/proc/cpuinfo', 'model name'), 'cpus': cpus,
            'kernel': f'{platform.system()} {platform.release()}',
            'programs': {program.name: program_version(program) for program in programs
                         if program.has_monitor}}


def machine_lines(machine):
    yield f'machine: {machine["cpus"]} x {machine["cpu"]}, {machine["kernel"]}'
    for name, version in machine['programs'].items():
        yield f'{name}: {version}'


def write_json(path, machine, n_runs, results, summary):
    entries = []
    for _, peers in results:
        for result in peers.values():
            entry = result.as_json()
            if result.case.kind == 'vhost':
                entry['ratio_to_dpdk'] = ratio(result, peers.get('dpdk'))
            if result.case.kind == 'traffic':
                entry['ratio_to_qemu'] = ratio(result, peers.get('qemu'))
                entry['ratio_to_relay'] = ratio(result, peers.get('relay'))
            entries.append(entry)
    with open(path, 'w', encoding='utf-8') as file:
        json.dump({'machine': machine, 'runs': n_runs, 'results': entries,
                   'together': summary.entries}, file, indent=2)
        file.write('\n')
