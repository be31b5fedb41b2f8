/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each weakness of the patch once published for QEMU, shown to be absent: W1 to W23. */

#include "rig.h"

#include <string.h>
#include <sys/socket.h>

#define REDIRECTOR "-object filter-redirector,id=f0,netdev=net0,queue=tx,outdev=chr0"
#define REDIRECTOR_ON REDIRECTOR ",enable_when_stopped=true"
#define ENABLED "'enable_when_stopped': true"

/* W1: asking changes whether the netdev is read. */
static void test_w1(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, REDIRECTOR);

    rig_connect_out(rig);
    qtest_stop(rig->s);
    g_assert_false(rig_is_polled(rig));
    qtest_qom_set_bool(rig->s, "f0", "enable_when_stopped", true);
    g_assert_true(rig_is_polled(rig));
    g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "stopped-readers"), ==, 1);
    rig_free(rig);
}

/* What can be wrong with a new redirector, and what is said. */
typedef struct BadRedirector {
    const char *name;
    const char *json;    /* members besides qom-type */
    const char *option;  /* behind "filter-redirector,"; NULL = cannot be said there */
    const char *class;
    const char *message;
} BadRedirector;

static const BadRedirector bad_redirectors[] = {
    { "unknown-indev", "'id': 'bad', 'netdev': 'net0', 'indev': 'nope'",
      "id=bad,netdev=net0,indev=nope", "DeviceNotFound", "IN Device 'nope' not found" },
    { "unknown-outdev", "'id': 'bad', 'netdev': 'net0', 'outdev': 'nope'",
      "id=bad,netdev=net0,outdev=nope", "DeviceNotFound", "OUT Device 'nope' not found" },
    { "neither", "'id': 'bad', 'netdev': 'net0'", "id=bad,netdev=net0", "GenericError",
      "filter redirector needs 'indev' or 'outdev' at least one property set" },
    { "equal", "'id': 'bad', 'netdev': 'net0', 'indev': 'chr0', 'outdev': 'chr0'",
      "id=bad,netdev=net0,indev=chr0,outdev=chr0", "GenericError",
      "'indev' and 'outdev' could not be same for filter redirector" },
    { "chardev-busy", "'id': 'bad', 'netdev': 'net0', 'outdev': 'busy'",
      "id=bad,netdev=net0,outdev=busy", "GenericError", "chardev 'busy' is already in use" },
    { "unknown-netdev", "'id': 'bad', 'netdev': 'nope', 'outdev': 'chr0'",
      "id=bad,netdev=nope,outdev=chr0", "GenericError",
      "Parameter 'netdev' expects a network backend id" },
    { "no-netdev", "'id': 'bad', 'outdev': 'chr0'", "id=bad,outdev=chr0", "GenericError",
      "Parameter 'netdev' is missing" },
    { "position", "'id': 'bad', 'netdev': 'net0', 'outdev': 'chr0', 'position': 'middle'",
      "id=bad,netdev=net0,outdev=chr0,position=middle", "GenericError",
      "Parameter 'position' expects 'head', 'tail' or 'id=<id>'" },
    { "position-unknown", "'id': 'bad', 'netdev': 'net0', 'outdev': 'chr0', "
      "'position': 'id=nope'", "id=bad,netdev=net0,outdev=chr0,position=id=nope",
      "GenericError", "filter 'nope' not found" },
    { "status", "'id': 'bad', 'netdev': 'net0', 'outdev': 'chr0', 'status': 'maybe'",
      "id=bad,netdev=net0,outdev=chr0,status=maybe", "GenericError",
      "Invalid value for netfilter status, should be 'on' or 'off'" },
    { "queue", "'id': 'bad', 'netdev': 'net0', 'outdev': 'chr0', 'queue': 'both'",
      "id=bad,netdev=net0,outdev=chr0,queue=both", "GenericError",
      "Parameter 'queue' does not accept value 'both'" },
    { "id", "'id': '1bad', 'netdev': 'net0', 'outdev': 'chr0'",
      "id=1bad,netdev=net0,outdev=chr0", "GenericError",
      "Parameter 'id' expects an identifier" },
    { "no-id", "'netdev': 'net0', 'outdev': 'chr0'", "netdev=net0,outdev=chr0",
      "GenericError", "Parameter 'id' is missing" },
    { "duplicate-id", "'id': 'taken', 'netdev': 'net0', 'outdev': 'chr0'", NULL,
      "GenericError", "attempt to add duplicate property 'taken' to object "
      "(type 'container')" },
    { "unknown-property", "'id': 'bad', 'netdev': 'net0', 'outdev': 'chr0', 'speed': 1", NULL,
      "GenericError", "Parameter 'speed' is unexpected" },
    { "wrong-type", "'id': 'bad', 'netdev': 'net0', 'outdev': 'chr0', "
      "'enable_when_stopped': 'yes'", NULL, "GenericError",
      "Invalid parameter type for 'enable_when_stopped', expected: boolean" },
};

