/* SPDX-License-Identifier: GPL-2.0-or-later */
/* colo-compare in the real program: what is released, dropped, asked for and shown. */

#include "compare-rig.h"

#include <string.h>

static void test_equal_is_released(void)
{
    CompareRig *rig = crig_new("");

    crig_send_udp(&rig->pri, 1, "same");
    crig_wait(rig, "primary.queued.frames", 1);
    crig_expect_nothing(rig);
    crig_send_udp(&rig->sec, 1, "same");
    crig_expect_udp(rig, 1, "same");
    g_assert_cmpint(crig_count(rig, "matches"), ==, 1);
    g_assert_cmpint(crig_count(rig, "secondary.done.frames"), ==, 1);
    crig_free(rig);
}

static void test_tcp_cut_differently(void)
{
    CompareRig *rig = crig_new("");
    const PacketSpec whole = { .flags = ACK, .seq = 10, .ack = 5, .payload = "abcdefgh" };

    crig_send(&rig->pri, &whole);
    crig_send(&rig->sec, &(PacketSpec) { .flags = ACK, .seq = 10, .ack = 5, .payload = "abc" });
    crig_send(&rig->sec, &(PacketSpec) { .flags = ACK, .seq = 13, .ack = 5, .payload = "defgh" });
    crig_expect(rig, &whole);
    crig_free(rig);
}

static void test_untrackable_goes_out(void)
{
    CompareRig *rig = crig_new("");
    const PacketSpec arp = { .ether_type = 0x0806, .payload = "arp" };
    const PacketSpec vlan = { .n_tags = 1, .tags = { 0x8100 }, .payload = "vlan" };

    crig_send(&rig->sec, &arp);
    crig_wait(rig, "secondary.dropped.untracked.frames", 1);
    crig_send(&rig->pri, &arp);
    crig_send(&rig->pri, &vlan);
    crig_expect(rig, &arp);
    crig_expect(rig, &vlan);
    g_assert_cmpint(crig_count(rig, "untracked"), ==, 2);
    crig_free(rig);
}

static void test_different_asks_for_a_checkpoint(void)
{
    CompareRig *rig = crig_new("");
    g_autoptr(json_object) event = NULL;
    g_autoptr(json_object) second = NULL;

    crig_send_udp(&rig->pri, 1, "this");
    crig_send_udp(&rig->pri, 1, "more");
    crig_wait(rig, "primary.queued.frames", 2);
    crig_send_udp(&rig->sec, 1, "that");
    crig_expect_notice(rig, "DO_CHECKPOINT");
    event = qtest_wait_event(rig->s, "COLO_CHECKPOINT_NEEDED");
    g_assert_nonnull(strstr(json_object_to_json_string(event), "different"));
    g_assert_nonnull(strstr(json_object_to_json_string(event), "cmp0"));
    crig_expect_nothing(rig);
    crig_notify(rig, "COLO_CHECKPOINT");
    crig_expect_udp(rig, 1, "this");
    crig_expect_udp(rig, 1, "more");
    g_assert_cmpint(crig_count(rig, "checkpoints"), ==, 1);
    g_assert_cmpint(crig_count(rig, "mismatches"), ==, 1);
    g_assert_cmpint(crig_count(rig, "secondary.dropped.checkpoint.frames"), ==, 1);
    crig_send_udp(&rig->pri, 1, "a");
    crig_send_udp(&rig->sec, 1, "b");
    second = qtest_wait_event(rig->s, "COLO_CHECKPOINT_NEEDED");
    crig_free(rig);
}

static void test_timeout_asks_for_a_checkpoint(void)
{
    CompareRig *rig = crig_new(",compare_timeout=50,expired_scan_cycle=30");
    g_autoptr(json_object) event = NULL;

    crig_send_udp(&rig->pri, 1, "alone");
    event = qtest_wait_event(rig->s, "COLO_CHECKPOINT_NEEDED");
    g_assert_nonnull(strstr(json_object_to_json_string(event), "timeout"));
    crig_expect_notice(rig, "DO_CHECKPOINT");
    crig_expect_notice(rig, "DO_CHECKPOINT");
    g_assert_cmpint(crig_count(rig, "timeouts"), >=, 2);
    crig_notify(rig, "COLO_CHECKPOINT");
    crig_expect_udp(rig, 1, "alone");
    crig_free(rig);
}

