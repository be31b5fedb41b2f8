/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter-redirector in the real program: out, in, both, and from one program to another. */

#include "filter-rig.h"

#include <string.h>
#include <sys/socket.h>

#define OUT "-object filter-redirector,id=f0,netdev=net0,outdev=chr0"
#define IN "-object filter-redirector,id=f1,netdev=net0,indev=chr1"

static void test_takes_all(void)
{
    frig_check_verdict(OUT, true, false, true, false);
}

static void test_takes_tx(void)
{
    frig_check_verdict(OUT ",queue=tx", true, false, false, true);
}

static void test_takes_rx(void)
{
    frig_check_verdict(OUT ",queue=rx", false, true, true, false);
}

static void test_takes_nothing_when_off(void)
{
    frig_check_verdict(OUT ",status=off", false, true, false, true);
}

static void test_indev_alone_passes(void)
{
    frig_check_verdict(IN, false, true, false, true);
}

static void test_counters(void)
{
    FilterRig *frig = frig_new(OUT ",queue=tx " IN ",queue=tx");

    frig_connect_in(frig);
    frig_send_tx(frig, 7);
    frig_expect(&frig->rig->out, 0, 7);
    frame_link_send(&frig->in, 0, 5);
    frame_link_expect(&frig->rig->peer, 0, 5);
    g_assert_cmpint(qtest_filter_count(frig->s, "f0", "in.frames"), ==, 7);
    g_assert_cmpint(qtest_filter_count(frig->s, "f0", "consumed.frames"), ==, 7);
    g_assert_cmpint(qtest_filter_count(frig->s, "f0", "to-outdev.frames"), ==, 7);
    g_assert_cmpint(qtest_filter_count(frig->s, "f1", "in.frames"), ==, 0);
    g_assert_cmpint(qtest_filter_count(frig->s, "f1", "injected.frames"), ==, 5);
    g_assert_cmpint(qtest_filter_count(frig->s, "f1", "from-indev.frames"), ==, 5);
    frig_free(frig);
}

/* --- In ---------------------------------------------------------------------------------- */

/* Mirrors a(tx) b(rx) before and c(tx) d(rx) behind the injecting filter see what they should. */
static void check_injection(const char *queue, bool tx, bool rx)
{
    static const char *const mirrors[] = { "a", "b", "c", "d" };
    g_autofree char *options = g_strdup_printf(
        "-chardev null,id=ca -chardev null,id=cb -chardev null,id=cc -chardev null,id=cd "
        "-object filter-mirror,id=a,netdev=net0,queue=tx,outdev=ca "
        "-object filter-mirror,id=b,netdev=net0,queue=rx,outdev=cb "
        IN ",queue=%s "
        "-object filter-mirror,id=c,netdev=net0,queue=tx,outdev=cc "
        "-object filter-mirror,id=d,netdev=net0,queue=rx,outdev=cd", queue);
    const int64_t seen[] = { 0, rx ? 20 : 0, tx ? 20 : 0, 0 };
    FilterRig *frig = frig_new(options);

    frig_connect_in(frig);
    frame_link_send(&frig->in, 0, 20);
    qtest_wait_filter(frig->s, "f1", "from-indev.frames", 20);
    frig_expect(&frig->rig->peer, 0, tx ? 20 : 0);
    frig_expect(&frig->rig->net, 0, rx ? 20 : 0);
    for (size_t i = 0; i < G_N_ELEMENTS(mirrors); i++) {
        g_assert_cmpint(qtest_filter_count(frig->s, mirrors[i], "to-outdev.frames"), ==, seen[i]);
    }
    frig_free(frig);
}

static void test_injects_tx(void)
{
    check_injection("tx", true, false);
}

static void test_injects_rx(void)
{
    check_injection("rx", false, true);
}

static void test_injects_all(void)
{
    check_injection("all", true, true);
}

