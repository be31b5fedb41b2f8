# SPDX-License-Identifier: GPL-2.0-or-later
# What can go wrong in the lab, and the one deadline of a case.
"""LabError: a case failed. Skip: it cannot run here. BadCopy: QEMU failed."""

import time


class LabError(Exception):
    """The case failed, or took too long."""


class Skip(Exception):
    """The case cannot run on this machine, for the reason given."""


class BadCopy(LabError):
    """The case failed, but QEMU had not copied the guest's memory truly: it says nothing."""


class Deadline:
    """Until when a case waits, for everything together."""

    def __init__(self, seconds):
        self.renew(seconds)

    def renew(self, seconds):
        """Give what comes now so much time."""
        self.seconds = seconds
        self.end = time.monotonic() + seconds

    def remaining(self, what):
        """Seconds that are left to wait for what."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise LabError(f'{what}: not within {self.seconds} s')
        return left


def check(is_right, message):
    if not is_right:
        raise LabError(message)


def check_equal(value, wanted, what):
    check(value == wanted, f'{what}: {value}, not {wanted}')
