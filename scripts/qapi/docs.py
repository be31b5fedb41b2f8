# SPDX-License-Identifier: GPL-2.0-or-later
"""Documentation blocks: the text of an entity, of its members and of its features."""

import re

from errors import SchemaError

ENTRY = re.compile(r'@([A-Za-z0-9_.-]+):(?:\s+|$)(.*)')
TAG = re.compile(r'(Returns|Since|Example|Note|Errors)::?(?:\s+|$)(.*)')


def first_sentence(lines):
    """The first sentence of a text, on one line."""
    text = ' '.join(' '.join(paragraphs(lines)[:1]).split())
    match = re.match(r'(.*?)\.(?:\s|$)', text)
    return match.group(1) if match else text


def paragraphs(lines):
    result = []
    current = []
    for line in lines + ['']:
        if line.strip():
            current.append(line.strip())
        elif current:
            result.append(' '.join(current))
            current = []
    return result


class Doc:
    """A block between two ## lines. Without '@NAME:' on its first line it is free text."""

    def __init__(self, text, place):
        self.place = place
        self.name = None
        self.body = []
        self.members = {}
        self.features = {}
        self.tags = []
        self.section = self.body
        self.into_features = False
        for number, line in enumerate(text.split('\n')):
            self.add_line(line, (place[0], place[1] + 1 + number), number == 0)

    def add_line(self, line, place, first):
        if line != '#' and not line.startswith('# '):
            raise SchemaError(place, "a line of documentation starts with '# '")
        line = line[2:]
        entry = ENTRY.match(line)
        if first:
            if entry:
                self.name = entry.group(1)
                if entry.group(2):
                    self.body.append(entry.group(2))
            else:
                self.body.append(line)
            return
        if self.name is None:
            self.body.append(line)
        elif line == 'Features:':
            self.into_features = True
        elif entry:
            self.start_entry(entry, place)
        elif TAG.match(line):
            tag = TAG.match(line)
            self.section = [tag.group(2)]
            self.tags.append((tag.group(1), self.section))
        else:
            self.section.append(line)

    def start_entry(self, entry, place):
        table = self.features if self.into_features else self.members
        if entry.group(1) in table:
            raise SchemaError(place, "'%s' is documented twice" % entry.group(1))
        self.section = [entry.group(2)]
        table[entry.group(1)] = self.section

    def summary(self):
        return first_sentence(self.body)
