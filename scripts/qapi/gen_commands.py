# SPDX-License-Identifier: GPL-2.0-or-later
"""Prototypes of the command handlers and the table that calls them."""

from names import c_string
from output import c_head, fields, h_file, maybe_features, maybe_string


def commands(schema):
    return [entity for entity in schema.entities if entity.meta == 'command']


def is_raw(command):
    return not command.flag('gen', True)


def result_type(command):
    if is_raw(command) or not command.returns:
        return 'bool '
    return command.returns.c_slot()


def parameters(command):
    if is_raw(command):
        return 'json_object *args, json_object **ret, GError **error'
    args = 'const %s *args, ' % command.args.name if command.args else ''
    return args + 'GError **error'


def prototype(command):
    return '%sqmp_%s(%s)' % (result_type(command), command.c_name, parameters(command))


def comment(command):
    return '/** %s: %s. */\n' % (command.name, command.summary.replace('*/', '* /'))


def generate_header(schema, prefix, path):
    body = '#include <json-c/json.h>\n#include "%s-types.h"\n\n' % path
    body += '\n'.join(comment(c) + prototype(c) + ';\n' for c in commands(schema))
    if prefix:
        ident = prefix.replace('-', '_')
        body += ('\nextern const QapiCommand %sqapi_commands[];\n'
                 'extern const size_t %sqapi_n_commands;\n' % (ident, ident))
    guard = (prefix + 'QAPI_QAPI_COMMANDS_H').replace('-', '_').upper()
    return h_file('Handlers of the QMP commands.', guard, body)


def invoke_body(command):
    args = 'args, ' if command.args else ''
    call = 'qmp_%s(%serror)' % (command.c_name, args)
    if is_raw(command):
        return '    return qmp_%s(raw, ret, error);\n' % command.c_name
    if not command.returns:
        return ('    if (!%s) {\n        return false;\n    }\n'
                '    *ret = json_object_new_object();\n    return true;\n' % call)
    kind = command.returns.kind
    if kind == 'ANY':
        return ('    json_object *value = %s;\n\n    if (!value) {\n        return false;\n    }\n'
                '    *ret = value;\n    return true;\n' % call)
    if kind == 'STR':
        declare, convert = 'g_autofree char *value', 'json_object_new_string(value)'
    else:
        name = command.returns.name
        declare = 'g_autoptr(%s) value' % name
        convert = 'qapi_to_json(&qapi_type_%s, value)' % name
    return ('    %s = %s;\n\n    if (!value) {\n        return false;\n    }\n'
            '    *ret = %s;\n    return true;\n' % (declare, call, convert))


def invoke(command):
    return ('static bool invoke_%s(const void *args, json_object *raw, json_object **ret,\n'
            '    GError **error)\n{\n%s}\n\n' % (command.c_name, invoke_body(command)))


def table_entry(command):
    returns = command.returns
    has_type = returns is not None and not is_raw(command)
    return '    ' + fields([
        ('name', c_string(command.name)),
        ('doc', maybe_string(command.summary)),
        ('args', '&qapi_type_%s' % command.args.name if command.args else None),
        ('ret', '&qapi_type_%s' % returns.name if has_type else None),
        ('allow_oob', 'true' if command.flag('allow-oob') else None),
        ('allow_preconfig', 'true' if command.flag('allow-preconfig') else None),
        ('features', maybe_features(command.features)),
        ('invoke', 'invoke_' + command.c_name),
        ('raw', 'true' if is_raw(command) else None),
    ]) + ',\n'


def generate_source(schema, prefix, path):
    found = sorted(commands(schema), key=lambda command: command.name)
    ident = prefix.replace('-', '_')
    text = c_head('The table of the QMP commands.')
    text += '#include "%s-commands.h"\n\n' % path
    text += ''.join(invoke(command) for command in found)
    text += 'const QapiCommand %sqapi_commands[] = {\n' % ident
    text += ''.join(table_entry(command) for command in found) or '    { .name = NULL },\n'
    return text + '};\n\nconst size_t %sqapi_n_commands = %d;\n' % (ident, len(found))
