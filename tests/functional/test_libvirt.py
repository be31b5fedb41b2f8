#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# Tests a guest that libvirt starts: the interface of the manual, and the hook.
"""
    br0 -- tapA -- netdev net0 -- export e0 (vhost-user) -- QEMU, which libvirtd has started

Nothing of it is special for us: the interface and the memory are as docs/libvirt.rst has them. The
rest of the domain is what the test guest needs. MSI-X is off in the guest, as Debian's QEMU 7.2
crashes with it and vhost-user where it emulates the processor.
"""

import pathlib
import re
import shutil
import socket
import sys
import xml.etree.ElementTree as ElementTree

from lab import tap, traffic
from lab.errors import LabError, Skip, check, check_equal
from lab.guest import MEMORY_MIB, find_qemu
from lab.libvirt import USER, Libvirt
from lab.network import GUEST_MAC
from lab.process import LineReader
from lab.side import VHOST_USER, Side, handover_options

ROOT = pathlib.Path(__file__).resolve().parents[2]
MANUAL = ROOT / 'docs/libvirt.rst'
HOOK = ROOT / 'data/libvirt-hook'

CYCLES = 5
PER_SECOND = 2000
MORE_THAN_NEEDED = 300000

FRAME = '''
<domain type='qemu'>
  <name>vm0</name>
  <uuid>6f2d3a2e-54a0-4d7b-9d60-3c1f5b0a9b11</uuid>
  <memory unit='MiB'>{memory}</memory>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>{folder}/vmlinuz</kernel>
    <initrd>{folder}/initrd.gz</initrd>
    <cmdline>console=ttyS0 quiet ipv6.disable=1 pci=nomsi</cmdline>
  </os>
  <features><acpi/><apic/></features>
  <devices>
    <emulator>{qemu}</emulator>
    <serial type='unix'><source mode='connect' path='{folder}/console'/></serial>
    <memballoon model='none'/>
  </devices>
</domain>
'''


def domain_of_manual(role):
    """The domain of the manual whose interface has this mode."""
    blocks = re.findall(r'^    <domain .*?^    </domain>$', MANUAL.read_text(encoding='utf-8'),
                        re.MULTILINE | re.DOTALL)
    for domain in map(ElementTree.fromstring, blocks):
        interface = domain.find("devices/interface[@type='vhostuser']")
        if interface is not None and interface.find('source').get('mode') == role:
            return domain
    raise AssertionError(f'{MANUAL} has no domain with mode="{role}"')


def find_emulator():
    """Returns: the path of a QEMU; libvirt has its own arguments for it."""
    words = find_qemu()
    if len(words) > 1:
        raise Skip('libvirt cannot start a QEMU with arguments of LAB_QEMU')
    return words[0]


class Domain:
    """The domain vm0 in a libvirt; path: of its socket."""

    def __init__(self, lab, libvirt, role, path, comes_back=True):
        self.libvirt = libvirt
        self.deadline = lab.deadline
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(lab.folder / 'console'))
        (lab.folder / 'console').chmod(0o666)
        self.listener.listen()
        self.console = None
        lab.add(self)
        self.xml = write_domain(lab, 'domain.xml', role, path, comes_back)

    def create(self):
        """Start it. Returns: the exit status of virsh, and what that says."""
        return self.libvirt.try_virsh(f'create {self.xml}')

    def start(self):
        """The same, until the program in the guest serves."""
        self.libvirt.virsh(f'create {self.xml}')
        self.listener.settimeout(self.deadline.remaining('the console'))
        self.console = self.listener.accept()[0]
        lines = LineReader('the console', self.console.fileno(), self.console.recv, self.deadline)
        while (line := lines.line()) is not None:
            if b'labguest: ready' in line:
                return
        raise LabError('the guest ended before it was ready')

    def end(self):
        self.libvirt.virsh('destroy vm0')

    def close(self):
        self.listener.close()
        if self.console:
            self.console.close()


