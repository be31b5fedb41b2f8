# SPDX-License-Identifier: GPL-2.0-or-later
# Draws what was sent, received and held during a migration, as SVG: a panel for each way.
"""
A panel has a title, the length of the blackout, numbers, and curves: lists of (seconds since the
guest stopped, frames), where sent and received grow, and held is what there is at the moment.
"""

import dataclasses
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 560, 400
LEFT, RIGHT, TOP, BOTTOM = 62, 22, 86, 64
GAP, MARGIN = 18, 22
BEFORE_S, AFTER_S = 0.5, 1.3
INK, QUIET, GRID = '#1f2933', '#5f6c7b', '#e3e8ee'
COLOURS = {'sent': '#8a94a0', 'received': '#1565c0', 'held': '#ef8e19'}
BLACKOUT, LOSS, GOOD = '#f1f3f6', '#c62828', '#2e7d32'
STYLE = f'''text {{ font: 13px "DejaVu Sans", Verdana, sans-serif; fill: {INK}; }}
.title {{ font-size: 16px; font-weight: bold; }} .head {{ font-size: 19px; font-weight: bold; }}
.small {{ font-size: 12px; fill: {QUIET}; }} .mark {{ font-size: 12px; font-weight: bold; }}'''


@dataclasses.dataclass
class Panel:
    """One migration. result: a line below the title, and whether it is good."""

    title: str
    blackout_s: float
    curves: dict
    result: str
    is_good: bool


def text(x, y, words, style='', anchor='start', colour=None):
    fill = f' style="fill:{colour}"' if colour else ''
    return (f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}"{fill}>'
            f'{escape(words)}</text>')


def rect(x, y, width, height, fill, more=''):
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
            f'fill="{fill}" {more}/>')


def path(points, stroke, more=''):
    words = ' '.join(f'{"ML"[i > 0]}{x:.1f} {y:.1f}' for i, (x, y) in enumerate(points))
    return f'<path d="{words}" fill="none" stroke="{stroke}" {more}/>'


def value_at(points, when):
    """What a curve tells of a moment: the last value before it, else the first."""
    last = points[0][1]
    for time, value in points:
        if time > when:
            break
        last = value
    return last


def from_begin(points, begin, end):
    """A growing curve as what it has grown by since @begin, until @end."""
    base = value_at(points, begin)
    inside = [(time, value - base) for time, value in points if begin <= time <= end]
    return [(begin, 0), *inside, (end, value_at(points, end) - base)]


def largest(curves):
    """Of several curves the one that is above, at the moments of all of them.

    Both daemons hold the same frames until the source knows that it need not keep them any more.
    """
    moments = sorted({time for points in curves for time, _ in points})
    return [(when, max(value_at(points, when) for points in curves)) for when in moments]


def nice_step(span, steps):
    """A round number of which about @steps make @span."""
    power = 1
    while power * 10 <= span / steps:
        power *= 10
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= span / steps)


class Frame:
    """A panel's place, and where a moment and a number of frames are in it."""

    def __init__(self, x, y, begin, end, most):
        self.x, self.y = x, y
        self.begin, self.end, self.most = begin, end, most

    def across(self, time):
        return self.x + LEFT + (time - self.begin) / (self.end - self.begin) * \
            (WIDTH - LEFT - RIGHT)

    def up(self, frames):
        return self.y + HEIGHT - BOTTOM - frames / self.most * (HEIGHT - TOP - BOTTOM)

    def place(self, points):
        return [(self.across(time), self.up(frames)) for time, frames in points]

    def steps(self, points):
        """The same for what stays as it is until it changes."""
        placed = self.place(points)
        corners = placed[:1]
        for x, y in placed[1:]:
            corners += [(x, corners[-1][1]), (x, y)]
        return corners


