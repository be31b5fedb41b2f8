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
PICTURE = 'picture'
CONVERSATION = 'shows what both sides say'
SUITE = 'builds or tests a clone'

NO_INPUT = (PICTURE, CONVERSATION, SUITE)

PICTURES = re.compile(r'[►◄│]|--socket-->')
# What begins with none of the other marks is for a shell, unless it begins so.
NOT_PASTED = {
    'in + injected = ': PICTURE,
    'polled = ': PICTURE,
    'machine: ': PICTURE,
    './configure --install-deps': SUITE,
}
# QMP in these is a conversation: what the program, too, says.
BOTH_SIDES = ('protocol.rst',)
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
        for begin, kind in NOT_PASTED.items():
            if head.startswith(begin):
                return kind
        if PICTURES.search(self.text):
            return PICTURE
        if head.startswith('{"'):
            return CONVERSATION if self.document in BOTH_SIDES else QMP
        marks = {'-': OPTIONS, '$ ': SESSION, '(qemu) ': HUMAN}
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
