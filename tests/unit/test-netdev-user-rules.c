/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of netdev user's texts: forwarding rules, networks, and options that clash. */

#include <arpa/inet.h>
#include <string.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "net/netdev.h"
#include "net/netdev/user-rules.h"
#include "net/netdev/user.h"
#include "cases.h"

/* --- hostfwd ----------------------------------------------------------------------------- */

typedef struct RuleCase {
    const char *text;
    const char *reason; /* NULL = accepted */
} RuleCase;

static const RuleCase rules[] = {
    { "foo", "No : separators" },
    { "", "No : separators" },
    { "foo:", "Bad protocol name" },
    { "icmp::1-:2", "Bad protocol name" },
    { "tcp:x", "Missing : separator" },
    { "tcp:x:1-:2", "Bad host address" },
    { "tcp::5555", "Bad host port separator" },
    { "tcp::99999-:2", "Bad host port" },
    { "tcp::-1-:2", "Bad host port" },
    { "tcp::x-:2", "Bad host port" },
    { "tcp::5555-", "Missing guest address" },
    { "tcp::5555-x:1", "Bad guest address" },
    { "tcp::5555-:0", "Bad guest port" },
    { "tcp::5555-:65536", "Bad guest port" },
    { "tcp::5555-:", "Bad guest port" },
    { "unix:/tmp/x", "Missing - separator" },
    { "unix:-:22", "Missing unix socket path" },
    { "unix:x-:22", "unix socket path must be absolute" },
    { "unix:/dev/null-:22", "file exists and it's not unix socket" },
    { "unix:/no/such-:0", "Bad guest port" },
    { "tcp::5555-:22", NULL },
    { ":127.0.0.1:0-10.0.2.15:22", NULL },
    { "udp::0x10-:010", NULL },
    { "unix:/no/such-thing-:22", NULL },
};

static void test_rule(const void *data)
{
    const RuleCase *c = data;
    g_autoptr(GError) error = NULL;
    NetUserRule rule = { 0 };
    bool ok = net_user_rule_parse(c->text, &rule, &error);

    if (c->reason) {
        g_autofree char *message = g_strdup_printf("Invalid host forwarding rule '%s' (%s)",
                                                   c->text, c->reason);

        g_assert_false(ok);
        g_assert_cmpstr(error->message, ==, message);
    } else {
        g_assert_no_error(error);
        g_assert_true(ok);
    }
    net_user_rule_clear(&rule);
}

static void test_rule_values(void)
{
    NetUserRule rule = { 0 };

    g_assert_true(net_user_rule_parse("udp:127.0.0.1:0x10-10.0.2.9:010", &rule, NULL));
    g_assert_cmpint(rule.protocol, ==, NET_USER_PROTOCOL_UDP);
    g_assert_cmpuint(ntohl(rule.host.s_addr), ==, 0x7f000001);
    g_assert_cmpuint(rule.host_port, ==, 16);
    g_assert_cmpuint(ntohl(rule.guest.s_addr), ==, 0x0a000209);
    g_assert_cmpuint(rule.guest_port, ==, 8);
}

static void test_rule_unix_path_with_dash(void)
{
    NetUserRule rule = { 0 };

    g_assert_true(net_user_rule_parse("unix:/a-b/c-10.0.2.15:22", &rule, NULL));
    g_assert_cmpstr(rule.path, ==, "/a-b/c");
    g_assert_cmpuint(rule.guest_port, ==, 22);
    net_user_rule_clear(&rule);
}

static void test_rule_unix_path_too_long(void)
{
    g_autofree char *path = g_strnfill(108, 'x');
    g_autofree char *text = g_strdup_printf("unix:/%s-:1", path);
    g_autoptr(GError) error = NULL;
    NetUserRule rule = { 0 };

    g_assert_false(net_user_rule_parse(text, &rule, &error));
    g_assert_true(g_str_has_suffix(error->message, "(Unix socket path is too long)"));
}

