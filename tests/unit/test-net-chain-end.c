/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of the end of a chain: frames with a virtio-net header, and frames that come back. */

/*
 *   source "n0" ──► peer "p0"
 *
 * The source sends TCP segments of 3000 bytes of payload, to be cut at 1000; the peer takes as
 * many frames as the test lets it, with the header or without.
 */

#include <string.h>
#include <glib.h>

#include "net/chain-internal.h"
#include "net/client.h"
#include "net/packet/offload.h"
#include "net/run-state.h"
#include "bytes.h"

#define VNET_LEN 12
#define HEADERS_LEN 54 /* Ethernet, IPv4, TCP */
#define GSO_SIZE 1000
#define PAYLOAD_LEN (3 * GSO_SIZE)
#define LARGE_LEN (VNET_LEN + HEADERS_LEN + PAYLOAD_LEN)
#define SEGMENT_LEN (HEADERS_LEN + GSO_SIZE)

typedef struct Peer {
    NetClient nc;
    size_t room;
    GArray *got; /* uint32_t lengths, not yet asserted */
} Peer;

static size_t peer_receive(NetClient *nc, const NetFrame *frames, size_t n)
{
    Peer *peer = (Peer *)nc;
    size_t take = MIN(n, peer->room);

    for (size_t i = 0; i < take; i++) {
        g_array_append_val(peer->got, frames[i].len);
    }
    peer->room -= take;
    return take;
}

static void peer_read_poll(NetClient *nc, bool enable)
{
}

static void peer_cleanup(NetClient *nc)
{
    g_array_unref(((Peer *)nc)->got);
}

static const NetClientInfo plain_info = {
    .type = NET_CLIENT_DRIVER_SOCKET,
    .size = sizeof(Peer),
    .receive = peer_receive,
    .read_poll = peer_read_poll,
    .cleanup = peer_cleanup,
    .is_netdev = true,
};

static const NetClientInfo vnet_info = {
    .type = NET_CLIENT_DRIVER_NIC,
    .size = sizeof(Peer),
    .receive = peer_receive,
    .cleanup = peer_cleanup,
    .takes_vnet_hdr = true,
};

typedef struct Fixture {
    Peer *source;
    Peer *peer;
} Fixture;

static Peer *peer_new(const NetClientInfo *info, const char *id)
{
    Peer *peer = (Peer *)net_client_new(info, id);

    peer->got = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    peer->room = SIZE_MAX;
    return peer;
}

static void setup(Fixture *f, gconstpointer data)
{
    net_init();
    run_state_set(RUN_STATE_RUNNING);
    f->source = peer_new(&plain_info, "n0");
    f->peer = peer_new(data, "p0");
    net_client_connect(&f->source->nc, &f->peer->nc);
}

static void assert_conserved(const NetChain *chain)
{
    const NetChainStats *stats = &chain->stats;

    g_assert_cmpuint(stats->in.frames + stats->injected.frames, ==,
                     stats->delivered.frames + net_drops_total(&stats->dropped).frames +
                     chain->held.frames);
    g_assert_cmpuint(stats->in.bytes + stats->injected.bytes, ==,
                     stats->delivered.bytes + net_drops_total(&stats->dropped).bytes +
                     chain->held.bytes);
    g_assert_cmpuint(chain->held.frames, ==, chain->end.held.n_frames);
    g_assert_cmpuint(chain->held.bytes, ==, chain->end.held.n_bytes);
    g_assert_cmpuint(chain->end.stats.in.frames, ==,
                     chain->end.stats.passed.frames + chain->end.held.n_frames +
                     net_drops_total(&chain->end.stats.dropped).frames);
}

static void teardown(Fixture *f, gconstpointer data)
{
    assert_conserved(f->source->nc.out);
    run_state_set(RUN_STATE_PAUSED);
    net_cleanup();
}

static void send_large(Fixture *f, bool good)
{
    static uint8_t data[LARGE_LEN];
    uint8_t *ip = data + VNET_LEN + 14;
    NetFrame frame = { .data = data, .len = LARGE_LEN, .vnet_hdr_len = VNET_LEN };

    memset(data, 0, sizeof(data));
    data[0] = 1;                         /* NEEDS_CSUM */
    data[1] = good ? 1 : 77;             /* TCPv4 */
    data[4] = GSO_SIZE & 0xff;
    data[5] = GSO_SIZE >> 8;
    data[6] = 34;
    data[8] = 16;
    put_be16(data + VNET_LEN + 12, 0x0800);
    ip[0] = 0x45;
    put_be16(ip + 2, 40 + PAYLOAD_LEN);
    ip[9] = 6;
    ip[20 + 12] = 5 << 4;
    net_client_send(&f->source->nc, &frame, 1);
}

static void send_plain(Fixture *f, uint32_t len)
{
    g_autofree uint8_t *data = g_malloc0(len);
    NetFrame frame = { .data = data, .len = len };

    net_client_send(&f->source->nc, &frame, 1);
}

static void expect(Fixture *f, const uint32_t *lens)
{
    assert_conserved(f->source->nc.out);
    for (size_t i = 0; i < f->peer->got->len; i++) {
        g_assert_cmpuint(g_array_index(f->peer->got, uint32_t, i), ==, lens[i]);
    }
    g_assert_cmpuint(lens[f->peer->got->len], ==, 0);
    g_array_set_size(f->peer->got, 0);
}