def write_domain(lab, name, role, path, comes_back=True):
    """Returns: where the XML of the domain is."""
    lab.folder.chmod(0o711)
    shutil.copy(lab.kernel, lab.folder / 'vmlinuz')
    for file in (lab.folder / 'vmlinuz', lab.initrd):
        file.chmod(0o644)
    manual = domain_of_manual(role)
    domain = ElementTree.fromstring(FRAME.format(memory=MEMORY_MIB, folder=lab.folder,
                                                 qemu=find_emulator()))
    domain.append(manual.find('memoryBacking'))
    interface = manual.find('devices/interface')
    source = interface.find('source')
    source.set('path', str(path))
    for reconnect in source.findall('reconnect') if not comes_back else ():
        source.remove(reconnect)
    interface.find('mac').set('address', GUEST_MAC)
    domain.find('devices').append(interface)
    target = lab.folder / name
    ElementTree.ElementTree(domain).write(target)
    return target


class Attached(Side):
    """A daemon for a domain; extra: more options of the export; more: of the daemon."""

    def __init__(self, lab, extra='', path=None, name='A', more=()):
        self.extra = extra
        self.socket = path or lab.folder / f'{name}.net'
        super().__init__(lab, name, VHOST_USER, more, follows=False)
        lab.network.plug(self.tap)

    def export_options(self):
        return f'type=vhost-user,id=e0,netdev=net0,addr.type=unix,addr.path={self.socket}' \
               f'{self.extra}'

    def restart_daemon(self):
        self.daemon.check_end()
        self.daemon = self.lab.daemon('A again', self.daemon_options())


