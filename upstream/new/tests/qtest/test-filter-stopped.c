/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Filters that work on while the VM is stopped, seen from outside. */

#include "qemu/osdep.h"
#include "filter-stopped-rig.h"

static void add_redirector(Rig *r)
{
    add_filter(r, "redirector", "id=f0,queue=tx,outdev=chr0");
}

static void add_mirror(Rig *r)
{
    add_filter(r, "mirror", "id=f0,queue=tx,outdev=chr0");
}

/* Frames read before the redirector was there come first. */
static void test_created(const void *opaque)
{
    Rig *r = rig_new_kind(GPOINTER_TO_INT(opaque), "");

    if (!r) {
        return;
    }
    rig_connect(r, 0);
    hmp_ok(r, "stop");
    link_send(&r->net, 0, 3);
    settle(r);
    add_redirector(r);
    link_send(&r->net, 3, 20);
    link_expect(&r->out[0], 0, 23);
    link_expect_nothing(r, &r->peer);
    rig_free(r);
}

static void test_created_before_start(void)
{
    Rig *r = rig_new_kind(KIND_SOCKET, "-S");

    rig_connect(r, 0);
    link_send(&r->net, 0, 3);
    settle(r);
    add_redirector(r);
    link_send(&r->net, 3, 3);
    link_expect(&r->out[0], 0, 6);
    rig_free(r);
}

static void test_switched_on(void)
{
    Rig *r = rig_new();

    rig_connect(r, 0);
    hmp_ok(r, "object_add filter-redirector,id=f0,netdev=net0,queue=tx,"
              "outdev=chr0,status=off");
    hmp_ok(r, "stop");
    link_send(&r->net, 0, 3);
    link_expect_nothing(r, &r->out[0]);
    if (r->has_property) {
        set_property(r, "f0", true);
        link_expect_nothing(r, &r->out[0]);
    }
    hmp_ok(r, "qom-set /objects/f0 status on");
    link_expect(&r->out[0], 0, 3);
    hmp_ok(r, "stop");
    link_send(&r->net, 3, 3);
    link_expect(&r->out[0], 3, 3);
    rig_free(r);
}

static void test_property_on(void)
{
    Rig *r = rig_new();

    rig_connect(r, 0);
    hmp_ok(r, "stop");
    link_send(&r->net, 0, 3);
    settle(r);
    hmp_ok(r, "object_add filter-redirector,id=f0,netdev=net0,queue=tx,"
              "outdev=chr0");
    link_send(&r->net, 3, 3);
    settle(r);
    set_property(r, "f0", true);
    link_expect(&r->out[0], 0, 6);
    rig_free(r);
}

static void test_direction(void)
{
    Rig *r = rig_new();

    rig_connect(r, 0);
    hmp_ok(r, "object_add filter-redirector,id=f0,netdev=net0,queue=rx,"
              "outdev=chr0");
    hmp_ok(r, "stop");
    link_send(&r->net, 0, 3);
    settle(r);
    hmp_ok(r, "qom-set /objects/f0 queue all");
    set_property(r, "f0", true);
    link_expect(&r->out[0], 0, 3);
    hmp_fails(r, "qom-set /objects/f0 queue rx");
    rig_free(r);
}

/* Frames that pass do not end the reading, and are not lost. */
static void test_mirror(void)
{
    Rig *r = rig_new();

    rig_connect(r, 0);
    add_mirror(r);
    hmp_ok(r, "stop");
    link_send(&r->net, 0, 30);
    link_expect(&r->out[0], 0, 30);
    link_expect_nothing(r, &r->peer);
    hmp_ok(r, "cont");
    link_send(&r->net, 30, 10);
    link_expect(&r->peer, 0, 40);
    link_expect(&r->out[0], 30, 10);
    rig_free(r);
}

