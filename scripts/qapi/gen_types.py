# SPDX-License-Identifier: GPL-2.0-or-later
"""C types and their descriptors."""

from model import AlternateType, EnumType, ObjectType
from names import c_name, c_string
from output import c_head, fields, h_file, maybe_features, maybe_string


def all_types(schema):
    """User types, argument types and the lists in use, builtin ones left out."""
    types = [t for t in schema.types.values() if not t.is_builtin]
    return types + [t for t in schema.lists.values() if not t.is_builtin]


def in_order(types):
    """What is embedded by value comes first."""
    done = []

    def visit(type_):
        if type_ in done or type_.is_builtin:
            return
        if isinstance(type_, ObjectType):
            for _, variant in type_.variants:
                visit(variant)
        done.append(type_)

    for type_ in types:
        visit(type_)
    return done


# --- Header ------------------------------------------------------------------------------

def comment(type_):
    return '/** %s */\n' % type_.doc.replace('*/', '* /') if type_.doc else ''


def enum_decl(enum):
    text = comment(enum) + 'typedef enum %s {\n' % enum.name
    for value in enum.values:
        text += '    %s,\n' % enum.c_constant(value.name)
    if not enum.values:
        text += '    %s__EMPTY,\n' % enum.prefix
    text += '} %s;\n\n' % enum.name
    # Not part of the enum, so that a switch over all its values is complete.
    return text + 'enum { %s__MAX = %d };\n\n' % (enum.prefix, len(enum.values))


def member_decl(member, indent):
    if member.type.kind == 'NULL':
        return ''
    text = ''
    if member.has_flag():
        text += '%sbool has_%s;\n' % (indent, member.c_name)
    return text + '%s%s%s;\n' % (indent, member.type.c_slot(), member.c_name)


def object_decl(type_):
    body = ''.join(member_decl(member, '    ') for member in type_.members())
    if type_.variants:
        body += '    union {\n'
        for name, variant in type_.variants:
            body += '        %s %s;\n' % (variant.name, c_name(name))
        body += '    } u;\n'
    if not body:
        body = '    char no_members;\n'
    return comment(type_) + 'struct %s {\n%s};\n\n' % (type_.name, body)


def alternate_decl(type_):
    body = ''.join(member_decl(branch, '        ') for branch in type_.branches)
    return (comment(type_) + 'struct %s {\n    QapiKind kind;\n    union {\n%s    } u;\n};\n\n'
            % (type_.name, body))


def list_decl(type_):
    return ('struct %s {\n    size_t len;\n    %s*items;\n};\n\n'
            % (type_.name, type_.element.c_item()))


def free_decl(name):
    return ('static inline void qapi_free_%s(%s *value)\n{\n'
            '    qapi_free(&qapi_type_%s, value);\n}\n'
            'G_DEFINE_AUTOPTR_CLEANUP_FUNC(%s, qapi_free_%s)\n\n' % ((name,) * 5))


def type_decl(type_):
    if isinstance(type_, ObjectType):
        return object_decl(type_)
    if isinstance(type_, AlternateType):
        return alternate_decl(type_)
    return list_decl(type_)


def generate_header(schema, prefix):
    types = in_order(all_types(schema))
    enums = [t for t in types if isinstance(t, EnumType)]
    others = [t for t in types if not isinstance(t, EnumType)]
    body = '#include "qapi/builtin.h"\n#include "qapi/qapi.h"\n\n'
    body += ''.join(enum_decl(enum) for enum in enums)
    body += ''.join('typedef struct %s %s;\n' % (t.name, t.name) for t in others) + '\n'
    body += ''.join(type_decl(t) for t in others)
    body += ''.join('extern const QapiType qapi_type_%s;\n' % t.name for t in types) + '\n'
    body += ''.join(free_decl(t.name) for t in others)
    guard = (prefix + 'QAPI_QAPI_TYPES_H').replace('-', '_').upper()
    return h_file('C types of the schema.', guard, body)


# --- Descriptors -------------------------------------------------------------------------

def member_entry(owner, member, path=''):
    stored = member.type.kind != 'NULL'
    has = '-1'
    if member.has_flag():
        has = 'offsetof(%s, %shas_%s)' % (owner, path, member.c_name)
    return '    ' + fields([
        ('name', c_string(member.name)),
        ('doc', maybe_string(member.summary)),
        ('type', '&qapi_type_%s' % member.type.name),
        ('default_text', maybe_string(member.default)),
        ('offset', 'offsetof(%s, %s%s)' % (owner, path, member.c_name) if stored else None),
        ('has_offset', has),
        ('optional', 'true' if member.optional else None),
        ('features', maybe_features(member.features)),
    ]) + ',\n'


def table(c_type, name, entries):
    if not entries:
        return ''
    return 'static const %s %s[] = {\n%s};\n\n' % (c_type, name, ''.join(entries))


def table_fields(key, name, entries):
    if not entries:
        return []
    return [(key, name), ('n_' + key, 'G_N_ELEMENTS(%s)' % name)]


def descriptor(type_, extra):
    return 'const QapiType qapi_type_%s = {\n%s};\n\n' % (type_.name, ''.join(
        '    .%s = %s,\n' % pair for pair in [
            ('name', c_string(type_.name)),
            ('kind', 'QAPI_KIND_' + type_.kind),
            ('size', 'sizeof(%s)' % type_.name),
            ('doc', c_string(type_.doc)),
        ] + extra))


def enum_descriptor(enum):
    name = 'values_' + enum.name
    entries = ['    ' + fields([('name', c_string(value.name)),
                                ('features', maybe_features(value.features))]) + ',\n'
               for value in enum.values]
    return table('QapiEnumValue', name, entries) + descriptor(
        enum, table_fields('values', name, entries))


def object_descriptor(type_):
    members = type_.members()
    name = 'members_' + type_.name
    entries = [member_entry(type_.name, member) for member in members]
    text = table('QapiMember', name, entries)
    extra = table_fields('members', name, entries)
    if type_.tag:
        variants = ['    ' + fields([
            ('tag', type_.tag.type.c_constant(branch)),
            ('type', '&qapi_type_%s' % variant.name),
            ('offset', 'offsetof(%s, u.%s)' % (type_.name, c_name(branch))),
        ]) + ',\n' for branch, variant in type_.variants]
        vname = 'variants_' + type_.name
        text += table('QapiVariant', vname, variants)
        index = [member.name for member in members].index(type_.tag.name)
        extra.append(('tag', '&%s[%d]' % (name, index)))
        extra += table_fields('variants', vname, variants)
    return text + descriptor(type_, extra)


def alternate_descriptor(type_):
    name = 'members_' + type_.name
    entries = [member_entry(type_.name, branch, 'u.') for branch in type_.branches]
    return table('QapiMember', name, entries) + descriptor(
        type_, table_fields('members', name, entries))


def type_descriptor(type_):
    if isinstance(type_, EnumType):
        return enum_descriptor(type_)
    if isinstance(type_, ObjectType):
        return object_descriptor(type_)
    if isinstance(type_, AlternateType):
        return alternate_descriptor(type_)
    return descriptor(type_, [('element', '&qapi_type_%s' % type_.element.name)])


def generate_source(schema, path):
    return (c_head('Descriptors of the types of the schema.')
            + '#include "%s-types.h"\n\n#include <stddef.h>\n\n' % path
            + ''.join(type_descriptor(t) for t in all_types(schema))).rstrip('\n') + '\n'