def suspend_and_resume(libvirt, side, sender):
    libvirt.virsh('suspend vm0')
    side.daemon.qmp.wait('STOP')
    sender.wait_more(PER_SECOND // 2)
    libvirt.virsh('resume vm0')
    side.daemon.qmp.wait('RESUME')
    sender.wait_more(PER_SECOND // 5)


def check_cycles(lab, libvirt, side):
    """Suspended and resumed under load: no datagram is lost, doubled or out of order."""
    sender = traffic.Sender(lab, 1, PER_SECOND, MORE_THAN_NEEDED)
    sender.wait_more(PER_SECOND // 5)
    for _ in range(CYCLES):
        suspend_and_resume(libvirt, side, sender)
    sent = sender.stop()['sent']
    traffic.check_stream(lab.deadline, 1, sent)
    print(f'# {sent} datagrams over {CYCLES} suspensions, none of them lost')


def qemu_connects(lab):
    libvirt = Libvirt(lab)
    side = Attached(lab, f',addr.group={USER}')
    domain = Domain(lab, libvirt, 'client', side.socket)
    domain.start()
    check_cycles(lab, libvirt, side)
    domain.end()


def qemu_listens(lab):
    """QEMU waits for us when it starts."""
    libvirt = Libvirt(lab)
    folder = lab.folder / 'qemu'
    folder.mkdir(mode=0o755)
    shutil.chown(folder, USER)
    side = Attached(lab, ',server=off', folder / 'net')
    domain = Domain(lab, libvirt, 'server', side.socket)
    domain.start()
    check_cycles(lab, libvirt, side)
    domain.end()


def daemon_is_restarted(lab):
    """QEMU comes back by itself, as the manual's <reconnect> says."""
    libvirt = Libvirt(lab)
    side = Attached(lab, f',addr.group={USER}')
    domain = Domain(lab, libvirt, 'client', side.socket)
    domain.start()
    side.restart_daemon()
    side.daemon.qmp.wait('NET_EXPORT_CONNECTED')
    check_cycles(lab, libvirt, side)
    domain.end()


def others_are_kept_out(lab):
    """Without the group QEMU, which has a user of its own, is not let in."""
    libvirt = Libvirt(lab)
    side = Attached(lab, ',addr.mode=0600')
    status, answer = Domain(lab, libvirt, 'client', side.socket, comes_back=False).create()
    check(status != 0 and 'Permission denied' in answer, f'the domain starts: {answer}')


def migrates(lab):
    """By virsh, with daemons on both hosts and a channel between them; the rings tell all."""
    channels = [handover_options(7900, is_source) for is_source in (True, False)]
    channels[0][-1] += ',active-in=paused'
    extra = f',addr.group={USER}'
    hosts = [Libvirt(lab, name) for name in ('hosta', 'hostb')]
    source = Attached(lab, extra, more=channels[0])
    target = Attached(lab, extra, name='B', more=['-S', *channels[1]])
    domain = Domain(lab, hosts[0], 'client', source.socket)
    domain.start()
    there = write_domain(lab, 'there.xml', 'client', target.socket)
    sender = traffic.Sender(lab, 1, PER_SECOND, MORE_THAN_NEEDED)
    sender.wait_more(PER_SECOND // 5)
    hosts[0].virsh(f'migrate --live --xml {there} vm0 {hosts[1].uri()} '
                   '--migrateuri tcp://127.0.0.1:49300 --listen-address 127.0.0.1')
    target.daemon.qmp.wait('NET_HANDOVER', phase='idle')
    sender.wait_more(PER_SECOND)
    sent = sender.stop()['sent']
    traffic.check_stream(lab.deadline, 1, sent)
    print(f'# {sent} datagrams over a migration, none of them lost')
    hosts[1].virsh('destroy vm0')


CONFIG = '''
[netdev "net0"]
  type = "tap"
  ifname = "{tap}"
  script = "no"
  downscript = "no"

[export "e0"]
  type = "vhost-user"
  netdev = "net0"
  addr.type = "unix"
  addr.path = "{path}"
  addr.group = "{user}"
'''


# libvirtd gives a hook nearly nothing of its environment.
WRAPPER = '''#!/bin/sh
QND_CONFIG_DIR={config} QND_RUN_DIR={run} QND_PROGRAM={program} exec {hook} "$@"
'''


def hook_does_it(lab):
    """libvirtd runs the hook, which starts and ends the daemon; it lives in libvirt's namespace."""
    config = lab.folder / 'config'
    config.mkdir()
    name = lab.network.add_tap('tapA')
    lab.network.plug(name)
    path = lab.folder / 'hook.net'
    (config / 'vm0.conf').write_text(CONFIG.format(tap=name, path=path, user=USER))
    libvirt = Libvirt(lab, hooks={'qemu-net-daemon': WRAPPER.format(
        hook=HOOK, config=config, run=lab.folder / 'run',
        program=lab.build.resolve() / 'qemu-net-daemon')})
    domain = Domain(lab, libvirt, 'client', path)
    domain.start()
    check_equal((lab.folder / 'run/vm0.pid').exists(), True, 'whether there is a daemon')
    check_equal(traffic.ask(lab.deadline, traffic.ECHO_PORT, b'hello'), b'hello', 'the echo')
    domain.end()
    check_equal((lab.folder / 'run/vm0.pid').exists(), False, 'whether the daemon is still there')
    (config / 'vm0.conf').write_text(CONFIG.format(tap=name, path=f'{path}.other', user=USER))
    status, answer = domain.create()
    check(status != 0 and f'nobody listens at {path}' in answer, f'the domain starts: {answer}')
    check_equal((lab.folder / 'run/vm0.pid').exists(), False, 'whether the daemon is still there')


CASES = (
    ('QEMU connects: suspended and resumed without loss', qemu_connects),
    ('QEMU listens: suspended and resumed without loss', qemu_listens),
    ('the daemon is restarted', daemon_is_restarted),
    ('virsh migrate loses nothing', migrates),
    ('others than the group are kept out', others_are_kept_out),
    ('the hook starts and ends the daemon', hook_does_it),
)

if __name__ == '__main__':
    sys.exit(tap.main(CASES, seconds=240))
