/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each frame that is held, released or dropped passes a trace point, which is a USDT probe, too. */

#include "rig.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* How many frames the lines of @point tell of that hold @what: "... 'id': N frames...". */
static int64_t traced(QTest *s, const char *point, const char *what)
{
    g_autofree char *output = qtest_output(s);
    g_auto(GStrv) lines = g_strsplit(output, "\n", -1);
    int64_t n = 0;

    for (char **line = lines; *line; line++) {
        const char *colon = strstr(*line, "': ");

        if (g_str_has_prefix(*line, point) && strstr(*line, what)) {
            g_assert_nonnull(colon);
            n += g_ascii_strtoll(colon + strlen("': "), NULL, 10);
        }
    }
    return n;
}

static void test_hold_and_release(void)
{
    Rig *rig = rig_new_with_taker("-object filter-mirror,id=f0,netdev=net0,queue=tx,outdev=chr0,"
                                  "enable_when_stopped=true -trace net_hold -trace net_release");

    rig_connect_out(rig);
    qtest_stop(rig->s);
    rig_send(rig, 25);
    rig_expect_out(rig, 25);
    rig_wait_in(rig, 25);
    g_assert_cmpint(traced(rig->s, "net_hold ", "'port0'"), ==, 25);
    g_assert_cmpint(traced(rig->s, "net_release ", "'port0'"), ==, 0);
    qtest_cont(rig->s);
    rig_expect_peer(rig, 25);
    g_assert_cmpint(traced(rig->s, "net_release ", "'port0'"), ==, 25);
    rig_free(rig);
}

static void test_drops(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, "-trace net_drop "
                       "-object filter-redirector,id=f0,netdev=net0,queue=tx,outdev=chr0");
    static const uint8_t empty[4];

    rig_send(rig, 7); /* chr0 is not connected */
    qtest_wait_filter(rig->s, "f0", "dropped.not-connected.frames", 7);
    g_assert_cmpint(traced(rig->s, "net_drop filter 'f0'", "not-connected"), ==, 7);
    g_assert_cmpint(send(rig->net_fd, empty, sizeof(empty), 0), ==, sizeof(empty));
    qtest_wait_netdev(rig->s, "net0", "dropped.empty.frames", 1);
    g_assert_cmpint(traced(rig->s, "net_drop netdev 'net0'", "empty"), ==, 1);
    rig_free(rig);
}

/* What waits for a netdev's peer is dropped when it goes. */
static void test_deleted(void)
{
    Rig *rig = rig_new(RIG_SOCKET_STREAM, "-trace net_drop");

    rig_send(rig, 1); /* the idle NIC takes none, so the netdev is not read any more */
    rig_wait_in(rig, 1);
    qtest_qmp_ok(rig->s, "{'execute': 'netdev_del', 'arguments': {'id': 'net0'}}");
    g_assert_cmpint(traced(rig->s, "net_drop ", "deleted"), ==, 1);
    rig_free(rig);
}

/* ---- USDT ---- */

/* The names in "Name: " lines of readelf -n that follow our provider's. Owned. */
static GPtrArray *probe_names(const char *notes)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    const char *at = notes;

    while ((at = strstr(at, "Provider: qemu_net_daemon\n"))) {
        const char *name = strstr(at, "Name: ");

        g_assert_nonnull(name);
        name += strlen("Name: ");
        at = strchr(name, '\n');
        g_assert_nonnull(at);
        g_ptr_array_add(names, g_strndup(name, (gsize)(at - name)));
    }
    return names;
}

/* A tool that lists the probes of the program finds each of its trace points. */
static void test_usdt(void)
{
    const char *argv[] = { "readelf", "-n", getenv("QTEST_QEMU_BINARY"), NULL };
    g_autofree char *notes = NULL;
    g_autofree char *points = NULL;
    g_autoptr(GPtrArray) names = NULL;
    g_auto(GStrv) lines = NULL;

    if (!getenv("QTEST_USDT")) {
        g_test_skip("built without sys/sdt.h");
        return;
    }
    if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &notes, NULL,
                      NULL, NULL)) {
        g_test_skip("no readelf");
        return;
    }
    names = probe_names(notes);
    qtest_run(&points, NULL, "-trace help");
    lines = g_strsplit(g_strchomp(points), "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), >, 10);
    for (char **line = lines; *line; line++) {
        if (!g_ptr_array_find_with_equal_func(names, *line, g_str_equal, NULL)) {
            g_error("trace point %s is no USDT probe", *line);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/trace-points/hold-and-release", test_hold_and_release);
    g_test_add_func("/trace-points/drops", test_drops);
    g_test_add_func("/trace-points/deleted", test_deleted);
    g_test_add_func("/trace-points/usdt", test_usdt);
    return g_test_run();
}
