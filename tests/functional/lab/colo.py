# SPDX-License-Identifier: GPL-2.0-or-later
# Both hosts of a COLO pair with their VMs, and the manager that drives them.
"""
    client, br0 -- tapP -- daemon P -- VM P         VM: a namespace with a server, and a relay,
                              ||                        or a guest in QEMU
    (later)     -- tapS -- daemon S -- VM S

The command lines are those of docs/colo.rst.
"""

import os
import signal
import socket
import struct
import subprocess
import sys

from .errors import check_equal
from .namespace import Namespace
from .process import LineReader, Process
from .traffic import words

COPY_PORT = 7201
REPLY_PORT = 7202
HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def on_off(is_on):
    return 'on' if is_on else 'off'


class ServerVm:
    """A VM that is a namespace with a server; a relay takes frames to and from a host."""

    def __init__(self, lab, host, sysctls=()):
        self.name = host.name
        namespace = Namespace(lab, host.vnet, sysctls)
        with namespace.entered():
            self.server = Process(f'server-{self.name}', [sys.executable, '-m', 'lab.server'],
                                  lab.folder, lab.deadline, cwd=HERE,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        lab.add(self)
        out = self.server.process.stdout
        self.lines = LineReader(self.server.name, out.fileno(), out.raw.read, lab.deadline)
        check_equal(self.lines.line(), b'ready', f'what {self.server.name} says')
        self.relay = self._start_relay(lab, host, namespace.take_tap())

    def _start_relay(self, lab, host, tap):
        options = ['-netdev', f'tap,id=vm,fd={tap}',
                   '--export', f'stream,id=e,netdev=vm,server=off,addr.type=unix,'
                               f'addr.path={host.net_path},vnet-hdr={on_off(host.vnet)}']
        try:
            return lab.daemon(f'relay-{self.name}', options, fds=[tap])
        finally:
            os.close(tap)

    def tell(self, word):
        """Give the server a command. Returns: its answer."""
        self.server.process.stdin.write(f'{word}\n'.encode())
        self.server.process.stdin.flush()
        return self.lines.line().decode()

    def count(self):
        return words(self.tell('count'))

    def announce(self):
        """Let the bridge learn where the VM is, as QEMU's announce-self does."""
        self.tell('announce')

    def freeze(self):
        """It neither gets nor sends anything until thaw()."""
        self.relay.process.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.relay.process.process.send_signal(signal.SIGCONT)

    def kill(self):
        self.relay.kill()
        self.server.kill()

    def close(self):
        self.kill()

    def story(self):
        if self.server.last_words():
            yield f'{self.server.name} wrote: {self.server.last_words()}'


class Host:
    """What both have: a tap, a daemon with an export, a VM; vnet: with virtio-net headers.

    chardevs: id and options of the sockets that both ends must have; objects: type and options.
    """

    def __init__(self, lab, name, vnet, chardevs, objects, more=()):
        self.lab = lab
        self.name = name
        self.vnet = vnet
        self.chardevs = [chardev for chardev, _ in chardevs]
        self.net_path = lab.folder / f'{name}.net'
        self.tap = lab.network.add_tap(f'tap{name}', vnet)
        options = ['-netdev', f'tap,id=net0,ifname={self.tap},script=no,downscript=no,'
                              f'vnet_hdr={on_off(vnet)}',
                   '--export', 'type=stream,id=e0,netdev=net0,addr.type=unix,'
                               f'addr.path={self.net_path},vnet-hdr={on_off(vnet)}', *more]
        for chardev, where in chardevs:
            options += ['-chardev', f'socket,id={chardev},{where}']
        for kind, properties in objects:
            vnet_hdr = '' if kind == 'iothread' else f',vnet_hdr_support={on_off(vnet)}'
            options += ['-object', f'{kind},{properties}{vnet_hdr}']
        self.daemon = lab.daemon(name, options)
        self.vm = None

    def command(self, name, **arguments):
        return self.daemon.qmp.command(name, **arguments)

    def delete(self, objects, chardevs=()):
        for name in objects:
            self.command('object-del', id=name)
        for name in chardevs:
            self.command('chardev-remove', id=name)

    def is_disconnected(self, chardev):
        return next(entry['filename'].startswith('disconnected:')
                    for entry in self.command('query-chardev') if entry['label'] == chardev)

    def wait_connected(self):
        """A frame that leaves before its chardev is connected would be lost."""
        while any(self.is_disconnected(chardev) for chardev in self.chardevs):
            self.lab.deadline.remaining(f'the chardevs of daemon {self.name}')

    def wait_vm(self):
        self.daemon.qmp.wait('NET_EXPORT_CONNECTED', id='e0')

    def filter(self, name):
        return next(entry for entry in self.command('query-netfilters') if entry['id'] == name)

    def kill(self):
        """The host dies, with its VM."""
        self.daemon.kill()
        self.vm.kill()


class Primary(Host):
    """Its VM's packets are what clients see; compare: more properties of colo-compare."""

    def __init__(self, lab, vnet=False, compare=''):
        here = lab.folder
        chardevs = (('to-sec', f'host=0.0.0.0,port={COPY_PORT},server=on,wait=off'),
                    ('from-sec', f'host=0.0.0.0,port={REPLY_PORT},server=on,wait=off'),
                    ('pri-a', f'path={here}/pri,server=on,wait=off'), ('pri-b', f'path={here}/pri'),
                    ('rel-a', f'path={here}/rel,server=on,wait=off'), ('rel-b', f'path={here}/rel'))
        objects = (('iothread', 'id=cmp-thr'),
                   ('filter-mirror', 'id=copy,netdev=net0,queue=tx,outdev=to-sec'),
                   ('filter-redirector', 'id=release,netdev=net0,queue=rx,indev=rel-a'),
                   ('filter-redirector', 'id=capture,netdev=net0,queue=rx,outdev=pri-a'),
                   ('colo-compare', 'id=cmp0,primary_in=pri-b,secondary_in=from-sec,outdev=rel-b,'
                                    f'iothread=cmp-thr,notify_dev=ntf{compare}'))
        super().__init__(lab, 'P', vnet, chardevs, objects,
                         ('-chardev', f'socket,id=ntf,path={here}/ntf,server=on,wait=off'))

    def compared(self):
        return self.command('query-colo-compare')[0]

    def go_on_alone(self):
        """Without a secondary, until the next checkpoint."""
        self.command('x-colo-lost-heartbeat')

    def delete_colo(self):
        """There will be no secondary for a while."""
        self.delete(('cmp0', 'cmp-thr', 'copy', 'release', 'capture'),
                    ('to-sec', 'from-sec', 'pri-b', 'pri-a', 'rel-b', 'rel-a', 'ntf'))


class Secondary(Host):
    """Its VM stands by. The tap is not in the bridge until then."""

    def __init__(self, lab, vnet=False):
        chardevs = (('copy-in', f'host=127.0.0.1,port={COPY_PORT},reconnect-ms=500'),
                    ('reply-out', f'host=127.0.0.1,port={REPLY_PORT},reconnect-ms=500'))
        objects = (('filter-redirector', 'id=inject,netdev=net0,queue=tx,indev=copy-in'),
                   ('filter-redirector', 'id=reply,netdev=net0,queue=rx,outdev=reply-out'),
                   ('filter-rewriter', 'id=rw,netdev=net0,queue=all'))
        super().__init__(lab, 'S', vnet, chardevs, objects)

    def rewriter(self):
        return self.filter('rw')['rewriter']

    def wait_received(self):
        """Until all has been read that the primary has sent before it was lost."""
        while not self.is_disconnected('copy-in'):
            self.lab.deadline.remaining('the end of what the primary has sent')

    def take_over(self):
        """The primary is lost."""
        self.wait_received()
        self.command('x-colo-lost-heartbeat')
        self.delete(('reply', 'inject'), ('reply-out', 'copy-in'))
        self.lab.network.plug(self.tap)
        self.vm.announce()


class Manager:
    """Who answers when colo-compare asks for a checkpoint: it has the primary's notify_dev.

    by_notify: it tells the primary there, else by QMP.
    """

    def __init__(self, pair, by_notify=False):
        self.pair = pair
        self.by_notify = by_notify
        self.requests = 0
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(f'{pair.lab.folder}/ntf')
        self.file = self.socket.makefile('rb')
        pair.lab.add(self)
        self.say('COLO_USERSPACE_PROXY_INIT')
        self.hear('COLO_COMPARE_GET_XEN_INIT')

    def fileno(self):
        return self.socket.fileno()

    def say(self, text):
        self.socket.sendall(struct.pack('>I', len(text)) + text.encode())

    def hear(self, text):
        length = struct.unpack('>I', self.file.read(4))[0]
        check_equal(self.file.read(length).decode(), text, 'message to the manager')

    def serve(self):
        """A checkpoint is asked for. Both have the same state, it says."""
        self.hear('DO_CHECKPOINT')
        self.requests += 1
        self.pair.secondary.command('colo-checkpoint')
        if self.by_notify:
            self.say('COLO_CHECKPOINT')
        else:
            self.pair.primary.command('colo-checkpoint')

    def close(self):
        self.file.close()
        self.socket.close()


class Pair:
    """Both hosts, connected, with servers as VMs."""

    def __init__(self, lab, vnet=False, compare=''):
        self.lab = lab
        self.primary = Primary(lab, vnet, compare)
        self.secondary = Secondary(lab, vnet)
        lab.network.plug(self.primary.tap)
        for host in self.hosts():
            host.vm = ServerVm(lab, host)
            host.wait_vm()
            host.wait_connected()

    def hosts(self):
        return self.primary, self.secondary
