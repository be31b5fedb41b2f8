# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the schema compiler: good schemas compile, each mistake is named with its place."""

import os
import subprocess
import sys
import tempfile

COMPILER = os.path.abspath(sys.argv[1])

DOC = '##\n# @%s:\n#\n# Words.\n%s##\n'


def doc(name, *members):
    return DOC % (name, ''.join('#\n# @%s: words\n' % member for member in members))


def struct(name, data, *members, more=''):
    return doc(name, *members) + "{ 'struct': '%s', 'data': %s%s }\n" % (name, data, more)


ENUM = doc('Enu', 'a', 'b') + "{ 'enum': 'Enu', 'data': [ 'a', 'b' ] }\n"
BRANCH = struct('Branch', "{ 'x': 'int' }", 'x')
UNION = (doc('Uni', 't') + "{ 'union': 'Uni', 'base': { 't': 'Enu' }, 'discriminator': 't',"
         " 'data': %s }\n")

# name, schema, line of the error, message
BAD = [
    ('stray', "@\n", 1, "stray '@'"),
    ('no-brace', "'x'\n", 1, "expected '{'"),
    ('no-colon', "{ 'enum' 'Xx' }\n", 1, "expected ':'"),
    ('no-comma', "{ 'enum': 'Xx' 'data': [] }\n", 1, "expected ','"),
    ('no-value', "{ 'enum': }\n", 1, 'expected a value'),
    ('no-key', "{ enum: 'Xx' }\n", 1, "stray 'e'"),
    ('cut-short', "{ 'enum': 'Xx',\n", 1, "expected a name in '...'"),
    ('duplicate-key', "{ 'enum': 'Xx',\n  'enum': 'Yy' }\n", 2, "duplicate key 'enum'"),
    ('doc-open', "##\n# @Xx:\n", 1, "documentation block is not ended by '##'"),
    ('doc-form', "##\n#@Xx:\n##\n", 2, "a line of documentation starts with '# '"),
    ('doc-alone', doc('Xx'), 1, "documentation of 'Xx' is not followed by its definition"),
    ('doc-other', doc('Yy') + "{ 'struct': 'Xx', 'data': {} }\n", 1,
     "documentation is of 'Yy', definition of 'Xx'"),
    ('doc-missing', "{ 'struct': 'Xx', 'data': {} }\n", 1, "struct 'Xx' is not documented"),
    ('doc-member-missing', struct('Xx', "{ 'a': 'int' }"), 1, "'a' of 'Xx' is not documented"),
    ('doc-member-extra', struct('Xx', '{}', 'a'), 1,
     "documentation of 'a', which 'Xx' does not have"),
    ('doc-twice', struct('Xx', "{ 'a': 'int' }", 'a', 'a'), 8, "'a' is documented twice"),
    ('meta-unknown', "{ 'thing': 'Xx' }\n", 1,
     'expected one of enum, struct, union, alternate, command, event, include'),
    ('meta-two', "{ 'enum': 'Xx', 'struct': 'Xx' }\n", 1,
     'expected one of enum, struct, union, alternate, command, event, include'),
    ('key-missing', doc('Xx') + "{ 'struct': 'Xx' }\n", 6, "struct 'Xx' lacks 'data'"),
    ('key-unknown', doc('Xx') + "{ 'struct': 'Xx', 'data': {},\n  'foo': 1 }\n", 7,
     "struct 'Xx' has unknown key 'foo'"),
    ('name-type', "{ 'struct': 'xx', 'data': {} }\n", 1, "bad type name 'xx'"),
    ('name-command', "{ 'command': 'Xx' }\n", 1, "bad command name 'Xx'"),
    ('name-event', "{ 'event': 'x' }\n", 1, "bad event name 'x'"),
    ('name-member', struct('Xx', "{ 'A-b': 'int' }", 'A-b'), 8, "bad member name 'A-b'"),
    ('name-value', doc('Xx', 'a') + "{ 'enum': 'Xx', 'data': [ '!' ] }\n", 8,
     "bad value name '!'"),
    ('name-list', struct('XxList', '{}'), 6, "name 'XxList' is reserved"),
    ('name-has', struct('Xx', "{ 'has-a': 'int' }", 'has-a'), 8, "name 'has-a' is reserved"),
    ('name-twice', struct('Xx', '{}') + struct('Xx', '{}'), 12,
     "'Xx' is already defined at schema.json:6"),
    ('name-of-arguments', struct('XyArgs', '{}')
     + doc('xy', 'a') + "{ 'command': 'xy', 'data': { 'a': 'int' } }\n", 14,
     "'XyArgs' is already defined at schema.json:6"),
    ('type-unknown', struct('Xx', "{ 'a': 'Yy' }", 'a'), 8, "unknown type 'Yy'"),
    ('type-list', struct('Xx', "{ 'a': [ 'int', 'int' ] }", 'a'), 8,
     "a list type is written [ 'TYPE' ]"),
    ('type-number', struct('Xx', "{ 'a': 1 }", 'a'), 8, 'expected a type'),
    ('member-clash', struct('Xx', "{ 'a-b': 'int', 'a_b': 'int' }", 'a-b', 'a_b'), 10,
     "member 'a_b' clashes with 'a-b'"),
    ('member-key', struct('Xx', "{ 'a': { 'type': 'int', 'foo': 1 } }", 'a'), 8,
     "member 'a' has unknown key 'foo'"),
    ('base-unknown', struct('Xx', '{}', more=", 'base': 'Yy'"), 6, "unknown type 'Yy'"),
    ('base-scalar', struct('Xx', '{}', more=", 'base': 'int'"), 6, "base 'int' is not a struct"),
    ('base-clash', struct('Base', "{ 'a': 'int' }", 'a')
     + struct('Xx', "{ 'a': 'int' }", 'a', more=", 'base': 'Base'"), 16,
     "member 'a' clashes with 'a'"),
    ('base-loop', struct('Xx', '{}', more=", 'base': 'Xx'"), 6, "'Xx' is its own base"),
    ('default-not-optional', struct('Xx', "{ 'a': { 'type': 'int', 'default': 1 } }", 'a'), 8,
     "default of 'a', which is not optional"),
    ('default-type', struct('Xx', "{ '*a': { 'type': 'bool', 'default': 1 } }", 'a'), 8,
     "bad default 1 of type 'bool'"),
    ('default-range', struct('Xx', "{ '*a': { 'type': 'uint8', 'default': 256 } }", 'a'), 8,
     "bad default 256 of type 'uint8'"),
    ('default-enum', ENUM + struct('Xx', "{ '*a': { 'type': 'Enu', 'default': 'c' } }", 'a'), 18,
     "bad default 'c' of type 'Enu'"),
    ('enum-twice', doc('Xx', 'a') + "{ 'enum': 'Xx', 'data': [ 'a', 'A' ] }\n", 8,
     "duplicate value 'a' of enum 'Xx'"),
    ('enum-data', doc('Xx') + "{ 'enum': 'Xx', 'data': {} }\n", 6,
     "'data' of an enum must be a list, or name a union"),
    ('enum-prefix', doc('Xx') + "{ 'enum': 'Xx', 'data': [], 'prefix': 'x' }\n", 6,
     "bad prefix 'x'"),
    ('union-tag', BRANCH + doc('Xx', 't') + "{ 'union': 'Xx', 'base': { 't': 'str' },"
     " 'discriminator': 't', 'data': { 'a': 'Branch' } }\n", 16,
     "discriminator 't' is not an enum member of the base"),
    ('union-branch', ENUM + BRANCH + UNION % "{ 'c': 'Branch' }", 26,
     "branch 'c' is not a value of 'Enu'"),
    ('union-branch-type', ENUM + UNION % "{ 'a': 'int' }", 18,
     "branch 'a' is not a struct or union"),
    ('union-empty', ENUM + UNION % '{}', 18, "'data' of 'Uni' needs branches"),
    ('union-clash', ENUM + struct('Branch', "{ 't': 'int' }", 't') + UNION % "{ 'a': 'Branch' }",
     26, "member 't' clashes with 't'"),
    ('alternate-alike', doc('Xx', 'a', 'b')
     + "{ 'alternate': 'Xx', 'data': { 'a': 'int', 'b': 'uint8' } }\n", 10,
     "branch 'b' cannot be told from 'a'"),
    ('alternate-strings', ENUM + doc('Xx', 'a', 'b')
     + "{ 'alternate': 'Xx', 'data': { 'a': 'str', 'b': 'Enu' } }\n", 20,
     "branch 'b' cannot be told from 'a'"),
    ('command-data', doc('xx') + "{ 'command': 'xx', 'data': 'int' }\n", 6,
     "'int' is not a struct or union"),
    ('command-returns', doc('xx') + "{ 'command': 'xx', 'returns': 'int' }\n", 6,
     "command cannot return 'int'"),
    ('command-flag', doc('xx') + "{ 'command': 'xx', 'allow-oob': 'yes' }\n", 6,
     "'allow-oob' must be true or false"),
    ('feature-unknown', struct('Xx', '{}', more=", 'features': [ 'shiny' ]"), 6,
     "unknown feature 'shiny'"),
    ('if-symbol', struct('Xx', '{}', more=", 'if': 'config'"), 6, "bad symbol 'config' in 'if'"),
    ('if-form', struct('Xx', '{}', more=", 'if': { 'both': [] }"), 6,
     "'if' must be a symbol, or one of 'all', 'any', 'not'"),
    ('include-missing', "{ 'include': 'nosuch.json' }\n", 1,
     "cannot read 'nosuch.json': No such file or directory"),
    ('include-more', "{ 'include': 'x', 'data': {} }\n", 1, "'include' needs one file name"),
]

