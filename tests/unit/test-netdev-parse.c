/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of netdevs from options: the syntaxes, and what is refused with which words. */

#include <string.h>
#include <glib.h>

#include "net/netdev.h"
#include "net/inet.h"
#include "export/nic.h"
#include "system/info-network.h"
#include "util/error.h"

/* --- Refused ----------------------------------------------------------------------------- */

typedef struct BadCase {
    const char *name;
    const char *text;
    const char *message;
} BadCase;

/* Refused while being parsed. */
static const BadCase bad_options[] = {
    { "no-type", "id=a", "Parameter 'type' is missing" },
    { "no-id", "user", "Parameter 'id' is missing" },
    { "unknown-type", "foo,id=a", "Parameter 'type' does not accept value 'foo'" },
    { "bad-id", "user,id=1a", "Parameter 'id' expects an identifier" },
    { "unknown-key", "user,id=a,bogus=1", "Invalid parameter 'bogus'" },
    { "dotted-key-in-syntax-a", "socket,id=a,addr.type=inet", "Invalid parameter 'addr.type'" },
    { "vde", "vde,id=a,sock=/x", "network backend 'vde' is not supported" },
    { "l2tpv3", "l2tpv3,id=a,src=x", "network backend 'l2tpv3' is not supported" },
    { "none", "none,id=a", "network backend 'none' is not supported" },
    { "nic", "nic,id=a", "network backend 'nic' is not supported" },
    { "hubid-missing", "hubport,id=a", "Parameter 'hubid' is missing" },
    { "hubid-not-a-number", "hubport,id=a,hubid=x",
      "Parameter 'hubid' expects an int64 value" },
    { "range-names-the-last-part",
      "stream,id=a,addr.type=inet,addr.host=h,addr.port=1,addr.to=65536",
      "Parameter 'to' expects uint16_t" },
    { "hubid-too-large", "hubport,id=a,hubid=4294967296", "Parameter 'hubid' expects int32_t" },
    { "restrict-not-a-bool", "user,id=a,restrict=maybe",
      "Parameter 'restrict' expects 'on' or 'off'" },
    { "ipv6-net-length", "user,id=a,ipv6-net=fd00::/x",
      "parameter 'ipv6-net' expects a number after '/'" },
    { "stream-no-addr", "stream,id=a", "Parameter 'addr' is missing" },
    { "stream-no-host", "stream,id=a,addr.type=inet,addr.port=1",
      "Parameter 'addr.host' is missing" },
    { "stream-bad-addr-type", "stream,id=a,addr.type=foo",
      "Parameter 'type' does not accept value 'foo'" },
    { "stream-extra-member", "stream,id=a,addr.type=unix,addr.path=/x,addr.foo=1",
      "Parameter 'addr.foo' is unexpected" },
    { "stream-reconnect", "stream,id=a,addr.type=unix,addr.path=/x,reconnect=1",
      "Parameter 'reconnect' is unexpected" },
    { "stream-no-equals", "stream,id=a,server", "Expected '=' after parameter 'server'" },
    { "json-bool", "{\"type\":\"user\",\"id\":\"a\",\"restrict\":\"on\"}",
      "Invalid parameter type for 'restrict', expected: boolean" },
    { "json-cut-short", "{\"type\":", "JSON parse error, premature EOI" },
    { "json-ipv6-net", "{\"type\":\"user\",\"id\":\"a\",\"ipv6-net\":\"fd00::/64\"}",
      "Parameter 'ipv6-net' is unexpected" },
};

static void test_bad_options(const void *data)
{
    const BadCase *bad = data;
    g_autoptr(GError) error = NULL;
    Netdev *netdev = netdev_options_parse(bad->text, &error);

    g_assert_null(netdev);
    g_assert_nonnull(error);
    g_assert_cmpstr(error->message, ==, bad->message);
}

