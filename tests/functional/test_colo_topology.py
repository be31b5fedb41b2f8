#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Tests a whole COLO pair: clients of two servers see one, whatever becomes of either.
"""
    clients, br0 -- tapP -- daemon P -- server P
                               ||
                    tapS -- daemon S -- server S

The servers have the same addresses; each has a TCP of its own, with its own initial numbers.
Clients look at each byte.
"""

import functools
import sys

from lab import tap
from lab.colo import Manager, Pair
from lab.errors import check, check_equal
from lab.network import GUEST_MAC
from lab.talk import Talk, find_curl

SIZES = (0, 1, 1000, 65536, 3 << 20)
PARTS = 100
# Fits into what a server takes before it has read anything: a server that is behind loses nothing.
BURST = 32 << 10
SHORT_TIMES = ',compare_timeout=100,expired_scan_cycle=50'


def start_clients(talk, count):
    """Some that ask and answer, some that load pages, some that send a lot."""
    for number in range(count):
        talk.echo(20000, 10 + number * 37 % 1400)
    talk.curl(SIZES)
    talk.curl(SIZES[::-1])
    talk.upload(PARTS)
    talk.upload(PARTS // 4)


def start(lab, vnet=False, **options):
    find_curl()
    return Pair(lab, vnet, **options), Talk(lab)


def print_numbers(pair, talk):
    print(f'# {len(talk.clients)} connections, {talk.received()} bytes heard')
    if pair.primary.daemon.process.is_running() and pair.primary.command('query-colo-compare'):
        compared = pair.primary.compared()
        print(f'# {compared["matches"]} packets of the primary released, '
              f'{compared["mismatches"]} differed, {compared["timeouts"]} timeouts')


def check_equal_so_far(pair, count):
    """All has been compared, nothing was different, both servers have had all connections."""
    compared = pair.primary.compared()
    check_equal(compared['mismatches'], 0, 'differences')
    check_equal(compared['checkpoints'], 0, 'checkpoints')
    check(compared['matches'] > 0, 'nothing was compared')
    check(pair.secondary.rewriter()['rewritten'] > 0, 'nothing was translated')
    for host in pair.hosts():
        check_equal(host.vm.count()['accepted'], count, f'connections to server {host.name}')


def equal_answers(vnet, lab):
    pair, talk = start(lab, vnet)
    start_clients(talk, 40)
    talk.run()
    print_numbers(pair, talk)
    check_equal_so_far(pair, len(talk.clients))


def large_answers(vnet, lab):
    """The servers cut their answers differently: it may take time until they agree."""
    pair, talk = start(lab, vnet)
    for _ in range(4):
        talk.echo(100 * BURST, BURST)
    talk.run()
    print_numbers(pair, talk)


def different_answers(by_notify, lab):
    """All that the secondary says is wrong: each answer takes a checkpoint."""
    pair, talk = start(lab, compare=SHORT_TIMES)
    pair.secondary.vm.tell('differ')
    manager = Manager(pair, by_notify)
    talk.watch(manager, manager.serve)
    for number in range(10):
        talk.echo(1000, 200 + number)
    talk.curl(SIZES[:4])
    talk.run()
    print_numbers(pair, talk)
    check(pair.primary.compared()['mismatches'] > 0, 'no difference was found')
    check(manager.requests > 0, 'no checkpoint was asked for')
    check(pair.primary.daemon.qmp.has_seen('COLO_CHECKPOINT_NEEDED'), 'no event')


def freeze(pair, talk):
    """From now on the secondary is silent, and the primary's answers wait."""
    pair.secondary.vm.freeze()
    talk.run_while_asking(lambda: pair.primary.compared()['primary']['queued']['frames'] >= 40,
                          'answers that wait')


def freeze_and_thaw(pair, talk):
    """The clients wait with the secondary, until it goes on."""
    freeze(pair, talk)
    heard = talk.received()
    pair.primary.compared()
    talk.run_while_asking(lambda: True, '')
    check_equal(talk.received(), heard, 'bytes heard while the secondary is silent')
    pair.secondary.vm.thaw()
    talk.run_for(50000)


def slow_secondary(lab):
    pair, talk = start(lab)
    start_clients(talk, 40)
    talk.run_for(50000)
    for _ in range(3):
        freeze_and_thaw(pair, talk)
    talk.run()
    print_numbers(pair, talk)
    check_equal_so_far(pair, len(talk.clients))


def go_on_after(pair, talk):
    """Those that were there come to their end, and new ones, too."""
    left = sum(not client.is_over for client in talk.clients)
    check(left > 10, f'only {left} connections were left')
    talk.run()
    start_clients(talk, 10)
    talk.run()
    print_numbers(pair, talk)


def lose_secondary(pair, talk):
    start_clients(talk, 40)
    talk.run_for(50000)
    pair.secondary.kill()
    talk.run_while_asking(lambda: pair.primary.compared()['primary']['queued']['frames'] > 0,
                          'answers that wait')


def dead_secondary(lab):
    pair, talk = start(lab)
    lose_secondary(pair, talk)
    pair.primary.go_on_alone()
    go_on_after(pair, talk)


def dead_secondary_deleted(lab):
    """The other way of going on: delete the objects, without another word."""
    pair, talk = start(lab)
    lose_secondary(pair, talk)
    pair.primary.delete_colo()
    go_on_after(pair, talk)


def fail_over(pair, talk):
    pair.secondary.take_over()
    talk.run_while_asking(lambda: pair.lab.network.port_of(GUEST_MAC) == pair.secondary.tap,
                          'that the bridge learns where the VM is')
    go_on_after(pair, talk)


def dead_primary(vnet, lab):
    pair, talk = start(lab, vnet)
    start_clients(talk, 40)
    talk.echo(100 * BURST, BURST)
    talk.run_for(200000)
    pair.primary.kill()
    fail_over(pair, talk)


def dead_primary_ahead(lab):
    """The secondary has not got yet what the primary has answered."""
    pair, talk = start(lab)
    start_clients(talk, 40)
    talk.run_for(50000)
    freeze(pair, talk)
    pair.primary.kill()
    pair.secondary.vm.thaw()
    fail_over(pair, talk)


def with_vnet(name, case):
    return ((name, functools.partial(case, False)),
            (f'{name}, virtio-net headers', functools.partial(case, True)))


CASES = (
    *with_vnet('equal answers', equal_answers),
    *with_vnet('large answers', large_answers),
    ('different answers', functools.partial(different_answers, False)),
    ('different answers, checkpoints by notify_dev', functools.partial(different_answers, True)),
    ('a slow secondary', slow_secondary),
    ('a dead secondary', dead_secondary),
    ('a dead secondary, its objects deleted', dead_secondary_deleted),
    *with_vnet('a dead primary', dead_primary),
    ('a dead primary that was ahead', dead_primary_ahead),
)

if __name__ == '__main__':
    sys.exit(tap.main(CASES))
