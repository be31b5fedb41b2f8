# SPDX-License-Identifier: GPL-2.0-or-later
# Starts what is measured: our program, QEMU and the bare relay, each with the same sockets.

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time

DEADLINE_S = 60
# Socket buffers with room for more than is on its way at any time, where one must not fill up.
ROOM_BYTES = 2 << 20
# The leanest VM that runs: no processor, no memory, no device; its NICs are hub ports.
QEMU_MACHINE = ['-M', 'none', '-accel', 'tcg', '-display', 'none']


class BenchError(Exception):
    """A run that did not do what it must."""


def roomy_pair():
    return _with_room(socket.socketpair())


def dgram_pair():
    return _with_room(socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))


def udp_pair():
    pair = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for sock in pair:
        sock.bind(('127.0.0.1', 0))
    pair[0].connect(pair[1].getsockname())
    pair[1].connect(pair[0].getsockname())
    return _with_room(pair)


def _with_room(pair):
    for sock in pair:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM_BYTES)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM_BYTES)
    return pair


class Wiring:
    """The sockets and options of one run."""

    def __init__(self, program):
        self.program = program
        self.options = []
        self.inputs = []
        self.outputs = []
        self.copies = []
        self.far = {'inputs': [], 'outputs': [], 'copies': []}
        self.folder = None
        self.connects = False

    def _link(self, which, make):
        """Keep one end, give the other to the program. Returns: the fd of that."""
        near, far = make()
        getattr(self, which).append(near)
        self.far[which].append(far)
        return far.fileno()

    def input(self, make=socket.socketpair):
        return self._link('inputs', make)

    def output(self, make=socket.socketpair):
        return self._link('outputs', make)

    def copy(self):
        return self._link('copies', socket.socketpair)

    def add(self, option, value):
        self.options += [option, value]

    def add_netdev(self, number, options, hub=None):
        """A netdev with a hub port as its peer: of those both programs take any number."""
        kind, _, rest = options.partition(',')
        hub = number if hub is None else hub
        self.add('-netdev', f'{kind},id=n{number},{rest}')
        self.add('-netdev', f'hubport,id=h{number},hubid={hub},netdev=n{number}')

    def add_socket_netdev(self, number, fd, hub=None):
        self.add_netdev(number, f'socket,fd={fd}', hub)

    def add_chardev(self, name, fd):
        self.add('-chardev', f'socket,id={name},fd={fd}')

    def add_channel(self, tls):
        """Chardevs out0 and in0, which a TCP connection joins, plain or with TLS."""
        options = ['', '']
        if tls:
            self.folder = tempfile.TemporaryDirectory(prefix='qnd-bench-')
            with open(f'{self.folder.name}/keys.psk', 'w', encoding='ascii') as keys:
                keys.write('qemu:0123456789abcdef0123456789abcdef\n')
            for number, end in enumerate(('server', 'client')):
                self.add('-object', f'tls-creds-psk,id={end},endpoint={end},'
                                    f'dir={self.folder.name}')
                options[number] = f',tls-creds={end}'
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            port = free.getsockname()[1]
        self.add('-chardev', f'socket,id=in0,host=127.0.0.1,port={port},server=on,wait=off'
                             + options[0])
        self.add('-chardev', f'socket,id=out0,host=127.0.0.1,port={port}' + options[1])
        self.connects = True

    def add_redirector(self, number, properties):
        feature = ''
        if self.program.has_feature and 'outdev=' in properties:
            feature = ',enable_when_stopped=true'
        self.add('-object', f'filter-redirector,id=f{number},netdev=n{number},'
                            f'{properties}{feature}')

    def far_fds(self):
        return [sock.fileno() for socks in self.far.values() for sock in socks]

    def relay_links(self):
        """What the relay does in place of the program: IN:OUT[:COPY]."""
        links = [f'{source.fileno()}:{target.fileno()}' for source, target
                 in zip(self.far['inputs'], self.far['outputs'])]
        for copy in self.far['copies']:
            links[0] += f':{copy.fileno()}'
        return links

    def close_far(self):
        for sock in sum(self.far.values(), []):
            sock.close()

    def close(self):
        self.close_far()
        for sock in self.inputs + self.outputs + self.copies:
            sock.close()
        if self.folder:
            self.folder.cleanup()


