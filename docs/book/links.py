# SPDX-License-Identifier: GPL-2.0-or-later
# The book's extension of Sphinx: links of all names, and the properties of the schema.
"""``query-netdevs``, ``-netdev`` or ``filter-mirror`` in the text links to its description.

A literal is a link if it is an option, an entity of the schema, or the name of a label. Commands
of one plain word (stop, quit) link only where the text says :qapi:`stop`, as such words are values
of properties, too. The directive "qapi-members" shows the members of an entity where it stands.
"""

import re

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

PROGRAM = 'qemu-net-daemon'
PLAIN_WORD = re.compile(r'[a-z]+$')


def has_link_above(node):
    while node is not None:
        if isinstance(node, (nodes.reference, nodes.title)):
            return True
        node = node.parent
    return False


def place_of(std, name):
    """Returns: document and anchor of what a literal names, or None."""
    if name.startswith('-'):
        return std.progoptions.get((PROGRAM, name.split()[0].replace('--', '-', 1)))
    if not PLAIN_WORD.match(name) and ('qapi', name) in std.objects:
        return std.objects['qapi', name]
    return std.anonlabels.get(name)


def link_literals(app, doctree, document):
    std = app.env.get_domain('std')
    for literal in list(doctree.findall(nodes.literal)):
        if has_link_above(literal):
            continue
        place = place_of(std, literal.astext())
        # A page does not link to its own top.
        if not place or (place[0] == document and place[1] in doctree[0].get('ids', ())):
            continue
        link = make_refnode(app.builder, document, place[0], place[1], [])
        link['classes'].append('qnd')
        literal.replace_self(link)
        link += literal


class QapiMembers(SphinxDirective):
    """.. qapi-members:: NAME"""

    required_arguments = 1

    def run(self):
        path = self.config.qapi_reference
        self.env.note_dependency(path)
        with open(path, encoding='utf-8') as file:
            text = file.read()
        found = re.search(r'^\.\. qapi:: %s\n\n.*\n-+\n\n((?:.*\n)*?)(?=\.\. qapi:: |.*\n~+$|\Z)' %
                          re.escape(self.arguments[0]), text, re.M)
        if not found:
            raise self.error('the schema has no %s' % self.arguments[0])
        # The page itself says what the entity is, and whose members it has as well.
        _, _, members = found.group(1).partition('\n\n')
        members = re.sub(r'^The members of .*, and:\n\n', '', members)
        top = nodes.Element()
        self.state.nested_parse(StringList(members.splitlines(), path), 0, top)
        return top.children


def setup(app):
    app.add_config_value('qapi_reference', '', 'env')
    app.add_crossref_type('qapi', 'qapi', 'single: %s', nodes.literal, 'QMP')
    app.add_directive('qapi-members', QapiMembers)
    app.connect('doctree-resolved', link_literals)
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
