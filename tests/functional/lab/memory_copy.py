# SPDX-License-Identifier: GPL-2.0-or-later
# Did a migration copy the guest's memory truly? A relay that reads along tells.
"""
QEMU with TCG does not always. While it looks which pages have changed, a virtual processor that
the host has just taken off its core may write to one of them unseen. On a busy machine some
migrations end with a few pages as they were before, and the guest loses what they held: datagrams
that its NIC had taken before the stop, or all sense.

So a case that fails is asked about it. The relay keeps the bytes that go from one QEMU to the
other, takes the last state of each page from them, and compares it with the memory of the source,
which is stopped.

A back end of type vhost-user writes to the guest's memory as well, and logs it for QEMU. A byte
that it may have written and that was not sent is a fault of ours: its log has a hole. That is no
excuse; back_end_writes.py finds such bytes.
"""

import dataclasses
import re
import socket
import struct
import threading

from .back_end_writes import BackEndWrites, used_rings
from .errors import LabError
from .guest import MEMORY_MIB

PAGE = 4096
MEMORY = MEMORY_MIB << 20
# Where a PC's memory is not all RAM: frame buffer, ROM and what lies above them.
NO_RAM = range(0xa0, 0x100)
READ_BYTES = 1 << 20
JOIN_SECONDS = 10

# Sections of a migration stream, a command in it, and the flags of a page.
SECTION_START, SECTION_PART, SECTION_END, COMMAND, FOOTER = 0x01, 0x02, 0x03, 0x08, 0x7e
COMMAND_PACKAGED = 7
RAM_BEGIN = b'\x03ram' + struct.pack('>II', 0, 4)
ZERO, MEM_SIZE, DATA, END_OF_SECTION, CONTINUE = 0x02, 0x04, 0x08, 0x10, 0x20


@dataclasses.dataclass
class Copy:
    """The pages of a guest that were not migrated as they are, by the writer of their bytes."""

    guests: list
    back_ends: list


class Relay:
    """Stands between two QEMUs; the source is told to migrate to its uri.

    is_shared: a back end writes to the source's memory, too.
    """

    def __init__(self, path, target_path, source, is_shared):
        self.is_shared = is_shared
        self.uri = f'unix:{path}'
        self.target_path = str(target_path)
        self.log = bytearray()
        self.source = source
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(1)
        self.ends = []
        self.threads = [threading.Thread(target=self._serve, daemon=True)]
        self.threads[0].start()

    def _serve(self):
        try:
            near = self.listener.accept()[0]
        except OSError:
            return
        far = socket.socket(socket.AF_UNIX)
        self.ends = [near, far]
        far.connect(self.target_path)
        back = threading.Thread(target=self._copy, args=(far, near, None), daemon=True)
        self.threads.append(back)
        back.start()
        self._copy(near, far, self.log)

    @staticmethod
    def _copy(near, far, log):
        try:
            while data := near.recv(READ_BYTES):
                if log is not None:
                    log += data
                far.sendall(data)
            far.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def copy(self):
        """Returns: the Copy, once the migration is complete; none is wrong before."""
        status = self.source.qmp.command('query-migrate').get('status')
        if status != 'completed':
            return Copy([], [])
        path = self.source.folder / 'memory'
        self.source.qmp.command('pmemsave', val=0, size=MEMORY, filename=str(path))
        memory = path.read_bytes()
        path.unlink()
        rings = used_rings(self.source.qmp) if self.is_shared else None
        return compare(memory, last_pages(bytes(self.log)),
                       BackEndWrites(memory, rings) if self.is_shared else None)

    def close(self):
        for sock in (self.listener, *self.ends):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()
        for thread in self.threads:
            thread.join(JOIN_SECONDS)


def differences(page, sent):
    """Returns: (begin, end) of each run of bytes that differ; sent: None if the page never was."""
    if sent is None:
        return [(0, len(page))]
    size = len(page)
    differ = (int.from_bytes(page, 'big') ^ int.from_bytes(sent, 'big')).to_bytes(size, 'big')
    return [match.span() for match in re.finditer(rb'[^\0]+', differ)]


def compare(memory, sent, writes):
    """Returns: the Copy.

    sent: page number: content, as the stream leaves it; writes: BackEndWrites, or None where no
    back end shares the memory.
    """
    copy = Copy([], [])
    for page in range(len(memory) // PAGE):
        begin = page * PAGE
        now = memory[begin:begin + PAGE]
        if page in NO_RAM or sent.get(page) == now:
            continue
        is_back_ends = writes and any(writes.include(begin + first, begin + end)
                                      for first, end in differences(now, sent.get(page)))
        (copy.back_ends if is_back_ends else copy.guests).append(page)
    return copy


class Stream:
    """Takes numbers and bytes from a migration stream."""

    def __init__(self, data):
        self.data = data
        self.offset = 0

    def number(self, code):
        return struct.unpack(f'>{code}', self.bytes(struct.calcsize(code)))[0]

    def bytes(self, size):
        data = self.data[self.offset:self.offset + size]
        if len(data) < size:
            raise LabError(f'a migration stream of {len(self.data)} bytes ends in the middle: '
                           f'{size} more at {self.offset} are missing')
        self.offset += size
        return data

    def name(self):
        return self.bytes(self.number('B'))


class Pages:
    """What a stream says of the guest's memory; other blocks of RAM are read over."""

    def __init__(self):
        self.block = None
        self.is_memory = {}
        self.last = {}

    def read_sizes(self, stream, left):
        while left > 0:
            name = stream.name()
            size = stream.number('Q')
            self.is_memory[name] = size == MEMORY
            left -= size

    def read_section(self, stream):
        """Up to its end."""
        while True:
            word = stream.number('Q')
            address, flags = word & -PAGE, word & (PAGE - 1)
            if flags & END_OF_SECTION:
                return
            if flags & MEM_SIZE:
                self.read_sizes(stream, address)
                continue
            if not flags & CONTINUE:
                self.block = stream.name()
            kind = flags & ~CONTINUE
            if kind == ZERO:
                data = stream.bytes(1) * PAGE
            elif kind == DATA:
                data = stream.bytes(PAGE)
            else:
                raise LabError(f'pages with flags {flags:#x} in a migration stream')
            if self.block not in self.is_memory:
                raise LabError(f'a page of the unknown block {self.block} in a migration stream')
            if self.is_memory[self.block]:
                self.last[address // PAGE] = data


def last_pages(data):
    """Returns: page number: content, as a migration stream leaves them."""
    stream = Stream(data)
    pages = Pages()
    begin = data.find(RAM_BEGIN)
    if begin < 0:
        raise LabError('no RAM in the migration stream')
    stream.offset = begin + len(RAM_BEGIN)
    kind = SECTION_START
    while kind in (SECTION_START, SECTION_PART, SECTION_END, COMMAND):
        if kind == COMMAND:
            command = stream.number('H')
            size = stream.bytes(stream.number('H'))
            if command == COMMAND_PACKAGED:
                stream.bytes(Stream(size).number('I'))
        else:
            pages.read_section(stream)
            if stream.number('B') != FOOTER:
                raise LabError('a section of a migration stream has no footer')
            stream.number('I')
            if kind == SECTION_END:
                break
        kind = stream.number('B')
        if kind in (SECTION_PART, SECTION_END):
            stream.number('I')
    return pages.last