CONDITIONAL = (
    struct('Both', '{}', more=", 'if': { 'all': [ 'CONFIG_A', 'CONFIG_B' ] }")
    + struct('Either', '{}', more=", 'if': { 'any': [ 'CONFIG_A', 'CONFIG_B' ] }")
    + struct('Neither', '{}', more=", 'if': { 'not': { 'any': [ 'CONFIG_A', 'CONFIG_B' ] } }")
    + struct('Members', "{ '*a': { 'type': 'int', 'if': 'CONFIG_A' } }", 'a'))


class Suite:
    """Counts and prints results in the TAP form."""

    def __init__(self):
        self.number = 0
        self.failed = False

    def check(self, name, good, detail=''):
        self.number += 1
        self.failed = self.failed or not good
        print('%sok %d - %s' % ('' if good else 'not ', self.number, name))
        if not good:
            print(''.join('# %s\n' % line for line in str(detail).split('\n')), end='')


def compile_schema(folder, files, define='-'):
    for name, text in files.items():
        with open(os.path.join(folder, name), 'w', encoding='utf-8') as file:
            file.write(text)
    return subprocess.run([sys.executable, COMPILER, '--output', os.path.join(folder, 'out'),
                           '--define', define, 'schema.json'], cwd=folder, check=False,
                          capture_output=True, text=True, timeout=60)


