# SPDX-License-Identifier: GPL-2.0-or-later
# A QMP client for the tools: asks one question at a time.
"""The monitor of the program is a unix socket or HOST:PORT."""

import json
import socket


class Lost(Exception):
    """The program cannot be asked, or not any more."""


class Refused(Exception):
    """The program does not know what was asked."""


def connect(address, timeout_s):
    """@address: a path or HOST:PORT. Returns: a socket."""
    host, colon, port = address.rpartition(':')
    try:
        if colon and '/' not in address and port.isdigit():
            return socket.create_connection((host.strip('[]') or 'localhost', int(port)),
                                            timeout_s)
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(timeout_s)
        client.connect(address)
        return client
    except OSError as reason:
        raise Lost(f'cannot connect to {address}: {reason.strerror or reason}') from reason


class Client:
    """A connection to a monitor."""

    def __init__(self, address, timeout_s=5):
        self.address = address
        self.socket = connect(address, timeout_s)
        self.file = self.socket.makefile('rw', encoding='utf-8')
        greeting = self.read()
        if 'QMP' not in greeting:
            raise Lost(f'{address} is no QMP monitor')
        self.version = greeting['QMP']['version'].get('package') or 'qemu-net-daemon'
        self.ask('qmp_capabilities')

    def read(self):
        try:
            line = self.file.readline()
            answer = json.loads(line) if line else None
        except TimeoutError as reason:
            raise Lost(f'{self.address} does not answer: it serves one client at a time'
                       ) from reason
        except (OSError, ValueError) as reason:
            raise Lost(f'{self.address}: {reason}') from reason
        if not isinstance(answer, dict):
            raise Lost(f'{self.address} has closed the connection')
        return answer

    def ask(self, command):
        """What the program answers; events are passed over."""
        try:
            self.file.write(json.dumps({'execute': command}) + '\n')
            self.file.flush()
        except OSError as reason:
            raise Lost(f'{self.address}: {reason.strerror}') from reason
        while True:
            answer = self.read()
            if 'error' in answer:
                raise Refused(f'{command}: {answer["error"]["desc"]}')
            if 'return' in answer:
                return answer['return']

    def close(self):
        self.file.close()
        self.socket.close()
