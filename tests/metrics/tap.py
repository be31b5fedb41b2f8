# SPDX-License-Identifier: GPL-2.0-or-later
# Runs functions as the points of a TAP test.
"""The points of a test are functions; a failure is whatever they raise."""

import sys
import traceback


class Skip(Exception):
    """What this system cannot do."""


def run(points):
    """@points: (text, function without arguments). Returns: the exit status."""
    failed = False
    print(f'1..{len(points)}', flush=True)
    for number, (text, function) in enumerate(points, 1):
        try:
            function()
        except Skip as reason:
            print(f'ok {number} {text} # SKIP {reason}', flush=True)
        except Exception:
            failed = True
            traceback.print_exc(file=sys.stderr)
            print(f'not ok {number} {text}', flush=True)
        else:
            print(f'ok {number} {text}', flush=True)
    return failed