#define BAD_RIG_OPTIONS                                                                       \
    "-chardev null,id=busy -object filter-mirror,id=taken,netdev=net0,outdev=busy"

/* W2: over QMP; nothing is left behind: the same works with the mistake mended. */
static void test_w2_qmp(const void *data)
{
    const BadRedirector *bad = data;
    Rig *rig = rig_new(RIG_SOCKET_STREAM, BAD_RIG_OPTIONS);
    g_autofree char *before = qtest_hmp(rig->s, "info network");
    g_autofree char *after = NULL;

    qtest_qmp_error(rig->s, bad->class, bad->message,
                    "{'execute': 'object-add', 'arguments': "
                    "{'qom-type': 'filter-redirector', %s}}", bad->json);
    after = qtest_hmp(rig->s, "info network");
    g_assert_cmpstr(before, ==, after);
    qtest_object_add(rig->s, "{'qom-type': 'filter-redirector', 'id': 'bad', "
                     "'netdev': 'net0', 'queue': 'tx', 'outdev': 'chr0', " ENABLED "}");
    rig_free(rig);
}

/* W2: on the command line. */
static void test_w2_option(const void *data)
{
    const BadRedirector *bad = data;

    qtest_expect_start_error(bad->message,
                             "-nodefaults -netdev hubport,id=net0,hubid=0 "
                             "-chardev null,id=chr0 " BAD_RIG_OPTIONS
                             " -object filter-redirector,%s", bad->option);
}

/* W3: asking for the type's properties needs no object and harms nobody. */
static void test_w3(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, " ");
    g_autoptr(json_object) list =
        qtest_qmp_return(rig->s, "{'execute': 'qom-list-properties', "
                         "'arguments': {'typename': 'filter-redirector'}}");

    g_assert_nonnull(strstr(json_object_to_json_string(list), "enable_when_stopped"));
    rig_free(rig);
}

/* W5: created while stopped. */
static void test_w5(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, " ");

    rig_connect_out(rig);
    qtest_stop(rig->s);
    rig_send(rig, 3);
    rig_add_redirector(rig, ENABLED);
    rig_send(rig, 3);
    rig_expect_out(rig, 6);
    rig_free(rig);
}

/* W6: created before the VM ever ran. */
static void test_w6(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, "-S");

    rig_connect_out(rig);
    rig_send(rig, 3);
    rig_add_redirector(rig, ENABLED);
    rig_send(rig, 3);
    rig_expect_out(rig, 6);
    rig_free(rig);
}

/* W7: property and status switched on while stopped. */
static void test_w7(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, REDIRECTOR ",status=off");

    rig_connect_out(rig);
    qtest_stop(rig->s);
    rig_send(rig, 3);
    qtest_qom_set_bool(rig->s, "f0", "enable_when_stopped", true);
    qtest_qom_set_str(rig->s, "f0", "status", "on");
    rig_expect_out(rig, 3);
    qtest_cont(rig->s);
    rig_send(rig, 3);
    rig_expect_out(rig, 3);
    rig_free(rig);
}

/* W8: a second stop, which is no change of state. */
static void test_w8(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, REDIRECTOR);

    rig_connect_out(rig);
    qtest_stop(rig->s);
    qtest_qom_set_bool(rig->s, "f0", "enable_when_stopped", true);
    qtest_qmp_ok(rig->s, "{'execute': 'stop'}");
    rig_send(rig, 3);
    rig_expect_out(rig, 3);
    rig_free(rig);
}

/* W9: frames that get past all filters, and an empty one, do not end the reading. */
static void test_w9(void)
{
    Rig *rig = rig_new_with_taker("-chardev null,id=nul -object filter-mirror,id=f0,"
                                  "netdev=net0,queue=tx,outdev=nul,enable_when_stopped=true");

    qtest_stop(rig->s);
    rig_send(rig, 5);
    rig_wait_in(rig, 5);
    sock_write(rig->net_fd, "\0\0\0", 4);
    rig_send(rig, 5);
    rig_wait_in(rig, 10);
    g_assert_true(rig_is_polled(rig));
    qtest_cont(rig->s);
    rig_expect_peer(rig, 10);
    rig_free(rig);
}