/* Parsed, and refused while being created. */
static const BadCase bad_netdevs[] = {
    { "socket-nothing", "socket,id=a",
      "exactly one of listen=, connect=, mcast= or udp= is required" },
    { "socket-two-forms", "socket,id=a,listen=:1,connect=:2",
      "exactly one of listen=, connect=, mcast= or udp= is required" },
    { "socket-localaddr", "socket,id=a,listen=:1,localaddr=:2",
      "localaddr= is only valid with mcast= or udp=" },
    { "socket-udp-alone", "socket,id=a,udp=127.0.0.1:1",
      "localaddr= is mandatory with udp=" },
    { "socket-no-colon", "socket,id=a,listen=foo",
      "host address 'foo' doesn't contain ':' separating host from port" },
    { "socket-bad-address", "socket,id=a,connect=300.1.1.1:1",
      "host address '300.1.1.1' is not a valid IPv4 address" },
    { "socket-bad-port", "socket,id=a,connect=127.0.0.1:bar", "port number 'bar' is invalid" },
    { "socket-no-group", "socket,id=a,mcast=1.2.3.4:5",
      "specified mcastaddr 1.2.3.4 (0x01020304) does not contain a multicast address" },
    { "socket-mcast-localaddr", "socket,id=a,mcast=230.0.0.1:5,localaddr=foo",
      "localaddr 'foo' is not a valid IPv4 address" },
    { "socket-cannot-bind", "socket,id=a,listen=1.2.3.4:1",
      "can't bind ip=1.2.3.4 to socket: Cannot assign requested address" },
    { "socket-fd-name", "socket,id=a,fd=foo", "Invalid file descriptor number 'foo'" },
    { "stream-server-reconnects",
      "stream,id=a,server=on,reconnect-ms=1,addr.type=unix,addr.path=/x",
      "'reconnect-ms' option is incompatible with socket in server mode" },
    { "dgram-nothing", "dgram,id=a", "dgram requires local= parameter" },
    { "dgram-no-local", "dgram,id=a,remote.type=inet,remote.host=127.0.0.1,remote.port=1",
      "dgram requires local= parameter" },
    { "dgram-no-remote", "dgram,id=a,local.type=inet,local.host=,local.port=1",
      "type=inet or type=unix requires remote parameter" },
    { "dgram-fd-and-remote",
      "dgram,id=a,local.type=fd,local.str=9,remote.type=unix,remote.path=/x",
      "don't set remote with local.fd" },
    { "dgram-types-differ",
      "dgram,id=a,local.type=unix,local.path=/x,remote.type=inet,remote.host=127.0.0.1,"
      "remote.port=1", "remote and local types must be the same" },
    { "dgram-vsock",
      "dgram,id=a,local.type=vsock,local.cid=1,local.port=1,remote.type=vsock,remote.cid=1,"
      "remote.port=1", "only support inet or fd type for local" },
    { "dgram-unix-to-group",
      "dgram,id=a,local.type=unix,local.path=/x,remote.type=inet,remote.host=230.0.0.1,"
      "remote.port=1", "only support inet or fd type for local" },
    { "dgram-group-interface",
      "dgram,id=a,local.type=inet,local.host=foo,local.port=0,remote.type=inet,"
      "remote.host=230.0.0.1,remote.port=1", "localaddr 'foo' is not a valid IPv4 address" },
    { "dgram-bad-fd", "dgram,id=a,local.type=fd,local.str=999",
      "Can't set file descriptor 999 non-blocking: Bad file descriptor: Bad file descriptor" },
    { "dgram-stream-option",
      "dgram,id=a,local.type=inet,local.host=127.0.0.1,local.port=0,local.to=9,"
      "remote.type=inet,remote.host=127.0.0.1,remote.port=1",
      "'to' is for stream sockets, not for dgram" },
    { "hubport-unknown-netdev", "hubport,id=a,hubid=0,netdev=x", "netdev 'x' not found" },
};

static void test_bad_netdev(const void *data)
{
    const BadCase *bad = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(Netdev) netdev = netdev_options_parse(bad->text, &error);

    g_assert_no_error(error);
    g_assert_null(netdev_add(netdev, &error));
    g_assert_nonnull(error);
    g_assert_cmpstr(error->message, ==, bad->message);
    g_assert_null(net_netdev_find("a"));
}

