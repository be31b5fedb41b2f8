# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel and the initial RAM disk of the test guests.
"""The parts come from make-guest, which ./configure --install-deps calls."""

import gzip
import pathlib
import stat

from .errors import Skip

HERE = pathlib.Path(__file__).resolve().parents[1]
PARTS = HERE.parents[1] / 'build-guest'
APPLETS = ('sh', 'mount', 'insmod', 'ip', 'ping', 'cat', 'echo', 'ls', 'nc', 'poweroff',
           'reboot', 'dmesg', 'setsid', 'cttyhack')
FOLDERS = ('bin', 'dev', 'proc', 'sys', 'tmp', 'lib', 'lib/modules')


class Archive:
    """A cpio archive in the format newc, as the kernel unpacks it."""

    def __init__(self):
        self.data = bytearray()
        self.inode = 0

    def add(self, name, mode, content=b'', device=(0, 0)):
        self.inode += 1
        path = name.encode() + b'\0'
        fields = (self.inode, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(path), 0)
        self.data += b'070701' + b''.join(b'%08x' % field for field in fields) + path
        self._align()
        self.data += content
        self._align()

    def _align(self):
        self.data += bytes(-len(self.data) % 4)

    def finish(self):
        self.add('TRAILER!!!', 0)
        return bytes(self.data)


def kernel():
    path = PARTS / 'vmlinuz'
    if not path.exists():
        raise Skip(f'no kernel in {PARTS}; run ./configure --install-deps')
    return path


def build_initrd(labguest, target):
    """Write the initial RAM disk to the path target."""
    if not pathlib.Path(labguest).exists():
        raise Skip('labguest was not built: the C library cannot be linked statically')
    archive = Archive()
    for folder in FOLDERS:
        archive.add(folder, stat.S_IFDIR | 0o755)
    archive.add('dev/console', stat.S_IFCHR | 0o600, device=(5, 1))
    for applet in APPLETS:
        archive.add(f'bin/{applet}', stat.S_IFLNK | 0o777, b'busybox')
    for name, path in (('bin/busybox', PARTS / 'busybox'), ('bin/labguest', labguest),
                       ('init', HERE / 'guest-init')):
        archive.add(name, stat.S_IFREG | 0o755, pathlib.Path(path).read_bytes())
    for path in [PARTS / 'load-order', *sorted((PARTS / 'modules').iterdir())]:
        archive.add(f'lib/modules/{path.name}', stat.S_IFREG | 0o644, path.read_bytes())
    target.write_bytes(gzip.compress(archive.finish(), 1))
