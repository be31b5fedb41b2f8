# SPDX-License-Identifier: GPL-2.0-or-later
"""Turns expressions into the checked schema."""

import re

from errors import SchemaError
from model import (AlternateType, BUILTINS, Entity, EnumType, EnumValue, ListType, Member,
                   ObjectType, json_text)
from names import c_name, camel

META = ('enum', 'struct', 'union', 'alternate', 'command', 'event')
COMMON_KEYS = ('if', 'features')
REQUIRED = {'enum': ['data'], 'struct': ['data'], 'union': ['base', 'discriminator', 'data'],
            'alternate': ['data'], 'command': [], 'event': []}
OPTIONAL = {'enum': ['prefix'], 'struct': ['base'], 'union': [], 'alternate': [],
            'command': ['data', 'returns', 'boxed', 'gen', 'allow-oob', 'allow-preconfig'],
            'event': ['data', 'boxed']}
FLAGS = ('boxed', 'gen', 'allow-oob', 'allow-preconfig')
FEATURES = ('deprecated', 'unstable')

NAME_RULES = {
    'type': re.compile(r'[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*$'),
    'command': re.compile(r'[a-z][a-z0-9_-]*$'),
    'event': re.compile(r'[A-Z][A-Z0-9_]*$'),
    'member': re.compile(r'[a-z][a-z0-9_-]*$|[A-Z][A-Z0-9_]*$'),
    'value': re.compile(r'[A-Za-z0-9][A-Za-z0-9_.-]*$'),
}


def check_name(name, rule, place):
    if not isinstance(name, str) or not NAME_RULES[rule].match(name):
        raise SchemaError(place, "bad %s name '%s'" % (rule, name))


def check_keys(data, required, optional, what):
    for key in required:
        if key not in data:
            raise SchemaError(data.place, "%s lacks '%s'" % (what, key))
    for key in data:
        if key not in required and key not in optional:
            raise SchemaError(data.places[key], "%s has unknown key '%s'" % (what, key))


class Condition:
    """Evaluates 'if' by the list of defined symbols."""

    def __init__(self, defines):
        self.defines = set(defines)

    def holds(self, cond, place):
        if isinstance(cond, str):
            if not re.match(r'[A-Z][A-Z0-9_]*$', cond):
                raise SchemaError(place, "bad symbol '%s' in 'if'" % cond)
            return cond in self.defines
        if isinstance(cond, dict) and len(cond) == 1:
            (key, value), = cond.items()
            if key == 'not':
                return not self.holds(value, place)
            if key in ('all', 'any') and isinstance(value, list) and value:
                parts = [self.holds(part, place) for part in value]
                return all(parts) if key == 'all' else any(parts)
        raise SchemaError(place, "'if' must be a symbol, or one of 'all', 'any', 'not'")

    def enabled(self, data):
        return 'if' not in data or self.holds(data['if'], data.places['if'])


