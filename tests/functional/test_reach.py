#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Tests that a guest reaches the network and is reached through tap, filters and exports.
"""
    br0 -- tapA -- netdev net0 -- filters -- export e0 -- QEMU A
"""

import functools
import socket
import sys

from lab import tap, traffic
from lab.errors import check, check_equal
from lab.network import HOST
from lab.side import EXPORTS, Side

PER_SECOND = 1000
COUNT = 2000
ECHO_BYTES_PER_S = 400000
LOAD_MS = 1000
DRAIN_BYTES = 16 << 20


def filters(lab):
    """Some that look at every frame and let it pass, in both directions."""
    return ['-object', f'filter-dump,id=d0,netdev=net0,file={lab.folder}/A.pcap',
            '-chardev', 'null,id=chr0', '-chardev', 'null,id=chr1',
            '-object', 'filter-mirror,id=m0,netdev=net0,queue=all,outdev=chr0',
            '-object', 'filter-redirector,id=r0,netdev=net0,queue=rx,outdev=chr1,status=off']


def reaches_host(lab):
    """The guest opens a connection of its own, to the host."""
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        traffic.run_in_guest(f'echo hello from the guest | nc {HOST} {port}')
        server.settimeout(lab.deadline.remaining('a connection of the guest'))
        client, _ = server.accept()
    with client, client.makefile('rb') as file:
        check_equal(file.readline(), b'hello from the guest\n', 'what the guest says')


def is_reached(kind, lab):
    side = Side(lab, 'A', kind, filters(lab))
    side.start_guest()
    check_equal(traffic.ask(lab.deadline, traffic.ECHO_PORT, b'hello'), b'hello', 'the echo')
    reaches_host(lab)
    echo = traffic.Echo(lab, ECHO_BYTES_PER_S)
    receiver = traffic.Receiver(lab, 2, PER_SECOND, COUNT)
    sent = traffic.Sender(lab, 1, PER_SECOND, COUNT).result()['sent']
    traffic.check_stream(lab.deadline, 1, sent)
    out = receiver.result()
    check_equal((out['unique'], out['reordered'], out['duplicated']), (COUNT, 0, 0),
                'datagrams out of the guest')
    check(echo.check_whole() > 0, 'no TCP')
    check_equal(side.export()['held-to-guest']['frames'], 0, 'frames held while the VM runs')


def takes_large_frames(kind, lab):
    """What TCP sends at full speed would be large frames, which no socket export carries."""
    Side(lab, 'A', kind).start_guest()
    result = traffic.Load(lab, LOAD_MS).result()
    print(f'# {result["acknowledged"] / result["us"]:.1f} MB/s into the guest over {kind}')
    check(result['acknowledged'] > 0, 'no TCP')
    traffic.drain(lab.deadline, DRAIN_BYTES)


CASES = [(f'{kind}: {name}', functools.partial(case, kind)) for kind in EXPORTS
         for name, case in (('the guest is reached', is_reached),
                            ('TCP at full speed', takes_large_frames))]

if __name__ == '__main__':
    sys.exit(tap.main(CASES))