/* --- Accepted ---------------------------------------------------------------------------- */

static Netdev *parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    Netdev *netdev = netdev_options_parse(text, &error);

    g_assert_no_error(error);
    return netdev;
}

static NetClient *add(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Netdev) netdev = parse(text);
    NetClient *nc = netdev_add(netdev, &error);

    g_assert_no_error(error);
    return nc;
}

static void remove_id(const char *id)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(netdev_remove(id, &error));
    g_assert_no_error(error);
}

static void test_lists_repeat_their_key(void)
{
    g_autoptr(Netdev) netdev = parse("user,id=a,hostfwd=tcp::0-:2,hostfwd=udp::0-:4,"
                                     "dnssearch=x.example");
    const NetdevUserOptions *opts = &netdev->u.user;

    g_assert_cmpuint(opts->hostfwd->len, ==, 2);
    g_assert_cmpstr(opts->hostfwd->items[0].str, ==, "tcp::0-:2");
    g_assert_cmpstr(opts->hostfwd->items[1].str, ==, "udp::0-:4");
    g_assert_cmpuint(opts->dnssearch->len, ==, 1);
    g_assert_null(opts->guestfwd);
    netdev_add(netdev, NULL);
    remove_id("a");
}

static void test_ipv6_net_is_split(void)
{
    g_autoptr(Netdev) netdev = parse("user,id=a,ipv6-net=fd00:1::/48");

    g_assert_cmpstr(netdev->u.user.ipv6_prefix, ==, "fd00:1::");
    g_assert_cmpint(netdev->u.user.ipv6_prefixlen, ==, 48);
    g_assert_nonnull(netdev_add(netdev, NULL));
    remove_id("a");
}

static void test_last_value_wins(void)
{
    g_autoptr(Netdev) netdev = parse("hubport,id=a,hubid=1,hubid=2");

    g_assert_cmpint(netdev->u.hubport.hubid, ==, 2);
    g_assert_nonnull(netdev_add(netdev, NULL));
    remove_id("a");
}

static void test_dotted_syntax_nests(void)
{
    g_autoptr(Netdev) netdev = parse("type=stream,id=a,server=on,addr.type=inet,addr.host=::1,"
                                     "addr.port=7");

    g_assert_cmpint(netdev->type, ==, NET_CLIENT_DRIVER_STREAM);
    g_assert_true(netdev->u.stream.server);
    g_assert_cmpstr(netdev->u.stream.addr->u.inet.host, ==, "::1");
    g_assert_cmpint(netdev->u.stream.reconnect_ms, ==, 0);
}

static void test_json(void)
{
    g_autoptr(Netdev) netdev = parse("{\"type\":\"user\",\"id\":\"1\",\"restrict\":true,"
                                     "\"hostfwd\":[{\"str\":\"x\"}]}");

    g_assert_true(netdev->u.user.q_restrict);
    g_assert_cmpstr(netdev->u.user.hostfwd->items[0].str, ==, "x");
}

static void test_early_arguments(void)
{
    g_assert_true(netdev_argument_is_early("{\"type\":\"user\"}"));
    g_assert_true(netdev_argument_is_early("stream,id=a"));
    g_assert_true(netdev_argument_is_early("id=a,type=dgram"));
    g_assert_false(netdev_argument_is_early("user,id=a"));
    g_assert_false(netdev_argument_is_early("user,id=stream"));
    g_assert_false(netdev_argument_is_early("socket,fd=a,,type=stream"));
}

static void test_help_names_built_in_types(void)
{
    g_autofree char *help = netdev_help();

    g_assert_true(g_str_has_prefix(help, "Available netdev backend types:\nsocket\nstream\n"
                                   "dgram\nhubport\n"));
    g_assert_null(strstr(help, "vde"));
}

