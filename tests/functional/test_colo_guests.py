#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Tests a whole COLO pair of two guests: they start equal, differ, are made equal; one is lost.
"""
    clients, br0 -- tapP -- daemon P -- guest P
                               ||
                    tapS -- daemon S -- guest S
"""

import sys

from lab import tap, traffic
from lab.colo_guest import GuestPair
from lab.errors import check, check_equal
from lab.network import HOST
from lab.talk import Talk

TCP_ECHO_PORT = 5003
SHORT_TIMES = ',compare_timeout=500,expired_scan_cycle=100'


def ask(lab, count):
    for number in range(count):
        question = b'question %d' % number
        check_equal(traffic.ask(lab.deadline, traffic.ECHO_PORT, question), question, 'the echo')


def check_equal_so_far(pair):
    compared = pair.primary.compared()
    print(f'# {compared["matches"]} packets of the primary released, '
          f'{compared["timeouts"]} timeouts')
    check_equal(compared['mismatches'], 0, 'differences')
    check(pair.secondary.rewriter()['rewritten'] > 0, 'nothing was translated')


def fail_over(pair, talk):
    """An open connection goes on with the other guest, and new ones come."""
    check(not talk.is_over(), 'no connection was left')
    pair.primary.kill()
    pair.secondary.take_over()
    talk.run()
    ask(pair.lab, 20)
    talk.echo(100000, 1000, TCP_ECHO_PORT)
    talk.run()
    print(f'# {talk.received()} bytes heard')


def answer_alike(lab):
    """With the state in which they have started: the connection's numbers are translated."""
    pair = GuestPair(lab)
    talk = Talk(lab)
    ask(lab, 100)
    talk.echo(100000, 100, TCP_ECHO_PORT)
    talk.run()
    check_equal_so_far(pair)
    talk.echo(400000, 1000, TCP_ECHO_PORT)
    talk.run_for(200000)
    fail_over(pair, talk)


def let_differ(pair):
    """The secondary's guest asks what the primary's does not, until that asks for a checkpoint."""
    asked = pair.primary.compared()['checkpoints-requested']
    pair.secondary.vm.guest.console.sendall(f'ping -c 1 {HOST}\n'.encode())
    while pair.primary.compared()['checkpoints-requested'] == asked:
        pair.lab.deadline.remaining('that a checkpoint is asked for')
    check(pair.primary.compared()['secondary']['queued']['frames'] > 0, 'nothing waits')


def are_made_equal(lab):
    """A checkpoint in between: the connection is the copied guest's, too."""
    pair = GuestPair(lab, SHORT_TIMES)
    talk = Talk(lab)
    client = talk.echo(400000, 1000, TCP_ECHO_PORT)
    talk.run_for(100000)
    let_differ(pair)
    pair.checkpoint()
    talk.run_for(100000)
    check_equal_so_far(pair)
    check_equal(pair.primary.compared()['checkpoints'], 2, 'checkpoints')
    check_equal(client.is_over, False, 'the connection has ended')
    fail_over(pair, talk)


CASES = (
    ('two guests answer alike, and one takes over', answer_alike),
    ('two guests are made equal, and one takes over', are_made_equal),
)

if __name__ == '__main__':
    sys.exit(tap.main(CASES))
