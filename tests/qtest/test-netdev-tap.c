/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netdevs tap and bridge through the real program, with interfaces in namespaces of their own. */

#include "cases.h"
#include "tap-rig.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define FEW 5

/* A namespace with "t0", whose descriptor programs inherit. Returns: that. */
static int enter_with_fd(int flags)
{
    int fd;

    netns_enter_new();
    fd = netns_tap_open("t0", flags);
    netns_inherit_fd(fd);
    return fd;
}

/* --- By descriptor ----------------------------------------------------------------------- */

static void check_fd(const char *member, int flags)
{
    int fd;
    Pair *pair;

    if (tap_skipped()) {
        return;
    }
    fd = enter_with_fd(flags);
    pair = pair_new("-netdev tap,id=net0,%s=%d", member, fd);
    pair_wait_info(pair, "fd=%d", fd);
    sock_close(&fd);
    tap_check_traffic(pair);
    pair_free(pair);
}

static void test_fd(void)
{
    check_fd("fd", 0);
}

static void test_fd_vnet_hdr(void)
{
    check_fd("fd", IFF_VNET_HDR);
}

static void test_fd_multi_queue(void)
{
    check_fd("fd", IFF_VNET_HDR | IFF_MULTI_QUEUE);
}

static void test_fds_of_one(void)
{
    check_fd("sndbuf=100k,fds", 0);
}

/* Whoever had the tap before may have left offloads on and a longer header. */
static void test_fd_is_reset(void)
{
    int fd;
    int len = 12;
    Pair *pair;

    if (tap_skipped()) {
        return;
    }
    fd = enter_with_fd(IFF_VNET_HDR);
    g_assert_cmpint(ioctl(fd, TUNSETVNETHDRSZ, &len), ==, 0);
    g_assert_cmpint(ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4), ==, 0);
    pair = pair_new("-netdev tap,id=net0,fd=%d", fd);
    tap_check_traffic(pair);
    g_assert_cmpint(ioctl(fd, TUNGETVNETHDRSZ, &len), ==, 0);
    g_assert_cmpint(len, ==, 10);
    pair_free(pair);
    sock_close(&fd);
}

/* Without any privilege a given descriptor works, and an interface by name is an error. */
static void test_unprivileged(void)
{
    const char *refused;
    struct stat tun;
    Pair *pair;
    int fd;

    if (tap_skipped()) {
        return;
    }
    fd = enter_with_fd(0);
    pair = pair_new(PAIR_WITHOUT_NET0 " -run-with user=65534:65534");
    pair_add_given(pair, fd, "'type': 'tap', 'fd': 'given'");
    tap_check_traffic(pair);
    g_assert_cmpint(stat("/dev/net/tun", &tun), ==, 0);
    refused = (tun.st_mode & 06) == 06 ? NULL : "could not open /dev/net/tun: Permission denied";
    qtest_qmp_error(pair->s, "GenericError", refused ? refused :
                    "could not configure /dev/net/tun (nope): Operation not permitted",
                    TAP_ADD, ", 'ifname': 'nope'");
    qtest_qmp_error(pair->s, "GenericError", refused ? refused :
                    "could not configure /dev/net/tun: Operation not permitted", TAP_ADD, "");
    pair_free(pair);
}

static void test_fd_errors(void)
{
    struct ifreq ifr = { .ifr_name = "tun0", .ifr_flags = IFF_TUN | IFF_NO_PI };
    int fd;

    if (tap_skipped()) {
        return;
    }
    netns_enter_new();
    fd = open("/dev/net/tun", O_RDWR);
    g_assert_cmpint(ioctl(fd, TUNSETIFF, &ifr), ==, 0);
    qtest_expect_start_error("is no tap with IFF_TAP and IFF_NO_PI", "-netdev tap,id=a,fd=%d",
                             fd);
    sock_close(&fd);
    fd = open("/dev/net/tun", O_RDWR);
    qtest_expect_start_error("Unable to query TUNGETIFF on FD", "-netdev tap,id=a,fds=%d", fd);
    sock_close(&fd);
}

/* --- By name ----------------------------------------------------------------------------- */

