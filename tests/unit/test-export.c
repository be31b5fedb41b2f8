/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exports from inside: a guest that will not come back, and the end of one that was for one. */

#include "export/export.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "export/export-internal.h"
#include "loop.h"
#include "net/client.h"
#include "qapi/qapi-commands.h"
#include "system/run-state.h"

/*
 *   netdev "n0" (the test's) ──► export "e0" ──► guest (a socket)
 */

static NetClient *netdev;
static int guest = -1;

static size_t netdev_receive(NetClient *nc, const NetFrame *frames, size_t n)
{
    return n;
}

static void netdev_read_poll(NetClient *nc, bool enable)
{
}

static const NetClientInfo netdev_info = {
    .type = NET_CLIENT_DRIVER_SOCKET,
    .size = sizeof(NetClient),
    .receive = netdev_receive,
    .read_poll = netdev_read_poll,
    .is_netdev = true,
};

/* Makes e0 with a guest that is connected. @more: ",KEY=VALUE" */
static NetExport *set_up(const char *more)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NetExportOptions) opts = NULL;
    g_autofree char *text = NULL;
    NetExport *exp;
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    guest = fds[0];
    net_init();
    netdev = net_client_new(&netdev_info, "n0");
    text = g_strdup_printf("stream,id=e0,netdev=n0,addr.type=fd,addr.str=%d%s", fds[1], more);
    opts = net_export_options_parse(text, &error);
    g_assert_no_error(error);
    net_export_add(opts, &error);
    g_assert_no_error(error);
    exp = net_export_find("e0");
    run_state_set(RUN_STATE_RUNNING);
    LOOP_UNTIL(!exp->nc.disconnected);
    return exp;
}

static void tear_down(void)
{
    run_state_set(RUN_STATE_PAUSED);
    run_state_set(RUN_STATE_PRELAUNCH);
    net_exports_cleanup();
    net_cleanup();
    close(guest);
}

static void send_frames(size_t n)
{
    static const uint8_t data[60];
    NetFrame frame = { .data = data, .len = sizeof(data) };

    for (size_t i = 0; i < n; i++) {
        net_client_send(netdev, &frame, 1);
    }
}

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
    NetExport *exp = set_up(",gate=on");
    NetBatch batch;

    send_frames(1);
    run_state_set(RUN_STATE_PAUSED);
    send_frames(5);
    net_export_doubtful(&exp->nc, &batch);
    g_assert_cmpuint(batch.n, ==, 1);
    g_assert_cmpuint(n_held(exp), ==, 5);
    g_assert_true(netdev->polled);
    net_exports_set_guest_gone(true);
    g_assert_cmpuint(n_held(exp), ==, 0);
    g_assert_cmpuint(n_dropped(exp, NET_DROP_REASON_GUEST_GONE), ==, 5);
    g_assert_false(netdev->polled);
    net_export_doubtful(&exp->nc, &batch);
    g_assert_cmpuint(batch.n, ==, 0);
    net_exports_set_guest_gone(false);
    g_assert_true(netdev->polled);
    tear_down();
}

/* A VM that runs is not gone. */
static void test_the_vm_runs_after_all(void)
{
    NetExport *exp = set_up("");

    run_state_set(RUN_STATE_PAUSED);
    net_exports_set_guest_gone(true);
    run_state_set(RUN_STATE_RUNNING);
    run_state_set(RUN_STATE_PAUSED);
    g_assert_true(netdev->polled);
    send_frames(2);
    g_assert_cmpuint(n_held(exp), ==, 2);
    tear_down();
}

static void test_armed(void)
{
    NetExport *exp = set_up("");

    g_assert_false(exp->gating.on);
    net_exports_set_armed(true);
    g_assert_true(exp->gating.on);
    exp->gate = NET_EXPORT_GATE_OFF;
    net_export_update(exp);
    g_assert_false(exp->gating.on);
    net_exports_set_armed(false);
    tear_down();
}

/* Between the end of its guest and its own, an export that was for one cannot be deleted. */
static void test_already_shutting_down(void)
{
    NetExport *exp = set_up(",one-shot=on");
    g_autoptr(GError) error = NULL;
    g_autoptr(NetExportInfoList) list = NULL;

    net_export_disconnected(exp);
    list = qmp_query_net_exports(NULL);
    g_assert_true(list->items[0].shutting_down);
    g_assert_false(net_export_remove("e0", NET_EXPORT_REMOVE_MODE_HARD, &error));
    g_assert_cmpstr(error->message, ==, "Export 'e0' is already shutting down");
    LOOP_UNTIL(!net_export_find("e0"));
    g_assert_null(netdev->peer);
    tear_down();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/export/the-guest-is-gone", test_the_guest_is_gone);
    g_test_add_func("/export/the-vm-runs-after-all", test_the_vm_runs_after_all);
    g_test_add_func("/export/armed", test_armed);
    g_test_add_func("/export/already-shutting-down", test_already_shutting_down);
    return g_test_run();
}