static void test_injected_and_own_frames_keep_order(void)
{
    FilterRig *frig = frig_new(IN ",queue=tx");

    frig_connect_in(frig);
    qtest_stop(frig->s);
    for (uint32_t i = 0; i < 40; i++) {
        frame_link_send(&frig->in, i, 1);
        qtest_wait_filter(frig->s, "f1", "from-indev.frames", i + 1);
    }
    g_assert_cmpint(qtest_netdev_count(frig->s, "net0", "tx.held.frames"), ==, 40);
    frame_link_send(&frig->rig->net, 40, 10);
    qtest_cont(frig->s);
    frame_link_expect(&frig->rig->peer, 0, 50);
    frig_free(frig);
}

static void test_vnet_word(void)
{
    FilterRig *frig = frig_new(OUT ",queue=tx,vnet_hdr_support=on " IN
                               ",queue=rx,vnet_hdr_support=on");

    frig_connect_in(frig);
    frig->in.kind = FRAME_LINK_STREAM_VNET;
    frig->rig->out.kind = FRAME_LINK_STREAM_VNET;
    frig_send_tx(frig, 30);
    frig_expect(&frig->rig->out, 0, 30);
    frame_link_send(&frig->in, 0, 30);
    frame_link_expect(&frig->rig->net, 0, 30);
    frig_free(frig);
}

/* Of a datagram with an impossible length the rest is lost, and nothing of the next one. */
static void test_malformed_datagram(void)
{
    static const uint8_t oversized[] = { 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 60, 'r', 'e', 's', 't' };
    uint16_t port, own = sock_free_port(SOCK_DGRAM);
    int fd = sock_udp(&port);
    g_autofree char *options = g_strdup_printf(
        "-chardev udp,id=u0,host=127.0.0.1,port=%u,localaddr=127.0.0.1,localport=%u "
        "-object filter-redirector,id=f1,netdev=net0,queue=tx,indev=u0", port, own);
    FilterRig *frig = frig_new(options);
    FrameLink in;

    sock_udp_connect(fd, own);
    frame_link_init(&in, FRAME_LINK_STREAM, fd);
    for (uint32_t round = 0; round < 3; round++) {
        frame_link_send(&in, 2 * round, 2);
        sock_write(fd, oversized, sizeof(oversized));
        qtest_wait_filter(frig->s, "f1", "malformed", round + 1);
        frame_link_expect(&frig->rig->peer, 2 * round, 2);
    }
    frame_link_send(&in, 6, 1);
    frame_link_expect(&frig->rig->peer, 6, 1);
    g_assert_cmpint(qtest_filter_count(frig->s, "f1", "from-indev.frames"), ==, 7);
    g_assert_cmpint(qtest_filter_count(frig->s, "f1", "injected.frames"), ==, 7);
    frame_link_clear(&in);
    sock_close(&fd);
    frig_free(frig);
}

/* --- Status ------------------------------------------------------------------------------ */

static void test_created_off_reads_nothing(void)
{
    FilterRig *frig = frig_new(IN ",queue=tx,status=off");

    frig_connect_in(frig);
    frame_link_send(&frig->in, 0, 10);
    frig_send_tx(frig, 0);
    g_assert_cmpint(qtest_filter_count(frig->s, "f1", "from-indev.frames"), ==, 0);
    qtest_qom_set_str(frig->s, "f1", "status", "on");
    frame_link_expect(&frig->rig->peer, 0, 10);
    frig_free(frig);
}

static void test_half_frame_survives_off(void)
{
    FilterRig *frig = frig_new(IN ",queue=tx");
    uint8_t frame[FRAME_MAX];
    uint32_t len = frame_of_seq(frame, 0);
    uint32_t len_be = GUINT32_TO_BE(len);

    frig_connect_in(frig);
    sock_write(frig->in_fd, &len_be, 4);
    sock_write(frig->in_fd, frame, 20);
    qtest_qom_set_str(frig->s, "f1", "status", "off");
    qtest_qom_set_str(frig->s, "f1", "status", "on");
    sock_write(frig->in_fd, frame + 20, len - 20);
    frame_link_send(&frig->in, 1, 5);
    frame_link_expect(&frig->rig->peer, 0, 6);
    frig_free(frig);
}