static void test_rule_to_remove(void)
{
    g_autoptr(GError) error = NULL;
    NetUserRule rule = { 0 };

    g_assert_true(net_user_rule_parse_host("udp:127.0.0.1:53", &rule, NULL));
    g_assert_cmpuint(rule.host_port, ==, 53);
    g_assert_true(net_user_rule_parse_host("::80", &rule, NULL));
    g_assert_false(net_user_rule_parse_host("tcp::80-:1", &rule, &error));
    g_assert_cmpstr(error->message, ==, "invalid format");
    g_assert_false(net_user_rule_parse_host("80", &rule, NULL));
    g_assert_true(net_user_rule_parse_host("unix:/run/a-b", &rule, NULL));
    g_assert_cmpstr(rule.path, ==, "/run/a-b");
    net_user_rule_clear(&rule);
}

/* --- guestfwd ---------------------------------------------------------------------------- */

static const RuleCase guest_rules[] = {
    { "", "bad" },
    { "udp:10.0.2.1:1-x", "bad" },
    { "tcp:10.0.2.1:1", "bad" },
    { "tcp:10.0.2.1:1-", "bad" },
    { "tcp:x:1-null", "bad" },
    { "tcp:10.0.2.1:0-null", "bad" },
    { "tcp:10.0.2.1:1-null", NULL },
    { ":10.0.2.1:1-cmd:cat", NULL },
};

static void test_guest_rule(const void *data)
{
    const RuleCase *c = data;
    g_autoptr(GError) error = NULL;
    NetUserGuestRule rule = { 0 };
    bool ok = net_user_guest_rule_parse(c->text, &rule, &error);

    g_assert_cmpint(ok, ==, c->reason == NULL);
    if (!ok) {
        g_autofree char *message = g_strdup_printf("Invalid guest forwarding rule '%s'", c->text);

        g_assert_cmpstr(error->message, ==, message);
    }
    net_user_guest_rule_clear(&rule);
}

/* --- net --------------------------------------------------------------------------------- */

typedef struct NetCase {
    const char *text;
    const char *net;
    const char *mask;
} NetCase;

static const NetCase nets[] = {
    { "10.0.2.9", "10.0.0.0", "255.0.0.0" },
    { "127.1.2.3", "127.0.0.0", "255.0.0.0" },
    { "172.16.5.1", "172.16.0.0", "255.240.0.0" },
    { "172.31.5.1", "172.16.0.0", "255.240.0.0" },
    { "172.32.5.1", "172.32.0.0", "255.255.0.0" },
    { "130.1.2.3", "130.1.0.0", "255.255.0.0" },
    { "192.168.7.9", "192.168.0.0", "255.255.0.0" },
    { "198.18.7.9", "198.18.0.0", "255.254.0.0" },
    { "198.19.7.9", "198.19.7.0", "255.255.255.240" },
    { "200.1.2.35", "200.1.2.32", "255.255.255.240" },
    { "224.1.2.3", "224.1.2.0", "255.255.255.0" },
    { "10.1.2.3/24", "10.1.2.0", "255.255.255.0" },
    { "10.1.2.3/4", "0.0.0.0", "240.0.0.0" },
    { "10.1.2.3/32", "10.1.2.3", "255.255.255.255" },
    { "10.1.2.3/255.255.0.0", "10.1.0.0", "255.255.0.0" },
};

static void test_net(const void *data)
{
    const NetCase *c = data;
    g_autoptr(GError) error = NULL;
    struct in_addr net;
    struct in_addr mask;

    g_assert_true(net_user_net_parse(c->text, &net, &mask, &error));
    g_assert_cmpstr(inet_ntoa(net), ==, c->net);
    g_assert_cmpstr(inet_ntoa(mask), ==, c->mask);
}

/* --- Options that are refused ------------------------------------------------------------ */

typedef struct OptionCase {
    const char *name;
    const char *options;
    const char *message;
} OptionCase;

