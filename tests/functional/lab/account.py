# SPDX-License-Identifier: GPL-2.0-or-later
# What became of datagrams on their way into a guest that is stopped: who lost how many.
"""
    sender -- tap (kernel) -- daemon -- socket -- QEMU -- virtio-net -- guest's socket

A plain stop is not exact over a socket: QEMU reads frames that its NIC has no buffers for, and
throws them away when the VM stops. Nobody outside sees which, but how many is known: the daemon
counts what it has handed over, and QEMU tells what its NIC has taken.
"""

from . import traffic
from .daemon import dropped
from .errors import check, check_equal

INDEX_MASK = 0xffff
NIC = 'virtio-net'
RECEIVE_QUEUE = 0


class Account:
    """Begins when the guest is there, and nothing is on its way to it."""

    def __init__(self, side):
        self.side = side
        self.deadline = side.lab.deadline
        self.path = next(device['path'] for device in self._ask('x-query-virtio')
                         if device['name'] == NIC)
        self.begin = self._numbers()

    def _ask(self, command, **arguments):
        return self.side.guest.qmp.command(command, **arguments)

    def _numbers(self):
        """What was handed over and what was taken, when nothing more was handed over meanwhile."""
        while True:
            before = self._handed_over()
            taken = self._ask('x-query-virtio-queue-status', path=self.path,
                              queue=RECEIVE_QUEUE)['used-idx']
            if self._handed_over() == before:
                return before, taken
            self.deadline.remaining('a moment without frames to the guest')

    def _handed_over(self):
        return self.side.export()['to-guest']['frames']

    def lost_in_qemu(self):
        """Frames that QEMU was handed and its NIC has not taken; the count has 16 bits."""
        handed, taken = (end - begin for begin, end in zip(self.begin, self._numbers()))
        return (handed - taken) & INDEX_MASK

    def check_nothing_dropped(self):
        """The daemon has handed over all that it has read, and dropped none."""
        check_equal(dropped(self.side.daemon.netdev()['tx']), 0, 'frames that the daemon dropped')
        check_equal(self.side.export()['held-to-guest']['frames'], 0, 'frames still held')

    def check_stream(self, stream, sent):
        """sent = received + lost by others, in order, none twice. Returns: a line that tells."""
        counted = traffic.report(self.deadline, stream)
        self.check_nothing_dropped()
        in_qemu = self.lost_in_qemu()
        in_kernel = sum(self.side.lab.network.tap_drops().values())
        in_guest = counted['found_full']
        missing = sent - counted['unique']
        story = (f'{sent} datagrams, {missing} lost; frames lost: {in_qemu} in QEMU, {in_kernel} '
                 f"in the tap's queue, {in_guest} in the guest's socket")
        check(0 <= missing <= in_qemu + in_kernel + in_guest, f'not accounted for: {story}')
        check_equal((counted['reordered'], counted['duplicated']), (0, 0),
                    'datagrams out of order, and twice')
        return story
