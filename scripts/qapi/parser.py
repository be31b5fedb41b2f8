# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads schema files into expressions with their documentation and place."""

import os
import re

from docs import Doc
from errors import SchemaError

TOKEN = re.compile(r"""
    (?P<space>[ \n]+)
  | (?P<comment>\#[^\n]*)
  | (?P<punct>[\[\]{}:,])
  | '(?P<string>[^'\n\\]*)'
  | (?P<word>true|false|null)\b
  | (?P<number>-?[0-9]+(?:\.[0-9]+)?)
""", re.VERBOSE)

WORDS = {'true': True, 'false': False, 'null': None}


class Object(dict):
    """A JSON object that remembers the place of itself and of each key."""

    def __init__(self, place):
        super().__init__()
        self.place = place
        self.places = {}


class Expression:
    """One top-level object of a schema file."""

    def __init__(self, data, doc, section):
        self.data = data
        self.doc = doc
        self.section = section
        self.place = data.place


class Token:
    def __init__(self, kind, value, line):
        self.kind = kind
        self.value = value
        self.line = line


def tokenize(text, name):
    """Cut text into tokens; a block of comment lines between ## lines is one 'doc' token."""
    tokens = []
    line = 1
    pos = 0
    while pos < len(text):
        if text.startswith('##\n', pos):
            end = text.find('\n##\n', pos + 2)
            if end < 0:
                raise SchemaError((name, line), "documentation block is not ended by '##'")
            tokens.append(Token('doc', text[pos + 3:end], line))
            line += text.count('\n', pos, end + 4)
            pos = end + 4
            continue
        match = TOKEN.match(text, pos)
        if not match:
            raise SchemaError((name, line), 'stray %s' % ascii(text[pos]))
        kind = match.lastgroup
        if kind not in ('space', 'comment'):
            tokens.append(Token(kind, match.group(kind), line))
        line += match.group().count('\n')
        pos = match.end()
    return tokens


class FileParser:
    """Parses one file; finds included files through the shared set of files seen."""

    def __init__(self, path, seen, included_from=None):
        self.path = path
        self.seen = seen
        self.expressions = []
        self.pos = 0
        self.doc = None
        seen.add(os.path.realpath(path))
        try:
            with open(path, encoding='utf-8') as file:
                text = file.read()
        except OSError as err:
            raise SchemaError(included_from or (path, 1),
                              "cannot read '%s': %s" % (path, err.strerror)) from err
        self.title = file_title(text)
        self.tokens = tokenize(text, path)

    def place(self):
        if self.pos < len(self.tokens):
            return (self.path, self.tokens[self.pos].line)
        return (self.path, self.tokens[-1].line if self.tokens else 1)

    def fail(self, message):
        raise SchemaError(self.place(), message)

    def peek(self):
        return self.tokens[self.pos] if self.pos < len(self.tokens) else None

    def at_punct(self, char):
        token = self.peek()
        return token is not None and token.kind == 'punct' and token.value == char

    def accept(self, char):
        if self.at_punct(char):
            self.pos += 1
            return True
        return False

    def expect(self, char):
        if not self.accept(char):
            self.fail("expected '%s'" % char)

    def string(self, what):
        token = self.peek()
        if token is None or token.kind != 'string':
            self.fail('expected %s' % what)
        self.pos += 1
        return token.value

    def parse(self):
        while self.peek():
            if self.peek().kind == 'doc':
                self.parse_doc()
            else:
                self.parse_expression()
        self.drop_doc()
        return self.expressions

    def parse_doc(self):
        self.drop_doc()
        token = self.peek()
        self.doc = Doc(token.value, (self.path, token.line))
        self.pos += 1

    def drop_doc(self):
        """Complain about a block that describes nothing; free text is let go."""
        if self.doc and self.doc.name:
            raise SchemaError(self.doc.place, "documentation of '%s' is not followed by its "
                              "definition" % self.doc.name)
        self.doc = None

    def parse_expression(self):
        if not self.at_punct('{'):
            self.fail("expected '{'")
        data = self.value()
        if 'include' in data:
            self.drop_doc()
            self.include(data)
            return
        doc, self.doc = self.doc, None
        self.expressions.append(Expression(data, doc, self.title))

    def include(self, data):
        target = data['include']
        if len(data) != 1 or not isinstance(target, str):
            raise SchemaError(data.place, "'include' needs one file name")
        path = os.path.join(os.path.dirname(self.path), target)
        if os.path.realpath(path) in self.seen:
            return
        self.expressions += FileParser(path, self.seen, data.place).parse()

    def value(self):
        token = self.peek()
        if token is None:
            self.fail('expected a value')
        if self.at_punct('{'):
            return self.object()
        if self.at_punct('['):
            return self.array()
        self.pos += 1
        if token.kind == 'string':
            return token.value
        if token.kind == 'word':
            return WORDS[token.value]
        if token.kind == 'number':
            return float(token.value) if '.' in token.value else int(token.value)
        self.pos -= 1
        return self.fail('expected a value')

    def object(self):
        result = Object(self.place())
        self.expect('{')
        if self.accept('}'):
            return result
        while True:
            place = self.place()
            key = self.string("a name in '...'")
            if key in result:
                raise SchemaError(place, "duplicate key '%s'" % key)
            self.expect(':')
            result[key] = self.value()
            result.places[key] = place
            if self.accept('}'):
                return result
            self.expect(',')

    def array(self):
        result = []
        self.expect('[')
        if self.accept(']'):
            return result
        while True:
            result.append(self.value())
            if self.accept(']'):
                return result
            self.expect(',')


def file_title(text):
    """The sentence on the second line says what a file is."""
    lines = text.split('\n')
    if len(lines) > 1 and lines[1].startswith('# '):
        return lines[1][2:].strip()
    return ''


def parse_schema(path):
    return FileParser(path, set()).parse()
