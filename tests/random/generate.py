# SPDX-License-Identifier: GPL-2.0-or-later
# Makes random QMP commands, valid and nearly valid, of what query-qmp-schema tells.
"""What the program answers makes no difference: a seed makes one sequence, always the same."""

NETDEVS = ('n0', 'n1', 'n2', 'n3', 'n4')
CHARDEVS = ('c0', 'c1', 'c2', 'c3', 'c4')
EXPORTS = ('e0',)
FRESH = ('x0', 'x1', 'x2', 'x3', 'x4', 'x5')
FDS = ('fd0', 'fd1')
BAD_NAMES = ('', '1', 'a b', 'no,such', 'y' * 300)
PATHS = ('a.sock', 'b.sock', 'n0.sock', 'c0.sock', 'c1.sock', 'e0.sock', 'file', 'fifo', 'folder',
         '/dev/null', '/dev/full', 'missing/x', '', 'z' * 120)
HOSTS = ('127.0.0.1', 'localhost', '::1', '0.0.0.0', '', '203.0.113.1', 'no.such.host.invalid',
         '230.0.0.1')
PORTS = ('0', '7000', '7001', '7002', '65535', '65536', '-1', 'http', '')
ADDRESSES = ('127.0.0.1:7000', '127.0.0.1:7001', ':7002', '230.0.0.1:7003', 'nonsense', '::1:7004')
PROGRAMS = ('no', '/bin/true', '/bin/false', 'missing-program')
INTEGERS = (0, 0, 1, 1, 2, 3, 4, 5, 10, 60, 100, 1000, 4096, 65535, 65536, 1 << 20)
EDGES = (-1, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 63) - 1, -(1 << 63),
         (1 << 64) - 1, 0.5, 1e300)
# By the name of a member: what its string mostly is.
STRINGS = {
    'id': 5 * FRESH + BAD_NAMES + ('n0', 'c0', 'e0'),
    'netdev': NETDEVS + FRESH[:2],
    'name': NETDEVS + FRESH[:3] + ('hub0', 'net_*'),
    'chardev': CHARDEVS + FRESH[:3], 'indev': CHARDEVS + FRESH[:3], 'outdev': CHARDEVS + FRESH[:3],
    'primary_in': CHARDEVS, 'secondary_in': CHARDEVS, 'notify_dev': CHARDEVS,
    'device': CHARDEVS + FRESH[:3], 'iothread': FRESH,
    'path': PATHS, 'file': PATHS, 'out': PATHS, 'in': PATHS, 'logfile': PATHS,
    'host': HOSTS, 'localhost': HOSTS, 'port': PORTS, 'str': FDS + ('-1', '0', '7', 'no'),
    'listen': ADDRESSES, 'connect': ADDRESSES, 'mcast': ADDRESSES, 'udp': ADDRESSES,
    'localaddr': ADDRESSES, 'fd': FDS + ('0', '3', '-1', '99999'), 'fds': FDS + ('0:1',),
    'fdname': FDS + BAD_NAMES[:3], 'script': PROGRAMS, 'downscript': PROGRAMS,
    'helper': PROGRAMS[1:], 'br': ('br0', 'b;touch X'), 'ifname': ('qnd0', 'qnd1', 'i' * 20, ''),
    'status': ('on', 'off', 'none', ''), 'position': ('head', 'tail', 'id=x0', 'id=', 'x'),
    'insert': ('before', 'behind', 'x'), 'hostfwd': ('tcp::0-:22', 'udp:127.0.0.1:0-:53', 'x'),
    'guestfwd': ('tcp:10.0.2.100:1234-cmd:cat', 'tcp:10.0.2.100:1235-c1', 'x'),
    'tls-creds': ('x0',), 'tls-authz': ('x0',), 'smb': ('folder',), 'tftp': ('folder', 'missing'),
    'net': ('10.0.2.0/24', '10.0.2.0/33', 'x'), 'data': ('hello', '', 'aGVsbG8=', '\u00e9' * 9),
}
# Where an id is that of something there.
THERE = {
    'netdev_del': NETDEVS + FRESH, 'chardev-remove': CHARDEVS + FRESH,
    'chardev-change': CHARDEVS + FRESH[:3], 'chardev-send-break': CHARDEVS,
    'net-export-del': EXPORTS + FRESH, 'net-export-set': EXPORTS + FRESH, 'object-del': FRESH,
}
# These end the program, or take long to no purpose.
LEFT_OUT = ('quit', 'query-qmp-schema', 'qmp_capabilities')
OFTEN = ('netdev_add', 'object-add', 'object-add', 'object-add', 'chardev-add', 'chardev-add',
         'net-export-add', 'qom-set', 'qom-set', 'object-del', 'chardev-remove', 'chardev-change',
         'netdev_del', 'net-export-del', 'net-export-set', 'set_link', 'stop', 'cont', 'yank',
         'getfd', 'human-monitor-command')