static void check_ifname(const char *options, const char *info)
{
    Pair *pair;

    if (tap_skipped()) {
        return;
    }
    tap_enter();
    pair = pair_new("-netdev tap,id=net0,ifname=t0%s", options);
    pair_wait_info(pair, "%s", info);
    tap_check_traffic(pair);
    pair_free(pair);
    g_assert_true(netns_link_exists("t0"));
}

static void test_ifname(void)
{
    check_ifname("", "ifname=t0,script=no,downscript=no");
}

static void test_ifname_queues(void)
{
    check_ifname(",queues=1,vhost=off,script=,downscript=", "ifname=t0,script=no,downscript=no");
}

static void test_ifname_vnet_hdr(void)
{
    check_ifname(",vnet_hdr=on,sndbuf=0", "ifname=t0,script=no,downscript=no");
}

static void test_ifname_no_vnet_hdr(void)
{
    check_ifname(",vnet_hdr=off,sndbuf=1M", "ifname=t0,script=no,downscript=no");
}

/* One that there was not goes with the netdev; the kernel finds a name if there is none. */
static void test_made(void)
{
    QTest *s;
    g_autofree char *info = NULL;

    if (tap_skipped()) {
        return;
    }
    netns_enter_new();
    s = qtest_start("-netdev tap,id=a -netdev tap,id=b,ifname=mine");
    info = qtest_hmp(s, "info network");
    g_assert_nonnull(strstr(info, "a: index=0,type=tap,ifname=tap0,script=no,downscript=no"));
    g_assert_nonnull(strstr(info, "b: index=0,type=tap,ifname=mine,script=no,downscript=no"));
    g_assert_true(netns_link_exists("tap0"));
    g_assert_true(netns_link_exists("mine"));
    qtest_qmp_ok(s, "{'execute': 'netdev_del', 'arguments': {'id': 'b'}}");
    g_assert_false(netns_link_exists("mine"));
    qtest_qmp_ok(s, "{'execute': 'netdev_add', 'arguments': {'type': 'tap', 'id': 'b'}}");
    g_assert_true(netns_link_exists("tap1"));
    qtest_quit(s);
    g_assert_false(netns_link_exists("tap0"));
}

static void test_ifname_in_use(void)
{
    QTest *s;

    if (tap_skipped()) {
        return;
    }
    tap_enter();
    s = qtest_start("-netdev tap,id=a,ifname=t0");
    qtest_qmp_error(s, "GenericError",
                    "could not configure /dev/net/tun (t0): Device or resource busy",
                    TAP_ADD, ", 'ifname': 't0'");
    qtest_expect_start_error("could not configure /dev/net/tun (t0): Device or resource busy\n"
                             "Somebody else uses 't0'.", "-netdev tap,id=b,ifname=t0");
    qtest_quit(s);
}

static void test_ifname_no_tap(void)
{
    if (tap_skipped()) {
        return;
    }
    netns_enter_new();
    qtest_expect_start_error("could not configure /dev/net/tun (lo): Invalid argument\n"
                             "Interface 'lo' is no tap, or one with several queues.",
                             "-netdev tap,id=a,ifname=lo");
}

/* --- Frames ------------------------------------------------------------------------------ */

/* Nobody asks: nothing is read while stopped, and nothing is lost. */
static void test_stopped(void)
{
    TapRig *rig;
    QTest *s;

    if (tap_skipped()) {
        return;
    }
    rig = tap_rig_new("");
    s = rig->pair->s;
    qtest_stop(s);
    g_assert_cmpint(qtest_netdev_count(s, "net0", "polled"), ==, 0);
    frame_link_send(&rig->wire, 0, TAP_MANY);
    g_assert_cmpint(qtest_netdev_count(s, "net0", "tx.in.frames"), ==, 0);
    frame_link_expect_nothing(&rig->pair->peer);
    qtest_cont(s);
    frame_link_expect(&rig->pair->peer, 0, TAP_MANY);
    tap_rig_free(rig);
}