def draw_axes(frame):
    left, right = frame.across(frame.begin), frame.across(frame.end)
    step = nice_step(frame.most, 5)
    for frames in range(0, int(frame.most) + 1, step):
        y = frame.up(frames)
        yield path([(left, y), (right, y)], GRID)
        yield text(left - 8, y + 4, str(frames), 'small', 'end')
    tenths = nice_step((frame.end - frame.begin) * 10, 6)
    first = -int(-frame.begin * 10 // tenths) * tenths
    for tenth in range(first, int(frame.end * 10) + 1, tenths):
        x = frame.across(tenth / 10)
        yield path([(x, frame.up(0)), (x, frame.up(0) + 5)], QUIET)
        yield text(x, frame.up(0) + 19, f'{tenth / 10:g} s', 'small', 'middle')


def draw_blackout(frame, panel):
    stop, resume = frame.across(0), frame.across(panel.blackout_s)
    top, bottom = frame.up(frame.most), frame.up(0)
    yield rect(stop, top, resume - stop, bottom - top, BLACKOUT)
    for x, words, anchor, aside in ((stop, 'STOP', 'end', -5), (resume, 'RESUME', 'start', 5)):
        yield path([(x, top - 6), (x, bottom)], INK, 'stroke-width="1.3"')
        yield text(x + aside, top + 2, words, 'mark', anchor)


def draw_curves(frame, panel):
    held = [points for name, points in panel.curves.items() if name.startswith('held') and points]
    if held:
        points = [point for point in largest(held) if frame.begin <= point[0] <= frame.end]
        corners = frame.steps(points)
        bottom = frame.up(0)
        area = [(corners[0][0], bottom), *corners, (corners[-1][0], bottom)]
        words = ' '.join(f'{x:.1f},{y:.1f}' for x, y in area)
        yield (f'<polygon points="{words}" fill="{COLOURS["held"]}" fill-opacity="0.35" '
               f'stroke="{COLOURS["held"]}" stroke-width="1.5"/>')
    for name, width in (('sent', 5), ('received', 2.2)):
        points = from_begin(panel.curves[name], frame.begin, frame.end)
        yield path(frame.steps(points), COLOURS[name],
                   f'stroke-width="{width}" stroke-linejoin="round"')


def draw_result(frame, panel):
    """What is missing at the end, as a bracket between the two curves."""
    sent, received = (from_begin(panel.curves[name], frame.begin, frame.end)[-1][1]
                      for name in ('sent', 'received'))
    if panel.is_good or sent - received < frame.most / 50:
        return
    x = frame.across(frame.end) - 6
    yield path([(x - 5, frame.up(sent)), (x, frame.up(sent)), (x, frame.up(received)),
                (x - 5, frame.up(received))], LOSS, 'stroke-width="2"')
    yield text(x, frame.up(received) + 36, 'lost', 'mark', 'end', LOSS)


def draw_panel(panel, x, y, begin, end, most):
    frame = Frame(x, y, begin, end, most)
    yield rect(x, y, WIDTH, HEIGHT, '#ffffff', f'rx="8" stroke="{GRID}"')
    yield text(x + 20, y + 30, panel.title, 'title')
    yield text(x + 20, y + 54, panel.result, '', colour=GOOD if panel.is_good else LOSS)
    yield from draw_blackout(frame, panel)
    yield from draw_axes(frame)
    yield from draw_curves(frame, panel)
    yield from draw_result(frame, panel)
    yield text(x + WIDTH / 2, y + HEIGHT - 22, 'time since the guest stopped', 'small', 'middle')


def draw_legend(x, y):
    words = {'sent': 'frames sent to the guest', 'received': 'received by the guest',
             'held': 'held by the daemons meanwhile'}
    for name, meaning in words.items():
        yield rect(x, y - 10, 22, 10 if name == 'held' else 4, COLOURS[name],
                   'fill-opacity="0.6"' if name == 'held' else '')
        yield text(x + 30, y, meaning)
        x += 60 + 7.8 * len(meaning)


def svg(head, panels):
    """The picture of several panels, side by side in one scale."""
    begin = -BEFORE_S
    end = max(panel.blackout_s for panel in panels) + AFTER_S
    end = min(end, *(panel.curves['sent'][-1][0] for panel in panels))
    most = max(from_begin(panel.curves['sent'], begin, end)[-1][1] for panel in panels) * 1.04
    width = 2 * MARGIN + len(panels) * WIDTH + (len(panels) - 1) * GAP
    height = MARGIN + 52 + HEIGHT + 44
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
             f'viewBox="0 0 {width} {height}">', f'<style>{STYLE}</style>',
             rect(0, 0, width, height, '#fafbfc'), text(MARGIN, MARGIN + 20, head, 'head')]
    for number, panel in enumerate(panels):
        lines += draw_panel(panel, MARGIN + number * (WIDTH + GAP), MARGIN + 40, begin, end, most)
    lines += draw_legend(MARGIN + 20, height - 20)
    return '\n'.join([*lines, '</svg>']) + '\n'
