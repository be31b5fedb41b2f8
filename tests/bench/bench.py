#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Measures our program beside QEMU and a bare relay, in alternating runs: "make bench".
"""usage: bench.py [OPTION]... BUILD

Runs BUILD/qemu-net-daemon, the bare relay and, if they are installed, QEMU and DPDK's test program
in turn through the same work, checks every frame that comes out, and prints a table.
docs/performance.rst tells how to read it.

  --cases LETTERS   only these cases, as in a,c
  --runs N          runs of each program in each case (5)
  --ms N            measure each run for so long (400)
  --quick           one short run of each
  --json FILE       write everything that was measured to FILE
  --qemu PROGRAM    the QEMU to compare with (qemu-system-x86_64)

The exit status is 1 if a frame was lost, damaged or reordered, or a program failed.
"""

import argparse
import itertools
import os
import resource
import subprocess
import sys

from cases import Limits, all_cases
from programs import BenchError, find_programs
import report

QUICK_MS = 100
# Two sockets and their other ends for each of many netdevs.
FDS_WANTED = 8192


def parse_arguments():
    parser = argparse.ArgumentParser(usage=__doc__.split('\n', 1)[0][7:], add_help=False)
    parser.add_argument('-h', '--help', action='store_true')
    parser.add_argument('--cases', default='')
    parser.add_argument('--runs', type=int, default=5)
    parser.add_argument('--ms', type=int, default=400)
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('--json')
    parser.add_argument('--qemu', default='qemu-system-x86_64')
    parser.add_argument('build', nargs='?')
    args = parser.parse_args()
    if args.help or not args.build:
        print(__doc__, end='')
        sys.exit(0 if args.help else 1)
    if args.quick:
        args.runs, args.ms = 1, QUICK_MS
    if args.runs < 1 or args.ms < 1:
        sys.exit('bench: --runs and --ms must be 1 or more')
    return args


def choose_cases(letters):
    cases = all_cases()
    wanted = letters.replace(',', ' ').split() or sorted({case.case for case in cases})
    for letter in wanted:
        if letter not in {case.case for case in cases}:
            sys.exit(f"bench: there is no case '{letter}'; there are a to l")
    return [case for case in cases if case.case in wanted]


def raise_fd_limit():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < FDS_WANTED and hard >= FDS_WANTED:
        resource.setrlimit(resource.RLIMIT_NOFILE, (FDS_WANTED, hard))


def run_or_fail(case, program, tools, limits, failures):
    """Returns: what was measured, or None with one more failure."""
    try:
        return case.run(program, tools, limits)
    except (BenchError, OSError, subprocess.TimeoutExpired) as error:
        failures.append(f'{case.case}  {case.name}, {program.name}: {error}')
        return None


def run_group(group, programs, args, failures):
    """Let the cases and the programs take turns. Returns: (case, results by program) of each."""
    tools = f'{args.build}/tests/bench'
    limits = Limits(args.ms)
    runs = {(case, program): [] for case in group for program in programs
            if case.takes(program)}
    for _ in range(args.runs):
        for (case, program), taken in runs.items():
            taken.append(run_or_fail(case, program, tools, limits, failures))
    return [(case, {program.name: report.Result(case, program.name, taken)
                    for (which, program), taken in runs.items() if which is case and any(taken)})
            for case in group]


def run_all(args, cases, programs):
    """Returns: (case, results by program) of each case, and the failures."""
    results, failures = [], []
    kind = None
    for _, members in itertools.groupby(cases, lambda case: case.group):
        group = list(members)
        if group[0].skip:
            print(f'{group[0].case}  SKIP: {group[0].skip}', flush=True)
            continue
        if group[0].kind != kind:
            kind = group[0].kind
            print(f'\n{report.HEADS[kind]}', flush=True)
        done = run_group(group, programs, args, failures)
        for case, peers in done:
            print('\n'.join(report.case_lines(case, peers)), flush=True)
        results += done
    return results, failures


def main():
    args = parse_arguments()
    cases = choose_cases(args.cases)
    programs = find_programs(args.build, args.qemu)
    raise_fd_limit()
    machine = report.describe_machine(programs, os.cpu_count())
    print('\n'.join(report.machine_lines(machine)))
    if 'qemu' not in [program.name for program in programs]:
        print(f'qemu: {args.qemu} is not installed; Debian package qemu-system-x86 has it')
    print(f'median of {args.runs} run{"s" * (args.runs > 1)} of {args.ms} ms')
    results, failures = run_all(args, cases, programs)
    summary = report.Summary(results)
    print('\n' + '\n'.join(summary.lines()))
    if args.json:
        report.write_json(args.json, machine, args.runs, results, summary)
    for failure in failures:
        print(f'FAILED: {failure}', file=sys.stderr)
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
