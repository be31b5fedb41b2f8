# SPDX-License-Identifier: GPL-2.0-or-later
# Reads a text in the OpenMetrics format, and complains of all that is not in it.
"""
The rules are those of OpenMetrics 1.0.0. Beyond what its grammar says: a family stands in one piece
and its lines of metadata come first, a name says what it must, no sample comes twice, and a counter
is neither negative nor infinite.
"""

import dataclasses
import re

METRIC_NAME = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*\Z')
LABEL_NAME = re.compile(r'[a-zA-Z_][a-zA-Z0-9_]*\Z')
NUMBER = re.compile(r'[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\Z')
# The suffixes of the samples of a family, by its type.
SUFFIXES = {'counter': ('_total', '_created'), 'gauge': ('',), 'info': ('_info',),
            'stateset': ('',), 'unknown': ('',)}
METADATA = ('TYPE', 'UNIT', 'HELP')


class Fault(Exception):
    """The text is not OpenMetrics."""


@dataclasses.dataclass
class Family:
    """A family. samples: value by (name, labels), labels a frozenset of pairs."""

    name: str
    type: str = None
    unit: str = None
    help: str = None
    samples: dict = dataclasses.field(default_factory=dict)

    def sample_suffixes(self):
        return SUFFIXES[self.type or 'unknown']

    def owns(self, sample_name):
        return any(sample_name == self.name + suffix for suffix in self.sample_suffixes())


def unescape(text):
    """The text that @text, of a label or a help, stands for."""
    out, at = '', 0
    while at < len(text):
        if text[at] == '"':
            raise Fault(f'a quotation mark is not escaped: {text}')
        if text[at] == '\\':
            at += 1
            if at == len(text) or text[at] not in '\\"n':
                raise Fault(f'a backslash escapes nothing: {text}')
            out += '\n' if text[at] == 'n' else text[at]
        else:
            out += text[at]
        at += 1
    return out


def read_labels(text):
    """'a="b",c="d"} rest' as ({...}, 'rest')."""
    labels, at = {}, 0
    label = re.compile(r'([^=,{}"]*)="((?:[^"\\]|\\.)*)"')
    while not text.startswith('}', at):
        found = label.match(text, at)
        if not found:
            raise Fault(f'no label: {text[at:]}')
        name, value = found.group(1), unescape(found.group(2))
        if not LABEL_NAME.match(name) or name.startswith('__'):
            raise Fault(f'a label cannot be called {name}')
        if name in labels:
            raise Fault(f'label {name} comes twice')
        labels[name] = value
        at = found.end()
        if text.startswith(',', at) and not text.startswith(',}', at):
            at += 1
        elif not text.startswith('}', at):
            raise Fault(f'no comma between labels: {text[at:]}')
    return labels, text[at + 1:]


def read_sample(line):
    """A line as (name, labels, value)."""
    end = min((line.find(mark) for mark in '{ ' if mark in line), default=-1)
    name = line[:end]
    if end < 0 or not METRIC_NAME.match(name):
        raise Fault(f'no sample: {line}')
    labels, rest = read_labels(line[end + 1:]) if line[end] == '{' else ({}, line[end:])
    if not rest.startswith(' ') or not NUMBER.match(rest[1:]):
        raise Fault(f'no number behind one blank: {line}')
    return name, labels, float(rest[1:]) if '.' in rest else int(rest[1:])


def check_family(family):
    """What can be said when all of a family is there."""
    if family.unit and not family.name.endswith('_' + family.unit):
        raise Fault(f'{family.name} does not end with its unit {family.unit}')
    if family.type == 'counter' and family.name.endswith('_total'):
        raise Fault(f'the name of counter {family.name} ends with _total')
    if family.type == 'info' and family.unit:
        raise Fault(f'info {family.name} has a unit')
    for (name, labels), value in family.samples.items():
        if family.type == 'counter' and value < 0:
            raise Fault(f'counter {name} is {value}')
        if family.type == 'info' and value != 1:
            raise Fault(f'info {name} is {value}')
        if family.type == 'stateset' and (value not in (0, 1) or
                                          family.name not in dict(labels)):
            raise Fault(f'stateset {name} is {value}, or names no state')


def read_metadata(line, family):
    """Takes '# TYPE name type' in. Returns: the family it is of."""
    words = line.split(' ', 3)
    if len(words) < 4 or words[1] not in METADATA or not METRIC_NAME.match(words[2]):
        raise Fault(f'no line of metadata: {line}')
    kind, name, text = words[1:]
    if family is None or family.name != name:
        family = Family(name)
    if family.samples:
        raise Fault(f'{kind} of {name} comes behind a sample')
    if getattr(family, kind.lower()) is not None:
        raise Fault(f'{name} has two lines {kind}')
    if kind == 'TYPE' and text not in SUFFIXES:
        raise Fault(f'{name} is of unknown type {text}')
    setattr(family, kind.lower(), unescape(text) if kind == 'HELP' else text)
    return family


def take_sample(line, family, families):
    name, labels, value = read_sample(line)
    if family is None or not family.owns(name):
        raise Fault(f'{name} is of no family, or not of the one that stands before it')
    key = (name, frozenset(labels.items()))
    if key in family.samples:
        raise Fault(f'sample comes twice: {line}')
    if families.get(family.name) is not family:
        raise Fault(f'family {family.name} comes twice')
    family.samples[key] = value


def read(text):
    """The families of a text, by their names. Raises Fault."""
    if not text.endswith('# EOF\n'):
        raise Fault('the last line is not # EOF')
    families, family = {}, None
    for line in text[:-len('# EOF\n')].split('\n')[:-1]:
        if line.startswith('#'):
            current = read_metadata(line, family)
            if current is not family and families.setdefault(current.name, current) is not current:
                raise Fault(f'family {current.name} comes twice')
            family = current
        else:
            take_sample(line, family, families)
    for one in families.values():
        check_family(one)
    return families
