# SPDX-License-Identifier: GPL-2.0-or-later
"""How names of the schema become names in C."""

import re

# Words that C or its compilers in GNU mode keep for themselves.
RESERVED = set('''
    auto break case char const continue default do double else enum extern float for goto if
    inline int long register restrict return short signed sizeof static struct switch typedef
    union unsigned void volatile while asm typeof bool true false errno linux unix i386 NULL
'''.split())


def c_name(name):
    """A member, branch or function name."""
    name = re.sub(r'[^A-Za-z0-9_]', '_', name)
    if name in RESERVED or name[0].isdigit():
        return 'q_' + name
    return name


def upper_words(name):
    """NetFilterDirection -> NET_FILTER_DIRECTION."""
    name = re.sub(r'([a-z0-9])([A-Z])', r'\1_\2', name)
    name = re.sub(r'([A-Z])([A-Z][a-z])', r'\1_\2', name)
    return re.sub(r'[^A-Za-z0-9]', '_', name).upper()


def camel(name):
    """netdev_del, chardev-add, NETDEV_STREAM_CONNECTED -> NetdevDel, ChardevAdd, ..."""
    words = re.split(r'[-_.]', name)
    return ''.join(word[:1].upper() + word[1:].lower() for word in words)


def c_string(text):
    """A C string literal; "None" is NULL."""
    if text is None:
        return 'NULL'
    out = ''
    for byte in text.encode('utf-8'):
        char = chr(byte)
        if char in '"\\':
            out += '\\' + char
        elif char == '\n':
            out += '\\n'
        elif 0x20 <= byte < 0x7f:
            out += char
        else:
            out += '\\%03o' % byte
    return '"' + out.replace('??', '?\\?') + '"'
