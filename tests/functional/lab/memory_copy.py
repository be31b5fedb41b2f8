# SPDX-License-Identifier: GPL-2.0-or-later
# Did a migration copy the guest's memory truly? A relay that reads along tells.
"""
QEMU with TCG does not always. While it looks which pages have changed, a virtual processor that
the host has just taken off its core may write to one of them unseen. On a busy machine some
migrations end with a few pages as they were before, and the guest loses what they held: datagrams
that its NIC had taken before the stop, or all sense. No back end of a NIC has a part in it.

So a case that fails is asked about it. The relay keeps what goes from one QEMU to the other, takes
the last state of each page from that, and compares it with the memory of the source, which is
stopped.
"""

import socket
import struct
import threading

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


class Relay:
    """Stands between two QEMUs; the source is told to migrate to its uri."""

    def __init__(self, path, target_path, source):
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

    def wrong_pages(self):
        """The pages of the source's memory that have not been sent as they are now."""
        status = self.source.qmp.command('query-migrate').get('status')
        if status != 'completed':
            return []
        path = self.source.folder / 'memory'
        self.source.qmp.command('pmemsave', val=0, size=MEMORY, filename=str(path))
        memory = path.read_bytes()
        path.unlink()
        sent = last_pages(bytes(self.log))
        return [page for page in range(MEMORY // PAGE) if page not in NO_RAM and
                sent.get(page) != memory[page * PAGE:(page + 1) * PAGE]]

    def close(self):
        for sock in (self.listener, *self.ends):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()
        for thread in self.threads:
            thread.join(JOIN_SECONDS)


class Stream:
    """Takes numbers and bytes from a migration stream."""

    def __init__(self, data):
        self.data = data
        self.offset = 0

    def number(self, code):
        value = struct.unpack_from(f'>{code}', self.data, self.offset)[0]
        self.offset += struct.calcsize(code)
        return value

    def bytes(self, size):
        self.offset += size
        return self.data[self.offset - size:self.offset]

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
                stream.bytes(struct.unpack('>I', size)[0])
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