static void test_enabled_when_stopped(void)
{
    TapRig *rig;
    QTest *s;

    if (tap_skipped()) {
        return;
    }
    rig = tap_rig_new("");
    s = rig->pair->s;
    qtest_object_add(s, "{'qom-type': 'filter-redirector', 'id': 'f0', 'netdev': 'net0', "
                     "'queue': 'tx', 'outdev': 'chr0', 'enable_when_stopped': true, "
                     "'active-in': ['paused']}");
    frame_link_send(&rig->wire, 0, FEW);
    frame_link_expect(&rig->pair->peer, 0, FEW);
    qtest_stop(s);
    g_assert_cmpint(qtest_netdev_count(s, "net0", "polled"), ==, 1);
    for (uint32_t i = 0; i < 5; i++) {
        frame_link_send(&rig->wire, i * TAP_MANY, TAP_MANY);
        frame_link_expect(&rig->out, i * TAP_MANY, TAP_MANY);
    }
    qtest_cont(s);
    frame_link_send(&rig->wire, FEW, FEW);
    frame_link_expect(&rig->pair->peer, FEW, FEW);
    frame_link_expect_nothing(&rig->out);
    tap_rig_free(rig);
}

/* Frames of both directions meet a filter, and vnet headers do not get in its way. */
static void test_filter(void)
{
    TapRig *rig;

    if (tap_skipped()) {
        return;
    }
    rig = tap_rig_new("-object filter-mirror,id=m0,netdev=net0,outdev=chr0");
    frame_link_send(&rig->wire, 0, FEW);
    frame_link_expect(&rig->pair->peer, 0, FEW);
    frame_link_expect(&rig->out, 0, FEW);
    frame_link_send(&rig->pair->peer, FEW, FEW);
    frame_link_expect(&rig->wire, FEW, FEW);
    frame_link_expect(&rig->out, FEW, FEW);
    tap_rig_free(rig);
}

static void test_interface_down(void)
{
    TapRig *rig;
    QTest *s;

    if (tap_skipped()) {
        return;
    }
    rig = tap_rig_new("");
    s = rig->pair->s;
    netns_link_down("t0");
    frame_link_send(&rig->pair->peer, 0, FEW);
    qtest_wait_netdev(s, "net0", "rx.dropped.send-failed.frames", FEW);
    g_assert_cmpint(qtest_netdev_count(s, "net0", "link-up"), ==, 1);
    netns_link_up("t0");
    /* The packet socket has been told of the interruption. */
    g_assert_cmpint(recv(rig->wire_fd, NULL, 0, MSG_DONTWAIT), <, 0);
    frame_link_send(&rig->pair->peer, FEW, FEW);
    frame_link_expect(&rig->wire, FEW, FEW);
    frame_link_send(&rig->wire, 0, FEW);
    frame_link_expect(&rig->pair->peer, 0, FEW);
    tap_rig_free(rig);
}

static guint count_of(const char *text, const char *word)
{
    guint n = 0;

    while ((text = strstr(text, word)) != NULL) {
        text += strlen(word);
        n++;
    }
    return n;
}

/* CPU time of the program so far, in ticks of the kernel. */
static long cpu_ticks(QTest *s)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", qtest_pid(s));
    g_autofree char *text = NULL;
    g_auto(GStrv) fields = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    fields = g_strsplit(strrchr(text, ')') + 2, " ", 0);
    return strtol(fields[11], NULL, 10) + strtol(fields[12], NULL, 10);
}

static void test_interface_deleted(void)
{
    TapRig *rig;
    QTest *s;
    g_autofree char *output = NULL;
    g_autofree char *text = NULL;
    long before;

    if (tap_skipped()) {
        return;
    }
    rig = tap_rig_new("");
    s = rig->pair->s;
    netns_link_delete("t0");
    qtest_wait_netdev(s, "net0", "link-up", 0);
    qtest_wait_output(s, "netdev 'net0': the tap interface is gone: "
                      "File descriptor in bad state");
    frame_link_send(&rig->pair->peer, 0, FEW);
    qtest_wait_netdev(s, "net0", "rx.dropped.not-connected.frames", FEW);
    before = cpu_ticks(s);
    poll(NULL, 0, 300); /* ticks are counted in 10 ms */
    g_assert_cmpint(cpu_ticks(s) - before, <, 10);
    output = qtest_output(s);
    g_assert_cmpuint(count_of(output, "is gone"), ==, 1);
    text = qtest_hmp(s, "info network");
    g_assert_nonnull(strstr(text, "type=tap,ifname=t0,script=no,downscript=no,gone\r\n"));
    qtest_stop(s);
    qtest_cont(s);
    tap_rig_free(rig);
}