static void test_reconnects_while_on(void)
{
    FilterRig *frig = frig_new(IN ",queue=tx");

    for (uint32_t i = 0; i < 5; i++) {
        frig_connect_in(frig);
        frame_link_send(&frig->in, i * 10, 10);
        frig_disconnect_in(frig);
        frame_link_expect(&frig->rig->peer, i * 10, 10);
    }
    g_assert_cmpint(qtest_filter_count(frig->s, "f1", "malformed"), ==, 0);
    frig_free(frig);
}

static void test_own_frames_pass_when_off(void)
{
    FilterRig *frig = frig_new(OUT ",queue=tx");

    frig_send_tx(frig, 3);
    frig_expect(&frig->rig->out, 0, 3);
    qtest_qom_set_str(frig->s, "f0", "status", "off");
    frig_send_tx(frig, 3);
    frig_expect(&frig->rig->peer, 3, 3);
    qtest_qom_set_str(frig->s, "f0", "status", "on");
    frig_send_tx(frig, 3);
    frig_expect(&frig->rig->out, 6, 3);
    frig_free(frig);
}

/* --- Chardevs ---------------------------------------------------------------------------- */

static void test_null_outdev_consumes(void)
{
    FilterRig *frig = frig_new("-chardev null,id=n0 "
                               "-object filter-redirector,id=f0,netdev=net0,outdev=n0,queue=tx");

    frig_send_tx(frig, 100);
    frig_expect(&frig->rig->peer, 0, 0);
    g_assert_cmpint(qtest_filter_count(frig->s, "f0", "to-outdev.frames"), ==, 100);
    frig_free(frig);
}

static void test_file_outdev(void)
{
    g_autofree char *path = tmp_path("frames");
    g_autofree char *options = g_strdup_printf(
        "-chardev file,id=file0,path=%s "
        "-object filter-redirector,id=f0,netdev=net0,outdev=file0,queue=tx", path);
    FilterRig *frig = frig_new(options);
    g_autofree char *data = NULL;
    gsize len;
    gsize pos = 0;

    frig_send_tx(frig, 200);
    g_assert_true(g_file_get_contents(path, &data, &len, NULL));
    for (uint32_t i = 0; i < 200; i++) {
        uint8_t frame[FRAME_MAX];
        uint32_t frame_len = frame_of_seq(frame, i);
        uint32_t len_be = GUINT32_TO_BE(frame_len);

        g_assert_cmpuint(pos + 4 + frame_len, <=, len);
        g_assert_cmpmem(data + pos, 4, &len_be, 4);
        g_assert_cmpmem(data + pos + 4, frame_len, frame, frame_len);
        pos += 4 + frame_len;
    }
    g_assert_cmpuint(pos, ==, len);
    frig_free(frig);
}

/* Nobody reads outdev: the netdev waits, QMP answers, and in the end nothing is missing. */
static void test_slow_outdev(void)
{
    FilterRig *frig = frig_new(OUT ",queue=tx");
    uint32_t n = 0;

    for (int quiet = 0; quiet < 3;) {
        uint32_t more = frame_link_try_send(&frig->rig->net, n, 500);

        n += more;
        quiet = more > 0 ? 0 : quiet + 1;
        qtest_qmp_ok(frig->s, "{'execute': 'query-status'}");
    }
    g_assert_cmpint(qtest_netdev_count(frig->s, "net0", "tx.blocked"), ==, 1);
    frame_link_expect(&frig->rig->out, 0, n);
    g_assert_cmpint(qtest_filter_count(frig->s, "f0", "dropped.frames"), ==, 0);
    frig_free(frig);
}

