/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The idle NIC through the real program: -nic, links, announcements, what it leaves behind. */

#include "cases.h"
#include "qtest-client.h"

#include <string.h>
#include <sys/socket.h>

/* --- -nic -------------------------------------------------------------------------------- */

#define UDP(port) "socket,udp=127.0.0.1:" port ",localaddr=127.0.0.1:0"

static void expect_info(QTest *s, const char *text)
{
    g_autofree char *info = qtest_hmp(s, "info network");

    g_assert_cmpstr(info, ==, text);
}

static void test_names_and_addresses(void)
{
    QTest *s = qtest_start("-nic " UDP("9") ",id=a -nic " UDP("9") ",id=b,model=rtl8139 "
                           "-nic " UDP("9") ",id=c,mac=02:00:00:00:00:aa "
                           "-nic " UDP("9") ",id=d");

    expect_info(s,
        "e1000.0: index=0,type=nic,model=e1000,macaddr=52:54:00:12:34:56\r\n"
        " \\ a: index=0,type=socket,socket: udp=127.0.0.1:9\r\n"
        "rtl8139.0: index=0,type=nic,model=rtl8139,macaddr=52:54:00:12:34:57\r\n"
        " \\ b: index=0,type=socket,socket: udp=127.0.0.1:9\r\n"
        "e1000.1: index=0,type=nic,model=e1000,macaddr=02:00:00:00:00:aa\r\n"
        " \\ c: index=0,type=socket,socket: udp=127.0.0.1:9\r\n"
        "e1000.2: index=0,type=nic,model=e1000,macaddr=52:54:00:12:34:58\r\n"
        " \\ d: index=0,type=socket,socket: udp=127.0.0.1:9\r\n");
    qtest_quit(s);
}

static void test_default_type_is_user(void)
{
    g_autofree char *help = NULL;
    QTest *s;

    qtest_run(&help, NULL, "-netdev help");
    if (!strstr(help, "\nuser\n")) {
        g_test_skip("built without libslirp");
        return;
    }
    s = qtest_start("-nic id=u");
    expect_info(s, "e1000.0: index=0,type=nic,model=e1000,macaddr=52:54:00:12:34:56\r\n"
                " \\ u: index=0,type=user,net=10.0.2.0,restrict=off\r\n");
    qtest_quit(s);
}

static void test_none(void)
{
    QTest *s = qtest_start("-nic none");

    expect_info(s, "");
    qtest_quit(s);
}

static void test_id_is_made_up(void)
{
    QTest *s = qtest_start("-nic " UDP("9"));
    g_autofree char *info = qtest_hmp(s, "info network");

    g_assert_nonnull(strstr(info, " \\ #net"));
    qtest_quit(s);
}

static void test_nic_on_a_hub(void)
{
    QTest *s = qtest_start("-nic hubport,hubid=2,id=p");

    expect_info(s, "hub 2\r\n \\ p: e1000.0: index=0,type=nic,model=e1000,"
                "macaddr=52:54:00:12:34:56\r\n");
    qtest_quit(s);
}

static void test_at_most_eight(void)
{
    g_autoptr(GString) options = g_string_new(NULL);

    for (int i = 0; i < 9; i++) {
        g_string_append(options, " -nic hubport,hubid=1");
    }
    qtest_expect_start_error("no more on-board/default NIC slots available", "%s",
                             options->str);
}

typedef struct StartError {
    const char *name;
    const char *options;
    const char *message;
} StartError;

static const StartError start_errors[] = {
    { "bad-mac", "-nic user,mac=1:2", "-nic user,mac=1:2: invalid syntax for ethernet address" },
    { "multicast-mac", "-nic user,mac=01:00:00:00:00:00",
      "NIC cannot have multicast MAC address" },
    { "stream", "-nic stream,addr.type=unix,addr.path=/x",
      "-nic stream,addr.type=unix,addr.path=/x: Parameter 'type' is missing" },
    { "not-built-in", "-nic vde", "network backend 'vde' is not supported" },
    { "bad-option", "-nic socket,foo=bar", "Invalid parameter 'foo'" },
    { "two-on-one-netdev",
      "-netdev hubport,id=a,hubid=1 -device e1000,netdev=a -device e1000e,netdev=a",
      "Property 'e1000e.netdev' can't take value 'a', it's in use" },
};

static void test_start_error(const void *data)
{
    const StartError *bad = data;

    qtest_expect_start_error(bad->message, "%s", bad->options);
}

/* --- Links, deletion --------------------------------------------------------------------- */

/* test ──fd── net0 ── nic0 */
static QTest *start_with_nic(int *ours)
{
    QTest *s;
    int theirs;

    sock_pair(SOCK_STREAM, ours, &theirs);
    s = qtest_start("-netdev socket,id=net0,fd=%d -device virtio-net-pci,netdev=net0,id=nic0,"
                    "mac=52:54:00:aa:bb:cc", theirs);
    sock_close(&theirs);
    return s;
}

