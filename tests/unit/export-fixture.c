/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A netdev and an export with a connected guest, all in the hands of a test. */

#include "export-fixture.h"

#include <sys/socket.h>
#include <unistd.h>

#include "net/run-state.h"
#include "loop.h"

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

void export_fixture_add(ExportFixture *f, const char *export_options, int guest)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NetExportOptions) opts = NULL;

    net_init();
    run_state_set(RUN_STATE_RUNNING);
    opts = net_export_options_parse(export_options, &error);
    g_assert_no_error(error);
    *f = (ExportFixture) { .netdev = net_client_new(&netdev_info, "n0"), .guest = guest };
    net_export_add(opts, &error);
    g_assert_no_error(error);
    f->exp = net_export_find("e0");
}

void export_fixture_set_up(ExportFixture *f, const char *more)
{
    g_autofree char *text = NULL;
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    text = g_strdup_printf("stream,id=e0,netdev=n0,addr.type=fd,addr.str=%d%s", fds[1], more);
    export_fixture_add(f, text, fds[0]);
    LOOP_UNTIL(!f->exp->nc.disconnected);
}

void export_fixture_tear_down(ExportFixture *f)
{
    if (run_state_is_running()) {
        run_state_set(RUN_STATE_PAUSED);
    }
    net_exports_expect_stop(false);
    net_exports_cleanup();
    net_cleanup();
    close(f->guest);
}

void export_fixture_send(ExportFixture *f, size_t n, uint32_t len)
{
    g_autofree uint8_t *data = g_malloc0(len);
    NetFrame frame = { .data = data, .len = len };

    for (size_t i = 0; i < n; i++) {
        data[0] = (uint8_t)f->n_sent++;
        net_client_send(f->netdev, &frame, 1);
    }
}
