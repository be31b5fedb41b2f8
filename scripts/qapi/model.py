# SPDX-License-Identifier: GPL-2.0-or-later
"""The checked schema in memory: types, members, commands, events."""

import json

from docs import first_sentence
from names import c_name, upper_words


class Type:
    """What all types share. kind: as in QAPI_KIND_<kind> of include/qapi/qapi.h."""

    kind = None
    is_builtin = False

    def __init__(self, name, entity=None):
        self.name = name
        self.entity = entity

    @property
    def doc(self):
        return self.entity.summary if self.entity else None

    def c_slot(self):
        """C declaration prefix of a member of this type, ready for the member's name."""
        return self.name + ' *'

    def c_item(self):
        """The same for an element in the array of a list."""
        return self.c_slot()

    def is_pointer(self):
        return self.kind in ('STR', 'STRUCT', 'UNION', 'ALTERNATE', 'LIST', 'ANY')


class BuiltinType(Type):
    is_builtin = True

    def __init__(self, name, kind, c_type, json_type, low=None, high=None):
        super().__init__(name)
        self.kind = kind
        self.c_type = c_type
        self.json_type = json_type
        self.range = (low, high)

    def c_slot(self):
        return self.c_type if self.c_type.endswith('*') else self.c_type + ' '


def _integers():
    for bits in (8, 16, 32, 64):
        yield BuiltinType('int%d' % bits, 'INT', 'int%d_t' % bits, 'int',
                          -2 ** (bits - 1), 2 ** (bits - 1) - 1)
        yield BuiltinType('uint%d' % bits, 'UINT', 'uint%d_t' % bits, 'int', 0, 2 ** bits - 1)


BUILTINS = {t.name: t for t in [
    BuiltinType('str', 'STR', 'char *', 'string'),
    BuiltinType('bool', 'BOOL', 'bool', 'boolean'),
    BuiltinType('int', 'INT', 'int64_t', 'int', -2 ** 63, 2 ** 63 - 1),
    *_integers(),
    BuiltinType('size', 'SIZE', 'uint64_t', 'int', 0, 2 ** 64 - 1),
    BuiltinType('number', 'NUMBER', 'double', 'number'),
    BuiltinType('any', 'ANY', 'json_object *', 'value'),
    BuiltinType('null', 'NULL', None, 'null'),
]}


class EnumValue:
    def __init__(self, name, features, doc):
        self.name = name
        self.features = features
        self.doc = doc


class EnumType(Type):
    kind = 'ENUM'

    def __init__(self, name, entity, values, prefix):
        super().__init__(name, entity)
        self.values = values
        self.prefix = prefix or upper_words(name)

    def c_slot(self):
        return self.name + ' '

    def c_constant(self, value):
        return self.prefix + '_' + upper_words_of_value(value)

    def names(self):
        return [value.name for value in self.values]


def upper_words_of_value(name):
    return ''.join(c if c.isalnum() else '_' for c in name).upper()


class Member:
    def __init__(self, name, type_, optional=False, default=None, features=(), doc=None):
        self.name = name
        self.type = type_
        self.optional = optional
        self.default = default      # JSON text or None
        self.features = features
        self.doc = doc              # lines

    @property
    def c_name(self):
        return c_name(self.name)

    @property
    def summary(self):
        return first_sentence(self.doc) if self.doc else None

    def has_flag(self):
        return (self.optional and self.default is None and not self.type.is_pointer()
                and self.type.kind != 'NULL')


class ObjectType(Type):
    """A struct, or with a tag a union."""

    def __init__(self, name, entity):
        super().__init__(name, entity)
        self.base = None
        self.local = []
        self.tag = None
        self.variants = []          # (tag value, ObjectType)

    @property
    def kind(self):
        return 'UNION' if self.tag else 'STRUCT'

    def members(self):
        return (self.base.members() if self.base else []) + self.local

    def c_item(self):
        return self.name + ' '


class AlternateType(Type):
    kind = 'ALTERNATE'

    def __init__(self, name, entity):
        super().__init__(name, entity)
        self.branches = []

    def c_item(self):
        return self.name + ' '


class ListType(Type):
    kind = 'LIST'

    def __init__(self, element):
        super().__init__(element.name + 'List')
        self.element = element
        self.is_builtin = element.is_builtin


class Entity:
    """What all definitions share: place, documentation, features."""

    def __init__(self, meta, name, expression, features):
        self.meta = meta
        self.name = name
        self.place = expression.place
        self.doc = expression.doc
        self.section = expression.section
        self.features = features
        self.type = None            # of a type definition
        self.args = None            # of a command or event
        self.returns = None
        self.options = {}

    @property
    def summary(self):
        return self.doc.summary()

    @property
    def c_name(self):
        return c_name(self.name)

    def flag(self, name, default=False):
        return self.options.get(name, default)


def json_text(value):
    return json.dumps(value)
