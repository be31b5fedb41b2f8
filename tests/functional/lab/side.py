# SPDX-License-Identifier: GPL-2.0-or-later
# One host of a pair: a guest's QEMU and what attaches its NIC to the tap in the bridge.
"""
stock:          tapA -- QEMU A
stream, dgram:  tapA -- netdev net0 of daemon A -- export e0 -- QEMU A
vhost-user:     the same, where the export works the rings of QEMU's virtio-net
"""

from .errors import Skip
from .guest import MEMORY_MIB, qemu_version

STOCK = 'stock'
STREAM = 'stream'
DGRAM = 'dgram'
VHOST_USER = 'vhost-user'
# Those over a socket, and all.
SOCKETS = (STREAM, DGRAM)
EXPORTS = (*SOCKETS, VHOST_USER)
# From here on QEMU's chardevs are told in milliseconds when to connect again.
RECONNECT_MS_VERSION = (9, 2, 0)


class Side:
    """The host called name ('A', 'B'): its tap, its daemon unless it is stock, its QEMU."""

    def __init__(self, lab, name, kind, side_channel=(), follows=True, export_more='',
                 is_sampled=False):
        self.lab = lab
        self.name = name
        self.kind = kind
        self.follows = follows
        self.export_more = export_more
        self.tap = lab.network.add_tap(f'tap{name}')
        self.guest = None
        self.is_sampled = is_sampled
        self.side_channel = list(side_channel) + self.sampler_options('daemon')
        self.daemon = None
        if kind != STOCK:
            self.start_daemon()

    def start_daemon(self):
        """For the first time, or when the one before has gone."""
        self.daemon = self.lab.daemon(self.name, self.daemon_options() + self.side_channel)

    def sampler_options(self, whom):
        if not self.is_sampled:
            return []
        return ['-qmp', f'unix:{self.path(f"{whom}-sample")},server=on,wait=off']

    def path(self, suffix):
        return self.lab.folder / f'{self.name}.{suffix}'

    def uri(self):
        """Where its QEMU waits for a migration."""
        return f'unix:{self.path("migrate")}'

    def tap_options(self):
        return f'ifname={self.tap},script=no,downscript=no'

    def export_options(self):
        options = (f'type={self.kind},id=e0,netdev=net0,addr.type=unix,'
                   f'addr.path={self.path("net")}')
        if self.kind == DGRAM:
            options += f',remote.type=unix,remote.path={self.path("qemu")}'
        return options + self.export_more

    def daemon_options(self):
        """As documented for both hosts, but for the side channel."""
        attach = ['-netdev', f'tap,id=net0,{self.tap_options()}',
                  '--export', self.export_options()]
        if not self.follows:
            return attach
        return [*attach,
                '-chardev', f'socket,id=qmp0,path={self.path("qmp")},reconnect-ms=100',
                '-object', 'vm-follower,id=vm0,chardev=qmp0']

    def guest_netdev(self):
        if self.kind == STOCK:
            return f'tap,id=n0,{self.tap_options()}'
        if self.kind == STREAM:
            return f'stream,id=n0,server=off,addr.type=unix,addr.path={self.path("net")}'
        if self.kind == VHOST_USER:
            return 'vhost-user,id=n0,chardev=vu0'
        return (f'dgram,id=n0,local.type=unix,local.path={self.path("qemu")},'
                f'remote.type=unix,remote.path={self.path("net")}')

    def guest_options(self, options):
        """What vhost-user needs of QEMU: the socket, shared memory, and for 7.2 no MSI-X."""
        options = {**options, 'more': [*options.get('more', ()), *self.sampler_options('qemu')]}
        if self.kind != VHOST_USER:
            return options
        again = 'reconnect-ms=100' if qemu_version() >= RECONNECT_MS_VERSION else 'reconnect=1'
        more = ['-chardev', f'socket,id=vu0,path={self.path("net")},{again}',
                '-object', f'memory-backend-memfd,id=mem0,size={MEMORY_MIB}M,share=on',
                '-machine', 'memory-backend=mem0']
        return {**options, 'device': options.get('device', '') + ',vectors=0',
                'more': [*options.get('more', ()), *more]}

    def start_guest(self, **options):
        """Start QEMU and wait for the guest, whose place the bridge then knows."""
        options = self.guest_options(options)
        self.lab.network.plug(self.tap)
        self.guest = self.lab.guest(self.name, self.guest_netdev(), **options)
        self.guest.wait_ready()
        self.wait_followed()
        return self.guest

    def wait_followed(self):
        """Until the daemon knows what its QEMU does."""
        if self.daemon and self.follows:
            self.daemon.qmp.wait('VM_FOLLOWER_STATE', state='following')

    def start_incoming(self, **options):
        """Start a QEMU that waits for a migration.

        Only now the tap comes into the bridge: it would have got, and kept for the guest, what
        the bridge sends everywhere until it knows where the guest is.
        """
        self.guest = self.lab.guest(self.name, self.guest_netdev(), incoming=self.uri(),
                                    **self.guest_options(options))
        self.wait_followed()
        self.lab.network.plug(self.tap)
        return self.guest

    def follower(self):
        return self.daemon.qmp.command('query-vm-follower')[0]

    def export(self):
        return self.daemon.qmp.command('query-net-exports')[0]

    def handover(self):
        """Where the hand-over stands here."""
        return next(entry['handover'] for entry in self.daemon.qmp.command('query-netfilters')
                    if entry['type'] == 'filter-handover')


def tls_options(lab, is_source):
    """A key that both daemons have."""
    if '#define CONFIG_GNUTLS' not in (lab.build / 'config.h').read_text(encoding='ascii'):
        raise Skip('built without GnuTLS')
    (lab.folder / 'keys.psk').write_text('qemu:0123456789abcdef0123456789abcdef\n',
                                         encoding='ascii')
    end = 'client' if is_source else 'server'
    return ['-object', f'tls-creds-psk,id=tls0,endpoint={end},dir={lab.folder}']


def handover_options(port, is_source, more=''):
    """The side channel between the daemons: TCP on the namespace's loopback."""
    if is_source:
        return ['-chardev', f'socket,id=side0,host=127.0.0.1,port={port},reconnect-ms=100{more}',
                '-object', 'filter-handover,id=h0,netdev=net0,outdev=side0']
    return ['-chardev', f'socket,id=side0,host=127.0.0.1,port={port},server=on,wait=off{more}',
            '-object', 'filter-handover,id=h0,netdev=net0,indev=side0']


def channel_options(lab, port, is_source, tls):
    if tls:
        return tls_options(lab, is_source) + handover_options(port, is_source, ',tls-creds=tls0')
    return handover_options(port, is_source)


def pair(lab, kind, port=7900, tls=False, is_sampled=False, **incoming):
    """Source A with a guest that runs, and destination B; incoming: options of its QEMU.

    is_sampled: all of them have one more monitor, for a sampler.Sampler.
    """
    channels = ([], []) if kind == STOCK else (channel_options(lab, port, True, tls),
                                               channel_options(lab, port, False, tls))
    target = Side(lab, 'B', kind, channels[1], is_sampled=is_sampled)
    source = Side(lab, 'A', kind, channels[0], is_sampled=is_sampled)
    source.start_guest()
    target.start_incoming(**incoming)
    return source, target
