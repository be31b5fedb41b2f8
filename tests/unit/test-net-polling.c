/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of when a netdev and its export are read, and of how much they may hold. */

/*
 *   netdev "n0" ──► export "e0"     direction tx
 *   netdev "n0" ◄── export "e0"     direction rx
 *
 * Both ends take as many frames as the test lets them; the export drains, and may go away.
 */

#include <glib.h>

#include "net/chain-internal.h"
#include "net/client.h"
#include "net/run-state.h"

#define FRAME_LEN 60

/* What it takes where it is held. */
#define FRAME_COST (FRAME_LEN + NET_HOLD_FRAME_OVERHEAD)

typedef struct End {
    NetClient nc;
    size_t room;  /* frames that it takes before it says "not now" */
    size_t n_got;
} End;

typedef struct Fixture {
    End *netdev;
    End *export;
} Fixture;

static size_t end_receive(NetClient *nc, const NetFrame *frames, size_t n)
{
    End *end = (End *)nc;
    size_t take = MIN(n, nc->disconnected ? 0 : end->room);

    end->room -= take;
    end->n_got += take;
    return take;
}

static void end_read_poll(NetClient *nc, bool enable)
{
    g_assert_cmpint(nc->polled, ==, enable);
}

static const NetClientInfo netdev_info = {
    .type = NET_CLIENT_DRIVER_SOCKET,
    .size = sizeof(End),
    .receive = end_receive,
    .read_poll = end_read_poll,
    .is_netdev = true,
};

static const NetClientInfo export_info = {
    .type = NET_CLIENT_DRIVER_NIC,
    .size = sizeof(End),
    .receive = end_receive,
    .read_poll = end_read_poll,
    .drains = true,
};

static End *end_new(const NetClientInfo *info, const char *id)
{
    End *end = (End *)net_client_new(info, id);

    end->room = SIZE_MAX;
    return end;
}

static void setup(Fixture *f, gconstpointer data)
{
    net_init();
    f->netdev = end_new(&netdev_info, "n0");
    f->export = end_new(&export_info, "e0");
    net_client_connect(&f->netdev->nc, &f->export->nc);
    run_state_set(RUN_STATE_RUNNING);
}

static void teardown(Fixture *f, gconstpointer data)
{
    if (run_state_is_running()) {
        run_state_set(RUN_STATE_PAUSED);
    }
    net_cleanup();
}

static void send_frames_of(End *from, size_t n, uint32_t len)
{
    uint8_t bytes[FRAME_LEN] = { 0 };
    NetFrame frame = { .data = bytes, .len = len };

    for (size_t i = 0; i < n; i++) {
        net_client_send(&from->nc, &frame, 1);
    }
}

static void send_frames(End *from, size_t n)
{
    send_frames_of(from, n, FRAME_LEN);
}

/* --- While the VM is stopped -------------------------------------------------------------- */

static void test_drains_while_stopped(Fixture *f, gconstpointer data)
{
    net_client_set_hold_size(&f->export->nc, 10 * FRAME_COST);
    run_state_set(RUN_STATE_PAUSED);
    g_assert_true(f->export->nc.polled);
    send_frames(f->export, 9);
    g_assert_true(f->export->nc.polled);
    send_frames(f->export, 1);
    g_assert_false(f->export->nc.polled);
    g_assert_cmpuint(f->netdev->n_got, ==, 0);
    run_state_set(RUN_STATE_RUNNING);
    g_assert_cmpuint(f->netdev->n_got, ==, 10);
    g_assert_true(f->export->nc.polled);
}

/* A frame is charged the memory that it takes, which is more than its own bytes. */
static void test_short_frames_are_charged_their_memory(Fixture *f, gconstpointer data)
{
    net_client_set_hold_size(&f->export->nc, 1000 * (1 + NET_HOLD_FRAME_OVERHEAD));
    run_state_set(RUN_STATE_PAUSED);
    send_frames_of(f->export, 999, 1);
    g_assert_true(f->export->nc.polled);
    send_frames_of(f->export, 1, 1);
    g_assert_false(f->export->nc.polled);
    g_assert_false(net_client_can_send(&f->export->nc));
}

