# SPDX-License-Identifier: GPL-2.0-or-later
# Finds the blocks of the documents that a reader may paste, as they stand.
"""A block is what a document shows literally, without the indentation that its page takes away."""

import dataclasses
import json
import re

OPTIONS = 'options'
COMMAND = 'command'
QMP = 'QMP'
HUMAN = 'human monitor'
SESSION = 'session'
NOTHING = 'nothing that is typed'

# Blocks that nobody types, by their document and how they begin: pictures, what both sides of a
# conversation say, what check-tools runs, and what builds or tests a clone, as CI does. Each line
# must have its block.
NOT_TYPED = {
    'monitors.rst': ('in + injected = ',),
    'protocol.rst': ('{"execute": "qmp_capabilities"', '{"execute": "x-query-virtio"',
                     '{"execute": "query-netdevs"', '{"execute": "query-net-exports"',
                     '{"execute": "net-export-add"', '{"execute": "query-vm-follower"'),
    'performance.rst': ('./configure --install-deps ', 'machine: ', 'case  '),
    'architecture.rst': ('polled = ',),
    'service.rst': ('systemctl edit ',),
    # These need libvirt; tests/functional/test_libvirt.py does the same.
    'libvirt.rst': ('qemu-net-daemon -nodefaults ', 'adduser ', '/run/qnd/*.qmp ',
                    '-chardev socket,id=qmp0,', '{"execute": "chardev-add"', 'virsh migrate ',
                    'install -D '),
    'qemu-net-daemon-top.rst': ('qemu-net-daemon-top -b ',),
    'qemu-net-daemon-topology.rst': ('qemu-net-daemon-topology -o ',),
    'README.md': ('./configure --install-deps && make demo',),
}
HUMAN_PROMPT = '(qemu-net-daemon) '
PATHS = re.compile(r'\(``(/run/[^`]*)``\)')


@dataclasses.dataclass
class Block:
    """A block and where it stands. before: the paragraph in front of it."""

    document: str
    line: int
    text: str
    before: str

    @property
    def kind(self):
        head = self.text.lstrip()
        if head.startswith(NOT_TYPED.get(self.document, ())):
            return NOTHING
        marks = {'-': OPTIONS, '$ ': SESSION, HUMAN_PROMPT: HUMAN, '{"': QMP}
        return next((kind for mark, kind in marks.items() if head.startswith(mark)), COMMAND)

    @property
    def place(self):
        """The socket that the text names for it, or None."""
        named = PATHS.search(self.before)
        return named.group(1) if named else None

    def requests(self):
        """The JSON values of a block of QMP."""
        decoder, at = json.JSONDecoder(), 0
        while at < len(self.text):
            value, at = decoder.raw_decode(self.text, at)
            yield value
            at += len(self.text[at:]) - len(self.text[at:].lstrip())

    def dialogue(self):
        """What is typed in the human monitor, and for each the lines that it shows."""
        result = []
        for line in self.text.splitlines():
            if line.startswith(HUMAN_PROMPT):
                result.append((line[len(HUMAN_PROMPT):], []))
            else:
                result[-1][1].append(line)
        return result

    def typed(self, prompt):
        """What is typed behind a prompt."""
        return [line[len(prompt):] for line in self.text.splitlines() if line.startswith(prompt)]


def indent_of(line):
    return len(line) - len(line.lstrip())


def starts_literal(document, lines, at):
    """Whether an indented block that follows line @at is literal."""
    line = lines[at].rstrip()
    if document.suffix == '.md':
        return not line and at + 1 < len(lines) and indent_of(lines[at + 1]) >= 4
    return line.endswith('::') and not line.lstrip().startswith('.. ')


def paragraph_before(lines, at):
    first = at
    while first and lines[first - 1].strip():
        first -= 1
    return '\n'.join(lines[first:at + 1])


def find_blocks(document):
    """The blocks of a document (a path), in their order."""
    lines = document.read_text(encoding='utf-8').splitlines()
    blocks, at = [], 0
    while at < len(lines):
        if not starts_literal(document, lines, at):
            at += 1
            continue
        before = paragraph_before(lines, at if lines[at].strip() else at - 1)
        first = at + 1
        while first < len(lines) and not lines[first].strip():
            first += 1
        outside = indent_of(lines[at])
        at = first
        while at < len(lines) and (not lines[at].strip() or indent_of(lines[at]) > outside):
            at += 1
        indent = min(indent_of(line) for line in lines[first:at] if line.strip())
        text = '\n'.join(line[indent:] for line in lines[first:at]).rstrip()
        blocks.append(Block(document.name, first + 1, text, before))
    return blocks


def matches(said, shown):
    """Whether the lines said are those shown, where "..." stands for any text."""
    lines = [line for line in said.splitlines() if line.strip()]
    return len(lines) == len(shown) and all(
        re.fullmatch('.*'.join(map(re.escape, pattern.split('...'))), line)
        for line, pattern in zip(lines, shown))


def stale_lines(documents, blocks):
    """What NOT_TYPED names of the documents (names) and no block begins with."""
    return [f'{name}: {begin}' for name in documents for begin in NOT_TYPED.get(name, ())
            if not any(block.document == name and block.text.lstrip().startswith(begin)
                       for block in blocks)]