/* The peer does not take injected frames: the sender on indev feels it, nothing is lost. */
static void test_slow_peer_of_indev(void)
{
    FilterRig *frig = frig_new(IN ",queue=tx");
    uint32_t n = 0;

    frig_connect_in(frig);
    for (int quiet = 0; quiet < 3;) {
        uint32_t more = frame_link_try_send(&frig->in, n, 500);

        n += more;
        quiet = more > 0 ? 0 : quiet + 1;
        qtest_qmp_ok(frig->s, "{'execute': 'query-status'}");
    }
    frame_link_expect(&frig->rig->peer, 0, n);
    frig_free(frig);
}

static void test_deleted_while_full(void)
{
    FilterRig *frig = frig_new(OUT ",queue=tx");
    uint32_t n = 0;
    int64_t sent;

    for (int quiet = 0; quiet < 3;) {
        uint32_t more = frame_link_try_send(&frig->rig->net, n, 500);

        n += more;
        quiet = more > 0 ? 0 : quiet + 1;
        qtest_qmp_ok(frig->s, "{'execute': 'query-status'}");
    }
    sent = qtest_filter_count(frig->s, "f0", "to-outdev.frames");
    qtest_object_del(frig->s, "f0");
    if (qtest_netdev_count(frig->s, "net0", "tx.injected.frames") == 1) {
        sent--; /* it was partly out: it goes to the peer, and the connection ends */
    }
    frame_link_expect(&frig->rig->out, 0, sent);
    frame_link_expect(&frig->rig->peer, sent, n - sent);
    frig_free(frig);
}

/* --- Two programs ------------------------------------------------------------------------ */

/* Frames that reach the stopped source come out at the destination's guest, in order. */
static void test_source_to_destination(void)
{
    FilterRig *to = frig_new("-S " IN ",queue=tx");
    g_autofree char *options = g_strdup_printf(
        "-chardev socket,id=link,path=%s "
        "-object filter-redirector,id=f0,netdev=net0,outdev=link,queue=tx,status=off,"
        "enable_when_stopped=on", to->in_path);
    FilterRig *from = frig_new(options);

    frig_send_tx(from, 100);
    frig_expect(&from->rig->peer, 0, 100);
    qtest_stop(from->s);
    qtest_qom_set_str(from->s, "f0", "status", "on");
    frame_link_send(&from->rig->net, 100, 500);
    qtest_wait_filter(to->s, "f1", "from-indev.frames", 500);
    frame_link_expect_nothing(&to->rig->peer);
    qtest_qmp_ok(to->s, "{'execute': 'cont'}");
    frame_link_expect(&to->rig->peer, 100, 500);
    frame_link_send(&from->rig->net, 600, 100);
    frame_link_expect(&to->rig->peer, 600, 100);
    frame_link_expect_nothing(&from->rig->peer);
    frig_free(from);
    frig_free(to);
}

/* --- Errors ------------------------------------------------------------------------------ */

#define ADD(members) "{'execute': 'object-add', 'arguments': {'qom-type': 'filter-redirector', " \
                     "'id': 'f0', 'netdev': 'net0'" members "}}"