/* The host's clock counts: a stopped VM's packets get old, too, and are compared. */
static void test_works_while_stopped(void)
{
    CompareRig *rig = crig_new(",compare_timeout=50,expired_scan_cycle=30");

    qtest_stop(rig->s);
    crig_send_udp(&rig->pri, 1, "same");
    crig_send_udp(&rig->sec, 1, "same");
    crig_expect_udp(rig, 1, "same");
    crig_send_udp(&rig->sec, 2, "late");
    crig_expect_notice(rig, "DO_CHECKPOINT");
    crig_free(rig);
}

static void test_vnet_headers(void)
{
    static const uint32_t lens[] = { 0, 10, 12, 20 };
    CompareRig *rig = crig_new(",vnet_hdr_support=on");

    for (size_t i = 0; i < G_N_ELEMENTS(lens); i++) {
        PacketSpec spec = { .protocol = 17, .payload = "same", .vnet_hdr_len = lens[i] };

        crig_send(&rig->pri, &spec);
        crig_send(&rig->sec, &spec);
        crig_expect(rig, &spec);
        g_assert_cmpuint(rig->out.vnet_len, ==, lens[i]);
    }
    crig_send(&rig->pri, &(PacketSpec) { .payload = "long", .vnet_hdr_len = 21 });
    crig_expect(rig, &(PacketSpec) { .payload = "long", .vnet_hdr_len = 21 });
    g_assert_cmpint(crig_count(rig, "untracked"), ==, 1);
    crig_free(rig);
}

static void test_order_of_many(void)
{
    enum { N = 500 };
    CompareRig *rig = crig_new("");

    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < N; i++) {
            g_autofree char *text = g_strdup_printf("packet %u", i);

            crig_send_udp(round == 0 ? &rig->pri : &rig->sec, (uint16_t)(1 + i % 7), text);
        }
        crig_wait(rig, round == 0 ? "primary.in.frames" : "secondary.in.frames", N);
    }
    for (uint32_t i = 0; i < N; i++) {
        g_autofree char *text = g_strdup_printf("packet %u", i);

        crig_expect_udp(rig, (uint16_t)(1 + i % 7), text);
    }
    crig_free(rig);
}

/* Ten thousand connections come and go. */
static void test_table_shrinks_back(void)
{
    enum { N = 10000 };
    static const uint8_t flags[] = { SYN | ACK, ACK | PSH, FIN | ACK };
    CompareRig *rig = crig_new(",compare_timeout=20,expired_scan_cycle=50");
    g_autofree uint8_t *got = g_malloc(FRAME_MAX);

    for (uint16_t port = 1; port <= N; port++) {
        for (uint32_t i = 0; i < G_N_ELEMENTS(flags); i++) {
            PacketSpec spec = { .flags = flags[i], .seq = i, .dst_port = port };

            crig_send(&rig->pri, &spec);
            crig_send(&rig->sec, &spec);
            frame_link_receive(&rig->out, got);
        }
    }
    g_assert_cmpint(crig_count(rig, "matches"), ==, N * G_N_ELEMENTS(flags));
    crig_wait(rig, "connections", 0);
    g_assert_cmpint(crig_count(rig, "added"), ==, N);
    g_assert_cmpint(crig_count(rig, "closed"), ==, N);
    crig_free(rig);
}

/* --- What is refused, set and shown ------------------------------------------------------ */

#define CHARDEVS "-chardev socket,id=a,path=%s,server=on,wait=off " \
    "-chardev ringbuf,id=ring -chardev socket,id=b,port=0,host=127.0.0.1,server=on,wait=off " \
    "-chardev socket,id=c,port=0,host=127.0.0.1,server=on,wait=off -object iothread,id=io"

typedef struct Refused {
    const char *properties;
    const char *message;
} Refused;

