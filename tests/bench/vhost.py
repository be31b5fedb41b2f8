# SPDX-License-Identifier: GPL-2.0-or-later
# The cases of "make bench" on vhost-user: DPDK's virtio driver in front of us and of DPDK itself.
"""
j:  dpdk-testpmd, txonly -- virtio-user --rings-- back end, which counts the frames and drops them
k:  dpdk-testpmd, io, two of virtio-user --rings-- back end, from each to the other

The back end is our program, or a dpdk-testpmd with net_vhost. Each side has a processor of its own,
if there are two. DPDK polls without end, so its time for a frame is that of the whole run.
"""

import fcntl
import os
import pathlib
import re
import select
import subprocess
import tempfile
import time

from programs import BenchError, DEADLINE_S, Process, Qmp, find_testpmd

PROMPT = b'testpmd> '
# DPDK's memory: no huge pages, one file, shared with the back end.
MEMORY = ['--no-huge', '-m', '512', '--no-pci']
MBUFS = '--total-num-mbufs=16384'
# How many frames go round in case k.
ROUND_BURSTS = 16
FILTERS = 8
PACKETS = {'rx': re.compile(rb'RX-packets: (\d+)'), 'tx': re.compile(rb'TX-packets: (\d+)')}


def own_cpu(number):
    """Returns: what a child calls to run on a processor of its own; nothing where there is one."""
    cpus = sorted(os.sched_getaffinity(0))

    def choose():
        os.sched_setaffinity(0, {cpus[number]})
    return choose if number < len(cpus) else None


def cpu_ns(pid):
    """Returns: what all threads of a process have used of the processors."""
    return sum(int((task / 'schedstat').read_text(encoding='ascii').split()[0])
               for task in pathlib.Path(f'/proc/{pid}/task').iterdir())


class Testpmd:
    """A dpdk-testpmd, and its prompt. Both of its threads run on one processor."""

    def __init__(self, path, folder, name, cpu, vdevs, arguments):
        number = sorted(os.sched_getaffinity(0))[cpu % len(os.sched_getaffinity(0))]
        # Else it would keep to itself what it says until it ends.
        command = ['stdbuf', '-oL', path, '--lcores', f'0@{number},1@{number}', *MEMORY,
                   f'--file-prefix={name}-{os.getpid()}']
        for vdev in vdevs:
            command += ['--vdev', vdev]
        self.name = name
        self.said = b''
        self.process = subprocess.Popen([*command, '--', '-i', MBUFS, *arguments], cwd=folder,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        fd = self.process.stdout.fileno()
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_NONBLOCK)
        self.pid = self.process.pid
        self.read_to_prompt()

    def read_to_prompt(self):
        """Returns: what it said before it is ready for a command."""
        said = b''
        end = time.monotonic() + DEADLINE_S
        while not said.endswith(PROMPT):
            fds = select.select([self.process.stdout], [], [], end - time.monotonic())[0]
            data = self.process.stdout.read() if fds else b''
            if not data:
                raise BenchError(f'testpmd {self.name}: {(self.said + said)[-2000:].decode()}')
            said += data
        self.said = said
        return said

    def say(self, command):
        self.process.stdin.write(command.encode() + b'\n')
        self.process.stdin.flush()

    def ask(self, command):
        """Returns: what it answers."""
        self.say(command)
        return self.read_to_prompt()

    def packets(self):
        """Returns: received and sent, over all ports."""
        said = self.ask('show port stats all')
        return {way: sum(int(number) for number in form.findall(said))
                for way, form in PACKETS.items()}

    def run_for(self, ms):
        """Let it run; it must not end."""
        try:
            self.process.wait(ms / 1000)
        except subprocess.TimeoutExpired:
            return
        raise BenchError(f'testpmd {self.name} ended: {self.process.stdout.read()[-2000:]}')

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class OurBackEnd:
    """Our program with an export for each socket, on a hub."""


    def __init__(self, program, folder, n_ports, filters):
        self.folder = folder
        self.n_ports = n_ports
        self.qmp = Qmp()
        command = [program, '-nodefaults', *self.qmp.options()]
        for port in range(2):
            command += ['-netdev', f'hubport,id=h{port},hubid=0']
        for port in range(n_ports):
            command += ['--export', f'type=vhost-user,id=e{port},netdev=h{port},addr.type=unix,'
                                    f'addr.path={folder}/{port}']
        for number in range(filters):
            command += ['-object', f'filter-replay,id=f{number},netdev=h0,queue=all']
        self.process = Process(command, [self.qmp.far.fileno()], preexec_fn=own_cpu(0))
        self.qmp.far.close()
        self.pid = self.process.pid
        self.qmp.read()
        self.qmp.command('qmp_capabilities')

    def count(self):
        """Returns: how many frames came."""
        return sum(export['from-guest']['frames']
                   for export in self.qmp.command('query-net-exports'))

    def check(self):
        """All that came in one way went out the other; where there is no other, it is counted."""
        exports = self.qmp.command('query-net-exports')
        netdevs = {netdev['id']: netdev for netdev in self.qmp.command('query-netdevs')}
        held = sum(export['held-to-guest']['frames'] + export['held-from-guest']['frames']
                   for export in exports)
        dropped = sum(drop['frames'] for netdev in netdevs.values()
                      for drop in netdev['dropped'])
        came = sum(export['from-guest']['frames'] for export in exports)
        went = sum(export['to-guest']['frames'] for export in exports)
        if self.n_ports == 1 and (dropped, held) != (came, 0):
            raise BenchError(f'{came} frames came, {dropped} of them were counted: {netdevs}')
        if self.n_ports == 2 and (went + held, dropped) != (came, 0):
            raise BenchError(f'{came} frames came, {went} went, {held} are held: {exports}')

    def close(self):
        self.process.close()
        self.qmp.close()