static void test_duplicate_in_syntax_a(void)
{
    g_autoptr(GError) error = NULL;

    add("hubport,id=a,hubid=1");
    g_assert_null(netdev_options_parse("hubport,id=a,hubid=1", &error));
    g_assert_cmpstr(error->message, ==, "Duplicate ID 'a' for netdev");
    remove_id("a");
    add("hubport,id=a,hubid=1");
    remove_id("a");
}

static void test_duplicate_otherwise(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Netdev) netdev = parse("{\"type\":\"hubport\",\"id\":\"a\",\"hubid\":1}");

    g_assert_nonnull(netdev_add(netdev, NULL));
    g_assert_null(netdev_add(netdev, &error));
    g_assert_cmpstr(error->message, ==, "Duplicate ID 'a'");
    remove_id("a");
}

static void test_id_is_free_after_a_failure(void)
{
    g_autoptr(Netdev) netdev = parse("hubport,id=a,hubid=1,netdev=x");

    g_assert_null(netdev_add(netdev, NULL));
    add("hubport,id=a,hubid=1");
    remove_id("a");
}

static void test_remove_unknown(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(netdev_remove("x", &error));
    g_assert_cmpint(error->code, ==, ERROR_CLASS_DEVICE_NOT_FOUND);
    g_assert_cmpstr(error->message, ==, "Device 'x' not found");
}

/* --- Hubs and NICs ----------------------------------------------------------------------- */

static void test_nic_outlives_its_netdev(void)
{
    NetClient *netdev = add("hubport,id=a,hubid=1");
    NetClient *nic = nic_new("n", NULL, NULL, netdev, NULL);

    remove_id("a");
    g_assert_null(nic->peer);
    g_assert_true(nic->link_down);
    net_client_delete(nic);
}

static void test_nic_in_use(void)
{
    g_autoptr(GError) error = NULL;
    NetClient *netdev = add("hubport,id=a,hubid=1");
    NetClient *nic = nic_new("n", NULL, NULL, netdev, NULL);

    g_assert_null(nic_new("m", NULL, NULL, netdev, &error));
    g_assert_cmpstr(error->message, ==, "Property 'e1000.netdev' can't take value 'a', it's in "
                    "use");
    net_client_delete(nic);
    remove_id("a");
}

static void test_hubport_of_a_used_netdev(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Netdev) netdev = parse("hubport,id=c,hubid=2,netdev=a");
    NetClient *nic = nic_new("n", NULL, NULL, add("hubport,id=a,hubid=1"), NULL);

    g_assert_null(netdev_add(netdev, &error));
    g_assert_cmpstr(error->message, ==, "netdev 'a' is in use by 'n'");
    net_client_delete(nic);
    remove_id("a");
}

static void test_hubs_in_a_ring(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Netdev) netdev = parse("hubport,id=d,hubid=1,netdev=c");

    add("hubport,id=a,hubid=1");
    add("hubport,id=b,hubid=2,netdev=a");
    add("hubport,id=c,hubid=2");
    g_assert_null(netdev_add(netdev, &error));
    g_assert_cmpstr(error->message, ==, "netdev 'c' leads back to hub 1");
    remove_id("a");
    remove_id("b");
    remove_id("c");
}

static void test_info_of_hubs(void)
{
    g_autofree char *text = NULL;

    add("hubport,id=a,hubid=3");
    add("hubport,id=b,hubid=3");
    text = info_network_text();
    g_assert_cmpstr(text, ==, "hub 3\r\n \\ b\r\n \\ a\r\n");
    remove_id("a");
    remove_id("b");
}

static void test_info_of_a_nic(void)
{
    const uint8_t mac[6] = { 2, 0, 0, 0, 0, 0xab };
    NetClient *netdev = add("socket,id=a,udp=127.0.0.1:9,localaddr=127.0.0.1:0");
    NetClient *nic = nic_new(NULL, "rtl8139", mac, netdev, NULL);
    g_autofree char *text = info_network_text();

    g_assert_cmpstr(text, ==, "rtl8139.0: index=0,type=nic,model=rtl8139,"
                    "macaddr=02:00:00:00:00:ab\r\n"
                    " \\ a: index=0,type=socket,socket: udp=127.0.0.1:9\r\n");
    net_client_delete(nic);
    remove_id("a");
}