def output(folder, name):
    with open(os.path.join(folder, 'out', name), encoding='utf-8') as file:
        return file.read()


def test_bad(suite):
    for name, text, line, message in BAD:
        with tempfile.TemporaryDirectory() as folder:
            result = compile_schema(folder, {'schema.json': text})
            expected = 'schema.json:%d: %s\n' % (line, message)
            suite.check('refuses ' + name, result.returncode == 1 and result.stderr == expected,
                        'wanted: %sgot: %s' % (expected, result.stderr))
            if os.path.exists(os.path.join(folder, 'out')):
                suite.check('writes nothing after ' + name, False)


def test_conditions(suite):
    expected = {'-': {'Neither'}, 'CONFIG_A': {'Either', 'a'}, 'CONFIG_B': {'Either'},
                'CONFIG_A,CONFIG_B': {'Both', 'Either', 'a'}}
    for define, present in expected.items():
        with tempfile.TemporaryDirectory() as folder:
            result = compile_schema(folder, {'schema.json': CONDITIONAL}, define)
            text = output(folder, 'qapi-types.h') if result.returncode == 0 else result.stderr
            found = {name for name in ('Both', 'Either', 'Neither')
                     if 'typedef struct %s ' % name in text}
            found |= {'a'} if 'int64_t a;' in text else set()
            suite.check('conditions with ' + define, found == present, text)


