# SPDX-License-Identifier: GPL-2.0-or-later
"""One function an event, which emits it."""

from names import c_string
from output import c_head, h_file


def events(schema):
    return [entity for entity in schema.entities if entity.meta == 'event']


def prototype(event):
    args = 'const %s *data' % event.args.name if event.args else 'void'
    return 'void qapi_event_%s(%s)' % (event.c_name.lower(), args)


def comment(event):
    return '/** %s: %s. */\n' % (event.name, event.summary.replace('*/', '* /'))


def generate_header(schema, prefix, path):
    body = '#include "%s-types.h"\n\n' % path
    body += '\n'.join(comment(e) + prototype(e) + ';\n' for e in events(schema))
    guard = (prefix + 'QAPI_QAPI_EVENTS_H').replace('-', '_').upper()
    return h_file('Functions that emit the QMP events.', guard, body)


def definition(event):
    data = 'NULL'
    if event.args:
        data = 'qapi_to_json(&qapi_type_%s, data)' % event.args.name
    return '%s\n{\n    qapi_event_emit(%s, %s);\n}\n' % (prototype(event), c_string(event.name),
                                                        data)


def generate_source(schema, path):
    return (c_head('Functions that emit the QMP events.')
            + '#include "%s-events.h"\n\n' % path
            + '\n'.join(definition(event) for event in events(schema)))
