# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables for bash completion: the keys of each option's types and the values that they take."""

from model import EnumType

# The options whose first value is a type, by the union that describes them.
UNIONS = {'netdev': 'Netdev', 'object': 'ObjectOptions', 'export': 'NetExportOptions'}
# The options whose keys are the members of one structure, whatever their first value.
STRUCTS = {'chardev': 'ChardevOptions', 'device': 'DeviceOptions'}
# The options whose types are the branches of a union that does not describe their keys.
TYPES = {'chardev': 'ChardevBackend'}


def values_of(type_):
    if type_.name == 'bool':
        return ['on', 'off']
    if type_.kind == 'LIST':
        return values_of(type_.element)
    return [value.name for value in type_.values] if isinstance(type_, EnumType) else []


def flat(member, prefix=''):
    """A member as dotted keys, each with the values that it takes."""
    name = prefix + member.name
    if member.type.kind in ('STRUCT', 'UNION'):
        for inner in members_of(member.type):
            yield from flat(inner, name + '.')
        for _, variant in getattr(member.type, 'variants', []):
            for inner in members_of(variant):
                yield from flat(inner, name + '.')
    else:
        yield name, values_of(member.type)


def members_of(type_):
    return (members_of(type_.base) if type_.base else []) + list(type_.local)


def word(key, values):
    return '%s=%s' % (key, '|'.join(values))


def words(members):
    found = dict(pair for member in members for pair in flat(member))
    return ' '.join(word(key, found[key]) for key in sorted(found))


def union_lines(option, union):
    common = [m for m in members_of(union) if m.name != union.tag.name]
    for name, variant in union.variants:
        yield "    [%s:%s]='%s'" % (option, name, words(common + members_of(variant)))


def generate(schema):
    """An associative array of bash; its keys are OPTION:TYPE and OPTION."""
    lines = ['# Generated from the schema by scripts/qapi.', 'declare -gA _qnd_keys=(']
    for option, name in UNIONS.items():
        if name in schema.types:
            lines += union_lines(option, schema.types[name])
    for option, name in STRUCTS.items():
        if name in schema.types:
            lines.append("    [%s]='%s'" % (option, words(members_of(schema.types[name]))))
    for option, name in TYPES.items():
        if name in schema.types:
            lines += ["    [%s:%s]=''" % (option, branch)
                      for branch, _ in schema.types[name].variants]
    return '\n'.join(lines + [')']) + '\n'