HUMAN = ('help', 'info network', 'info netfilters', 'info chardev', 'info exports', 'info status',
         'info', 'stop', 'cont', 'c', 'netdev_add socket,id=x1,listen=127.0.0.1:0',
         'netdev_del x1', 'object_add filter-dump,id=x2,netdev=n1,file=file', 'object_del x2',
         'chardev-add null,id=x3', 'chardev-remove x3', 'hostfwd_add n0 tcp::0-:22',
         'set_link n1 off', 'set_link n1 on', 'system_reset', 'announce_self', 'yank',
         '"', 'info vm-follower', 'info usernet', 'ringbuf_write c3 hello', 'ringbuf_read c3 5',
         'x' * 5000, '%s%n', 'getfd x')
MALFORMED = ('[]', '"x"', '{"execute": 5}', '{"exec": "stop"}', '{"execute": "stop", "more": 1}',
             '{"execute": "no-such-command"}', '{"execute": "stop", "arguments": []}')
OPTIONAL = 0.3
NEARLY = 0.12


class Generator:
    """Makes operations of one random source. schema: the reply of query-qmp-schema."""

    def __init__(self, schema, random):
        self.random = random
        self.types = {entry['name']: entry for entry in schema}
        self.commands = [entry['name'] for entry in schema if entry['meta-type'] == 'command' and
                         entry['name'] not in LEFT_OUT]
        self.often = [name for name in OFTEN if name in self.types]
        variants = self.types[self.types['object-add']['arg-type']].get('variants', [])
        self.properties = [member for variant in variants
                           for member in self.types[variant['type']]['members']]

    def operation(self):
        """One thing to do: ('qmp', request), ('raw', text) or ('traffic', number)."""
        choice = self.random.random()
        if choice < 0.35:
            return 'traffic', self.random.randrange(1 << 30)
        if choice < 0.37:
            return 'raw', self.random.choice(MALFORMED)
        pool = self.often if choice < 0.9 else self.commands
        return 'qmp', self.request(self.random.choice(pool))

    def request(self, name):
        arguments = self.arguments(name)
        if self.random.random() < NEARLY:
            self.spoil(arguments)
        return {'execute': name, 'arguments': arguments}

    def arguments(self, name):
        if name == 'qom-set':
            return self.qom_set()
        if name == 'human-monitor-command':
            return {'command-line': self.random.choice(HUMAN)}
        arguments = self.value(self.types[name]['arg-type'], '')
        if name in THERE:
            arguments['id'] = self.random.choice(THERE[name])
        if name == 'set-action':
            arguments.pop('reboot', None)
        return arguments

    def qom_set(self):
        member = self.random.choice(self.properties)
        return {'path': f'/objects/{self.random.choice(FRESH)}', 'property': member['name'],
                'value': self.value(member['type'], member['name'])}

    def spoil(self, arguments):
        """Make it nearly valid."""
        names = list(arguments)
        where = self.random.choice(names) if names else None
        how = self.random.randrange(4)
        if how == 0 or where is None:
            arguments[self.random.choice(('unknown', 'id', 'queue', ''))] = 'x'
        elif how == 1:
            del arguments[where]
        else:
            arguments[where] = self.random.choice((None, True, [], {}, '', 'x', -1, 1e300, [[[]]]))

    def value(self, name, member):
        """A value of a type of the schema, for a member."""
        entry = self.types[name]
        make = {'object': self.object, 'array': self.array, 'enum': self.enum,
                'builtin': self.builtin, 'alternate': self.alternate}[entry['meta-type']]
        return make(entry, member)

    def object(self, entry, _member):
        values = {}
        for member in entry['members']:
            if 'default' not in member or self.random.random() < OPTIONAL:
                values[member['name']] = self.value(member['type'], member['name'])
        if 'tag' in entry:
            case = values.get(entry['tag'])
            for variant in entry['variants']:
                if variant['case'] == case:
                    values.update(self.value(variant['type'], ''))
        return values

    def array(self, entry, member):
        return [self.value(entry['element-type'], member)
                for _ in range(self.random.choice((0, 1, 1, 2, 3)))]

    def enum(self, entry, _member):
        values = [member['name'] for member in entry['members']]
        return self.random.choice(values) if self.random.random() > 0.02 else 'none-of-them'

    def alternate(self, entry, member):
        return self.value(self.random.choice(entry['members'])['type'], member)

    def builtin(self, entry, member):
        kind = entry['json-type']
        if kind == 'boolean':
            return self.random.random() < 0.5
        if kind in ('int', 'number'):
            return self.random.choice(EDGES if self.random.random() < 0.1 else INTEGERS)
        if kind == 'string':
            return self.random.choice(STRINGS.get(member, FRESH + BAD_NAMES + ('on', '1')))
        return self.random.choice((1, 'x', None, True, [], {}))