class DpdkBackEnd:
    """A dpdk-testpmd with net_vhost for each socket."""

    def __init__(self, path, folder, n_ports, _filters):
        vdevs = [f'net_vhost{port},iface={folder}/{port},queues=1' for port in range(n_ports)]
        mode = 'rxonly' if n_ports == 1 else 'io'
        self.testpmd = Testpmd(path, folder, 'be', 0, vdevs,
                               [f'--forward-mode={mode}', '--auto-start'])
        self.pid = self.testpmd.pid

    def count(self):
        return self.testpmd.packets()['rx']

    def check(self):
        self.testpmd.ask('stop')

    def close(self):
        self.testpmd.close()


class VhostCase:
    """One line of the table."""

    kind = 'vhost'
    skip = None if find_testpmd() else 'dpdk-testpmd is missing; Debian package dpdk-dev has it'

    def __init__(self, case, frame, packed, filters=0):
        self.case = case
        self.group = (case, frame, packed)
        self.frame = frame
        self.packed = packed
        self.filters = filters
        self.name = (f'{frame} B, {"packed" if packed else "split"}'
                     + (f', {filters} flt' if filters else ''))

    def takes(self, program):
        return program.name == 'ours' or (program.name == 'dpdk' and not self.filters)

    def front_end(self, path, folder):
        n_ports = 1 if self.case == 'j' else 2
        vdevs = [f'net_virtio_user{port},path={folder}/{port},queues=1,queue_size=1024'
                 f'{",packed_vq=1" if self.packed else ""}' for port in range(n_ports)]
        mode = 'txonly' if self.case == 'j' else 'io'
        return Testpmd(path, folder, 'fe', 1, vdevs,
                       [f'--forward-mode={mode}', f'--txpkts={self.frame}'])

    def run(self, program, tools, limits):
        """Returns: what was measured, as a dict."""
        back = front = None
        n_ports = 1 if self.case == 'j' else 2
        with tempfile.TemporaryDirectory(prefix='qnd-bench-') as folder:
            try:
                back = BACK_ENDS[program.name](program.path, folder, n_ports, self.filters)
                front = self.front_end(find_testpmd(), folder)
                front.ask('start' if self.case == 'j' else f'start tx_first {ROUND_BURSTS}')
                return self.measure(back, front, limits)
            finally:
                for part in (front, back):
                    if part:
                        part.close()

    def measure(self, back, front, limits):
        front.run_for(limits.warm_up_ms)
        begin = time.monotonic_ns(), cpu_ns(back.pid), back.count()
        front.run_for(limits.measure_ms)
        end = time.monotonic_ns(), cpu_ns(back.pid), back.count()
        wall, cpu, frames = (after - before for before, after in zip(begin, end))
        front.ask('stop')
        self.check_all(back, front)
        return {'checked': frames, 'frames_per_s': frames * 1e9 / wall,
                'cpu_ns_per_frame': cpu / max(frames, 1)}

    def check_all(self, back, front):
        """What the front end has sent has come, when it has had the time to."""
        end = time.monotonic() + DEADLINE_S
        sent = front.packets()['tx']
        while (came := back.count()) < sent and time.monotonic() < end:
            pass
        if came != sent:
            raise BenchError(f'the front end has sent {sent} frames, {came} came')
        back.check()


BACK_ENDS = {'ours': OurBackEnd, 'dpdk': DpdkBackEnd}


def vhost_cases():
    for case in 'jk':
        for frame in (64, 1514):
            for packed in (False, True):
                yield VhostCase(case, frame, packed)
                if case == 'j' and frame == 64:
                    yield VhostCase(case, frame, packed, FILTERS)
