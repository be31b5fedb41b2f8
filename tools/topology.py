# SPDX-License-Identifier: GPL-2.0-or-later
# qemu-net-daemon-topology: draws netdevs, filters, exports and chardevs as SVG.
"""Draws what a qemu-net-daemon has, what is connected with what, and the state of each part."""

import argparse
import json
import sys
from xml.sax.saxutils import escape, quoteattr

import qmp

# Measures in pixels. A character is at most so wide in the fonts that are asked for.
CHAR, CHAR_BOLD = 6.9, 7.6
BOX_HEIGHT, PAD, GAP_X, GAP_Y, ROW_GAP, MARGIN = 60, 12, 46, 46, 34, 24
TEXT_MAX = 40
COLOURS = {'good': ('#e6f4ea', '#2e7d32'), 'waiting': ('#fff4dc', '#b26a00'),
           'bad': ('#fdeaea', '#c62828')}
WORDS = {'good': 'frames go through', 'waiting': 'waiting', 'bad': 'cut, or losing frames'}
INK, QUIET, CUT = '#1f2933', '#5f6c7b', '#c62828'
STYLE = f'''text {{ font: 12px "DejaVu Sans", Verdana, sans-serif; fill: {INK}; }}
.id {{ font-weight: bold; }} .small {{ font-size: 11px; fill: {QUIET}; }}
.title {{ font-size: 16px; font-weight: bold; }}'''


def cut(text, most=TEXT_MAX):
    return text if len(text) <= most else text[:most - 1] + '…'


class Box:
    """A node at a place."""

    def __init__(self, node, again=False):
        self.node, self.again = node, again
        self.x = self.y = 0
        self.lines = [cut(node['type']), cut(node['text'])]
        if again:
            self.lines = [cut(node['type']), 'shown above']
        self.width = max(CHAR_BOLD * len(self.heading()), CHAR * max(map(len, self.lines)),
                         84) + 2 * PAD

    def heading(self):
        return cut(f'{self.node["kind"]} {self.node["id"]}')

    @property
    def middle(self):
        return self.x + self.width / 2

    def draw(self):
        fill, stroke = COLOURS[self.node['state']]
        dash = ' stroke-dasharray="3 3"' if self.again else ''
        yield (f'<g><title>{escape(self.node["name"])}: {escape(self.node["type"])} '
               f'{escape(self.node["text"])}</title>')
        yield (f'<rect x="{self.x:.1f}" y="{self.y:.1f}" width="{self.width:.1f}" '
               f'height="{BOX_HEIGHT}" rx="7" fill="{fill}" stroke="{stroke}" '
               f'stroke-width="1.5"{dash}/>')
        yield text(self.x + PAD, self.y + 20, self.heading(), 'id')
        yield text(self.x + PAD, self.y + 36, self.lines[0], 'small')
        yield text(self.x + PAD, self.y + 51, self.lines[1])
        yield '</g>'


def text(x, y, words, style='', anchor='start'):
    return (f'<text x="{x:.1f}" y="{y:.1f}" class={quoteattr(style)} '
            f'text-anchor="{anchor}">{escape(words)}</text>')


def line(points, connected):
    stroke = QUIET if connected else CUT
    dash = '' if connected else ' stroke-dasharray="5 4"'
    path = ' '.join(f'{"ML"[i > 0]}{x:.1f} {y:.1f}' for i, (x, y) in enumerate(points))
    return f'<path d="{path}" fill="none" stroke="{stroke}" stroke-width="1.8"{dash}/>'


class Cell:
    """A box of a row, and the boxes of its chardevs below it."""

    def __init__(self, box, chardevs):
        self.box, self.chardevs = box, chardevs
        below = sum(one.width for one, _ in chardevs) + GAP_X / 2 * max(len(chardevs) - 1, 0)
        self.width = max(box.width, below)

    def place(self, x, y):
        self.box.x, self.box.y = x + (self.width - self.box.width) / 2, y
        below = sum(one.width for one, _ in self.chardevs) + \
            GAP_X / 2 * max(len(self.chardevs) - 1, 0)
        at = x + (self.width - below) / 2
        for box, _ in self.chardevs:
            box.x, box.y = at, y + BOX_HEIGHT + GAP_Y
            at += box.width + GAP_X / 2

    def draw(self):
        yield from self.box.draw()
        for box, link in self.chardevs:
            x = min(max(box.middle, self.box.x + PAD), self.box.x + self.box.width - PAD)
            bottom = self.box.y + BOX_HEIGHT
            yield line([(x, bottom), (x, bottom + 12), (box.middle, bottom + 12),
                        (box.middle, box.y)], link['connected'])
            yield text(box.middle + 5, box.y - 9, link['role'], 'small')
            yield from box.draw()


class Row:
    """Cells from left to right, joined by lines; or alone."""

    def __init__(self, cells, connected, joined=True):
        self.cells, self.connected, self.joined = cells, connected, joined
        self.width = sum(cell.width for cell in cells) + GAP_X * (len(cells) - 1)
        self.height = BOX_HEIGHT
        if any(cell.chardevs for cell in cells):
            self.height += GAP_Y + BOX_HEIGHT

    def place(self, y):
        x = MARGIN
        for cell in self.cells:
            cell.place(x, y)
            x += cell.width + GAP_X

    def draw(self):
        for left, right in zip(self.cells, self.cells[1:]) if self.joined else ():
            y = left.box.y + BOX_HEIGHT / 2
            yield line([(left.box.x + left.box.width, y), (right.box.x, y)], self.connected)
        for cell in self.cells:
            yield from cell.draw()


