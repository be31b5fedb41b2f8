# SPDX-License-Identifier: GPL-2.0-or-later
# A libvirt of a case's own: virtlogd, libvirtd and virsh in namespaces that hide the system's.
"""
    libvirtd -- QEMU, as user libvirt-qemu -- unix socket -- daemon of the case

Its folders are file systems in memory that only its mount namespace has, its processes are the
only ones of their PID namespace, and its network is the one of the case. So a libvirt that runs
on the machine is neither seen nor touched, and the end of the first process ends everything.
"""

import os
import pwd
import shutil
import subprocess
import uuid

from .errors import LabError, Skip
from .process import LineReader, Process

USER = 'libvirt-qemu'
FOLDERS = ('/run', '/etc/libvirt', '/var/lib/libvirt', '/var/log/libvirt', '/var/cache/libvirt')
PROGRAMS = {'libvirtd': 'libvirt-daemon-system', 'virtlogd': 'libvirt-daemon-system',
            'virsh': 'libvirt-clients', 'unshare': 'util-linux', 'mount': 'mount'}
SEARCH = os.environ.get('PATH', '') + ':/usr/sbin:/sbin'

# QEMU is to have its usual user, and nothing of the host is to be changed for it.
QEMU_CONF = f'''
user = "{USER}"
group = "{USER}"
security_driver = "none"
dynamic_ownership = 0
remember_owner = 0
namespaces = [ ]
cgroup_controllers = [ ]
'''
# Two of them are two hosts to libvirt.
LIBVIRTD_CONF = '''
auth_unix_ro = "none"
auth_unix_rw = "none"
unix_sock_dir = "{sockets}"
host_uuid = "{uuid}"
'''

# The first process: it does what it is told line by line, and marks the end of each answer.
FIRST = '''
set -e
mount --make-rprivate /
hostname "$2"
for folder in {folders}; do mount -t tmpfs -o mode=755 tmpfs "$folder"; done
cp -r "$1"/. /etc/libvirt
virtlogd -d
libvirtd -d
set +e
while read -r line; do
    eval "$line" </dev/null 2>&1
    printf '\\n= %s\\n' $?
done
'''


def check_possible():
    """Skip the test where there is no libvirt."""
    for program, package in PROGRAMS.items():
        if not shutil.which(program, path=SEARCH):
            raise Skip(f'the program {program} is missing; Debian package {package}')
    try:
        pwd.getpwnam(USER)
    except KeyError as error:
        raise Skip(f'there is no user {USER}; Debian package libvirt-daemon-system') from error


class Libvirt:
    """name: of the host that it is; hooks: the text of scripts for its QEMU driver, by name."""

    def __init__(self, lab, name='hosta', hooks=()):
        check_possible()
        self.lab = lab
        self.name = name
        self.folder = lab.folder / f'libvirt-{name}'
        self._write_config(dict(hooks))
        first = FIRST.format(folders=' '.join(FOLDERS))
        self.process = Process(
            f'libvirt-{name}', ['unshare', '--mount', '--pid', '--uts', '--fork', '--kill-child',
                                '--mount-proc', 'sh', '-c', first, 'libvirt',
                                str(self.folder / 'config'), name],
            lab.folder, lab.deadline, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, 'PATH': SEARCH, 'LC_ALL': 'C'})
        fd = self.process.process.stdout.fileno()
        self.lines = LineReader('libvirt', fd, lambda size: os.read(fd, size), lab.deadline)
        lab.add(self)

    def _write_config(self, hooks):
        folder = self.folder / 'config'
        (folder / 'hooks/qemu.d').mkdir(parents=True)
        libvirtd = LIBVIRTD_CONF.format(sockets=self.folder, uuid=uuid.uuid4())
        for name, text in (('qemu.conf', QEMU_CONF), ('libvirtd.conf', libvirtd),
                           ('virtlogd.conf', '')):
            (folder / name).write_text(text, encoding='ascii')
        for name, text in hooks.items():
            path = folder / 'hooks/qemu.d' / name
            path.write_text(text, encoding='utf-8')
            path.chmod(0o755)

    def uri(self):
        """By which it is reached from everywhere."""
        return f"'qemu+unix:///system?socket={self.folder}/libvirt-sock'"

    def run(self, line):
        """Run a line of the shell. Returns: its exit status, and what it wrote."""
        stdin = self.process.process.stdin
        stdin.write(line.encode() + b'\n')
        stdin.flush()
        answer = []
        while (answered := self.lines.line()) is not None:
            if answered.startswith(b'= '):
                return int(answered[2:]), '\n'.join(answer).strip()
            answer.append(answered.decode(errors='replace'))
        raise LabError(f'libvirt has ended: {self.process.last_words()}')

    def try_virsh(self, command):
        """Returns: the exit status of a command of virsh, and what it wrote."""
        return self.run(f'virsh --quiet --connect {self.uri()} {command}')

    def virsh(self, command):
        """Returns: what a command of virsh wrote, which must succeed."""
        status, answer = self.try_virsh(command)
        if status != 0:
            raise LabError(f'virsh {command}: {answer}\n{self.process.last_words()}')
        return answer

    def story(self):
        if self.process.is_running():
            yield self.run('tail -n 5 /var/log/libvirt/qemu/*.log')[1]
        yield f'libvirt of {self.name} wrote: {self.process.last_words()}'

    def close(self):
        self.process.kill()
