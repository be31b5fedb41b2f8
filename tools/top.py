# SPDX-License-Identifier: GPL-2.0-or-later
# qemu-net-daemon-top: rates of netdevs, filters and exports, in a terminal.
"""Shows once a second what goes through each netdev, filter and export of a qemu-net-daemon."""

import argparse
import contextlib
import os
import select
import shutil
import signal
import sys
import termios
import time
import tty

import qmp
import rates

BOLD, DIM, PLAIN = '\033[1m', '\033[2m', '\033[0m'
ENTER, LEAVE = '\033[?1049h\033[?25l', '\033[?25h\033[?1049l'
HOME, CLEAR_LINE, CLEAR_BELOW = '\033[H', '\033[K', '\033[J'
KEYS = 'q quit   space pause   s sort   + - interval'
# Columns that are texts; the others are numbers, and stand at the right of their places.
TEXT_COLUMNS = ('type', 'way', 'netdev', 'state')


def printable(text):
    """An id or a type is the program's; what a terminal would obey is not shown."""
    return ''.join(char if char.isprintable() else '?' for char in text)


def table_lines(table, width):
    """A table as lines of at most @width characters. The first is its head."""
    head = [table.title, *table.columns]
    widths = [max([len(head[i]), *(len(row[i]) for row in table.rows)]) for i in range(len(head))]
    for row in [head, *table.rows]:
        cells = [cell.ljust(size) if name in TEXT_COLUMNS or name == table.title
                 else cell.rjust(size) for cell, size, name in zip(row, widths, head)]
        yield printable('  '.join(cells).rstrip())[:width]


def summary(now, address, version):
    held = sum(netdev[way]['held']['frames'] for netdev in now.netdevs if 'peer' in netdev
               for way in ('tx', 'rx'))
    return printable(f'{version} at {address}: VM {now.status["status"]}, '
                     f'{len(now.netdevs)} netdevs, {rates.short(held)} frames wait')


def lines(now, before, about, options, width):
    """What is shown, as (line, whether it is a head)."""
    yield summary(now, *about)[:width], False
    for table in rates.tables(now, before, options.sort):
        yield '', False
        for number, line in enumerate(table_lines(table, width)):
            yield line, number == 0


# --- Without a terminal --------------------------------------------------------------------------

def run_batch(options):
    client = qmp.Client(options.address)
    about = (options.address, client.version)
    before = rates.take(client, time.monotonic())
    number = 0
    while options.number is None or number < options.number:
        select.select([], [], [], options.delay)
        now = rates.take(client, time.monotonic())
        print('\n'.join(line for line, _ in lines(now, before, about, options, 1000)), end='\n\n',
              flush=True)
        before = now
        number += 1
    client.close()


# --- In a terminal -------------------------------------------------------------------------------

@contextlib.contextmanager
def screen():
    """The terminal's other screen, without echo. Afterwards it is as it was."""
    fd = sys.stdin.fileno()
    saved = termios.tcgetattr(fd)
    try:
        tty.setcbreak(fd)
        sys.stdout.write(ENTER)
        yield
    finally:
        sys.stdout.write(LEAVE)
        sys.stdout.flush()
        termios.tcsetattr(fd, termios.TCSADRAIN, saved)


class Top:
    """What is shown in a terminal, and what keys do to it."""

    def __init__(self, options):
        self.options = options
        self.client = None
        self.now = self.before = None
        self.trouble = None
        self.paused = False
        self.ends = False

    def ask(self):
        """A new snapshot; a program that has gone is looked for again."""
        try:
            if self.client is None:
                self.client = qmp.Client(self.options.address)
                self.now = None
            snapshot = rates.take(self.client, time.monotonic())
        except qmp.Lost as reason:
            self.trouble = str(reason)
            self.client = None
            return
        self.trouble = None
        self.before, self.now = self.now or snapshot, snapshot

    def draw(self):
        size = shutil.get_terminal_size()
        shown = []
        if self.now:
            about = (self.options.address, self.client.version if self.client else 'last seen')
            shown = [BOLD + line + PLAIN if is_head else line for line, is_head in
                     lines(self.now, self.before, about, self.options, size.columns)]
        if self.trouble:
            shown.insert(0, BOLD + printable(self.trouble)[:size.columns] + PLAIN)
        foot = ('paused   ' if self.paused else f'every {self.options.delay:g} s   ') + KEYS
        shown = shown[:max(size.lines - 1, 0)]
        sys.stdout.write(HOME + ''.join(line + CLEAR_LINE + '\n' for line in shown) + DIM +
                         foot[:size.columns - 1] + PLAIN + CLEAR_LINE + CLEAR_BELOW)
        sys.stdout.flush()

    def press(self, key):
        if key in ('q', '\x03', ''):
            self.ends = True
        elif key == ' ':
            self.paused = not self.paused
        elif key == 's':
            self.options.sort = not self.options.sort
        elif key == '+':
            self.options.delay = min(self.options.delay * 2, 60)
        elif key == '-':
            self.options.delay = max(self.options.delay / 2, 0.1)

    def wait(self):
        """Until the next look; keys are obeyed at once."""
        end = time.monotonic() + self.options.delay
        while not self.ends and (left := end - time.monotonic()) > 0:
            if select.select([sys.stdin], [], [], left)[0]:
                for key in os.read(sys.stdin.fileno(), 64).decode(errors='replace') or ['']:
                    self.press(key)
                self.draw()

    def run(self):
        number = 0
        while not self.ends and (self.options.number is None or number < self.options.number):
            if not self.paused:
                self.ask()
                number += 1
            self.draw()
            self.wait()


def positive(text):
    value = float(text)
    if not 0.1 <= value <= 3600:
        raise argparse.ArgumentTypeError(f'{text} is not between 0.1 and 3600')
    return value


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(prog='qemu-net-daemon-top', description=__doc__)
    parser.add_argument('address', metavar='QMP', help='where its QMP is: a path, or HOST:PORT')
    parser.add_argument('-b', '--batch', action='store_true',
                        help='write tables one after the other, for a file or a pipe')
    parser.add_argument('-n', '--number', type=int, metavar='N', help='end after N tables')
    parser.add_argument('-d', '--delay', type=positive, default=1, metavar='SECONDS',
                        help='from one table to the next; 1 by default')
    parser.add_argument('-s', '--sort', action='store_true', help='the busiest first')
    options = parser.parse_args(arguments)
    if options.number is not None and options.number < 1:
        parser.error(f'argument -n/--number: {options.number} is not positive')
    return options


def main(arguments):
    options = parse_arguments(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        if options.batch or not (sys.stdin.isatty() and sys.stdout.isatty()):
            run_batch(options)
        else:
            qmp.Client(options.address).close()  # a wrong address is told on the usual screen
            with screen():
                Top(options).run()
    except (qmp.Lost, qmp.Refused) as reason:
        return f'qemu-net-daemon-top: {reason}'
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has enough
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