static void test_empty_frame(void)
{
    Rig *r = rig_new();

    rig_connect(r, 0);
    add_redirector(r);
    hmp_ok(r, "stop");
    link_send(&r->net, 0, 1);
    memset(r->net.rest, 0, 4);
    r->net.n_rest = 4;
    link_flush(&r->net);
    link_send(&r->net, 1, 1);
    settle(r);
    link_send(&r->net, 2, 2);
    link_expect(&r->out[0], 0, 4);
    rig_free(r);
}

/* How much waits for the peer is limited; what does not fit is not lost. */
static void test_limit(const void *opaque)
{
    Rig *r = rig_new_kind(GPOINTER_TO_INT(opaque), "");
    uint32_t n;

    rig_connect(r, 0);
    add_mirror(r);
    hmp_ok(r, "stop");
    n = rig_fill(r, &r->out[0]);
    g_assert_cmpuint(n, >, 10000);
    rig_connect(r, 1);
    add_filter(r, "redirector", "id=f1,queue=tx,outdev=chr1");
    link_expect(&r->out[1], 0, n - 1);
    link_flush(&r->net);
    link_expect(&r->out[1], n - 1, 1);
    rig_free(r);
}

static void test_refused(void)
{
    Rig *r = rig_new();

    hmp_fails(r, "object_add filter-redirector,id=f0,netdev=net0,queue=rx,"
                 "outdev=chr0,enable_when_stopped=true");
    hmp_fails(r, "object_add filter-mirror,id=f0,netdev=net0,queue=rx,"
                 "outdev=chr0,enable_when_stopped=true");
    hmp_fails(r, "object_add filter-redirector,id=f0,netdev=net0,queue=tx,"
                 "indev=chr0,enable_when_stopped=true");
    hmp_ok(r, "object_add filter-redirector,id=f0,netdev=net0,queue=tx,"
              "indev=chr0");
    hmp_fails(r, "qom-set /objects/f0 enable_when_stopped true");
    hmp_ok(r, "object_del f0");
    g_assert_true(r->has_property);
    rig_free(r);
}

static const char *const bad_redirectors[] = {
    "netdev=net0,indev=none",
    "netdev=net0,outdev=none",
    "netdev=net0",
    "netdev=net0,indev=chr0,outdev=chr0",
    "netdev=none,outdev=chr0",
    "netdev=net0,outdev=chr0,position=middle",
    "netdev=net0,outdev=chr0,position=id=none",
    "netdev=net0,outdev=chr0,status=maybe",
    "netdev=net0,outdev=chr1",
};

/* They leave nothing behind: the next one works. */
static void test_failed_creation(void)
{
    Rig *r = rig_new();
    size_t i;

    hmp_ok(r, "object_add filter-mirror,id=f1,netdev=net0,outdev=chr1");
    for (i = 0; i < G_N_ELEMENTS(bad_redirectors); i++) {
        g_autofree char *command =
            g_strdup_printf("object_add filter-redirector,id=f0,queue=tx,%s%s",
                            bad_redirectors[i],
                            r->has_property ? ",enable_when_stopped=true" : "");

        hmp_fails(r, command);
    }
    hmp_fails(r, "object_add filter-redirector,id=f1,netdev=net0,outdev=chr0");
    rig_connect(r, 0);
    add_redirector(r);
    link_send(&r->net, 0, 3);
    link_expect(&r->out[0], 0, 3);
    rig_free(r);
}

static void test_introspection(void)
{
    Rig *r = rig_new();

    qtest_qmp_assert_success(r->s, "{'execute': 'qom-list-properties', "
                             "'arguments': {'typename': 'filter-redirector'}}");
    qtest_qmp_assert_success(r->s, "{'execute': 'qom-list-properties', "
                             "'arguments': {'typename': 'filter-mirror'}}");
    rig_free(r);
}