static void announce(QTest *s, const char *more)
{
    qtest_qmp_ok(s, "{'execute': 'announce-self', 'arguments': "
                 "{'initial': 1, 'max': 5, 'rounds': 3, 'step': 1%s}}", more);
}

/* RFC 903: the NIC asks for its own address. */
static const uint8_t announcement[60] =
    "\xff\xff\xff\xff\xff\xff\x52\x54\x00\xaa\xbb\xcc\x80\x35"
    "\x00\x01\x08\x00\x06\x04\x00\x03"
    "\x52\x54\x00\xaa\xbb\xcc\x00\x00\x00\x00\x52\x54\x00\xaa\xbb\xcc";

static void expect_announcements(int fd, int n)
{
    FrameLink link;

    frame_link_init(&link, FRAME_LINK_STREAM, fd);
    for (int i = 0; i < n; i++) {
        frame_link_expect_bytes(&link, announcement, sizeof(announcement));
    }
    frame_link_clear(&link);
}

static void test_announce(void)
{
    int fd;
    QTest *s = start_with_nic(&fd);

    announce(s, "");
    expect_announcements(fd, 3);
    announce(s, ", 'interfaces': ['nic0', 'other']");
    expect_announcements(fd, 3);
    qtest_assert_conservation(s);
    qtest_quit(s);
    sock_close(&fd);
}

static void test_announce_of_others(void)
{
    int fd;
    QTest *s = start_with_nic(&fd);

    announce(s, ", 'interfaces': ['other']");
    announce(s, ", 'id': 'x'");
    expect_announcements(fd, 3);
    g_assert_cmpint(qtest_netdev_count(s, "net0", "rx.in.frames"), ==, 3);
    qtest_quit(s);
    sock_close(&fd);
}

static void test_announcements_of_one_name_replace(void)
{
    int fd;
    QTest *s = start_with_nic(&fd);

    qtest_qmp_ok(s, "{'execute': 'announce-self', 'arguments': {'initial': 100000, "
                 "'max': 100000, 'rounds': 2, 'step': 0, 'id': 'x'}}");
    expect_announcements(fd, 1);
    announce(s, ", 'id': 'x'");
    expect_announcements(fd, 3);
    qtest_quit(s);
    sock_close(&fd);
}

static void test_announce_by_human_monitor(void)
{
    int fd;
    QTest *s = start_with_nic(&fd);
    g_autofree char *answer = qtest_hmp(s, "announce_self nic0");

    g_assert_cmpstr(answer, ==, "");
    expect_announcements(fd, 1);
    qtest_quit(s);
    sock_close(&fd);
}

static void test_announce_bad_arguments(void)
{
    QTest *s = qtest_start("%s", "");

    qtest_qmp_error(s, "GenericError",
                    "Invalid parameter type for 'initial', expected: integer",
                    "{'execute': 'announce-self', 'arguments': "
                    "{'initial': 'a', 'max': 5, 'rounds': 3, 'step': 1}}");
    qtest_qmp_error(s, "GenericError", "Parameter 'step' is missing",
                    "{'execute': 'announce-self', 'arguments': "
                    "{'initial': 1, 'max': 5, 'rounds': 3}}");
    qtest_qmp_error(s, "GenericError", NULL, "{'execute': 'announce-self', 'arguments': "
                    "{'initial': 1, 'max': 5, 'rounds': -1, 'step': 1}}");
    qtest_quit(s);
}

static void set_link(QTest *s, const char *name, bool up)
{
    qtest_qmp_ok(s, "{'execute': 'set_link', 'arguments': {'name': '%s', 'up': %s}}", name,
                 up ? "true" : "false");
}

static void test_link_of_the_nic(void)
{
    int fd;
    QTest *s = start_with_nic(&fd);

    set_link(s, "nic0", false);
    announce(s, "");
    set_link(s, "nic0", true);
    announce(s, "");
    expect_announcements(fd, 3);
    qtest_quit(s);
    sock_close(&fd);
}

/* A netdev's link takes its NIC's with it, down and up. */
static void test_link_of_the_netdev(void)
{
    int fd;
    QTest *s = start_with_nic(&fd);

    set_link(s, "net0", false);
    announce(s, "");
    g_assert_cmpint(qtest_netdev_count(s, "net0", "link-up"), ==, 0);
    g_assert_false(fd_is_readable(fd));
    set_link(s, "net0", true);
    announce(s, "");
    expect_announcements(fd, 3);
    qtest_quit(s);
    sock_close(&fd);
}