static void test_mac(void)
{
    g_autoptr(GError) error = NULL;
    uint8_t mac[6];

    g_assert_true(nic_mac_parse("52:54:00:aB:cd:0f", mac, NULL));
    g_assert_cmpint(mac[3], ==, 0xab);
    g_assert_false(nic_mac_parse("52:54:00:12:34", mac, &error));
    g_assert_cmpstr(error->message, ==, "invalid syntax for ethernet address");
    g_clear_error(&error);
    g_assert_false(nic_mac_parse("52:54:00:12:34:567", mac, NULL));
    g_assert_false(nic_mac_parse("", mac, NULL));
    g_assert_false(nic_mac_parse("53:54:00:12:34:56", mac, &error));
    g_assert_cmpstr(error->message, ==, "NIC cannot have multicast MAC address");
}

static void test_inet_port_in_c_notation(void)
{
    struct sockaddr_in sin;

    g_assert_true(net_inet_parse_pair(":0x10", &sin, NULL));
    g_assert_cmpint(ntohs(sin.sin_port), ==, 16);
    g_assert_true(net_inet_parse_pair("127.0.0.1:010", &sin, NULL));
    g_assert_cmpint(ntohs(sin.sin_port), ==, 8);
    g_assert_false(net_inet_parse_pair("127.0.0.1:", &sin, NULL));
}

static void add_table(const char *group, const BadCase *cases, size_t n, GTestDataFunc func)
{
    for (size_t i = 0; i < n; i++) {
        g_autofree char *path = g_strdup_printf("/netdev-parse/%s/%s", group, cases[i].name);

        if (!g_str_has_prefix(cases[i].text, "user") ||
            netdev_is_built_in(NET_CLIENT_DRIVER_USER)) {
            g_test_add_data_func(path, &cases[i], func);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_table("refuses", bad_options, G_N_ELEMENTS(bad_options), test_bad_options);
    add_table("cannot-create", bad_netdevs, G_N_ELEMENTS(bad_netdevs), test_bad_netdev);
    if (netdev_is_built_in(NET_CLIENT_DRIVER_USER)) {
        g_test_add_func("/netdev-parse/lists-repeat-their-key", test_lists_repeat_their_key);
        g_test_add_func("/netdev-parse/ipv6-net-is-split", test_ipv6_net_is_split);
    }
    g_test_add_func("/netdev-parse/last-value-wins", test_last_value_wins);
    g_test_add_func("/netdev-parse/dotted-syntax-nests", test_dotted_syntax_nests);
    g_test_add_func("/netdev-parse/json", test_json);
    g_test_add_func("/netdev-parse/early-arguments", test_early_arguments);
    g_test_add_func("/netdev-parse/help-names-built-in-types", test_help_names_built_in_types);
    g_test_add_func("/netdev-parse/duplicate-in-syntax-a", test_duplicate_in_syntax_a);
    g_test_add_func("/netdev-parse/duplicate-otherwise", test_duplicate_otherwise);
    g_test_add_func("/netdev-parse/id-is-free-after-a-failure", test_id_is_free_after_a_failure);
    g_test_add_func("/netdev-parse/remove-unknown", test_remove_unknown);
    g_test_add_func("/netdev-parse/nic-outlives-its-netdev", test_nic_outlives_its_netdev);
    g_test_add_func("/netdev-parse/nic-in-use", test_nic_in_use);
    g_test_add_func("/netdev-parse/hubport-of-a-used-netdev", test_hubport_of_a_used_netdev);
    g_test_add_func("/netdev-parse/hubs-in-a-ring", test_hubs_in_a_ring);
    g_test_add_func("/netdev-parse/info-of-hubs", test_info_of_hubs);
    g_test_add_func("/netdev-parse/info-of-a-nic", test_info_of_a_nic);
    g_test_add_func("/netdev-parse/mac", test_mac);
    g_test_add_func("/netdev-parse/inet-port-in-c-notation", test_inet_port_in_c_notation);
    return g_test_run();
}