static void test_passes_the_header(Fixture *f, gconstpointer data)
{
    send_large(f, true);
    expect(f, (uint32_t[]) { LARGE_LEN, 0 });
}

static void test_makes_plain_frames(Fixture *f, gconstpointer data)
{
    send_plain(f, 60);
    send_large(f, true);
    send_plain(f, 61);
    expect(f, (uint32_t[]) { 60, SEGMENT_LEN, SEGMENT_LEN, SEGMENT_LEN, 61, 0 });
}

static void test_drops_what_is_malformed(Fixture *f, gconstpointer data)
{
    send_large(f, false);
    send_plain(f, 60);
    expect(f, (uint32_t[]) { 60, 0 });
    g_assert_cmpuint(f->source->nc.out->stats.dropped.by_reason[NET_DROP_REASON_MALFORMED].frames,
                     ==, 1);
}

static void test_full_peer_gets_the_rest_first(Fixture *f, gconstpointer data)
{
    f->peer->room = 2;
    send_large(f, true);
    send_plain(f, 60);
    expect(f, (uint32_t[]) { SEGMENT_LEN, SEGMENT_LEN, 0 });
    g_assert_cmpuint(f->source->nc.out->held.frames, ==, 2);
    g_assert_false(f->source->nc.polled);
    f->peer->room = SIZE_MAX;
    net_client_ready(&f->peer->nc);
    expect(f, (uint32_t[]) { SEGMENT_LEN, 60, 0 });
}

static void test_held_frames_are_cut_when_they_run(Fixture *f, gconstpointer data)
{
    run_state_set(RUN_STATE_PAUSED);
    send_large(f, true);
    send_large(f, true);
    send_plain(f, 60);
    f->peer->room = 4;
    run_state_set(RUN_STATE_RUNNING);
    expect(f, (uint32_t[]) { SEGMENT_LEN, SEGMENT_LEN, SEGMENT_LEN, SEGMENT_LEN, 0 });
    for (int i = 0; i < 2; i++) {
        f->peer->room = 1;
        net_client_ready(&f->peer->nc);
        expect(f, (uint32_t[]) { SEGMENT_LEN, 0 });
    }
    f->peer->room = SIZE_MAX;
    net_client_ready(&f->peer->nc);
    expect(f, (uint32_t[]) { 60, 0 });
}

static void test_full_peer_gets_nothing_of_it(Fixture *f, gconstpointer data)
{
    f->peer->room = 0;
    send_large(f, true);
    g_assert_cmpuint(f->source->nc.out->stats.delivered.frames, ==, 0);
    f->peer->room = SIZE_MAX;
    net_client_ready(&f->peer->nc);
    expect(f, (uint32_t[]) { SEGMENT_LEN, SEGMENT_LEN, SEGMENT_LEN, 0 });
}

/* The peer takes the frames that wait for it, and has lost its netdev when it returns them. */
static void test_returned_without_peer(Fixture *f, gconstpointer data)
{
    uint8_t bytes[60] = { 0 };
    NetFrame frame = { .data = bytes, .len = sizeof(bytes) };
    const NetCount *dropped = &f->peer->nc.drops.by_reason[NET_DROP_REASON_NO_PEER];
    NetHold hold = { 0 };

    f->peer->room = 0;
    send_plain(f, 60);
    send_plain(f, 100);
    net_client_take_held(&f->peer->nc, &hold);
    g_assert_cmpuint(hold.n_frames, ==, 2);
    net_client_disconnect(&f->source->nc);
    net_client_return_held(&f->peer->nc, &hold);
    g_assert_cmpuint(hold.n_frames, ==, 0);
    g_assert_cmpuint(dropped->frames, ==, 2);
    g_assert_cmpuint(dropped->bytes, ==, 160);
    net_client_return(&f->peer->nc, &frame, 1);
    g_assert_cmpuint(dropped->frames, ==, 3);
    g_assert_cmpuint(dropped->bytes, ==, 220);
    net_client_connect(&f->source->nc, &f->peer->nc);
}

static void add(const char *path, const NetClientInfo *peer,
                void (*func)(Fixture *, gconstpointer))
{
    g_test_add(path, Fixture, peer, setup, func, teardown);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    add("/net-chain-end/passes-the-header", &vnet_info, test_passes_the_header);
    add("/net-chain-end/makes-plain-frames", &plain_info, test_makes_plain_frames);
    add("/net-chain-end/drops-what-is-malformed", &plain_info, test_drops_what_is_malformed);
    add("/net-chain-end/full-peer-gets-the-rest-first", &plain_info,
        test_full_peer_gets_the_rest_first);
    add("/net-chain-end/held-frames-are-cut-when-they-run", &plain_info,
        test_held_frames_are_cut_when_they_run);
    add("/net-chain-end/full-peer-gets-nothing-of-it", &plain_info,
        test_full_peer_gets_nothing_of_it);
    add("/net-chain-end/returned-without-a-peer-is-counted", &plain_info,
        test_returned_without_peer);
    status = g_test_run();
    run_state_cleanup();
    return status;
}