static void test_netdev_del_leaves_the_nic(void)
{
    int fd;
    QTest *s = start_with_nic(&fd);

    qtest_qmp_ok(s, "{'execute': 'netdev_del', 'arguments': {'id': 'net0'}}");
    sock_expect_eof(fd);
    expect_info(s, "nic0: index=0,type=nic,model=virtio-net-pci,"
                "macaddr=52:54:00:aa:bb:cc\r\n");
    qtest_qmp_error(s, "DeviceNotFound", "Device 'net0' not found",
                    "{'execute': 'netdev_del', 'arguments': {'id': 'net0'}}");
    qtest_qmp_error(s, "DeviceNotFound", "Device 'nic0' not found",
                    "{'execute': 'netdev_del', 'arguments': {'id': 'nic0'}}");
    qtest_qmp_ok(s, "{'execute': 'netdev_add', 'arguments': {'type': 'hubport', 'id': 'net0', "
                 "'hubid': 1}}");
    announce(s, "");
    qtest_quit(s);
    sock_close(&fd);
}

static void test_idle_nic_takes_nothing(void)
{
    int fd;
    QTest *s = start_with_nic(&fd);
    FrameLink link;

    frame_link_init(&link, FRAME_LINK_STREAM, fd);
    frame_link_send(&link, 0, 3);
    qtest_wait_netdev(s, "net0", "tx.blocked", 1);
    g_assert_cmpint(qtest_netdev_count(s, "net0", "tx.delivered.frames"), ==, 0);
    g_assert_cmpint(qtest_netdev_count(s, "net0", "polled"), ==, 0);
    qtest_assert_conservation(s);
    frame_link_clear(&link);
    qtest_quit(s);
    sock_close(&fd);
}

static void test_query_rx_filter(void)
{
    int fd;
    QTest *s = start_with_nic(&fd);
    g_autoptr(json_object) all = qtest_qmp_return(s, "{'execute': 'query-rx-filter'}");

    g_assert_cmpuint(json_object_array_length(all), ==, 0);
    qtest_qmp_error(s, "GenericError", "invalid net client name: x",
                    "{'execute': 'query-rx-filter', 'arguments': {'name': 'x'}}");
    qtest_qmp_error(s, "GenericError", "net client(net0) isn't a NIC",
                    "{'execute': 'query-rx-filter', 'arguments': {'name': 'net0'}}");
    qtest_qmp_error(s, "GenericError", "net client(nic0) doesn't support rx-filter querying",
                    "{'execute': 'query-rx-filter', 'arguments': {'name': 'nic0'}}");
    qtest_quit(s);
    sock_close(&fd);
}

static void test_warnings(void)
{
    QTest *s = qtest_start_plain("-nodefaults -netdev " UDP("9") ",id=alone "
                                 "-netdev hubport,id=bare,hubid=4 "
                                 "-nic " UDP("9") ",id=n,model=ne2k_pci");

    qtest_wait_output(s, "warning: netdev alone has no peer");
    qtest_wait_output(s, "warning: hub port bare has no peer");
    qtest_wait_output(s, "warning: hub 4 with no nics");
    qtest_wait_output(s, "warning: requested NIC (anonymous, model ne2k_pci) was not created "
                      "(not supported by this machine?)");
    qtest_quit(s);
}

static void test_no_warnings_in_tests(void)
{
    QTest *s = qtest_start("-nic hubport,hubid=4,model=ne2k_pci");
    g_autofree char *output = qtest_output(s);

    g_assert_null(strstr(output, "warning"));
    qtest_quit(s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nic/names-and-addresses", test_names_and_addresses);
    g_test_add_func("/nic/default-type-is-user", test_default_type_is_user);
    g_test_add_func("/nic/none", test_none);
    g_test_add_func("/nic/id-is-made-up", test_id_is_made_up);
    g_test_add_func("/nic/on-a-hub", test_nic_on_a_hub);
    g_test_add_func("/nic/at-most-eight", test_at_most_eight);
    CASES_ADD("/nic/refuses/", start_errors, name, test_start_error);
    g_test_add_func("/nic/announce", test_announce);
    g_test_add_func("/nic/announce-of-others", test_announce_of_others);
    g_test_add_func("/nic/announcements-of-one-name-replace",
                    test_announcements_of_one_name_replace);
    g_test_add_func("/nic/announce-by-human-monitor", test_announce_by_human_monitor);
    g_test_add_func("/nic/announce-bad-arguments", test_announce_bad_arguments);
    g_test_add_func("/nic/link-of-the-nic", test_link_of_the_nic);
    g_test_add_func("/nic/link-of-the-netdev", test_link_of_the_netdev);
    g_test_add_func("/nic/netdev-del-leaves-the-nic", test_netdev_del_leaves_the_nic);
    g_test_add_func("/nic/idle-nic-takes-nothing", test_idle_nic_takes_nothing);
    g_test_add_func("/nic/query-rx-filter", test_query_rx_filter);
    g_test_add_func("/nic/warnings", test_warnings);
    g_test_add_func("/nic/no-warnings-in-tests", test_no_warnings_in_tests);
    return g_test_run();
}