def test_branches_as_values(suite):
    text = ("##\n# @Xx:\n#\n# Words.\n##\n{ 'enum': 'Xx', 'data': 'Uu' }\n" + BRANCH
            + "##\n# @Uu:\n#\n# Words.\n#\n# @t: words\n#\n# @one: the first\n# @two: the second\n"
              "##\n{ 'union': 'Uu', 'base': { 't': 'Xx' }, 'discriminator': 't',\n"
              "  'data': { 'one': 'Branch', 'two': { 'type': 'Branch', 'if': 'CONFIG_A' } } }\n")
    for define, names in (('-', {'one'}), ('CONFIG_A', {'one', 'two'})):
        with tempfile.TemporaryDirectory() as folder:
            result = compile_schema(folder, {'schema.json': text}, define)
            rst = output(folder, 'qapi-reference.rst') if not result.returncode else result.stderr
            suite.check('an enum has the branches of a union with ' + define,
                        {name for name in ('one', 'two') if '``%s``\n    the ' % name in rst}
                        == names, rst)


def test_include(suite):
    files = {'schema.json': "{ 'include': 'one.json' }\n{ 'include': 'two.json' }\n",
             'one.json': "{ 'include': 'two.json' }\n" + struct('One', "{ 'two': 'Two' }", 'two'),
             'two.json': "{ 'include': 'one.json' }\n" + struct('Two', "{ '*one': 'One' }", 'one')}
    with tempfile.TemporaryDirectory() as folder:
        result = compile_schema(folder, files)
        suite.check('includes each file once', result.returncode == 0, result.stderr)
        files['two.json'] = "{ 'enum': 'x' }\n"
        result = compile_schema(folder, files)
        suite.check('names the included file', result.stderr.startswith('two.json:1: '),
                    result.stderr)


def test_unchanged(suite):
    with tempfile.TemporaryDirectory() as folder:
        compile_schema(folder, {'schema.json': CONDITIONAL})
        path = os.path.join(folder, 'out', 'qapi-types.h')
        os.utime(path, (1, 1))
        compile_schema(folder, {'schema.json': CONDITIONAL})
        suite.check('leaves an unchanged file alone', os.stat(path).st_mtime == 1)
        compile_schema(folder, {'schema.json': CONDITIONAL}, 'CONFIG_A')
        suite.check('writes a changed file', os.stat(path).st_mtime != 1)


def test_reference(suite):
    text = (ENUM + BRANCH + UNION % "{ 'a': 'Branch' }"
            + doc('xy', 'a', 'b')
            + "{ 'command': 'xy', 'data': { '*a': 'int',\n"
              "  '*b': { 'type': 'Enu', 'default': 'a' } } }\n")
    with tempfile.TemporaryDirectory() as folder:
        result = compile_schema(folder, {'schema.json': text})
        suite.check('compiles what the reference shows', result.returncode == 0, result.stderr)
        rst = output(folder, 'qapi-reference.rst')
        suite.check('reference names the command', 'xy (command)\n------------\n' in rst, rst)
        suite.check('reference shows members', '``a`` (int, optional)\n    words\n' in rst, rst)
        suite.check('reference has an anchor for the command', '.. qapi:: xy\n\nxy (' in rst, rst)
        suite.check('reference names types as literals, and defaults',
                    '``b`` (``Enu``, optional)\n    words\n\n    Default: ``a``.\n' in rst, rst)
        suite.check('reference shows branches',
                    'when ``t`` is ``a``: the members of ``Branch``' in rst, rst)


def main():
    suite = Suite()
    test_bad(suite)
    test_conditions(suite)
    test_branches_as_values(suite)
    test_include(suite)
    test_unchanged(suite)
    test_reference(suite)
    print('1..%d' % suite.number)
    return 1 if suite.failed else 0


if __name__ == '__main__':
    sys.exit(main())
