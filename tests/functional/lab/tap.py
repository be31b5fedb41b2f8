# SPDX-License-Identifier: GPL-2.0-or-later
# Runs the cases of a test program and prints TAP.

import os
import signal
import sys
import time
import traceback

from .errors import BadCopy, LabError, Skip
from .scene import Lab

# How often a case is begun whose guest QEMU has broken by its own.
TRIALS = 4


def end_in_order(signum, _frame):
    """So that what the case has started and written goes away."""
    raise SystemExit(128 + signum)


def print_comment(text):
    for line in text.splitlines():
        print(f'# {line}')


def run_case(build, case, seconds):
    """Returns: None, or why the case was skipped. Raises if it failed."""
    try:
        lab = Lab(build, seconds, os.environ.get('LAB_SANITIZE', 'none'))
    except Skip as skip:
        return str(skip)
    try:
        case(lab)
        lab.finish()
        if 'LAB_STORY' in os.environ:
            print_comment('\n'.join(lab.story()))
    except Skip as skip:
        return str(skip)
    except BaseException as error:
        print_comment('\n'.join(lab.story()))
        pages = lab.bad_copy() if isinstance(error, (LabError, OSError)) else None
        if pages:
            raise BadCopy(f'{error}; QEMU has copied memory wrongly: {pages}') from error
        raise
    finally:
        lab.close()
    return None


def run_sound_case(build, case, seconds):
    """The same, once more where QEMU has spoiled it; lab/memory_copy.py tells how."""
    for _ in range(TRIALS - 1):
        try:
            return run_case(build, case, seconds)
        except BadCopy as error:
            print_comment(f'{error}; so once more')
    return run_case(build, case, seconds)


def main(cases, seconds=60):
    """usage: test_X.py BUILD [WORD]...: the cases whose name holds a word.

    What happened is told of each case that fails; with LAB_STORY in the environment, of all.
    cases: (name, function of a Lab); seconds: how long each may take.
    """
    build, asked = sys.argv[1], sys.argv[2:]
    chosen = [(name, case) for name, case in cases
              if not asked or any(word in name for word in asked)]
    signal.signal(signal.SIGTERM, end_in_order)
    print(f'1..{len(chosen)}', flush=True)
    failed = 0
    for number, (name, case) in enumerate(chosen, 1):
        start = time.monotonic()
        try:
            skip = run_sound_case(build, case, seconds)
            directive = f' # SKIP {skip}' if skip else ''
            print(f'ok {number} {name}{directive}')
        except (LabError, OSError):
            failed += 1
            print(f'not ok {number} {name}')
            print_comment(traceback.format_exc())
        print(f'# {time.monotonic() - start:.1f} s', flush=True)
    return 1 if failed else 0