/* A redirector that is off, or gone, asks for nothing any more. */
static void test_undone(void)
{
    Rig *r = rig_new();

    rig_connect(r, 0);
    hmp_ok(r, "stop");
    link_send(&r->net, 0, 3);
    settle(r);
    add_redirector(r);
    link_expect(&r->out[0], 0, 3);
    hmp_ok(r, "qom-set /objects/f0 status off");
    link_send(&r->net, 3, 3);
    link_expect_nothing(r, &r->out[0]);
    hmp_ok(r, "cont");
    link_send(&r->net, 6, 3);
    link_expect(&r->peer, 3, 6);
    link_expect_nothing(r, &r->out[0]);
    rig_free(r);
}

static void test_several(void)
{
    Rig *r = rig_new();

    rig_connect(r, 0);
    rig_connect(r, 1);
    hmp_ok(r, "stop");
    link_send(&r->net, 0, 3);
    settle(r);
    add_redirector(r);
    add_filter(r, "redirector", "id=f1,queue=tx,outdev=chr1");
    link_send(&r->net, 3, 3);
    link_expect(&r->out[0], 0, 6);
    hmp_ok(r, "object_del f0");
    link_send(&r->net, 6, 3);
    link_expect(&r->out[1], 6, 3);
    hmp_ok(r, "object_del f1");
    link_send(&r->net, 9, 3);
    hmp_ok(r, "cont");
    link_expect(&r->peer, 9, 3);
    rig_free(r);
}

/* Without connection it takes nothing; then it gets all, in order. */
static void test_unconnected(void)
{
    Rig *r = rig_new();

    add_redirector(r);
    hmp_ok(r, "stop");
    link_send(&r->net, 0, 10);
    settle(r);
    rig_connect(r, 0);
    link_expect(&r->out[0], 0, 10);
    rig_disconnect(r, 0);
    link_send(&r->net, 10, 10);
    settle(r);
    hmp_ok(r, "qom-set /objects/f0 status off");
    hmp_ok(r, "cont");
    link_expect(&r->peer, 10, 10);
    rig_free(r);
}

/* The monitor goes on, the netdev pauses, and nothing is lost. */
static void test_slow(const void *opaque)
{
    Rig *r = rig_new_kind(GPOINTER_TO_INT(opaque), "");
    uint32_t n;

    rig_connect(r, 0);
    add_redirector(r);
    hmp_ok(r, "stop");
    n = rig_fill(r, NULL);
    link_expect(&r->out[0], 0, n - 1);
    link_flush(&r->net);
    link_expect(&r->out[0], n - 1, 1);
    link_send(&r->net, n, 3);
    link_expect(&r->out[0], n, 3);
    rig_free(r);
}

static void test_slow_running(void)
{
    Rig *r = rig_new();
    uint32_t n;

    rig_connect(r, 0);
    add_redirector(r);
    n = rig_fill(r, NULL);
    link_expect(&r->out[0], 0, n - 1);
    link_flush(&r->net);
    link_expect(&r->out[0], n - 1, 1);
    rig_free(r);
}

static void test_slow_resume(void)
{
    Rig *r = rig_new();
    uint32_t n;

    rig_connect(r, 0);
    add_redirector(r);
    hmp_ok(r, "stop");
    n = rig_fill(r, NULL);
    hmp_ok(r, "cont");
    link_expect(&r->out[0], 0, n - 1);
    link_flush(&r->net);
    link_expect(&r->out[0], n - 1, 1);
    hmp_ok(r, "object_del f0");
    link_send(&r->net, n, 3);
    link_expect(&r->peer, n, 3);
    rig_free(r);
}

static void test_slow_mirror(void)
{
    Rig *r = rig_new();
    uint32_t n;

    rig_connect(r, 0);
    add_mirror(r);
    hmp_ok(r, "stop");
    n = rig_fill(r, NULL);
    g_assert_cmpuint(n, >, 10000);
    link_expect(&r->out[0], 0, n - 2000);
    rig_free(r);
}

static void test_slow_property_off(void)
{
    Rig *r = rig_new();
    uint32_t n;

    rig_connect(r, 0);
    add_redirector(r);
    n = rig_fill(r, NULL);
    set_property(r, "f0", false);
    link_expect(&r->out[0], 0, n - 1);
    link_flush(&r->net);
    link_expect(&r->out[0], n - 1, 1);
    rig_free(r);
}

