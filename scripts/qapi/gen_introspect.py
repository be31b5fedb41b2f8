# SPDX-License-Identifier: GPL-2.0-or-later
"""The text that query-qmp-schema returns: what a client can reach, with numbers as names."""

import json

from model import AlternateType, BUILTINS, EnumType, ListType, ObjectType
from names import c_string
from output import c_head

EMPTY = '0'


class Introspection:
    """Numbers the types as they are met, starting from commands and events."""

    def __init__(self, schema):
        self.numbers = {}
        self.done = set()
        self.queue = []
        self.result = []
        for entity in schema.entities:
            if entity.meta == 'command':
                self.add_command(entity)
            elif entity.meta == 'event':
                self.add(entity.name, 'event', entity.features,
                         {'arg-type': self.ref_or_empty(entity.args)})
        while self.queue:
            self.add_type(self.queue.pop(0))

    def add(self, name, meta, features, rest):
        info = {'name': name, 'meta-type': meta}
        info.update(rest)
        if features:
            info['features'] = list(features)
        self.result.append(info)

    def add_command(self, command):
        rest = {'arg-type': self.ref_or_empty(command.args),
                'ret-type': self.ref_or_empty(command.returns)}
        if command.flag('allow-oob'):
            rest['allow-oob'] = True
        self.add(command.name, 'command', command.features, rest)

    def ref_or_empty(self, type_):
        if type_ is not None:
            return self.ref(type_)
        if EMPTY not in self.done:
            self.done.add(EMPTY)
            self.add(EMPTY, 'object', [], {'members': []})
        return EMPTY

    def ref(self, type_):
        """The name under which a type appears; makes sure that it will."""
        if type_.kind in ('INT', 'UINT', 'SIZE'):
            type_ = BUILTINS['int']
        if isinstance(type_, ListType):
            name = '[%s]' % self.ref(type_.element)
        elif type_.is_builtin:
            name = type_.name
        else:
            name = self.numbers.setdefault(type_.name, str(len(self.numbers) + 1))
        if name not in self.done:
            self.done.add(name)
            self.queue.append(type_)
        return name

    def add_type(self, type_):
        name = self.ref(type_)
        features = type_.entity.features if type_.entity and type_.entity.type else []
        if isinstance(type_, ListType):
            self.add(name, 'array', features, {'element-type': self.ref(type_.element)})
        elif type_.is_builtin:
            self.add(name, 'builtin', features, {'json-type': type_.json_type})
        elif isinstance(type_, EnumType):
            self.add(name, 'enum', features, {
                'members': [named(v.name, v.features) for v in type_.values],
                'values': type_.names()})
        elif isinstance(type_, AlternateType):
            self.add(name, 'alternate', features, {
                'members': [{'type': self.ref(b.type)} for b in type_.branches]})
        elif isinstance(type_, ObjectType):
            self.add(name, 'object', features, self.object_info(type_))

    def object_info(self, type_):
        info = {'members': [self.member_info(member) for member in type_.members()]}
        if type_.tag:
            branches = dict(type_.variants)
            info['tag'] = type_.tag.name
            info['variants'] = [{'case': value, 'type': self.ref_or_empty(branches.get(value))}
                                for value in type_.tag.type.names()]
        return info

    def member_info(self, member):
        info = named(member.name, member.features)
        info['type'] = self.ref(member.type)
        if member.optional:
            info['default'] = None
        return info


def named(name, features):
    info = {'name': name}
    if features:
        info['features'] = list(features)
    return info


def generate_source(schema, prefix):
    lines = [json.dumps(info) for info in Introspection(schema).result]
    text = '\n'.join('    %s' % c_string(line + (', ' if i + 1 < len(lines) else ''))
                     for i, line in enumerate(lines))
    return (c_head('What query-qmp-schema returns.') + '#include "qapi/qapi.h"\n\n'
            + ('extern const char %sqapi_schema_text[];\n\n' % prefix.replace('-', '_')
               if prefix else '')
            + 'const char %sqapi_schema_text[] =\n    "["\n%s\n    "]";\n'
            % (prefix.replace('-', '_'), text))
