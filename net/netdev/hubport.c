/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netdev hubport: ports of hubs between netdevs. */

/*
 * A port is a netdev whose outside is the hub. Frames of its peer come to receive() and go on
 * through the chains of all other ports, or of none: if one of them may hold no more, the asking
 * port has to wait, and so its peer feels it. Each event that may end such a wait (a chain
 * drained, a port came or went) calls net_client_ready() on the ports.
 *
 * Two kinds of ports let no other port wait. A port whose peer has no connection, or that leads to
 * a hub without other ports, takes no frames. A port that has kept the others waiting for
 * HUB_WAIT_NS drops frames for which it has no room, until it has taken all that wait for it.
 */

#include "net/netdev/hub.h"

#include "net/netdev.h"
#include "net/run-state.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/trace.h"

TRACE_POINT(net_hub_left_behind);

/* How long a full port may keep the others waiting (docs/netdevs.rst, "hubport"). */
#define HUB_WAIT_NS INT64_C(5000000000)

/** A hub; it exists as long as it has ports. */
typedef struct NetHub {
    int32_t id;
    GPtrArray *ports; /* owned list of borrowed NetHubPort *, in order of creation */
} NetHub;

/** A netdev of type hubport. */
typedef struct NetHubPort {
    NetClient nc;
    NetHub *hub;      /* its ports own it together; NULL while the port is being made */
    Timer *wait;      /* owned; runs while others wait for this port; NULL until first needed */
    bool left_behind; /* they have waited long enough: they go on without it */
} NetHubPort;

static GPtrArray *hubs; /* owned list of owned NetHub *, in order of creation */

static NetHub *hub_get(int32_t id)
{
    NetHub *hub;

    if (!hubs) {
        hubs = g_ptr_array_new();
    }
    for (guint i = 0; i < hubs->len; i++) {
        hub = hubs->pdata[i];
        if (hub->id == id) {
            return hub;
        }
    }
    hub = g_new0(NetHub, 1);
    hub->id = id;
    hub->ports = g_ptr_array_new();
    g_ptr_array_add(hubs, hub);
    return hub;
}

static void hub_free_if_empty(NetHub *hub)
{
    if (hub->ports->len > 0) {
        return;
    }
    g_ptr_array_remove(hubs, hub);
    g_ptr_array_unref(hub->ports);
    g_free(hub);
    if (hubs->len == 0) {
        g_clear_pointer(&hubs, g_ptr_array_unref);
    }
}

static void hub_ready(NetHub *hub, const NetHubPort *except)
{
    for (guint i = 0; i < hub->ports->len; i++) {
        NetHubPort *port = hub->ports->pdata[i];

        if (port != except) {
            net_client_ready(&port->nc);
        }
    }
}

void net_hub_foreach_port(void (*func)(NetClient *port, int32_t hub_id, void *opaque),
                          void *opaque)
{
    for (guint i = hubs ? hubs->len : 0; i-- > 0;) {
        NetHub *hub = hubs->pdata[i];

        for (guint j = hub->ports->len; j-- > 0;) {
            NetHubPort *port = hub->ports->pdata[j];

            func(&port->nc, hub->id, opaque);
        }
    }
}

/* --- Hooks ------------------------------------------------------------------------------- */

static const NetHub *client_hub(const NetClient *nc);

/* Whether the port's other end can take frames at all. */
static bool hubport_is_connected(const NetHubPort *port)
{
    const NetClient *peer = port->nc.peer;
    const NetHub *joined = client_hub(peer);

    if (joined) {
        return joined->ports->len > 1;
    }
    return !peer || peer->info->is_netdev || !peer->disconnected;
}

static void hubport_waited(void *opaque)
{
    NetHubPort *port = opaque;

    if (run_state_is_running()) {
        TRACE(net_hub_left_behind, "port '%s'", port->nc.id);
        port->left_behind = true;
        hub_ready(port->hub, port);
    }
}

/* Whether others may send without regard to the port, which may take the frames or lose them. */
static bool hubport_lets_others_go(NetHubPort *port)
{
    if (net_client_can_send(&port->nc) || port->left_behind || !hubport_is_connected(port)) {
        return true;
    }
    if (!port->wait) {
        port->wait = timer_new(CLOCK_TYPE_REALTIME, hubport_waited, port);
    }
    if (!timer_is_running(port->wait)) {
        timer_start_at(port->wait, clock_now_ns(CLOCK_TYPE_REALTIME) + HUB_WAIT_NS);
    }
    return false;
}

static bool hubport_can_forward(const NetHubPort *port)
{
    const GPtrArray *ports = port->hub->ports;

    for (guint i = 0; i < ports->len; i++) {
        NetHubPort *other = ports->pdata[i];

        if (other != port && !hubport_lets_others_go(other)) {
            return false;
        }
    }
    return ports->len > 1;
}

/* What has come in by another port goes out by this one. */
static void hubport_forward(NetHubPort *port, const NetFrame *frames, size_t n)
{
    NetClient *nc = &port->nc;

    if (!hubport_is_connected(port)) {
        net_client_drop(nc, n, net_frames_bytes(frames, n), NET_DROP_REASON_NOT_CONNECTED);
    } else if (port->left_behind && !net_client_can_send(nc)) {
        net_client_drop(nc, n, net_frames_bytes(frames, n), NET_DROP_REASON_OVERFLOW);
    } else {
        net_client_send(nc, frames, n);
    }
}