class Picture:
    """The rows of a topology, and where the hubs are."""

    def __init__(self, topology):
        self.topology = topology
        self.nodes = {node['name']: node for node in topology['nodes']}
        self.links = topology['links']
        self.drawn = set()
        self.rows = list(self.make_rows())
        self.hubs = {name: Box(node) for name, node in self.nodes.items()
                     if node['kind'] == 'hub'}

    def linked(self, name, role=None):
        """The links from a node; with a role, those only."""
        return [link for link in self.links if link['from'] == name
                and (role is None or link['role'] == role)]

    def cell(self, name):
        chardevs = []
        for link in self.linked(name):
            node = self.nodes.get(link['to'])
            if node and node['kind'] == 'chardev':
                chardevs.append((Box(node, again=link['to'] in self.drawn), link))
                self.drawn.add(link['to'])
        self.drawn.add(name)
        return Cell(Box(self.nodes[name]), chardevs)

    def filters(self, netdev):
        return [link['to'] for link in self.linked(netdev, 'filter')]

    def make_rows(self):
        for link in self.links:
            if link['role'] == 'peer':
                near, far = link['from'], link['to']
                if self.nodes[near]['type'] == 'hubport':
                    near, far = far, near
                names = [near, *self.filters(near), *reversed(self.filters(far)), far]
                yield Row([self.cell(name) for name in names], link['connected'])
        for name, node in self.nodes.items():
            if node['kind'] == 'netdev' and name not in self.drawn:
                yield Row([self.cell(one) for one in [name, *self.filters(name)]], False)
        rest = [name for name, node in self.nodes.items() if name not in self.drawn
                and node['kind'] in ('nic', 'export', 'colo-compare')]
        yield from (Row([self.cell(name)], True) for name in rest)
        alone = [name for name, node in self.nodes.items()
                 if node['kind'] == 'chardev' and name not in self.drawn]
        for at in range(0, len(alone), 3):
            yield Row([self.cell(name) for name in alone[at:at + 3]], True, joined=False)

    def place(self):
        """Returns: width and height of all."""
        y = MARGIN + 34
        for row in self.rows:
            row.place(y)
            y += row.height + ROW_GAP
        width = max([row.width for row in self.rows] + [320])
        right = MARGIN + width
        if self.hubs:
            y = max(y, self.place_hubs(right + GAP_X) + ROW_GAP)
            right += GAP_X + max(box.width for box in self.hubs.values())
        return right + MARGIN, y + 20

    def place_hubs(self, x):
        """One below the other, each as near to its ports as may be. Returns: where they end."""
        top = MARGIN + 34
        for name, box in self.hubs.items():
            heights = [port.y for port, _ in self.ports(name)] or [top]
            box.x, box.y = x, max(top, sum(heights) / len(heights))
            top = box.y + BOX_HEIGHT + 12
        return top

    def ports(self, hub):
        """The boxes of a hub's ports, with their links."""
        boxes = {cell.box.node['name']: cell.box for row in self.rows for cell in row.cells}
        return [(boxes[link['from']], link) for link in self.links
                if link['to'] == hub and link['from'] in boxes]

    def draw_hubs(self):
        for place, (name, hub) in enumerate(self.hubs.items()):
            ports = self.ports(name)
            for number, (port, link) in enumerate(ports):
                bend = hub.x - 12 - 24 * (place + 1) / (len(self.hubs) + 1)
                y = hub.y + BOX_HEIGHT * (number + 1) / (len(ports) + 1)
                middle = port.y + BOX_HEIGHT / 2
                yield line([(port.x + port.width, middle), (bend, middle), (bend, y),
                            (hub.x, y)], link['connected'])
            yield from hub.draw()

    def draw(self):
        width, height = self.place()
        state = 'running' if self.topology['running'] else 'stopped'
        yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" '
               f'height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}">')
        yield f'<style>{STYLE}</style>'
        yield f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>'
        yield text(MARGIN, MARGIN + 10, f'qemu-net-daemon: the VM is {state}', 'title')
        for row in self.rows:
            yield from row.draw()
        yield from self.draw_hubs()
        x = MARGIN
        for name, words in WORDS.items():
            fill, stroke = COLOURS[name]
            yield (f'<rect x="{x}" y="{height - 26:.0f}" width="14" height="14" rx="3" '
                   f'fill="{fill}" stroke="{stroke}"/>')
            yield text(x + 20, height - 15, words, 'small')
            x += 20 + CHAR * len(words) + 22
        yield '</svg>'


def svg(topology):
    """The picture of what query-topology told."""
    return '\n'.join(Picture(topology).draw()) + '\n'


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(prog='qemu-net-daemon-topology', description=__doc__)
    parser.add_argument('address', metavar='QMP', help='where its QMP is: a path, or HOST:PORT; '
                        '"-": read the answer to query-topology from standard input')
    parser.add_argument('-o', '--output', metavar='FILE',
                        help='the SVG; standard output by default')
    return parser.parse_args(arguments)


def ask(address):
    if address == '-':
        answer = json.load(sys.stdin)
        return answer.get('return', answer)
    client = qmp.Client(address)
    try:
        return client.ask('query-topology')
    finally:
        client.close()


def main(arguments):
    options = parse_arguments(arguments)
    try:
        picture = svg(ask(options.address))
        if options.output:
            with open(options.output, 'w', encoding='utf-8') as file:
                file.write(picture)
        else:
            sys.stdout.write(picture)
    except (qmp.Lost, qmp.Refused, OSError) as reason:
        return f'qemu-net-daemon-topology: {reason}'
    except (ValueError, KeyError, TypeError, AttributeError) as reason:
        return f'qemu-net-daemon-topology: that is no answer to query-topology: {reason!r}'
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
