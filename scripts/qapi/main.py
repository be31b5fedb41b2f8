# SPDX-License-Identifier: GPL-2.0-or-later
"""Schema compiler: qapi/*.json to C types, tables, introspection and the reference."""

import argparse
import os
import sys

sys.dont_write_bytecode = True

import gen_commands  # noqa: E402
import gen_completion  # noqa: E402
import gen_events  # noqa: E402
import gen_introspect  # noqa: E402
import gen_rst  # noqa: E402
import gen_types  # noqa: E402
from errors import SchemaError  # noqa: E402
from output import write_if_changed  # noqa: E402
from parser import parse_schema  # noqa: E402
from schema import Schema  # noqa: E402


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output', required=True, help='folder of the generated files')
    parser.add_argument('--define', default='-', metavar='A,B',
                        help="symbols that 'if' finds defined; '-' = none")
    parser.add_argument('--prefix', default='', help='put before names of files and tables')
    parser.add_argument('--folder', default='qapi', help='of the headers in #include lines')
    parser.add_argument('schema', help='the schema file')
    return parser.parse_args()


def generate(schema, prefix, folder):
    """Name and text of each output file."""
    path = '%s/%sqapi' % (folder, prefix)
    return {
        'qapi-types.h': gen_types.generate_header(schema, prefix),
        'qapi-types.c': gen_types.generate_source(schema, path),
        'qapi-commands.h': gen_commands.generate_header(schema, prefix, path),
        'qapi-commands.c': gen_commands.generate_source(schema, prefix, path),
        'qapi-events.h': gen_events.generate_header(schema, prefix, path),
        'qapi-events.c': gen_events.generate_source(schema, path),
        'qapi-introspect.c': gen_introspect.generate_source(schema, prefix),
        'qapi-reference.rst': gen_rst.generate(schema),
        'qapi-completion.bash': gen_completion.generate(schema),
    }


def main():
    args = parse_arguments()
    defines = [] if args.define == '-' else args.define.split(',')
    try:
        schema = Schema(parse_schema(args.schema), defines)
    except SchemaError as err:
        print(err, file=sys.stderr)
        return 1
    for name, text in generate(schema, args.prefix, args.folder).items():
        write_if_changed(os.path.join(args.output, args.prefix + name), text)
    return 0


if __name__ == '__main__':
    sys.exit(main())