static size_t net_hubport_receive(NetClient *nc, const NetFrame *frames, size_t n)
{
    NetHubPort *port = (NetHubPort *)nc;

    if (!port->hub || !hubport_can_forward(port)) {
        return 0;
    }
    for (guint i = port->hub->ports->len; i-- > 0;) {
        NetHubPort *other = port->hub->ports->pdata[i];

        if (other != port) {
            hubport_forward(other, frames, n);
        }
    }
    return n;
}

/* What comes in goes to all others. */
static bool net_hubport_reads_once(const NetClient *nc)
{
    const NetHubPort *port = (const NetHubPort *)nc;

    for (guint i = 0; port->hub && i < port->hub->ports->len; i++) {
        const NetHubPort *other = port->hub->ports->pdata[i];

        if (other != port && !net_client_reads_once(&other->nc)) {
            return false;
        }
    }
    return true;
}

/*
 * There is no fd to read. The chain that starts here holds nothing any more: so the others may
 * send.
 */
static void net_hubport_read_poll(NetClient *nc, bool enable)
{
    NetHubPort *port = (NetHubPort *)nc;

    if (!enable || !port->hub) {
        return;
    }
    port->left_behind = false;
    if (port->wait) {
        timer_stop(port->wait);
    }
    hub_ready(port->hub, port);
}

/* The set of ports that take frames has changed. */
static void net_hubport_peer_changed(NetClient *nc)
{
    NetHubPort *port = (NetHubPort *)nc;

    if (port->hub) {
        hub_ready(port->hub, port);
    }
}

static void net_hubport_cleanup(NetClient *nc)
{
    NetHubPort *port = (NetHubPort *)nc;
    NetHub *hub = port->hub;

    port->hub = NULL;
    timer_free(port->wait);
    g_ptr_array_remove(hub->ports, port);
    hub_ready(hub, NULL);
    hub_free_if_empty(hub);
}

static const NetClientInfo net_hubport_info = {
    .type = NET_CLIENT_DRIVER_HUBPORT,
    .size = sizeof(NetHubPort),
    .receive = net_hubport_receive,
    .read_poll = net_hubport_read_poll,
    .reads_once = net_hubport_reads_once,
    .peer_changed = net_hubport_peer_changed,
    .cleanup = net_hubport_cleanup,
    .is_netdev = true,
};

/* --- Creation ---------------------------------------------------------------------------- */

static const NetHub *client_hub(const NetClient *nc)
{
    return nc && nc->info == &net_hubport_info ? ((const NetHubPort *)nc)->hub : NULL;
}

/* Whether frames can get from @from to @to over ports plugged into each other. */
static bool hub_reaches(const NetHub *from, const NetHub *to)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    g_autoptr(GPtrArray) reached = g_ptr_array_new();

    g_hash_table_add(seen, (gpointer)from);
    g_ptr_array_add(reached, (gpointer)from);
    for (guint i = 0; i < reached->len; i++) {
        const NetHub *hub = reached->pdata[i];

        for (guint j = 0; j < hub->ports->len; j++) {
            const NetHubPort *port = hub->ports->pdata[j];
            const NetHub *next = client_hub(port->nc.peer);

            if (next && g_hash_table_add(seen, (gpointer)next)) {
                g_ptr_array_add(reached, (gpointer)next);
            }
        }
    }
    return g_hash_table_contains(seen, to);
}

/* In a ring of hubs a frame would never come to an end. */
static bool hub_check_ring(const NetHub *hub, const NetClient *plugged, GError **error)
{
    const NetHub *other = client_hub(plugged);

    if (other && hub_reaches(other, hub)) {
        return error_set(error, "netdev '%s' leads back to hub %d", plugged->id, hub->id);
    }
    return true;
}

/* Returns: false with @error; *@netdev stays NULL when @id is. */
static bool hubport_find_netdev(const char *id, NetClient **netdev, GError **error)
{
    if (!id) {
        return true;
    }
    *netdev = net_netdev_find(id);
    if (!*netdev) {
        return error_set(error, "netdev '%s' not found", id);
    }
    if ((*netdev)->peer) {
        return error_set(error, "netdev '%s' is in use by '%s'", id, (*netdev)->peer->id);
    }
    return true;
}

static NetClient *net_hubport_create(const Netdev *netdev, GError **error)
{
    const NetdevHubPortOptions *opts = &netdev->u.hubport;
    NetClient *plugged = NULL;
    NetHubPort *port;
    NetHub *hub;

    if (!hubport_find_netdev(opts->netdev, &plugged, error)) {
        return NULL;
    }
    hub = hub_get(opts->hubid);
    if (!hub_check_ring(hub, plugged, error)) {
        return NULL; /* the ring goes through @hub: it has ports */
    }
    port = (NetHubPort *)net_client_new(&net_hubport_info, netdev->id);
    port->hub = hub;
    g_ptr_array_add(port->hub->ports, port);
    if (plugged) {
        net_client_connect(&port->nc, plugged);
    }
    hub_ready(port->hub, port);
    return &port->nc;
}

static const NetdevClass net_hubport_class = {
    .type = NET_CLIENT_DRIVER_HUBPORT,
    .create = net_hubport_create,
};

__attribute__((constructor)) static void net_hubport_register(void)
{
    netdev_class_register(&net_hubport_class);
}