static const Refused refused[] = {
    { "secondary_in=b,outdev=c,iothread=io", "Parameter 'primary_in' is missing" },
    { "primary_in=a,outdev=c,iothread=io", "Parameter 'secondary_in' is missing" },
    { "primary_in=a,secondary_in=b,iothread=io", "Parameter 'outdev' is missing" },
    { "primary_in=a,secondary_in=b,outdev=c", "Parameter 'iothread' is missing" },
    { "primary_in=a,secondary_in=a,outdev=c,iothread=io",
      "'indev' and 'outdev' could not be same for compare module" },
    { "primary_in=a,secondary_in=b,outdev=a,iothread=io",
      "'indev' and 'outdev' could not be same for compare module" },
    { "primary_in=a,secondary_in=b,outdev=b,iothread=io",
      "'indev' and 'outdev' could not be same for compare module" },
    { "primary_in=x,secondary_in=b,outdev=c,iothread=io", "Device 'x' not found" },
    { "primary_in=a,secondary_in=b,outdev=c,iothread=x", "Device 'x' not found" },
    { "primary_in=a,secondary_in=b,outdev=c,iothread=io,notify_dev=y", "Device 'y' not found" },
    { "primary_in=a,secondary_in=b,outdev=c,iothread=io,notify_dev=a",
      "chardev 'a' is already in use" },
    { "primary_in=a,secondary_in=ring,outdev=c,iothread=io",
      "chardev \"ring\" is not reconnectable" },
    { "primary_in=a,secondary_in=b,outdev=c,iothread=io,compare_timeout=0",
      "Property 'colo-compare.compare_timeout' requires a positive value" },
    { "primary_in=a,secondary_in=b,outdev=c,iothread=io,compare_timeout=4294967296",
      "Parameter 'compare_timeout' expects uint32_t" },
    { "primary_in=a,secondary_in=b,outdev=c,iothread=io,expired_scan_cycle=0",
      "Property 'colo-compare.expired_scan_cycle' requires a positive value" },
    { "primary_in=a,secondary_in=b,outdev=c,iothread=io,max_queue_size=0",
      "Property 'colo-compare.max_queue_size' requires a positive value" },
    { "primary_in=a,secondary_in=b,outdev=c,iothread=io,hold-size=0",
      "Property 'colo-compare.hold-size' requires a positive value" },
    { "primary_in=a,secondary_in=b,outdev=c,iothread=io,bogus=1",
      "Invalid parameter 'bogus'" },
};

static void test_refused(void)
{
    g_autofree char *path = tmp_path("a");

    for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
        qtest_expect_start_error(refused[i].message, CHARDEVS " -object colo-compare,id=c0,%s",
                                 path, refused[i].properties);
    }
}

/* A failed creation leaves nothing behind: the same ends serve the next one. */
static void test_failed_creation_leaves_nothing(void)
{
    g_autofree char *path = tmp_path("a");
    QTest *s = qtest_start(CHARDEVS, path);
    const char *fmt = "{'execute': 'object-add', 'arguments': {'qom-type': 'colo-compare',"
                      " 'id': 'c0', 'primary_in': 'a', 'secondary_in': 'b', 'outdev': '%s',"
                      " 'iothread': 'io'}}";

    qtest_qmp_error(s, "GenericError", "chardev \"ring\" is not reconnectable", fmt, "ring");
    qtest_qmp_ok(s, fmt, "c");
    qtest_object_del(s, "c0");
    qtest_object_del(s, "io");
    qtest_quit(s);
}

static void assert_text(char *got, const char *want)
{
    g_assert_cmpstr(got, ==, want);
    g_free(got);
}

