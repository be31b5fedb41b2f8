/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exports from inside: a guest that will not come back, and the end of one that was for one. */

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <glib/gstdio.h>

#include "net/chain-internal.h"
#include "net/run-state.h"
#include "qapi/qapi-commands.h"
#include "export-fixture.h"
#include "loop.h"

static uint64_t n_dropped(const NetExport *exp, NetDropReason reason)
{
    NetClientCounts counts;

    net_client_get_counts(&exp->nc, &counts);
    return counts.to_dropped.by_reason[reason].frames;
}

static uint64_t n_held(const NetExport *exp)
{
    NetClientCounts counts;

    net_client_get_counts(&exp->nc, &counts);
    return counts.to_held.frames;
}

/* What waits for a guest that is gone for good is dropped, and nobody asks for more. */
static void test_the_guest_is_gone(void)
{
    ExportFixture f;
    NetBatch batch;

    export_fixture_set_up(&f, ",gate=on");
    export_fixture_send(&f, 1, FIXTURE_FRAME_LEN);
    run_state_set(RUN_STATE_PAUSED);
    export_fixture_send(&f, 5, FIXTURE_FRAME_LEN);
    net_export_in_flight(&f.exp->nc, &batch);
    g_assert_cmpuint(batch.n, ==, 1);
    g_assert_cmpuint(n_held(f.exp), ==, 5);
    g_assert_true(f.netdev->polled);
    net_exports_set_guest_gone(true);
    g_assert_cmpuint(n_held(f.exp), ==, 0);
    g_assert_cmpuint(n_dropped(f.exp, NET_DROP_REASON_GUEST_GONE), ==, 5);
    g_assert_false(f.netdev->polled);
    net_export_in_flight(&f.exp->nc, &batch);
    g_assert_cmpuint(batch.n, ==, 0);
    net_exports_set_guest_gone(false);
    g_assert_true(f.netdev->polled);
    export_fixture_tear_down(&f);
}

/* A VM that runs is not gone. */
static void test_the_vm_runs_after_all(void)
{
    ExportFixture f;

    export_fixture_set_up(&f, "");
    run_state_set(RUN_STATE_PAUSED);
    net_exports_set_guest_gone(true);
    run_state_set(RUN_STATE_RUNNING);
    run_state_set(RUN_STATE_PAUSED);
    g_assert_true(f.netdev->polled);
    export_fixture_send(&f, 2, FIXTURE_FRAME_LEN);
    g_assert_cmpuint(n_held(f.exp), ==, 2);
    export_fixture_tear_down(&f);
}

static void test_armed(void)
{
    ExportFixture f;

    export_fixture_set_up(&f, "");
    g_assert_false(f.exp->flow.on);
    net_exports_set_armed(true);
    g_assert_true(f.exp->flow.on);
    f.exp->gate = NET_EXPORT_GATE_OFF;
    net_export_update(f.exp);
    g_assert_false(f.exp->flow.on);
    net_exports_set_armed(false);
    export_fixture_tear_down(&f);
}

/* Between the end of its guest and its own, an export that was for one cannot be deleted. */
static void test_already_shutting_down(void)
{
    ExportFixture f;
    g_autoptr(GError) error = NULL;
    g_autoptr(NetExportInfoList) list = NULL;

    export_fixture_set_up(&f, ",one-shot=on");
    net_export_disconnected(f.exp);
    list = qmp_query_net_exports(NULL);
    g_assert_true(list->items[0].shutting_down);
    g_assert_false(net_export_remove("e0", NET_EXPORT_REMOVE_MODE_HARD, &error));
    g_assert_cmpstr(error->message, ==, "Export 'e0' is already shutting down");
    LOOP_UNTIL(!net_export_find("e0"));
    g_assert_null(f.netdev->peer);
    export_fixture_tear_down(&f);
}

static int bind_dgram(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
    g_assert_cmpint(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    return fd;
}

static void assert_query_shows(bool connected, uint64_t n_from_guest)
{
    g_autoptr(NetExportInfoList) list = qmp_query_net_exports(NULL);

    g_assert_cmpint(list->items[0].connected, ==, connected);
    g_assert_cmpuint(list->items[0].from_guest->frames, ==, n_from_guest);
}

/* It is the loop that finds the guest and reads what it has sent, not who looks at the counts. */
static void test_a_query_acts_on_nothing(void)
{
    static const uint8_t frame[FIXTURE_FRAME_LEN];
    g_autofree char *dir = g_dir_make_tmp("test-export-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "export", NULL);
    g_autofree char *remote = g_build_filename(dir, "guest", NULL);
    g_autofree char *options = NULL;
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    ExportFixture f;

    options = g_strdup_printf("dgram,id=e0,netdev=n0,addr.type=unix,addr.path=%s,"
                              "remote.type=unix,remote.path=%s", path, remote);
    export_fixture_add(&f, options, bind_dgram(remote));
    g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
    g_assert_cmpint(sendto(f.guest, frame, sizeof(frame), 0, (struct sockaddr *)&addr,
                           sizeof(addr)), ==, sizeof(frame));
    assert_query_shows(false, 0);
    LOOP_UNTIL(!f.exp->nc.disconnected && f.netdev->peer);
    LOOP_UNTIL(f.exp->nc.out->stats.in.frames == 1);
    assert_query_shows(true, 1);
    export_fixture_tear_down(&f);
    g_unlink(remote);
    g_rmdir(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/export/the-guest-is-gone", test_the_guest_is_gone);
    g_test_add_func("/export/the-vm-runs-after-all", test_the_vm_runs_after_all);
    g_test_add_func("/export/armed", test_armed);
    g_test_add_func("/export/already-shutting-down", test_already_shutting_down);
    g_test_add_func("/export/a-query-acts-on-nothing", test_a_query_acts_on_nothing);
    return g_test_run();
}