/* Deleted while it is not read: noticed when it is read again. */
static void test_interface_deleted_while_stopped(void)
{
    TapRig *rig;
    QTest *s;

    if (tap_skipped()) {
        return;
    }
    rig = tap_rig_new("");
    s = rig->pair->s;
    qtest_stop(s);
    netns_link_delete("t0");
    frame_link_send(&rig->pair->peer, 0, FEW);
    qtest_wait_netdev(s, "peer", "tx.in.frames", 0);
    qtest_cont(s);
    qtest_wait_netdev(s, "net0", "link-up", 0);
    qtest_qmp_ok(s, "{'execute': 'netdev_del', 'arguments': {'id': 'net0'}}");
    tap_rig_free(rig);
}

/* --- Refused ----------------------------------------------------------------------------- */

#define FD_CONFLICT "ifname=, script=, downscript=, vnet_hdr=, helper=, queues=, fds=, and " \
    "vhostfds= are invalid with fd="
#define FDS_CONFLICT "ifname=, script=, downscript=, vnet_hdr=, helper=, queues=, and " \
    "vhostfd= are invalid with fds="
#define HELPER_CONFLICT "ifname=, script=, downscript=, vnet_hdr=, queues=, and vhostfds= are " \
    "invalid with helper="

typedef struct AddError {
    const char *name;
    const char *members;
    const char *desc;
} AddError;

static const AddError add_errors[] = {
    { "fd-ifname", ", 'fd': '0', 'ifname': 'a'", FD_CONFLICT },
    { "fd-script", ", 'fd': '0', 'script': 'no'", FD_CONFLICT },
    { "fd-downscript", ", 'fd': '0', 'downscript': 'no'", FD_CONFLICT },
    { "fd-vnet-hdr", ", 'fd': '0', 'vnet_hdr': false", FD_CONFLICT },
    { "fd-helper", ", 'fd': '0', 'helper': '/x'", FD_CONFLICT },
    { "fd-queues", ", 'fd': '0', 'queues': 1", FD_CONFLICT },
    { "fd-fds", ", 'fd': '0', 'fds': '0'", FD_CONFLICT },
    { "fd-vhostfds", ", 'fd': '0', 'vhostfds': '0'", FD_CONFLICT },
    { "fds-ifname", ", 'fds': '0', 'ifname': 'a'", FDS_CONFLICT },
    { "fds-vhostfd", ", 'fds': '0', 'vhostfd': '0'", FDS_CONFLICT },
    { "fds-helper", ", 'fds': '0', 'helper': '/x'", FDS_CONFLICT },
    { "helper-ifname", ", 'helper': '/x', 'ifname': 'a'", HELPER_CONFLICT },
    { "helper-vnet-hdr", ", 'helper': '/x', 'vnet_hdr': true", HELPER_CONFLICT },
    { "helper-vhostfds", ", 'helper': '/x', 'vhostfds': '1'", HELPER_CONFLICT },
    { "vhostfds-alone", ", 'vhostfds': '1'", "vhostfds= is invalid if fds= wasn't specified" },
    { "br-alone", ", 'br': 'br0'", "br= is only valid with helper=" },
    { "queues-0", ", 'queues': 0", "queues=0 is not supported: a tap has one queue here" },
    { "queues-2", ", 'queues': 2", "queues=2 is not supported: a tap has one queue here" },
    { "fds-2", ", 'fds': '0:1'", "fds=0:1 is not supported: a tap has one queue here" },
    { "fds-vhostfds-differ", ", 'fds': '0:1', 'vhostfds': '1'",
      "The number of fds passed does not match the number of vhostfds passed" },
    { "vhost", ", 'vhost': true", "vhost=on: vhost is not supported" },
    { "vhostforce", ", 'vhostforce': true", "vhostforce=on: vhost is not supported" },
    { "vhostfd", ", 'vhostfd': '7'", "vhostfd=7: vhost is not supported" },
    { "vhostfds", ", 'fds': '0', 'vhostfds': '7'", "vhostfds=7: vhost is not supported" },
    { "vhostfd-off", ", 'vhostfd': '7', 'vhost': false",
      "vhostfd(s)= is not valid without vhost" },
    { "poll-us", ", 'poll-us': 5", "poll-us=5: vhost is not supported" },
    { "ifname-long", ", 'ifname': 'abcdefghijklmnop'", "ifname=abcdefghijklmnop is too long: "
      "an interface's name has at most 15 bytes" },
    { "fd-unknown-name", ", 'fd': 'foo'", "File descriptor named 'foo' has not been found" },
    { "fd-standard-stream", ", 'fd': '0'",
      "File descriptor 0 was not inherited or is in use" },
    { "fd-not-open", ", 'fd': '999'", "Unable to query TUNGETIFF on FD 999: Bad file descriptor" },
};

