# SPDX-License-Identifier: GPL-2.0-or-later
# A QMP client that keeps every event, and waits for one under the deadline of the case.

import dataclasses
import json
import socket

from .errors import LabError
from .process import LineReader


class QmpError(LabError):
    """A command failed."""


class QmpEnded(LabError):
    """The other side closed the connection."""


@dataclasses.dataclass
class Event:
    """An event, and whether somebody has waited for it already."""

    name: str
    data: dict
    time: float
    is_taken: bool = False

    def matches(self, name, wanted):
        return self.name == name and all(self.data.get(key) == value
                                         for key, value in wanted.items())


class Qmp:
    """One end of a socket pair; the program gets the other, so nobody waits for a path."""

    def __init__(self, name, deadline):
        self.name = name
        self.deadline = deadline
        self.socket, self.far = socket.socketpair()
        self.lines = LineReader(f'QMP of {name}', self.socket.fileno(), self.socket.recv,
                                deadline)
        self.events = []

    def options(self):
        """What the program's command line needs."""
        return ['-chardev', f'socket,id=lab-qmp,fd={self.far.fileno()}',
                '-mon', 'chardev=lab-qmp,mode=control']

    def begin(self):
        """Once the program has its end."""
        self.far.close()
        self._read()
        self.command('qmp_capabilities')

    def _read(self):
        """Returns: the next message that is no event; events are kept."""
        while True:
            line = self.lines.line()
            if line is None:
                raise QmpEnded(f'{self.name} closed QMP')
            message = json.loads(line)
            if 'event' not in message:
                return message
            self._keep(message)

    def _keep(self, message):
        stamp = message['timestamp']
        self.events.append(Event(message['event'], message.get('data', {}),
                                 stamp['seconds'] + stamp['microseconds'] / 1e6))

    def command(self, name, **arguments):
        """Returns: what the command returns."""
        return self.command_with(name, arguments)

    def command_with(self, name, arguments):
        """For arguments whose names are no words of Python."""
        request = {'execute': name, 'arguments': arguments}
        try:
            self.socket.sendall(json.dumps(request).encode() + b'\n')
        except OSError as error:
            raise QmpEnded(f'{self.name} closed QMP: {error}') from error
        reply = self._read()
        if 'error' in reply:
            raise QmpError(f'{self.name}: {name}: {reply["error"]["desc"]}')
        return reply['return']

    def _find(self, name, wanted):
        for event in self.events:
            if not event.is_taken and event.matches(name, wanted):
                event.is_taken = True
                return event
        return None

    def wait(self, name, **wanted):
        """Wait for an event with this data, unless one came and was not waited for yet."""
        return self.wait_any(name, wanted)

    def wait_any(self, name, *choices):
        """The same for one that has any of these data."""
        while True:
            for wanted in choices:
                event = self._find(name, wanted)
                if event:
                    return event
            line = self.lines.line()
            if line is None:
                raise QmpEnded(f'{self.name} closed QMP before {name} {choices}')
            self._keep(json.loads(line))

    def wait_end(self):
        """Wait until the program closes the connection."""
        while (line := self.lines.line()) is not None:
            self._keep(json.loads(line))

    def has_seen(self, name, **wanted):
        """Whether such an event has been read, waited for or not."""
        return any(event.matches(name, wanted) for event in self.events)

    def times(self, name):
        return [event.time for event in self.events if event.name == name]

    def close(self):
        self.far.close()
        self.socket.close()