class Qmp:
    """A QMP connection over a socket pair, so that nobody waits for a path to appear."""

    def __init__(self):
        self.socket, self.far = socket.socketpair()
        self.socket.settimeout(DEADLINE_S)
        self.file = self.socket.makefile('rb')

    def options(self):
        return ['-chardev', f'socket,id=qmp0,fd={self.far.fileno()}',
                '-mon', 'chardev=qmp0,mode=control']

    def read(self):
        line = self.file.readline()
        if not line:
            raise BenchError('the program closed QMP')
        return json.loads(line)

    def command(self, name):
        self.socket.sendall(json.dumps({'execute': name}).encode())
        while True:
            reply = self.read()
            if 'return' in reply:
                return reply['return']
            if 'error' in reply:
                raise BenchError(f'{name}: {reply["error"]["desc"]}')

    def wait_connected(self):
        """Until no chardev is without its peer; each answer is waited for."""
        deadline = time.monotonic() + DEADLINE_S
        while any(chardev['filename'].startswith('disconnected')
                  for chardev in self.command('query-chardev')):
            if time.monotonic() > deadline:
                raise BenchError('a chardev has no peer')

    def close(self):
        self.file.close()
        self.socket.close()
        self.far.close()


class Process:
    """A program that runs."""

    def __init__(self, command, fds, **options):
        self.errors = tempfile.TemporaryFile()
        try:
            self.process = subprocess.Popen(command, pass_fds=fds, stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=self.errors,
                                            **options)
        except OSError:
            self.errors.close()
            raise
        self.pid = self.process.pid

    def memory_kib(self, key):
        """VmHWM, the peak, or VmRSS, what is resident now."""
        with open(f'/proc/{self.pid}/status', encoding='ascii') as status:
            for line in status:
                if line.startswith(key + ':'):
                    return int(line.split()[1])
        raise BenchError('the program has ended')

    def last_words(self):
        self.errors.seek(0)
        return self.errors.read()[-2000:].decode(errors='replace')

    def close(self):
        self.process.kill()
        self.process.wait()
        self.errors.close()


class Relay:
    """The bare relay: what the kernel charges for moving the bytes."""

    name = 'relay'
    has_feature = False
    has_monitor = False

    def __init__(self, path):
        self.path = path

    def start(self, wiring):
        """Returns: the process, and no QMP."""
        return Process([self.path] + wiring.relay_links(), wiring.far_fds()), None


class Vm:
    """Our program, or QEMU."""

    has_monitor = True

    def __init__(self, name, path):
        self.name = name
        self.path = path
        self.has_feature = name == 'ours'
        self.machine = [] if self.has_feature else QEMU_MACHINE

    def launch(self, wiring):
        """Returns: the process and its QMP, of which nothing has been read."""
        qmp = Qmp()
        command = [self.path, '-nodefaults'] + self.machine + qmp.options() + wiring.options
        try:
            return Process(command, wiring.far_fds() + [qmp.far.fileno()]), qmp
        finally:
            qmp.far.close()

    def start(self, wiring):
        """Returns: the process and its QMP, ready for commands."""
        process, qmp = self.launch(wiring)
        try:
            qmp.read()
            qmp.command('qmp_capabilities')
            if wiring.connects:
                qmp.wait_connected()
        except (BenchError, OSError) as error:
            words = process.last_words()
            process.close()
            qmp.close()
            raise BenchError(f'{error}: {words}') from error
        return process, qmp

    def time_start(self, wiring):
        """Returns: seconds to the greeting, the process and its QMP."""
        begin = time.perf_counter()
        process, qmp = self.launch(wiring)
        qmp.read()
        seconds = time.perf_counter() - begin
        qmp.command('qmp_capabilities')
        return seconds, process, qmp


class Dpdk:
    """DPDK's own vhost back end, in its test program."""

    name = 'dpdk'
    has_feature = False
    has_monitor = False

    def __init__(self, path):
        self.path = path


def find_testpmd():
    """Returns: the path, or None."""
    return shutil.which('dpdk-testpmd', path=os.environ.get('PATH', '') + ':/usr/local/bin')


def find_programs(build, qemu):
    """Those that are there, in the order in which they take turns."""
    programs = [Vm('ours', f'{build}/qemu-net-daemon'),
                Relay(f'{build}/tests/bench/bench-relay')]
    path = shutil.which(qemu)
    programs += [Vm('qemu', path)] if path else []
    path = find_testpmd()
    return programs + ([Dpdk(path)] if path else [])