static void test_add_error(const void *data)
{
    const AddError *bad = data;
    QTest *s = qtest_start("%s", "");

    qtest_qmp_error(s, "GenericError", bad->desc, TAP_ADD, bad->members);
    qtest_quit(s);
}

static void test_start_errors(void)
{
    qtest_expect_start_error("-netdev tap,id=a,fd=foo: Invalid file descriptor number 'foo'",
                             "-netdev tap,id=a,fd=foo");
    qtest_expect_start_error("Parameter 'sndbuf' expects a size value",
                             "-netdev tap,id=a,sndbuf=x");
    qtest_expect_start_error("Parameter 'vnet_hdr' expects 'on' or 'off'",
                             "-netdev tap,id=a,vnet_hdr=1");
    qtest_expect_start_error("bridge helper failed\n/no/such: No such file or directory",
                             "-netdev bridge,id=a,helper=/no/such");
    qtest_expect_start_error("Invalid parameter 'ifname'", "-netdev bridge,id=a,ifname=x");
}

static void add_tests(void)
{
    g_test_add_func("/netdev-tap/fd", test_fd);
    g_test_add_func("/netdev-tap/fd-vnet-hdr", test_fd_vnet_hdr);
    g_test_add_func("/netdev-tap/fd-multi-queue", test_fd_multi_queue);
    g_test_add_func("/netdev-tap/fds-of-one", test_fds_of_one);
    g_test_add_func("/netdev-tap/fd-is-reset", test_fd_is_reset);
    g_test_add_func("/netdev-tap/fd-errors", test_fd_errors);
    g_test_add_func("/netdev-tap/unprivileged", test_unprivileged);
    g_test_add_func("/netdev-tap/ifname", test_ifname);
    g_test_add_func("/netdev-tap/ifname-queues", test_ifname_queues);
    g_test_add_func("/netdev-tap/ifname-vnet-hdr", test_ifname_vnet_hdr);
    g_test_add_func("/netdev-tap/ifname-no-vnet-hdr", test_ifname_no_vnet_hdr);
    g_test_add_func("/netdev-tap/ifname-in-use", test_ifname_in_use);
    g_test_add_func("/netdev-tap/ifname-no-tap", test_ifname_no_tap);
    g_test_add_func("/netdev-tap/made", test_made);
    g_test_add_func("/netdev-tap/stopped", test_stopped);
    g_test_add_func("/netdev-tap/enabled-when-stopped", test_enabled_when_stopped);
    g_test_add_func("/netdev-tap/filter", test_filter);
    g_test_add_func("/netdev-tap/interface-down", test_interface_down);
    g_test_add_func("/netdev-tap/interface-deleted", test_interface_deleted);
    g_test_add_func("/netdev-tap/interface-deleted-while-stopped",
                    test_interface_deleted_while_stopped);
    g_test_add_func("/netdev-tap/start-errors", test_start_errors);
    CASES_ADD("/netdev-tap/netdev-add/", add_errors, name, test_add_error);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_tests();
    return g_test_run();
}
