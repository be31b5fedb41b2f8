/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of clients and their links. */

#include "net/client.h"

#include <string.h>

#include "net/chain-owner.h"
#include "net/run-state.h"
#include "qom/object.h"
#include "util/trace.h"

TRACE_POINT(net_client_link);

static GPtrArray *clients; /* owned list of owned clients, in order of creation */
static RunStateListener *listener;
static bool was_running;
static uint64_t query_number;

NetClient *net_client_new(const NetClientInfo *info, const char *id)
{
    NetClient *nc = g_malloc0(info->size);

    nc->info = info;
    nc->id = g_strdup(id);
    nc->filters = g_ptr_array_new();
    nc->info_text = g_strdup("");
    if (!clients) {
        clients = g_ptr_array_new();
    }
    g_ptr_array_add(clients, nc);
    net_client_changed(nc);
    return nc;
}

void net_client_delete(NetClient *nc)
{
    while (nc->filters->len > 0) {
        object_delete(nc->filters->pdata[0]); /* a filter begins with its Object */
    }
    net_client_disconnect(nc);
    if (nc->polled && nc->info->read_poll) {
        nc->polled = false;
        nc->info->read_poll(nc, false);
    }
    net_turn_remove(NET_TURN_ACTIVE, &nc->changed);
    net_turn_remove(NET_TURN_TELL, &nc->tell);
    g_ptr_array_remove(clients, nc);
    if (nc->info->cleanup) {
        nc->info->cleanup(nc);
    }
    g_ptr_array_unref(nc->filters);
    g_free(nc->info_text);
    g_free(nc->id);
    g_free(nc);
}

static NetClient *client_find(const char *name, bool netdevs_only)
{
    for (guint i = 0; clients && i < clients->len; i++) {
        NetClient *nc = clients->pdata[i];

        if ((nc->info->is_netdev || !netdevs_only) && strcmp(nc->id, name) == 0) {
            return nc;
        }
    }
    return NULL;
}

NetClient *net_netdev_find(const char *id)
{
    return client_find(id, true);
}

NetClient *net_client_find(const char *name)
{
    return client_find(name, false);
}

void net_client_foreach(void (*func)(NetClient *nc, void *opaque), void *opaque)
{
    for (guint i = 0; clients && i < clients->len;) {
        NetClient *nc = clients->pdata[i];

        func(nc, opaque);
        if (i < clients->len && clients->pdata[i] == nc) {
            i++;
        }
    }
}

static void client_notify_peer_changed(NetClient *nc)
{
    if (nc->info->peer_changed) {
        nc->info->peer_changed(nc);
    }
}

static NetChain *client_new_chain(NetClient *from, NetClient *to)
{
    NetChainEnds ends = {
        .from = from,
        .to = to,
        .source = &from->tell,
        .drops = &from->drops,
        .near_hold_size = &from->hold_size,
        .far_hold_size = &to->hold_size,
        .peer_is_away = &to->disconnected,
        .source_drains = from->info->drains,
    };

    return net_chain_new(&ends);
}

void net_client_connect(NetClient *a, NetClient *b)
{
    g_assert(!a->peer && !b->peer && a != b);
    a->peer = b;
    b->peer = a;
    a->out = client_new_chain(a, b);
    b->out = client_new_chain(b, a);
    a->is_rewired = true;
    net_client_changed(a);
    client_notify_peer_changed(a);
    client_notify_peer_changed(b);
}

void net_client_disconnect(NetClient *nc)
{
    NetClient *peer = nc->peer;

    if (!peer) {
        return;
    }
    g_clear_pointer(&nc->out, net_chain_free);
    g_clear_pointer(&peer->out, net_chain_free);
    nc->peer = NULL;
    peer->peer = NULL;
    client_notify_peer_changed(nc);
    client_notify_peer_changed(peer);
    net_client_changed(nc);
    net_client_changed(peer);
}

void net_client_changed(NetClient *nc)
{
    net_turn_begin();
    net_turn_add(NET_TURN_ACTIVE, &nc->changed, nc);
    if (nc->peer) {
        net_turn_add(NET_TURN_ACTIVE, &nc->peer->changed, nc->peer);
    }
    net_turn_end();
}

/* How many of @n frames, from the front, can start; counts the first that cannot. */
static size_t good_prefix(NetClient *nc, const NetFrame *frames, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (G_UNLIKELY(frames[i].len == 0 || frames[i].len > NET_FRAME_MAX)) {
            net_client_drop(nc, 1, frames[i].len,
                            frames[i].len == 0 ? NET_DROP_REASON_EMPTY
                                               : NET_DROP_REASON_TOO_LONG);
            return i;
        }
    }
    return n;
}

void net_client_send(NetClient *nc, const NetFrame *frames, size_t n)
{
    if (!nc->out || nc->link_down) {
        net_client_drop(nc, n, net_frames_bytes(frames, n),
                        nc->out ? NET_DROP_REASON_LINK_DOWN : NET_DROP_REASON_NO_PEER);
        return;
    }
    while (n > 0) {
        size_t wanted = MIN(n, NET_BATCH_MAX);
        size_t good = good_prefix(nc, frames, wanted);
        size_t done = good < wanted ? good + 1 : good;

        if (good > 0) {
            net_chain_send(nc->out, frames, good);
        }
        frames += done;
        n -= done;
    }
}