/* W10: what cannot work is refused, at creation and later. */
static void test_w10(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, REDIRECTOR " -chardev null,id=nul "
                       "-object filter-redirector,id=f1,netdev=net0,indev=nul");
    const char *add = "{'execute': 'object-add', 'arguments': {'qom-type': "
                      "'filter-redirector', 'id': 'f2', 'netdev': 'net0', 'queue': 'rx', "
                      "'outdev': 'chr0', 'enable_when_stopped': true}}";

    qtest_qmp_error(rig->s, "GenericError", NULL, "%s", add);
    qtest_qmp_error(rig->s, "GenericError", NULL,
                    "{'execute': 'qom-set', 'arguments': {'path': '/objects/f1', "
                    "'property': 'enable_when_stopped', 'value': true}}");
    qtest_qom_set_str(rig->s, "f0", "queue", "rx");
    qtest_qmp_error(rig->s, "GenericError", NULL,
                    "{'execute': 'qom-set', 'arguments': {'path': '/objects/f0', "
                    "'property': 'enable_when_stopped', 'value': true}}");
    qtest_qom_set_str(rig->s, "f0", "queue", "all");
    qtest_qom_set_bool(rig->s, "f0", "enable_when_stopped", true);
    qtest_qmp_error(rig->s, "GenericError", NULL,
                    "{'execute': 'qom-set', 'arguments': {'path': '/objects/f0', "
                    "'property': 'queue', 'value': 'rx'}}");
    rig_free(rig);
}

/* W11: one that is off asks for nothing. */
static void test_w11(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, REDIRECTOR_ON ",status=off");

    rig_connect_out(rig);
    qtest_stop(rig->s);
    g_assert_false(rig_is_polled(rig));
    g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "stopped-readers"), ==, 0);
    rig_free(rig);
}

/* W12: it ends with the status, the object, or the stop; back-pressure is not overridden. */
static void test_w12(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, REDIRECTOR_ON);

    rig_connect_out(rig);
    qtest_stop(rig->s);
    g_assert_true(rig_is_polled(rig));
    qtest_qom_set_str(rig->s, "f0", "status", "off");
    g_assert_false(rig_is_polled(rig));
    qtest_qom_set_str(rig->s, "f0", "status", "on");
    g_assert_true(rig_is_polled(rig));
    qtest_object_del(rig->s, "f0");
    g_assert_false(rig_is_polled(rig));
    qtest_cont(rig->s);
    rig_send(rig, 1);
    qtest_wait_netdev(rig->s, "net0", "tx.held.frames", 1);
    g_assert_false(rig_is_polled(rig));
    rig_free(rig);
}

/* W13: several are counted. */
static void test_w13(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, REDIRECTOR_ON " -chardev null,id=nul "
                       "-object filter-redirector,id=f1,netdev=net0,outdev=nul,"
                       "enable_when_stopped=true");

    rig_connect_out(rig);
    qtest_stop(rig->s);
    g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "stopped-readers"), ==, 2);
    qtest_qom_set_str(rig->s, "f1", "status", "off");
    g_assert_true(rig_is_polled(rig));
    qtest_qom_set_str(rig->s, "f0", "status", "off");
    g_assert_false(rig_is_polled(rig));
    rig_free(rig);
}

/* W14: frames that wait at the NIC when the VM stops are not thrown away. */
static void test_w14(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, REDIRECTOR_ON ",status=off");

    rig_connect_out(rig);
    rig_send(rig, 6);
    qtest_wait_netdev(rig->s, "net0", "tx.blocked", 1);
    qtest_stop(rig->s);
    g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "tx.held.frames"), >, 0);
    qtest_qom_set_str(rig->s, "f0", "status", "on");
    rig_expect_out(rig, 6);
    rig_free(rig);
}

/* W15: frames read before the redirector was active come out of it, first. */
static void test_w15(void)
{
    Rig *rig = rig_new_with_taker("-chardev null,id=nul -object filter-mirror,id=m0,"
                                  "netdev=net0,queue=tx,outdev=nul,enable_when_stopped=true");

    rig_connect_out(rig);
    qtest_stop(rig->s);
    rig_send(rig, 50);
    qtest_wait_netdev(rig->s, "net0", "tx.held.frames", 50);
    rig_add_redirector(rig, ENABLED);
    rig_expect_out(rig, 50);
    rig_send(rig, 50);
    rig_expect_out(rig, 50);
    qtest_cont(rig->s);
    frame_link_expect_nothing(&rig->peer);
    rig_free(rig);
}

