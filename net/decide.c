/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps of a turn about clients: which filters are active, and when a netdev is read. */

/*
 * polled = not blocked and (VM running or a filter asks for frames while it is stopped)
 *
 * A client that drains (an export) asks for itself: the guest is always read.
 *
 * This is computed afresh in every turn that may change it, never stored as a sum of past
 * events. So it is right whatever came first: the stop, the filter, its status, its chardev.
 */

#include "net/chain-owner.h"
#include "net/client.h"
#include "net/filter.h"
#include "net/run-state.h"
#include "util/trace.h"

TRACE_POINT(net_client_polled);

guint net_client_stopped_readers(const NetClient *nc)
{
    guint n = 0;

    if (!nc->out || nc->link_down) {
        return 0;
    }
    for (guint i = 0; i < nc->filters->len; i++) {
        n += net_filter_wants_stopped(nc->filters->pdata[i]);
    }
    return n + (nc->peer->wants_stopped && !nc->peer->link_down);
}

static void client_decide(void *what)
{
    NetClient *nc = what;

    if (nc->is_rewired) {
        nc->is_rewired = false;
        net_filters_rewire(nc);
    }
    for (guint i = 0; i < nc->filters->len; i++) {
        net_filter_decide(nc->filters->pdata[i]);
    }
    if (nc->out) {
        net_chain_changed(nc->out);
    }
    net_turn_add(NET_TURN_TELL, &nc->tell, nc);
}

static void client_notify(void *what)
{
    NetClient *nc = what;
    bool blocked = nc->out && net_chain_look(nc->out);
    bool asked = run_state_is_running() || nc->info->drains ||
                 net_client_stopped_readers(nc) > 0;
    bool polled = !blocked && asked;

    if (polled == nc->polled || !nc->info->read_poll) {
        return;
    }
    TRACE(net_client_polled, "netdev '%s' polled %d", nc->id, polled);
    nc->polled = polled;
    if (asked && blocked && nc->info->is_netdev && net_chain_is_full(nc->out)) {
        net_hold_limit_reached(&nc->hold_limit, nc->id, net_chain_held(nc->out),
                               net_chain_hold_size(nc->out));
    }
    nc->info->read_poll(nc, polled);
}

__attribute__((constructor)) static void decide_register(void)
{
    net_turn_set_work(NET_TURN_ACTIVE, client_decide);
    net_turn_set_work(NET_TURN_TELL, client_notify);
}