/* What was not written comes on the next connection, in order. */
static void test_slow_reconnect(void)
{
    Rig *r = rig_new();
    uint32_t n;
    int64_t first;

    rig_connect(r, 0);
    add_redirector(r);
    hmp_ok(r, "stop");
    n = rig_fill(r, NULL);
    rig_disconnect(r, 0);
    rig_connect(r, 0);
    first = link_read(&r->out[0]);
    g_assert_cmpint(first, >, 0);
    link_expect(&r->out[0], first + 1, n - first - 2);
    link_flush(&r->net);
    link_expect(&r->out[0], n - 1, 1);
    rig_free(r);
}

/* What was not written waits for the guest again, or for another filter. */
static void test_slow_deleted(void)
{
    Rig *r = rig_new();
    uint32_t n;
    int64_t seq = 0;
    int64_t next = 0;

    rig_connect(r, 0);
    add_redirector(r);
    hmp_ok(r, "stop");
    n = rig_fill(r, NULL);
    hmp_ok(r, "object_del f0");
    hmp_ok(r, "chardev-remove chr0");
    while ((seq = link_read(&r->out[0])) >= 0) {
        g_assert_cmpint(seq, ==, next++);
    }
    rig_connect(r, 1);
    add_filter(r, "redirector", "id=f1,queue=tx,outdev=chr1");
    link_expect(&r->out[1], next, n - next - 1);
    link_flush(&r->net);
    link_expect(&r->out[1], n - 1, 1);
    rig_free(r);
}

static void test_slow_netdev_deleted(void)
{
    Rig *r = rig_new();

    rig_connect(r, 0);
    add_redirector(r);
    hmp_ok(r, "stop");
    rig_fill(r, NULL);
    hmp_ok(r, "netdev_del net0");
    hmp_ok(r, "cont");
    settle(r);
    rig_free(r);
}

/* The clock of filter-buffer stands still. */
static void test_buffer(void)
{
    Rig *r = rig_new();

    rig_connect(r, 0);
    hmp_ok(r, "object_add filter-buffer,id=b0,netdev=net0,queue=tx,"
              "interval=1000000");
    hmp_ok(r, "stop");
    link_send(&r->net, 0, 5);
    settle(r);
    add_redirector(r);
    link_send(&r->net, 5, 5);
    link_expect(&r->out[0], 0, 10);
    rig_free(r);
}

static void test_other_direction(void)
{
    Rig *r = rig_new();

    rig_connect(r, 0);
    add_redirector(r);
    hmp_ok(r, "stop");
    link_send(&r->peer, 0, 5);
    link_send(&r->net, 0, 5);
    link_expect(&r->out[0], 0, 5);
    hmp_ok(r, "cont");
    link_expect(&r->net, 0, 5);
    link_expect_nothing(r, &r->out[0]);
    rig_free(r);
}

/* Frames of another host are not sent back to it. */
static void test_injected(void)
{
    Rig *r = rig_new();

    rig_connect(r, 0);
    rig_connect(r, 1);
    hmp_ok(r, "object_add filter-redirector,id=f1,netdev=net0,queue=tx,"
              "indev=chr1");
    hmp_ok(r, "stop");
    link_send(&r->out[1], 100, 3);
    settle(r);
    add_redirector(r);
    link_send(&r->net, 0, 3);
    link_expect(&r->out[0], 0, 3);
    hmp_ok(r, "cont");
    link_expect(&r->peer, 100, 3);
    rig_free(r);
}

static void test_eof(const void *opaque)
{
    Rig *r = rig_new_kind(GPOINTER_TO_INT(opaque), "");

    rig_connect(r, 0);
    add_mirror(r);
    hmp_ok(r, "stop");
    link_send(&r->net, 0, 5);
    link_expect(&r->out[0], 0, 5);
    link_close(&r->net);
    settle(r);
    hmp_ok(r, "cont");
    link_expect(&r->peer, 0, 5);
    rig_free(r);
}