static void test_peer_asks_while_stopped(Fixture *f, gconstpointer data)
{
    run_state_set(RUN_STATE_PAUSED);
    g_assert_false(f->netdev->nc.polled);
    net_client_set_wants_stopped(&f->export->nc, true);
    g_assert_true(f->netdev->nc.polled);
    g_assert_cmpuint(net_client_stopped_readers(&f->netdev->nc), ==, 1);
    net_client_set_hold_size(&f->export->nc, 2 * FRAME_COST);
    send_frames(f->netdev, 2);
    g_assert_false(f->netdev->nc.polled);
    net_client_set_hold_size(&f->export->nc, 3 * FRAME_COST);
    g_assert_true(f->netdev->nc.polled);
    net_client_set_wants_stopped(&f->export->nc, false);
    g_assert_false(f->netdev->nc.polled);
}

static void test_peer_with_link_down_does_not_ask(Fixture *f, gconstpointer data)
{
    net_client_set_wants_stopped(&f->export->nc, true);
    net_client_set_link(&f->export->nc, false);
    run_state_set(RUN_STATE_PAUSED);
    g_assert_false(f->netdev->nc.polled);
}

/* --- While it runs ------------------------------------------------------------------------ */

static void test_full_peer_blocks_at_once(Fixture *f, gconstpointer data)
{
    f->export->room = 0;
    send_frames(f->netdev, 1);
    g_assert_false(f->netdev->nc.polled);
}

static void test_absent_peer_blocks_at_the_limit(Fixture *f, gconstpointer data)
{
    net_client_set_hold_size(&f->export->nc, 3 * FRAME_COST);
    net_client_set_connected(&f->export->nc, false);
    send_frames(f->netdev, 2);
    g_assert_true(f->netdev->nc.polled);
    send_frames(f->netdev, 1);
    g_assert_false(f->netdev->nc.polled);
    net_client_set_connected(&f->export->nc, true);
    net_client_ready(&f->export->nc);
    g_assert_cmpuint(f->export->n_got, ==, 3);
    g_assert_true(f->netdev->nc.polled);
}

static void test_peer_that_goes_lifts_the_pressure(Fixture *f, gconstpointer data)
{
    f->export->room = 0;
    send_frames(f->netdev, 1);
    g_assert_false(f->netdev->nc.polled);
    net_client_set_connected(&f->export->nc, false);
    g_assert_true(f->netdev->nc.polled);
    net_client_set_connected(&f->export->nc, true);
    g_assert_false(f->netdev->nc.polled);
}

static void test_drains_toward_a_full_netdev(Fixture *f, gconstpointer data)
{
    f->netdev->room = 0;
    net_client_set_hold_size(&f->export->nc, 5 * FRAME_COST);
    send_frames(f->export, 4);
    g_assert_true(f->export->nc.polled);
    send_frames(f->export, 1);
    g_assert_false(f->export->nc.polled);
    f->netdev->room = SIZE_MAX;
    net_client_ready(&f->netdev->nc);
    g_assert_cmpuint(f->netdev->n_got, ==, 5);
    g_assert_true(f->export->nc.polled);
}

static void add(const char *path, void (*func)(Fixture *, gconstpointer))
{
    g_test_add(path, Fixture, NULL, setup, func, teardown);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    add("/net-polling/drains-while-stopped", test_drains_while_stopped);
    add("/net-polling/short-frames-are-charged-their-memory",
        test_short_frames_are_charged_their_memory);
    add("/net-polling/peer-asks-while-stopped", test_peer_asks_while_stopped);
    add("/net-polling/peer-with-link-down-does-not-ask", test_peer_with_link_down_does_not_ask);
    add("/net-polling/full-peer-blocks-at-once", test_full_peer_blocks_at_once);
    add("/net-polling/absent-peer-blocks-at-the-limit", test_absent_peer_blocks_at_the_limit);
    add("/net-polling/peer-that-goes-lifts-the-pressure",
        test_peer_that_goes_lifts_the_pressure);
    add("/net-polling/drains-toward-a-full-netdev", test_drains_toward_a_full_netdev);
    status = g_test_run();
    run_state_cleanup();
    return status;
}
