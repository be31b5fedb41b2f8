# SPDX-License-Identifier: GPL-2.0-or-later
# A network of a test's own: a namespace with a bridge, which is the host too, and tap devices.
"""
    bridge br0, 10.0.2.2 -- tapA, tapB, ...

The namespace has no name: it belongs to this process and those it starts, and the kernel
removes it with all its devices when the last of them has ended, however that came about.
"""

import ctypes
import json
import os
import pathlib
import shutil
import subprocess

from .errors import LabError, Skip

CLONE_NEWNET = 0x40000000
HOST = '10.0.2.2'
# Else the bridge takes the lowest one of its ports, whichever are plugged in.
HOST_MAC = '02:00:00:00:00:02'
GUEST = '10.0.2.15'
GUEST_MAC = '52:54:00:12:34:56'
SYSCTL = pathlib.Path('/proc/sys/net')
TUN = pathlib.Path('/dev/net/tun')

# Frames; the kernel's own 500 are a tenth of a second's at the highest rate, and on a busy machine
# a process does not run for longer than that.
TAP_QUEUE = 5000

libc = ctypes.CDLL(None, use_errno=True)


def find_ip():
    path = shutil.which('ip', path=os.environ.get('PATH', '') + ':/usr/sbin:/sbin')
    if not path:
        raise Skip('the program ip is missing; Debian package iproute2')
    return path


def check_possible():
    """Skip the test where it can make no network."""
    if os.geteuid() != 0:
        raise Skip('needs root, for network namespaces and tap devices')
    find_ip()
    try:
        os.close(os.open(TUN, os.O_RDWR))
    except OSError as error:
        raise Skip(f'{TUN}: {error.strerror}') from error


def leave_for_new_network():
    """Move this process into a network namespace of its own."""
    if libc.unshare(CLONE_NEWNET) != 0:
        raise Skip(f'no network namespace: {os.strerror(ctypes.get_errno())}')


def without_ipv6():
    """No packets that nobody asked for."""
    for which in ('all', 'default'):
        path = SYSCTL / 'ipv6/conf' / which / 'disable_ipv6'
        if path.exists():
            path.write_text('1')


class Network:
    """The network of one case. Make it before any thread or process of the case."""

    def __init__(self):
        check_possible()
        self.ip_path = find_ip()
        self.taps = []
        leave_for_new_network()
        without_ipv6()
        self.ip('link set lo up',
                f'link add br0 address {HOST_MAC} type bridge forward_delay 0 mcast_snooping 0',
                'link set br0 up',
                f'addr add {HOST}/24 dev br0',
                f'neigh add {GUEST} lladdr {GUEST_MAC} nud permanent dev br0')

    def ip(self, *commands):
        done = subprocess.run([self.ip_path, '-batch', '-'], input='\n'.join(commands),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False)
        if done.returncode != 0:
            raise LabError(f'ip: {done.stderr.strip()}')
        return done.stdout

    def add_tap(self, name, has_vnet_hdr=False):
        """A tap device that is in no bridge yet. Returns: its name."""
        vnet_hdr = ' vnet_hdr' if has_vnet_hdr else ''
        self.ip(f'tuntap add {name} mode tap{vnet_hdr}',
                f'link set {name} txqueuelen {TAP_QUEUE} up')
        self.taps.append(name)
        return name

    def plug(self, tap):
        """Put the tap into the bridge."""
        self.ip(f'link set {tap} master br0')

    def bridge(self, *words):
        """Returns: what the program bridge prints."""
        done = subprocess.run([pathlib.Path(self.ip_path).with_name('bridge'), *words],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False)
        if done.returncode != 0:
            raise LabError(f'bridge: {done.stderr.strip()}')
        return done.stdout

    def pin(self, mac, tap):
        """Let the bridge send to an address through this tap, whatever it sees."""
        self.bridge('fdb', 'replace', mac, 'dev', tap, 'master', 'static', 'sticky')

    def port_of(self, mac):
        """Returns: behind which port the bridge has seen an address last; None = behind none."""
        entries = json.loads(self.bridge('-json', 'fdb', 'show', 'br', 'br0'))
        return next((entry['ifname'] for entry in entries
                     if entry['mac'] == mac and 'permanent' not in entry['state']), None)

    def tap_drops(self):
        """Frames that the kernel threw away because nobody read the tap in time, by tap."""
        drops = {}
        with open('/proc/self/net/dev', encoding='ascii') as file:
            for line in file:
                name, _, numbers = line.partition(':')
                if name.strip() in self.taps:
                    drops[name.strip()] = int(numbers.split()[11])
        return drops