/* W16: frames dropped for want of a connection are counted; while stopped none is read. */
static void test_w16(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, REDIRECTOR_ON);

    rig_send(rig, 10);
    qtest_wait_filter(rig->s, "f0", "dropped.not-connected.frames", 10);
    qtest_stop(rig->s);
    rig_send(rig, 10);
    g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "tx.in.frames"), ==, 10);
    g_assert_cmpint(qtest_filter_count(rig->s, "f0", "dropped.frames"), ==, 10);
    rig->n_out = 10;
    rig_connect_out(rig);
    rig_expect_out(rig, 10);
    rig_free(rig);
}

/* W17: nobody reads outdev: QMP goes on answering. */
static void test_w17(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, REDIRECTOR_ON ",hold-size=128k");

    rig_connect_out(rig);
    qtest_stop(rig->s);
    rig_fill(rig);
    for (int i = 0; i < 10; i++) {
        qtest_qmp_ok(rig->s, "{'execute': 'query-status'}");
    }
    qtest_cont(rig->s);
    rig_expect_out(rig, rig->n_sent);
    rig_free(rig);
}

/* W18: a buffer in front, whose clock stands still, lets the frames through meanwhile. */
static void test_w18(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, "-object filter-buffer,id=b0,netdev=net0,queue=tx,"
                       "interval=1000000 " REDIRECTOR_ON);

    rig_connect_out(rig);
    rig_send(rig, 5);
    qtest_wait_filter(rig->s, "b0", "held.frames", 5);
    rig_expect_no_out(rig);
    qtest_stop(rig->s);
    rig_expect_out(rig, 5);
    rig_send(rig, 5);
    rig_expect_out(rig, 5);
    qtest_cont(rig->s);
    rig_send(rig, 5);
    qtest_wait_filter(rig->s, "b0", "held.frames", 5);
    rig_expect_no_out(rig);
    qtest_clock_step(rig->s, 1000000000);
    rig_expect_out(rig, 5);
    rig_free(rig);
}

/* W19: active-in says for which reasons of a stop it acts. */
static void test_w19(void)
{
    Rig *rig = rig_new_with_taker("-S " REDIRECTOR_ON ",active-in=prelaunch,"
                                  "active-in=postmigrate");

    rig_connect_out(rig);
    rig_send(rig, 5);
    rig_expect_out(rig, 5);
    qtest_cont(rig->s);
    rig_send(rig, 5);
    rig->n_peer = 5;
    rig_expect_peer(rig, 5);
    qtest_stop(rig->s);
    g_assert_false(rig_is_polled(rig));
    rig_send(rig, 5);
    rig_expect_no_out(rig);
    qtest_cont(rig->s);
    rig_expect_peer(rig, 5);
    rig_free(rig);
}

/* W20: diverted frames are counted, and can be handed back in order. */
static void test_w20(void)
{
    g_autofree char *path = tmp_path("back.sock");
    Rig *rig = rig_new_with_taker(REDIRECTOR_ON ",active-in=paused "
                                  "-chardev socket,id=chr1,path=%s,server=on,wait=off "
                                  "-object filter-redirector,id=f1,netdev=net0,queue=tx,"
                                  "indev=chr1", path);
    int back = sock_connect_unix(path);
    FrameLink link;

    frame_link_init(&link, FRAME_LINK_STREAM, back);
    rig_connect_out(rig);
    rig_send(rig, 10);
    rig_expect_peer(rig, 10);
    qtest_stop(rig->s);
    rig->n_out = 10;
    rig_send(rig, 10);
    rig_expect_out(rig, 10);
    g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "tx.while-stopped.consumed.frames"), ==,
                    10);
    frame_link_send(&link, 10, 10);
    qtest_wait_netdev(rig->s, "net0", "tx.held.frames", 10);
    qtest_cont(rig->s);
    rig_send(rig, 10);
    rig_expect_peer(rig, 20);
    frame_link_clear(&link);
    sock_close(&back);
    rig_free(rig);
}

/* W22: the one hook there is does its work: reading stops and starts as asked. */
static void test_w22(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, REDIRECTOR_ON);

    rig_connect_out(rig);
    qtest_stop(rig->s);
    for (int i = 0; i < 20; i++) {
        qtest_qom_set_bool(rig->s, "f0", "enable_when_stopped", i % 2);
        rig_send(rig, 1);
        if (i % 2) {
            rig_expect_out(rig, 2);
        } else {
            rig_expect_no_out(rig);
        }
    }
    rig_free(rig);
}