static void test_errors(void)
{
    FilterRig *frig = frig_new("");

    qtest_qmp_error(frig->s, "GenericError",
                    "filter redirector needs 'indev' or 'outdev' at least one property set",
                    ADD(""));
    qtest_qmp_error(frig->s, "GenericError",
                    "'indev' and 'outdev' could not be same for filter redirector",
                    ADD(", 'indev': 'chr0', 'outdev': 'chr0'"));
    qtest_qmp_error(frig->s, "DeviceNotFound", "IN Device 'x' not found", ADD(", 'indev': 'x'"));
    qtest_qmp_error(frig->s, "DeviceNotFound", "OUT Device 'x' not found",
                    ADD(", 'indev': 'chr1', 'outdev': 'x'"));
    qtest_qmp_error(frig->s, "GenericError",
                    "Parameter 'on-disconnect' does not accept value 'x'",
                    ADD(", 'outdev': 'chr0', 'on-disconnect': 'x'"));
    qtest_qmp_ok(frig->s, ADD(", 'indev': 'chr1', 'outdev': 'chr0'"));
    qtest_qmp_error(frig->s, "GenericError", "Chardev 'chr0' is busy",
                    "{'execute': 'chardev-remove', 'arguments': {'id': 'chr0'}}");
    qtest_qmp_error(frig->s, "GenericError", "Chardev 'chr1' is busy",
                    "{'execute': 'chardev-remove', 'arguments': {'id': 'chr1'}}");
    frig_free(frig);
}

static void test_properties_read_back(void)
{
    FilterRig *frig = frig_new(OUT ",queue=tx,on-disconnect=hold,hold-size=1M");
    static const char *const want[][2] = {
        { "netdev", "\"net0\"" }, { "queue", "\"tx\"" }, { "status", "\"on\"" },
        { "position", "\"tail\"" }, { "insert", "\"behind\"" }, { "outdev", "\"chr0\"" },
        { "vnet_hdr_support", "false" }, { "enable_when_stopped", "false" },
        { "on-disconnect", "\"hold\"" }, { "hold-size", "1048576" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(want); i++) {
        g_autofree char *got = qtest_qom_get(frig->s, "f0", want[i][0]);

        g_assert_cmpstr(got, ==, want[i][1]);
    }
    qtest_qom_set(frig->s, "f0", "hold-size", "2097152");
    g_assert_cmpint(qtest_netdev_count(frig->s, "net0", "tx.hold-size"), ==, 2097152);
    frig_free(frig);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/filter-redirector/takes/all", test_takes_all);
    g_test_add_func("/filter-redirector/takes/tx", test_takes_tx);
    g_test_add_func("/filter-redirector/takes/rx", test_takes_rx);
    g_test_add_func("/filter-redirector/takes/nothing-when-off", test_takes_nothing_when_off);
    g_test_add_func("/filter-redirector/indev-alone-passes", test_indev_alone_passes);
    g_test_add_func("/filter-redirector/counters", test_counters);
    g_test_add_func("/filter-redirector/injects/tx", test_injects_tx);
    g_test_add_func("/filter-redirector/injects/rx", test_injects_rx);
    g_test_add_func("/filter-redirector/injects/all", test_injects_all);
    g_test_add_func("/filter-redirector/injects/keeps-order",
                    test_injected_and_own_frames_keep_order);
    g_test_add_func("/filter-redirector/vnet-word", test_vnet_word);
    g_test_add_func("/filter-redirector/malformed-datagram", test_malformed_datagram);
    g_test_add_func("/filter-redirector/status/created-off", test_created_off_reads_nothing);
    g_test_add_func("/filter-redirector/status/half-frame", test_half_frame_survives_off);
    g_test_add_func("/filter-redirector/status/reconnects", test_reconnects_while_on);
    g_test_add_func("/filter-redirector/status/own-frames", test_own_frames_pass_when_off);
    g_test_add_func("/filter-redirector/chardev/null", test_null_outdev_consumes);
    g_test_add_func("/filter-redirector/chardev/file", test_file_outdev);
    g_test_add_func("/filter-redirector/slow/outdev", test_slow_outdev);
    g_test_add_func("/filter-redirector/slow/peer-of-indev", test_slow_peer_of_indev);
    g_test_add_func("/filter-redirector/slow/deleted-while-full", test_deleted_while_full);
    g_test_add_func("/filter-redirector/source-to-destination", test_source_to_destination);
    g_test_add_func("/filter-redirector/errors", test_errors);
    g_test_add_func("/filter-redirector/properties-read-back", test_properties_read_back);
    return g_test_run();
}
