# SPDX-License-Identifier: GPL-2.0-or-later
# A network namespace that stands for a VM: it has a NIC and a TCP of its own.
"""
    NIC vm0, the address and MAC of the test guests -- descriptor of a tap

Whoever has the descriptor is at the other end of the NIC's cable. Namespace and NIC go away with
the last process in it.
"""

import contextlib
import fcntl
import os
import struct

from .errors import LabError
from .network import (CLONE_NEWNET, GUEST, GUEST_MAC, HOST, HOST_MAC, SYSCTL, TUN,
                      leave_for_new_network, libc, without_ipv6)
from .server import NIC

TUNSETIFF = 0x400454ca
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000


def own_namespace():
    return os.open('/proc/thread-self/ns/net', os.O_RDONLY)


def enter(namespace):
    if libc.setns(namespace, CLONE_NEWNET) != 0:
        raise LabError('a network namespace cannot be entered')


def open_tap(name, has_vnet_hdr):
    """Make a tap in the present namespace. Returns: its descriptor."""
    fd = os.open(TUN, os.O_RDWR)
    flags = IFF_TAP | IFF_NO_PI | (IFF_VNET_HDR if has_vnet_hdr else 0)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack('16sH22x', name.encode(), flags))
    return fd


class Namespace:
    """A VM's network; sysctls: what is set below /proc/sys/net/."""

    def __init__(self, lab, has_vnet_hdr=False, sysctls=()):
        self.fd = self.tap = -1
        lab.add(self)
        with self._left_for_new():
            without_ipv6()
            for name, value in sysctls:
                (SYSCTL / name).write_text(value)
            self.tap = open_tap(NIC, has_vnet_hdr)
            lab.network.ip('link set lo up',
                           f'link set {NIC} address {GUEST_MAC} up',
                           f'addr add {GUEST}/24 dev {NIC}',
                           f'neigh add {HOST} lladdr {HOST_MAC} nud permanent dev {NIC}')

    @contextlib.contextmanager
    def _left_for_new(self):
        home = own_namespace()
        try:
            leave_for_new_network()
            self.fd = own_namespace()
            yield
        finally:
            enter(home)
            os.close(home)

    @contextlib.contextmanager
    def entered(self):
        """What is done and started meanwhile is in it."""
        home = own_namespace()
        try:
            enter(self.fd)
            yield
        finally:
            enter(home)
            os.close(home)

    def take_tap(self):
        """Returns: the descriptor, which is the caller's from now on."""
        fd, self.tap = self.tap, -1
        return fd

    def close(self):
        for fd in (self.fd, self.tap):
            if fd >= 0:
                os.close(fd)
        self.fd = self.tap = -1