static void test_properties(void)
{
    CompareRig *rig = crig_new("");
    QTest *s = rig->s;
    const char *set = "{'execute': 'qom-set', 'arguments': {'path': '/objects/cmp0',"
                      " 'property': '%s', 'value': %s}}";

    assert_text(qtest_qom_get(s, "cmp0", "compare_timeout"), "3000");
    assert_text(qtest_qom_get(s, "cmp0", "expired_scan_cycle"), "1000");
    assert_text(qtest_qom_get(s, "cmp0", "max_queue_size"), "1024");
    assert_text(qtest_qom_get(s, "cmp0", "vnet_hdr_support"), "false");
    assert_text(qtest_qom_get(s, "cmp0", "iothread"), "\"/objects/io\"");
    qtest_qom_set(s, "cmp0", "compare_timeout", "50");
    qtest_qom_set(s, "cmp0", "expired_scan_cycle", "20");
    qtest_qom_set(s, "cmp0", "max_queue_size", "7");
    assert_text(qtest_qom_get(s, "cmp0", "max_queue_size"), "7");
    qtest_qmp_error(s, NULL, "Property 'colo-compare.compare_timeout' requires a positive value",
                    set, "compare_timeout", "0");
    qtest_qmp_error(s, NULL, "Property 'colo-compare.outdev' can only be given when the object "
                    "is created", set, "outdev", "'pri'");
    crig_send_udp(&rig->pri, 1, "waits");
    crig_expect_notice(rig, "DO_CHECKPOINT");
    qtest_qom_set_bool(s, "cmp0", "vnet_hdr_support", true);
    rig->pri.kind = rig->sec.kind = rig->out.kind = FRAME_LINK_STREAM_VNET;
    crig_send_udp(&rig->pri, 2, "same");
    crig_send_udp(&rig->sec, 2, "same");
    crig_expect_udp(rig, 2, "same");
    crig_free(rig);
}

/* Each has its own connections; a checkpoint is everybody's. */
static void test_two_objects(void)
{
    g_autofree char *path = tmp_path("two");
    g_autofree char *more =
        g_strdup_printf(" -chardev socket,id=d,path=%s.d,server=on,wait=off"
                        " -chardev socket,id=e,path=%s.e,server=on,wait=off"
                        " -chardev socket,id=f,path=%s.f,server=on,wait=off"
                        " -object colo-compare,id=cmp1,primary_in=d,secondary_in=e,outdev=f,"
                        "iothread=io", path, path, path);
    CompareRig *rig = crig_new(more);
    CompareRig second = { .s = rig->s };
    g_autofree char *pri_path = g_strconcat(path, ".d", NULL);
    g_autofree char *out_path = g_strconcat(path, ".f", NULL);

    frame_link_init(&second.out, FRAME_LINK_STREAM, sock_connect_unix(out_path));
    frame_link_init(&second.pri, FRAME_LINK_STREAM, sock_connect_unix(pri_path));
    crig_send_udp(&second.pri, 1, "theirs");
    qtest_wait_query(rig->s, "query-colo-compare", "cmp1", "primary.queued.frames", 1);
    crig_send_udp(&rig->sec, 1, "theirs");
    crig_send_udp(&rig->pri, 1, "ours");
    crig_wait(rig, "mismatches", 1);
    qtest_qmp_ok(rig->s, "{'execute': 'colo-checkpoint'}");
    crig_expect_udp(rig, 1, "ours");
    crig_expect_udp(&second, 1, "theirs");
    sock_close(&second.pri.fd);
    sock_close(&second.out.fd);
    frame_link_clear(&second.pri);
    frame_link_clear(&second.out);
    crig_free(rig);
}

static void test_max_queue_size_is_shared(void)
{
    g_autofree char *path = tmp_path("a");
    QTest *s = qtest_start(CHARDEVS " -chardev socket,id=d,path=%s.d,server=on,wait=off"
                           " -chardev socket,id=e,path=%s.e,server=on,wait=off"
                           " -chardev socket,id=f,path=%s.f,server=on,wait=off"
                           " -object colo-compare,id=c0,primary_in=a,secondary_in=b,outdev=c,"
                           "iothread=io,max_queue_size=5"
                           " -object colo-compare,id=c1,primary_in=d,secondary_in=e,outdev=f,"
                           "iothread=/objects/io", path, path, path, path);

    assert_text(qtest_qom_get(s, "c1", "max_queue_size"), "5");
    qtest_qom_set(s, "c1", "max_queue_size", "6");
    assert_text(qtest_qom_get(s, "c0", "max_queue_size"), "6");
    qtest_quit(s);
}