static void test_netdev_deleted(void)
{
    Rig *r = rig_new();

    rig_connect(r, 0);
    add_mirror(r);
    hmp_ok(r, "stop");
    link_send(&r->net, 0, 5);
    link_expect(&r->out[0], 0, 5);
    hmp_ok(r, "netdev_del net0");
    hmp_ok(r, "cont");
    settle(r);
    rig_free(r);
}

/* ---- with a NIC ---- */

/* What waits for the NIC when the VM stops goes to the redirector. */
static void test_nic_stop(void)
{
    Rig *r = rig_new_nic();

    if (r) {
        rig_connect(r, 0);
        link_send(&r->net, 0, 3);
        settle(r);
        add_redirector(r);
        hmp_ok(r, "stop");
        link_send(&r->net, 3, 3);
        link_expect(&r->out[0], 0, 6);
        hmp_ok(r, "qom-set /objects/f0 status off");
        hmp_ok(r, "cont");
        nic_give(r, 40);
        link_send(&r->net, 6, 3);
        nic_expect(r, 0, 6, 3);
        rig_free(r);
    }
}

/* The NIC has buffers for some of what waited for it. */
static void test_nic_resume(void)
{
    Rig *r = rig_new_nic();

    if (r) {
        rig_connect(r, 0);
        add_mirror(r);
        nic_give(r, 5);
        hmp_ok(r, "stop");
        link_send(&r->net, 0, 20);
        link_expect(&r->out[0], 0, 20);
        hmp_ok(r, "cont");
        nic_expect(r, 0, 0, 5);
        link_send(&r->net, 20, 5);
        settle(r);
        nic_give(r, 40);
        nic_expect(r, 5, 5, 20);
        rig_free(r);
    }
}

typedef bool (*KindTest)(Kind kind);

static bool kind_is_any(Kind kind)
{
    return true;
}

/* UDP drops frames where others make the sender wait. */
static bool kind_is_reliable(Kind kind)
{
    return kind != KIND_L2TPV3;
}

static void add_kinds(const char *name, GTestDataFunc test, KindTest takes)
{
    int kind;

    for (kind = 0; kind < KIND__MAX; kind++) {
        if (takes(kind)) {
            g_autofree char *path = g_strdup_printf(
                "/filter-stopped/%s/%s", name, kind_name(kind));

            qtest_add_data_func(path, GINT_TO_POINTER(kind), test);
        }
    }
}

#define ADD(name, test) qtest_add_func("/filter-stopped/" name, test)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_kinds("created", test_created, kind_is_any);
    add_kinds("slow", test_slow, kind_is_reliable);
    add_kinds("limit", test_limit, kind_is_reliable);
    add_kinds("eof", test_eof, kind_is_stream);
    ADD("created-before-start", test_created_before_start);
    ADD("switched-on", test_switched_on);
    ADD("property-on", test_property_on);
    ADD("direction", test_direction);
    ADD("mirror", test_mirror);
    ADD("empty-frame", test_empty_frame);
    ADD("refused", test_refused);
    ADD("failed-creation", test_failed_creation);
    ADD("introspection", test_introspection);
    ADD("undone", test_undone);
    ADD("several", test_several);
    ADD("unconnected", test_unconnected);
    ADD("slow-running", test_slow_running);
    ADD("slow-resume", test_slow_resume);
    ADD("slow-mirror", test_slow_mirror);
    ADD("slow-property-off", test_slow_property_off);
    ADD("slow-reconnect", test_slow_reconnect);
    ADD("slow-deleted", test_slow_deleted);
    ADD("slow-netdev-deleted", test_slow_netdev_deleted);
    ADD("buffer", test_buffer);
    ADD("other-direction", test_other_direction);
    ADD("injected", test_injected);
    ADD("netdev-deleted", test_netdev_deleted);
    ADD("nic-stop", test_nic_stop);
    ADD("nic-resume", test_nic_resume);
    return g_test_run();
}