bool net_client_reads_once(const NetClient *nc)
{
    const NetClient *peer = nc->peer;

    return !peer || (net_chain_reads_once(nc->out) && peer->info->reads_once &&
                     peer->info->reads_once(peer));
}

bool net_client_can_send(const NetClient *nc)
{
    return !nc->out || !net_chain_is_full(nc->out);
}

void net_client_drop(NetClient *nc, uint64_t frames, uint64_t bytes, NetDropReason reason)
{
    net_drops_add(&nc->drops, net_client_noun(nc), nc->id, frames, bytes, reason);
}

void net_client_ready(NetClient *nc)
{
    if (nc->peer) {
        net_stage_ready(net_chain_end(nc->peer->out));
    }
}

void net_client_drop_rx(NetClient *nc, const NetFrame *frames, size_t n, NetDropReason reason)
{
    if (nc->peer) {
        net_stage_drop(net_chain_end(nc->peer->out), frames, n, reason);
    } else {
        net_client_drop(nc, n, net_frames_bytes(frames, n), reason);
    }
}

void net_client_drop_held(NetClient *nc, NetDropReason reason)
{
    if (nc->peer) {
        net_chain_drop_end(nc->peer->out, reason);
    }
}

void net_client_return(NetClient *nc, const NetFrame *frames, size_t n)
{
    if (nc->peer) {
        net_chain_return_end(nc->peer->out, frames, n);
    } else {
        net_client_drop(nc, n, net_frames_bytes(frames, n), NET_DROP_REASON_NO_PEER);
    }
}

void net_client_take_held(NetClient *nc, NetHold *hold)
{
    if (nc->peer) {
        net_chain_take_end(nc->peer->out, hold);
    }
}

void net_client_return_held(NetClient *nc, NetHold *hold)
{
    if (nc->peer) {
        net_chain_return_hold(nc->peer->out, hold);
    } else if (hold->n_frames > 0) {
        net_client_drop(nc, hold->n_frames, hold->n_bytes, NET_DROP_REASON_NO_PEER);
    }
    net_hold_clear(hold);
}

void net_client_get_counts(const NetClient *nc, NetClientCounts *counts)
{
    const NetStage *end;

    *counts = (NetClientCounts) { 0 };
    if (!nc->peer) {
        return;
    }
    end = net_chain_end(nc->peer->out);
    counts->to = net_chain_stats(nc->peer->out)->delivered;
    counts->to_held = (NetCount) { end->held.n_frames, end->held.n_bytes };
    counts->to_is_full = net_chain_is_full(nc->peer->out);
    counts->to_dropped = end->stats.dropped;
    counts->from = net_chain_stats(nc->out)->in;
    counts->from_held = net_chain_held(nc->out);
}

void net_client_begin_query(void)
{
    query_number++;
}

bool net_client_kernel_dropped(NetClient *nc, uint64_t *frames)
{
    return nc->info->kernel_dropped && nc->info->kernel_dropped(nc, query_number, frames);
}

void net_client_set_info(NetClient *nc, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    g_free(nc->info_text);
    nc->info_text = g_strdup_vprintf(fmt, args);
    va_end(args);
}

void net_client_set_connected(NetClient *nc, bool connected)
{
    nc->disconnected = !connected;
    if (nc->peer) {
        net_turn_add(NET_TURN_TELL, &nc->peer->tell, nc->peer);
        client_notify_peer_changed(nc->peer);
    }
}

void net_client_set_wants_stopped(NetClient *nc, bool wants)
{
    nc->wants_stopped = wants;
    net_client_changed(nc);
}

void net_client_set_hold_size(NetClient *nc, uint64_t bytes)
{
    nc->hold_size = bytes;
    net_client_changed(nc);
}

static void client_set_link(NetClient *nc, bool up)
{
    if (nc->link_down == !up) {
        return;
    }
    TRACE(net_client_link, "client '%s' link %s", nc->id, up ? "up" : "down");
    nc->link_down = !up;
    if (nc->info->link_changed) {
        nc->info->link_changed(nc);
    }
    net_client_changed(nc);
    net_client_ready(nc);
}

void net_client_set_link(NetClient *nc, bool up)
{
    net_turn_begin();
    client_set_link(nc, up);
    if (nc->info->is_netdev && nc->peer && !nc->peer->info->is_netdev) {
        client_set_link(nc->peer, up);
    }
    net_turn_end();
}

static void client_mark_run_state(NetClient *nc, void *opaque)
{
    const bool *running = opaque;

    if (nc->out) {
        net_chain_mark_run_state(nc->out, *running);
    }
}

static void client_run_state_changed(NetClient *nc, void *opaque)
{
    net_turn_add(NET_TURN_ACTIVE, &nc->changed, nc);
}

static void net_run_state_changed(bool running, RunState state, void *opaque)
{
    if (running != was_running) {
        was_running = running;
        net_client_foreach(client_mark_run_state, &running);
    }
    net_turn_begin();
    net_client_foreach(client_run_state_changed, NULL);
    net_turn_end();
}

void net_init(void)
{
    was_running = run_state_is_running();
    listener = run_state_listener_add(RUN_STATE_ORDER_NET, net_run_state_changed, NULL);
}

void net_cleanup(void)
{
    while (clients && clients->len > 0) {
        net_client_delete(clients->pdata[clients->len - 1]);
    }
    g_clear_pointer(&clients, g_ptr_array_unref);
    g_clear_pointer(&listener, run_state_listener_remove);
}
