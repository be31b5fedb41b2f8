# SPDX-License-Identifier: GPL-2.0-or-later
# A program in which each kind of what is counted has counted something.
"""
    stream n0 ── f0 mirror to nowhere ── r0 redirector ── d0 dump ── b0 buffer ── export e0
    dgram n1 ─── w0 rewriter ─── export e1 (dgram)
    hubport n2 ── h0 hand-over (source) ── hub;  hubport n3 ── h1 hand-over (destination) ── hub
    colo-compare c0
"""

import socket

import program

OPTIONS = '''
-chardev socket,id=metrics0,path={}/metrics.sock,server=on,wait=off
-object metrics,id=m0,chardev=metrics0
-netdev stream,id=n0,server=on,addr.type=unix,addr.path={}/n0.sock
-netdev dgram,id=n1,local.type=unix,local.path={}/n1.sock,remote.type=unix,remote.path={}/r1.sock
-netdev hubport,id=n2,hubid=0
-netdev hubport,id=n3,hubid=0
-chardev socket,id=mirror0,path={}/mirror.sock,server=on,wait=off
-chardev udp,id=in0,host=127.0.0.1,port=9,localaddr=127.0.0.1,localport=0
-object filter-mirror,id=f0,netdev=n0,queue=tx,outdev=mirror0,enable_when_stopped=on
-object filter-redirector,id=r0,netdev=n0,queue=rx,indev=in0
-object filter-dump,id=d0,netdev=n0,file={}/d0.pcap
-object filter-buffer,id=b0,netdev=n0,queue=rx,interval=1000
-object filter-rewriter,id=w0,netdev=n1
-chardev socket,id=side0,path={}/side0.sock,server=on,wait=off
-chardev socket,id=side1,path={}/side1.sock,server=on,wait=off
-object filter-handover,id=h0,netdev=n2,queue=tx,outdev=side0
-object filter-handover,id=h1,netdev=n3,queue=tx,indev=side1
-export type=stream,id=e0,netdev=n0,addr.type=unix,addr.path={}/e0.sock,server=on
-export type=dgram,id=e1,netdev=n1,addr.type=unix,addr.path={}/e1.sock,\
remote.type=unix,remote.path={}/g1.sock
-object iothread,id=io0
-chardev socket,id=pri0,path={}/pri.sock,server=on,wait=off
-chardev socket,id=sec0,path={}/sec.sock,server=on,wait=off
-chardev socket,id=out0,path={}/out.sock,server=on,wait=off
-object colo-compare,id=c0,primary_in=pri0,secondary_in=sec0,outdev=out0,iothread=io0
'''.replace('\\\n', '').split()


def entry(scene, command, name):
    return next(one for one in scene.qmp(command) if one['id'] == name)


def wait_count(scene, command, name, member, frames):
    scene.qmp.until(f'{name} {member}', lambda: entry(scene, command, name)[member]['frames']
                    >= frames)


def play(scene):
    """Frames in all directions, some of which are dropped, held or lost. Then all is quiet."""
    net = scene.connect('n0.sock')
    guest = scene.connect('e0.sock')
    primary = scene.connect('pri.sock')
    dgram = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    dgram.connect(scene.path('n1.sock'))
    scene.qmp.until('a guest', lambda: entry(scene, 'query-net-exports', 'e0')['connected'])
    scene.qmp.until('a peer', lambda: 'polled' in entry(scene, 'query-netdevs', 'n0'))
    net.sendall(b''.join(program.frame(i, 60 + i) for i in range(50)))
    net.sendall(b'\0\0\0\0')
    guest.sendall(b''.join(program.frame(i) for i in range(30)))
    wait_count(scene, 'query-netfilters', 'f0', 'in', 50)
    wait_count(scene, 'query-net-exports', 'e0', 'from-guest', 30)
    primary.sendall(b''.join(program.frame(i) for i in range(5)))
    for i in range(7):
        dgram.send(program.frame(i)[4:])
    scene.qmp.until('datagrams', lambda: entry(scene, 'query-netdevs', 'n1')['tx']['in']['frames']
                    >= 7)
    scene.qmp.until('packets', lambda: entry(scene, 'query-colo-compare', 'c0')['primary']['in']
                    ['frames'] >= 5)
    scene.qmp('stop')
    net.sendall(b''.join(program.frame(i) for i in range(20)))
    return net, guest, primary, dgram
