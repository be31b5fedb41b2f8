# SPDX-License-Identifier: GPL-2.0-or-later
# Everything a case has started, and its end.

import functools
import pathlib
import shutil
import tempfile

from . import image
from .daemon import Daemon
from .errors import Deadline, LabError
from .guest import Guest
from .memory_copy import Relay
from .network import Network
from .side import VHOST_USER

# How long the processes of a case that failed may take to tell of themselves.
STORY_SECONDS = 10


def pages_text(pages):
    return f'{len(pages)} pages, the first is {pages[0]:#x}'


class Lab:
    """The network, processes and files of one case; all are gone after close()."""

    def __init__(self, build, seconds, sanitize='none'):
        self.build = pathlib.Path(build)
        self.is_sanitized = sanitize != 'none'
        self.labhost = self.build / 'tests/functional/labhost'
        self.deadline = Deadline(seconds)
        self.network = Network()
        self.things = []
        self.relays = []
        self.count = 0
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='qnd-lab-'))

    @functools.cached_property
    def kernel(self):
        return image.kernel()

    @functools.cached_property
    def initrd(self):
        path = self.folder / 'initrd.gz'
        image.build_initrd(self.build / 'tests/functional/labguest', path)
        return path

    def unique(self, name):
        self.count += 1
        return f'{name}-{self.count}'

    def add(self, thing):
        """Have thing closed at the end. Returns: it."""
        self.things.append(thing)
        return thing

    def guest(self, name, netdev, **options):
        return Guest(self, name, netdev, **options)

    def daemon(self, name, options, fds=()):
        return Daemon(self, name, options, fds)

    def relay(self, source, target):
        """Source is to migrate through it, so that bad_copy() can tell."""
        relay = Relay(self.folder / self.unique('relay'), target.path('migrate'), source.guest,
                      source.kind == VHOST_USER)
        self.relays.append(relay)
        return self.add(relay)

    def bad_copy(self):
        """Returns: which pages of a guest's memory QEMU has copied wrongly, or None.

        Raises if a page is among them that the daemon had to log.
        """
        self.deadline.renew(STORY_SECONDS)
        for relay in self.relays:
            copy = relay.copy()
            if copy.back_ends:
                raise LabError('the daemon wrote to memory that QEMU did not send again; its log '
                               f'has a hole: {pages_text(copy.back_ends)}')
            if copy.guests:
                return pages_text(copy.guests)
        return None

    def daemons(self):
        return [thing for thing in self.things
                if isinstance(thing, Daemon) and thing.process.is_running()]

    def finish(self):
        """What must hold at the end of every case that went well."""
        for daemon in self.daemons():
            daemon.check_end()

    def story(self):
        lines = [line for thing in self.things if hasattr(thing, 'story')
                 for line in thing.story()]
        self.deadline.renew(STORY_SECONDS)
        counters = [line for daemon in self.daemons() for line in daemon.counters()]
        return (sorted(lines) + counters +
                [f'frames dropped by the kernel: {self.network.tap_drops()}'])

    def close(self):
        for thing in reversed(self.things):
            thing.close()
        self.things = []
        shutil.rmtree(self.folder, ignore_errors=True)