static void test_human_monitor(void)
{
    CompareRig *rig = crig_new("");
    g_autofree char *text = NULL;

    crig_send_udp(&rig->pri, 1, "this");
    crig_send_udp(&rig->sec, 1, "that");
    crig_send(&rig->sec, &(PacketSpec) { .ether_type = 0x0806 });
    crig_wait(rig, "secondary.in.frames", 2);
    crig_wait(rig, "mismatches", 1);
    text = qtest_hmp(rig->s, "info colo-compare");
    g_assert_nonnull(strstr(text, "cmp0: 1 connections, 0 matches, 1 mismatches, 0 timeouts, "
                            "0 checkpoints"));
    g_assert_nonnull(strstr(text, "(untracked)"));
    crig_free(rig);
}

/* --- iothread ---------------------------------------------------------------------------- */

static void test_iothread(void)
{
    CompareRig *rig = crig_new("");
    g_autoptr(json_object) list = qtest_qmp_return(rig->s, "{'execute': 'query-iothreads'}");
    json_object *io = json_object_array_get_idx(list, 0);
    g_autofree char *text = qtest_hmp(rig->s, "info iothreads");
    g_autofree char *want = g_strdup_printf("io:\r\n  thread_id=%d\r\n  poll-max-ns=32768\r\n"
                                            "  poll-grow=0\r\n  poll-shrink=0\r\n"
                                            "  aio-max-batch=0\r\n", qtest_pid(rig->s));

    g_assert_cmpuint(json_object_array_length(list), ==, 1);
    g_assert_cmpint(json_path(io, "poll-max-ns"), ==, 32768);
    g_assert_cmpint(json_path(io, "thread-id"), ==, qtest_pid(rig->s));
    g_assert_cmpstr(text, ==, want);
    qtest_qmp_error(rig->s, "GenericError", "object 'io' is in use, can not be deleted",
                    "{'execute': 'object-del', 'arguments': {'id': 'io'}}");
    crig_free(rig);
}

static void test_iothread_refused(void)
{
    qtest_expect_start_error("poll-max-ns value must be in range [0, 9223372036854775807]",
                             "-object iothread,id=io,poll-max-ns=-1");
    qtest_expect_start_error("bad thread-pool-min/thread-pool-max values",
                             "-object iothread,id=io,thread-pool-min=65");
    qtest_expect_start_error("Property 'iothread.poll-grow' takes only its default value 0: one "
                             "loop does the work of all iothreads",
                             "-object iothread,id=io,poll-grow=2");
    qtest_expect_start_error("Invalid parameter type for 'iothread', expected: iothread",
                             "-chardev socket,id=a,port=0,host=127.0.0.1,server=on,wait=off"
                             " -nic socket,id=n,listen=127.0.0.1:0"
                             " -object filter-buffer,id=f,netdev=n,interval=1"
                             " -object colo-compare,id=c0,primary_in=a,secondary_in=b,outdev=c,"
                             "iothread=f");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/colo-compare/equal-is-released", test_equal_is_released);
    g_test_add_func("/colo-compare/tcp-cut-differently", test_tcp_cut_differently);
    g_test_add_func("/colo-compare/untrackable-goes-out", test_untrackable_goes_out);
    g_test_add_func("/colo-compare/different-asks", test_different_asks_for_a_checkpoint);
    g_test_add_func("/colo-compare/timeout-asks", test_timeout_asks_for_a_checkpoint);
    g_test_add_func("/colo-compare/works-while-stopped", test_works_while_stopped);
    g_test_add_func("/colo-compare/vnet-headers", test_vnet_headers);
    g_test_add_func("/colo-compare/order-of-many", test_order_of_many);
    g_test_add_func("/colo-compare/table-shrinks-back", test_table_shrinks_back);
    g_test_add_func("/colo-compare/refused", test_refused);
    g_test_add_func("/colo-compare/failed-creation-leaves-nothing",
                    test_failed_creation_leaves_nothing);
    g_test_add_func("/colo-compare/properties", test_properties);
    g_test_add_func("/colo-compare/max-queue-size-is-shared", test_max_queue_size_is_shared);
    g_test_add_func("/colo-compare/two-objects", test_two_objects);
    g_test_add_func("/colo-compare/human-monitor", test_human_monitor);
    g_test_add_func("/colo-compare/iothread", test_iothread);
    g_test_add_func("/colo-compare/iothread-refused", test_iothread_refused);
    return g_test_run();
}