/* W23: injected before the VM runs: kept up to hold-size, then the sender has to wait. */
static void test_w23(void)
{
    g_autofree char *path = tmp_path("in.sock");
    Rig *rig = rig_new_with_taker("-S -chardev socket,id=chr1,path=%s,server=on,wait=off "
                                  "-object filter-redirector,id=f1,netdev=net0,queue=tx,"
                                  "indev=chr1,hold-size=1M", path);
    int in = sock_connect_unix(path);
    FrameLink link;
    uint32_t n = 0;
    uint32_t more;

    frame_link_init(&link, FRAME_LINK_STREAM, in);
    do {
        more = frame_link_try_send(&link, n, 20000);
        n += more;
    } while (more > 0 || rig_held_cost(rig) < 1024 * 1024 / 100 * 99);
    g_assert_cmpint(rig_held_cost(rig), <, 1024 * 1024 + 256 * 1024);
    qtest_cont(rig->s);
    rig_expect_peer(rig, n);
    g_assert_cmpint(qtest_netdev_count(rig->s, "net0", "tx.dropped.frames"), ==, 0);
    frame_link_clear(&link);
    sock_close(&in);
    rig_free(rig);
}

/* W23: more than the 10,000 frames that QEMU keeps. */
static void test_w23_ten_thousand(void)
{
    g_autofree char *path = tmp_path("in.sock");
    Rig *rig = rig_new_with_taker("-S -chardev socket,id=chr1,path=%s,server=on,wait=off "
                                  "-object filter-redirector,id=f1,netdev=net0,queue=tx,"
                                  "indev=chr1", path);
    int in = sock_connect_unix(path);
    FrameLink link;

    frame_link_init(&link, FRAME_LINK_STREAM, in);
    frame_link_send(&link, 0, 12000);
    qtest_wait_netdev(rig->s, "net0", "tx.held.frames", 12000);
    qtest_cont(rig->s);
    rig_expect_peer(rig, 12000);
    frame_link_clear(&link);
    sock_close(&in);
    rig_free(rig);
}

static void add_bad(const BadRedirector *bad)
{
    g_autofree char *qmp = g_strdup_printf("/weaknesses/w2-failed-creation/qmp/%s", bad->name);
    g_autofree char *option = g_strdup_printf("/weaknesses/w2-failed-creation/option/%s",
                                              bad->name);

    g_test_add_data_func(qmp, bad, test_w2_qmp);
    if (bad->option) {
        g_test_add_data_func(option, bad, test_w2_option);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/weaknesses/w1-asking-is-visible", test_w1);
    for (size_t i = 0; i < G_N_ELEMENTS(bad_redirectors); i++) {
        add_bad(&bad_redirectors[i]);
    }
    g_test_add_func("/weaknesses/w3-introspection", test_w3);
    g_test_add_func("/weaknesses/w5-created-while-stopped", test_w5);
    g_test_add_func("/weaknesses/w6-created-before-start", test_w6);
    g_test_add_func("/weaknesses/w7-switched-on-while-stopped", test_w7);
    g_test_add_func("/weaknesses/w8-second-stop", test_w8);
    g_test_add_func("/weaknesses/w9-passed-frame-ends-nothing", test_w9);
    g_test_add_func("/weaknesses/w10-useless-is-refused", test_w10);
    g_test_add_func("/weaknesses/w11-status-off-asks-nothing", test_w11);
    g_test_add_func("/weaknesses/w12-undone", test_w12);
    g_test_add_func("/weaknesses/w13-several-are-counted", test_w13);
    g_test_add_func("/weaknesses/w14-held-at-the-stop", test_w14);
    g_test_add_func("/weaknesses/w15-read-before-active", test_w15);
    g_test_add_func("/weaknesses/w16-outdev-absent", test_w16);
    g_test_add_func("/weaknesses/w17-outdev-slow", test_w17);
    g_test_add_func("/weaknesses/w18-buffer-in-front", test_w18);
    g_test_add_func("/weaknesses/w19-reason-of-the-stop", test_w19);
    g_test_add_func("/weaknesses/w20-counted-and-handed-back", test_w20);
    g_test_add_func("/weaknesses/w22-hook-works", test_w22);
    g_test_add_func("/weaknesses/w23-injected-wait", test_w23);
    g_test_add_func("/weaknesses/w23-more-than-ten-thousand", test_w23_ten_thousand);
    return g_test_run();
}