static const OptionCase options[] = {
    { "both-families-off", "ipv4=off,ipv6=off", "IPv4 and IPv6 disabled" },
    { "net-without-ipv4", "ipv4=off,net=10.0.0.0/8",
      "IPv4 disabled but netmask/host/dns provided" },
    { "prefix-without-ipv6", "ipv6=off,ipv6-prefix=fd00::",
      "IPv6 disabled but prefix/host6/dns6 provided" },
    { "net-garbage", "net=foo", "Failed to parse netmask" },
    { "net-trailing", "net=10.0.2.0/24x", "Failed to parse netmask (trailing chars)" },
    { "net-bits", "net=10.0.2.0/33", "Invalid netmask provided (must be in range 4-32)" },
    { "net-empty-bits", "net=10.0.2.0/", "Invalid netmask provided (must be in range 4-32)" },
    { "host-garbage", "host=foo", "Failed to parse host" },
    { "host-outside", "host=1.2.3.4", "Host doesn't belong to network" },
    { "dns-garbage", "dns=foo", "Failed to parse DNS" },
    { "dns-outside", "restrict=on,dns=1.2.3.4", "DNS doesn't belong to network" },
    { "dns-is-host", "dns=10.0.2.2", "DNS must be different from host" },
    { "dhcp-garbage", "dhcpstart=foo", "Failed to parse DHCP start address" },
    { "dhcp-outside", "dhcpstart=1.2.3.4", "DHCP doesn't belong to network" },
    { "dhcp-is-host", "dhcpstart=10.0.2.2", "DHCP must be different from host and DNS" },
    { "dhcp-is-dns", "dhcpstart=10.0.2.3", "DHCP must be different from host and DNS" },
    { "prefix-garbage", "ipv6-prefix=foo", "Failed to parse IPv6 prefix" },
    { "prefixlen", "ipv6-prefixlen=127", "Invalid IPv6 prefix provided (IPv6 prefix length must "
      "be between 0 and 126)" },
    { "host6-garbage", "ipv6-host=foo", "Failed to parse IPv6 host" },
    { "host6-outside", "ipv6-host=fd00::1", "IPv6 Host doesn't belong to network" },
    { "dns6-garbage", "ipv6-dns=foo", "Failed to parse IPv6 DNS" },
    { "dns6-outside", "restrict=on,ipv6-dns=fd00::1", "IPv6 DNS doesn't belong to network" },
    { "domainname-empty", "domainname=", "'domainname' parameter cannot be empty" },
    { "smb", "smb=/tmp", "'smb' is not supported: there is no SMB server here" },
    { "hostfwd", "hostfwd=foo", "Invalid host forwarding rule 'foo' (No : separators)" },
    { "hostfwd-cannot-bind", "hostfwd=tcp:1.2.3.4:1-:1",
      "Could not set up host forwarding rule 'tcp:1.2.3.4:1-:1'" },
    { "guestfwd", "guestfwd=foo", "Invalid guest forwarding rule 'foo'" },
    { "guestfwd-is-host", "guestfwd=tcp:10.0.2.2:1-cmd:cat",
      "Conflicting/invalid host:port in guest forwarding rule 'tcp:10.0.2.2:1-cmd:cat'" },
    { "guestfwd-outside", "guestfwd=tcp:1.2.3.4:1-null",
      "Conflicting/invalid host:port in guest forwarding rule 'tcp:1.2.3.4:1-null'" },
    { "guestfwd-device", "guestfwd=tcp:10.0.2.100:7-nosuchdevice",
      "Could not open guest forwarding device 'guestfwd.tcp.7'" },
};

static void test_option(const void *data)
{
    const OptionCase *c = data;
    g_autofree char *text = g_strdup_printf("user,id=u,%s", c->options);
    g_autoptr(GError) error = NULL;
    g_autoptr(Netdev) netdev = netdev_options_parse(text, &error);

    g_assert_no_error(error);
    g_assert_null(netdev_add(netdev, &error));
    g_assert_nonnull(error);
    g_assert_cmpstr(error->message, ==, c->message);
    g_assert_null(net_netdev_find("u"));
}

static void check_too_long(const char *key, const char *name)
{
    g_autofree char *value = g_strnfill(256, 'x');
    g_autofree char *text = g_strdup_printf("user,id=u,%s=%s", key, value);
    g_autofree char *message = g_strdup_printf("'%s' parameter cannot exceed 255 bytes", name);
    g_autoptr(GError) error = NULL;
    g_autoptr(Netdev) netdev = netdev_options_parse(text, &error);

    g_assert_no_error(error);
    g_assert_null(netdev_add(netdev, &error));
    g_assert_cmpstr(error->message, ==, message);
}