class Schema:
    """All entities by name, in order of definition."""

    def __init__(self, expressions, defines):
        self.condition = Condition(defines)
        self.entities = []
        self.types = dict(BUILTINS)
        self.lists = {}
        self.sources = {}
        self.places = {}
        self.unions = {e.data['union']: e for e in expressions if 'union' in e.data}
        for expression in expressions:
            self.declare(expression)
        for entity in self.entities:
            self.define(entity)
        for entity in self.entities:
            self.check_members(entity)
            self.check_doc(entity)

    # --- First pass: names ---------------------------------------------------------------

    def declare(self, expression):
        data = expression.data
        metas = [key for key in META if key in data]
        if len(metas) != 1:
            raise SchemaError(data.place, 'expected one of %s' % ', '.join(META + ('include',)))
        meta = metas[0]
        name = data[meta]
        check_name(name, meta if meta in ('command', 'event') else 'type', data.place)
        self.claim(name, data.place)
        what = "%s '%s'" % (meta, name)
        check_keys(data, [meta] + REQUIRED[meta], COMMON_KEYS + tuple(OPTIONAL[meta]), what)
        if not self.condition.enabled(data):
            return
        entity = Entity(meta, name, expression, self.features(data))
        for flag in FLAGS:
            if flag in data:
                if not isinstance(data[flag], bool):
                    raise SchemaError(data.places[flag], "'%s' must be true or false" % flag)
                entity.options[flag] = data[flag]
        self.sources[name] = data
        self.entities.append(entity)
        self.declare_type(entity, data)

    def claim(self, name, place):
        if name in BUILTINS or (name.endswith('List') and name[0].isupper()):
            raise SchemaError(place, "name '%s' is reserved" % name)
        if name in self.places:
            raise SchemaError(place, "'%s' is already defined at %s:%d"
                              % ((name,) + self.places[name]))
        self.places[name] = place

    def declare_type(self, entity, data):
        name = entity.name
        if entity.meta == 'enum':
            entity.type = self.make_enum(entity, data)
        elif entity.meta in ('struct', 'union'):
            entity.type = ObjectType(name, entity)
        elif entity.meta == 'alternate':
            entity.type = AlternateType(name, entity)
        else:
            return
        self.types[name] = entity.type

    def features(self, data):
        result = []
        for item in data.get('features', []):
            name, on = item, True
            if isinstance(item, dict):
                check_keys(item, ['name'], ['if'], 'feature')
                name, on = item['name'], self.condition.enabled(item)
            if name not in FEATURES:
                raise SchemaError(data.place, "unknown feature '%s'" % name)
            if on:
                result.append(name)
        return result

    def branches_as_values(self, entity, data):
        """The branches of the union that an enum names; their documentation becomes its own."""
        union = self.unions.get(data['data'])
        if not union:
            raise SchemaError(data.place, "'data' of an enum must be a list, or name a union")
        for name, item in union.data['data'].items():
            text = union.doc.members.pop(name, None) if union.doc else None
            if not isinstance(item, dict) or self.condition.enabled(item):
                if text and entity.doc:
                    entity.doc.members[name] = text
                yield name

    def make_enum(self, entity, data):
        values = []
        items = data['data']
        if isinstance(items, str):
            items = list(self.branches_as_values(entity, data))
        if not isinstance(items, list):
            raise SchemaError(data.place, "'data' of an enum must be a list, or name a union")
        prefix = data.get('prefix')
        if prefix is not None and not re.match(r'[A-Z][A-Z0-9_]*$', str(prefix)):
            raise SchemaError(data.place, "bad prefix '%s'" % prefix)
        for item in items:
            name, features = item, []
            if isinstance(item, dict):
                check_keys(item, ['name'], COMMON_KEYS, 'enum value')
                name, features = item['name'], self.features(item)
                if not self.condition.enabled(item):
                    self.hide_doc(entity, name)
                    continue
            check_name(name, 'value', data.place)
            values.append(EnumValue(name, features, self.member_doc(entity, name)))
        names = [c_name(value.name).lower() for value in values]
        for name in names:
            if names.count(name) > 1:
                raise SchemaError(data.place, "duplicate value '%s' of enum '%s'"
                                  % (name, entity.name))
        return EnumType(entity.name, entity, values, prefix)

    # --- Second pass: contents -----------------------------------------------------------

    def define(self, entity):
        data = self.sources[entity.name]
        if entity.meta == 'struct':
            if 'base' in data:
                entity.type.base = self.struct_type(data['base'], data.places['base'])
            entity.type.local = self.members(entity, data['data'], data.places['data'])
        elif entity.meta == 'union':
            self.define_union(entity, data)
        elif entity.meta == 'alternate':
            self.define_alternate(entity, data)
        elif entity.meta in ('command', 'event'):
            self.define_call(entity, data)

    def define_union(self, entity, data):
        union = entity.type
        if isinstance(data['base'], dict):
            union.local = self.members(entity, data['base'], data.places['base'])
        else:
            union.base = self.struct_type(data['base'], data.places['base'])
        union.tag = data['discriminator']
        place = data.places['data']
        for name, item in self.branches(entity, data):
            type_ = self.resolve(item, place)
            if not isinstance(type_, ObjectType):
                raise SchemaError(place, "branch '%s' is not a struct or union" % name)
            union.variants.append((name, type_))

    def branches(self, entity, data):
        if not isinstance(data['data'], dict) or not data['data']:
            raise SchemaError(data.place, "'data' of '%s' needs branches" % entity.name)
        for name, item in data['data'].items():
            check_name(name, 'value', data['data'].places[name])
            if isinstance(item, dict):
                check_keys(item, ['type'], ['if'], "branch '%s'" % name)
                if not self.condition.enabled(item):
                    self.hide_doc(entity, name)
                    continue
                item = item['type']
            yield name, item

    def define_alternate(self, entity, data):
        seen = {}
        for name, item in self.branches(entity, data):
            place = data['data'].places[name]
            type_ = self.resolve(item, place)
            for shape in json_shapes(type_):
                if shape in seen:
                    raise SchemaError(place, "branch '%s' cannot be told from '%s'"
                                      % (name, seen[shape]))
                seen[shape] = name
            entity.type.branches.append(Member(name, type_, doc=self.member_doc(entity, name)))

    def define_call(self, entity, data):
        args = data.get('data')
        place = data.places.get('data', data.place)
        if isinstance(args, str):
            entity.args = self.resolve(args, place)
            if not isinstance(entity.args, ObjectType):
                raise SchemaError(place, "'%s' is not a struct or union" % args)
        elif args:
            suffix = 'Args' if entity.meta == 'command' else 'Event'
            name = camel(entity.name) + suffix
            self.claim(name, place)
            entity.args = ObjectType(name, entity)
            entity.args.local = self.members(entity, args, place)
            self.types[name] = entity.args
        elif args is not None and not isinstance(args, dict):
            raise SchemaError(place, "'data' must be a type name or an object")
        if 'returns' in data:
            entity.returns = self.resolve(data['returns'], data.places['returns'])
            if entity.returns.kind not in ('STR', 'STRUCT', 'UNION', 'ALTERNATE', 'LIST', 'ANY'):
                raise SchemaError(data.places['returns'], "command cannot return '%s'"
                                  % entity.returns.name)

    def struct_type(self, name, place):
        type_ = self.resolve(name, place)
        if not isinstance(type_, ObjectType) or 'union' in self.sources.get(name, {}):
            raise SchemaError(place, "base '%s' is not a struct" % name)
        return type_

    def resolve(self, ref, place):
        """The type that a reference means: 'Name' or ['Name']."""
        if isinstance(ref, list):
            if len(ref) != 1 or not isinstance(ref[0], str):
                raise SchemaError(place, "a list type is written [ 'TYPE' ]")
            element = self.resolve(ref[0], place)
            return self.lists.setdefault(element.name, ListType(element))
        if not isinstance(ref, str):
            raise SchemaError(place, 'expected a type')
        if ref not in self.types:
            raise SchemaError(place, "unknown type '%s'" % ref)
        return self.types[ref]

    def members(self, entity, data, place):
        if not isinstance(data, dict):
            raise SchemaError(place, 'members must be an object')
        result = []
        for key, item in data.items():
            member = self.member(entity, key, item, data.places[key])
            if member:
                result.append(member)
        return result

    def member(self, entity, key, item, place):
        optional = key.startswith('*')
        name = key[1:] if optional else key
        check_name(name, 'member', place)
        if name == 'u' or name.startswith(('has_', 'has-')):
            raise SchemaError(place, "name '%s' is reserved" % name)
        features, default = [], None
        if isinstance(item, dict):
            check_keys(item, ['type'], COMMON_KEYS + ('default',), "member '%s'" % name)
            if not self.condition.enabled(item):
                self.hide_doc(entity, name)
                return None
            features = self.features(item)
        type_ = self.resolve(item['type'] if isinstance(item, dict) else item, place)
        if isinstance(item, dict) and 'default' in item:
            if not optional:
                raise SchemaError(place, "default of '%s', which is not optional" % name)
            check_default(type_, item['default'], place)
            default = json_text(item['default'])
        return Member(name, type_, optional, default, features, self.member_doc(entity, name))

    # --- Third pass: what needs whole types ----------------------------------------------

    def check_members(self, entity):
        type_ = entity.type or entity.args
        if not isinstance(type_, ObjectType):
            return
        check_base_loop(type_, entity.place)
        if isinstance(type_.tag, str):
            self.check_tag(type_, entity.place)
        seen = {}
        check_clashes(type_.members(), seen, entity.place)
        for name, variant in type_.variants:
            check_base_loop(variant, entity.place)
            check_clashes(variant.members(), dict(seen), entity.place)

    def check_tag(self, union, place):
        found = [m for m in union.members() if m.name == union.tag]
        if not found or not isinstance(found[0].type, EnumType):
            raise SchemaError(place, "discriminator '%s' is not an enum member of the base"
                              % union.tag)
        union.tag = found[0]
        for name, _ in union.variants:
            if name not in union.tag.type.names():
                raise SchemaError(place, "branch '%s' is not a value of '%s'"
                                  % (name, union.tag.type.name))

    # --- Documentation -------------------------------------------------------------------

    def member_doc(self, entity, name):
        return entity.doc.members.get(name) if entity.doc else None

    def hide_doc(self, entity, name):
        """Forget the text of a member that is configured out."""
        if entity.doc:
            entity.doc.members.pop(name, None)

    def check_doc(self, entity):
        doc = entity.doc
        if doc is None or doc.name is None:
            raise SchemaError(entity.place, "%s '%s' is not documented"
                              % (entity.meta, entity.name))
        if doc.name != entity.name:
            raise SchemaError(doc.place, "documentation is of '%s', definition of '%s'"
                              % (doc.name, entity.name))
        own = own_names(entity)
        for name in own:
            if name not in doc.members and entity.meta != 'union':
                raise SchemaError(doc.place, "'%s' of '%s' is not documented"
                                  % (name, entity.name))
        for name in doc.members:
            if name not in own and not tag_documented(entity, name):
                raise SchemaError(doc.place, "documentation of '%s', which '%s' does not have"
                                  % (name, entity.name))


