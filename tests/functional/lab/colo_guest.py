# SPDX-License-Identifier: GPL-2.0-or-later
# A COLO pair whose VMs are guests in QEMU, and real checkpoints of them.
"""A checkpoint is a live migration after which both sides go on: they have the same state."""

from . import migration
from .colo import Primary, Secondary


class GuestVm:
    """A VM that is a guest in QEMU, attached to the export of a host."""

    def __init__(self, lab, host, **options):
        self.guest = lab.guest(host.name, 'stream,id=n0,server=off,addr.type=unix,'
                                          f'addr.path={host.net_path}', **options)

    def announce(self):
        """Let the bridge learn where the VM is."""
        self.guest.qmp.command('announce-self', initial=50, max=550, rounds=5, step=100)

    def kill(self):
        self.guest.kill()


class GuestPair:
    """Both hosts. The primary's guest has booted alone, the secondary's is its copy."""

    def __init__(self, lab, compare=''):
        self.lab = lab
        self.n_copies = 0
        self.primary = Primary(lab, compare=compare)
        self.secondary = Secondary(lab)
        lab.network.plug(self.primary.tap)
        self.primary.go_on_alone()
        self.primary.vm = GuestVm(lab, self.primary)
        self.primary.vm.guest.wait_ready()
        self.checkpoint()
        for host in (self.primary, self.secondary):
            host.wait_connected()

    def _copy_guest(self):
        """The primary's guest stops; a copy of it is the secondary's, stopped as well."""
        self.n_copies += 1
        uri = f'unix:{self.lab.folder}/copy-{self.n_copies}'
        source = self.primary.vm.guest
        target = GuestVm(self.lab, self.secondary, incoming=uri, more=('-S',))
        migration.begin(source, target.guest, uri)
        source.qmp.wait('MIGRATION', status='completed')
        target.guest.qmp.wait('MIGRATION', status='completed')
        self.secondary.wait_vm()
        return target

    def checkpoint(self):
        """Bring the secondary to the primary's state, and let both go on."""
        if self.secondary.vm:
            self.secondary.vm.kill()
            self.secondary.daemon.qmp.wait('NET_EXPORT_DISCONNECTED', id='e0')
        self.secondary.vm = self._copy_guest()
        for host in (self.secondary, self.primary):
            host.command('colo-checkpoint')
        for host in (self.secondary, self.primary):
            host.vm.guest.qmp.command('cont')