static void test_texts_too_long(void)
{
    check_too_long("domainname", "domainname");
    check_too_long("hostname", "vhostname");
    check_too_long("tftp-server-name", "tftp-server-name");
}

/* --- Accepted ---------------------------------------------------------------------------- */

static void check_info(const char *opts, const char *info)
{
    g_autofree char *text = g_strdup_printf("user,id=u%s", opts);
    g_autoptr(GError) error = NULL;
    g_autoptr(Netdev) netdev = netdev_options_parse(text, &error);
    NetClient *nc;

    g_assert_no_error(error);
    nc = netdev_add(netdev, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(nc->info_text, ==, info);
    g_assert_true(netdev_remove("u", NULL));
}

static void test_info(void)
{
    check_info("", "net=10.0.2.0,restrict=off");
    check_info(",restrict=on,net=192.168.76.0/24", "net=192.168.76.0,restrict=on");
    check_info(",ip=10.1.2.3", "net=10.1.2.0,restrict=off");
    check_info(",ipv4=off", "net=10.0.2.0,restrict=off");
    check_info(",dnssearch=a.example,dnssearch=b.example,domainname=c.example,hostname=h,"
               "bootfile=/b,tftp=/nonexistent", "net=10.0.2.0,restrict=off");
    check_info(",guestfwd=tcp:10.0.2.100:7-null,guestfwd=tcp:10.0.2.100:8-cmd:cat",
               "net=10.0.2.0,restrict=off");
}

static void test_monitor_texts(void)
{
    g_autoptr(GError) error = NULL;
    bool found;

    g_assert_false(net_user_hostfwd_add(NULL, "tcp::0-:1", &error));
    g_assert_cmpstr(error->message, ==, "user mode network stack not in use");
    g_clear_error(&error);
    g_assert_false(net_user_hostfwd_remove("x", "tcp::0", &found, &error));
    g_assert_cmpstr(error->message, ==, "unrecognized netdev id 'x'");
}

static void test_remove_forwarded_port(void)
{
    g_autoptr(Netdev) netdev = netdev_options_parse("user,id=u", NULL);
    bool found = true;

    g_assert_nonnull(netdev_add(netdev, NULL));
    g_assert_true(net_user_hostfwd_remove(NULL, "udp:127.0.0.1:1", &found, NULL));
    g_assert_false(found);
    g_assert_true(netdev_remove("u", NULL));
}

static void add_tables(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
        g_autofree char *path = g_strdup_printf("/netdev-user-rules/hostfwd/%zu", i);

        g_test_add_data_func(path, &rules[i], test_rule);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(guest_rules); i++) {
        g_autofree char *path = g_strdup_printf("/netdev-user-rules/guestfwd/%zu", i);

        g_test_add_data_func(path, &guest_rules[i], test_guest_rule);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(nets); i++) {
        g_autofree char *path = g_strdup_printf("/netdev-user-rules/net/%zu", i);

        g_test_add_data_func(path, &nets[i], test_net);
    }
    CASES_ADD("/netdev-user-rules/refuses/", options, name, test_option);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_tables();
    g_test_add_func("/netdev-user-rules/hostfwd/values", test_rule_values);
    g_test_add_func("/netdev-user-rules/hostfwd/path-with-dash", test_rule_unix_path_with_dash);
    g_test_add_func("/netdev-user-rules/hostfwd/path-too-long", test_rule_unix_path_too_long);
    g_test_add_func("/netdev-user-rules/hostfwd/to-remove", test_rule_to_remove);
    g_test_add_func("/netdev-user-rules/texts-too-long", test_texts_too_long);
    g_test_add_func("/netdev-user-rules/info", test_info);
    g_test_add_func("/netdev-user-rules/monitor-texts", test_monitor_texts);
    g_test_add_func("/netdev-user-rules/remove-forwarded-port", test_remove_forwarded_port);
    return g_test_run();
}