def own_names(entity):
    type_ = entity.type
    if isinstance(type_, EnumType):
        return type_.names()
    if isinstance(type_, AlternateType):
        return [branch.name for branch in type_.branches]
    if type_ is None and (entity.args is None or entity.args.entity is not entity):
        return []
    return [member.name for member in (type_ or entity.args).local]


def tag_documented(entity, name):
    """A union may describe its branches, and members of its base."""
    return entity.meta == 'union' and name in (
        [branch for branch, _ in entity.type.variants] +
        [member.name for member in entity.type.members()])


def check_base_loop(type_, place):
    seen = []
    while type_:
        if type_ in seen:
            raise SchemaError(place, "'%s' is its own base" % type_.name)
        seen.append(type_)
        type_ = type_.base


def check_clashes(members, seen, place):
    for member in members:
        name = member.c_name.lower()
        if name in seen:
            raise SchemaError(place, "member '%s' clashes with '%s'" % (member.name, seen[name]))
        seen[name] = member.name


def json_shapes(type_):
    """Which JSON values a branch of an alternate takes."""
    if type_.kind in ('INT', 'UINT', 'SIZE', 'NUMBER'):
        return ['number']
    if type_.kind in ('STR', 'ENUM'):
        return ['string']
    if type_.kind in ('STRUCT', 'UNION') or isinstance(type_, ObjectType):
        return ['object']
    if type_.kind in ('ANY', 'ALTERNATE'):
        return ['string', 'number', 'object', 'LIST', 'BOOL', 'NULL']
    return [type_.kind]


def check_default(type_, value, place):
    if type_.kind == 'BOOL':
        good = isinstance(value, bool)
    elif type_.kind in ('INT', 'UINT', 'SIZE'):
        good = (isinstance(value, int) and not isinstance(value, bool)
                and type_.range[0] <= value <= type_.range[1])
    elif type_.kind == 'NUMBER':
        good = isinstance(value, (int, float)) and not isinstance(value, bool)
    elif type_.kind == 'STR':
        good = isinstance(value, str)
    elif type_.kind == 'ENUM':
        good = value in type_.names()
    else:
        good = False
    if not good:
        raise SchemaError(place, "bad default %r of type '%s'" % (value, type_.name))
