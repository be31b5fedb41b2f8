/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exports of type vhost-user: the rings of the guest's virtio-net are worked here. */

/*
 * What is in the guest's rings it has got, and what is not is here: a stop is exact, and nothing
 * is ever in flight. For the chain the export is connected while there is a ring that frames toward
 * the guest can go to; without one they wait as for a guest that is not there.
 */

#include <sys/socket.h>

#include "export/export-internal.h"
#include "export/vhost-user-conn.h"
#include "export/vhost-user-data.h"
#include "export/vhost-user-dev.h"
#include "util/error.h"
#include "util/fd.h"

/* A second; longer is no break but an endless loop. */
#define POLL_US_MAX 1000000u

typedef struct NetExportVhostUser {
    NetExport exp;
    VhostUserDev dev;
    VhostUserConn conn;
    Timer *failure;   /* owned: ends the connection from the loop */
    char *source;     /* owned: of messages */
    bool guest_runs;  /* as it was told */
    size_t n_targets; /* when the chain was woken last */
} NetExportVhostUser;

static VhostUserDev *export_dev(const NetExport *exp)
{
    return &((NetExportVhostUser *)exp)->dev;
}

/* --- Hooks of the device ----------------------------------------------------------------- */

/*
 * Frames that waited go first: at a start the net core is told behind this. The ring that they
 * waited for may be one that they cannot go to any more, so the others are tried.
 */
static void export_vu_changed(VhostUserDev *dev)
{
    NetExportVhostUser *vu = (NetExportVhostUser *)dev->nc;
    bool runs = vhost_user_dev_runs(dev);
    bool connected = dev->n_targets > 0;

    if (connected == dev->nc->disconnected) {
        if (connected) {
            vhost_user_transfer_started(&dev->transfer);
        }
        net_client_set_connected(dev->nc, connected);
    }
    if (vu->n_targets != dev->n_targets) {
        vu->n_targets = dev->n_targets;
        net_client_ready(dev->nc);
    }
    if (runs != vu->guest_runs) {
        vu->guest_runs = runs;
        net_export_guest_runs(runs);
    }
}

static void export_vu_failed(VhostUserDev *dev)
{
    NetExportVhostUser *vu = (NetExportVhostUser *)dev->nc;

    timer_start_at(vu->failure, clock_now_ns(CLOCK_TYPE_REALTIME));
}

static const VhostUserDevOps export_dev_ops = {
    .changed = export_vu_changed,
    .failed = export_vu_failed,
};

static void export_vu_fail(void *opaque)
{
    vhost_user_conn_end(&((NetExportVhostUser *)opaque)->conn,
                        "the file of its shared memory was cut short");
}

/* --- Hooks of the connection ------------------------------------------------------------- */

static void export_vu_opened(void *opaque, const SocketAddress *addr)
{
    NetExportVhostUser *vu = opaque;

    vhost_user_dev_open(&vu->dev);
    net_export_connected(&vu->exp, addr);
}

static bool export_vu_message(void *opaque, VhostUserMsg *msg, int fd, GError **error)
{
    return vhost_user_dev_handle(&((NetExportVhostUser *)opaque)->dev, msg, fd, error);
}

static void export_vu_closed(void *opaque)
{
    NetExportVhostUser *vu = opaque;

    timer_stop(vu->failure);
    vhost_user_dev_close(&vu->dev);
    net_export_disconnected(&vu->exp);
}

static void export_vu_says(void *opaque, const char *what, const char *why)
{
    net_client_set_info(opaque, "%s%s", what, why ? why : "");
}

static const VhostUserConnOps export_conn_ops = {
    .opened = export_vu_opened,
    .message = export_vu_message,
    .closed = export_vu_closed,
    .changed = export_vu_says,
};

/* --- Hooks of the client ----------------------------------------------------------------- */

static void export_vu_read_poll(NetClient *nc, bool enable)
{
    vhost_user_dev_read_poll(export_dev((NetExport *)nc));
}

/* A copy is put into the guest's rings. What decides where it goes may be any number. */
static bool export_vu_reads_once(const NetClient *nc)
{
    return true;
}

static void export_vu_cleanup(NetClient *nc)
{
    NetExportVhostUser *vu = (NetExportVhostUser *)nc;

    if (vu->guest_runs) {
        net_export_forget_guest();
    }
    vhost_user_conn_clear(&vu->conn);
    vhost_user_dev_clear(&vu->dev);
    timer_free(vu->failure);
    g_free(vu->source);
    net_export_cleanup(nc);
}

static const NetClientInfo export_vu_info = {
    .type = NET_CLIENT_DRIVER_NIC,
    .size = sizeof(NetExportVhostUser),
    .receive = net_export_receive,
    .read_poll = export_vu_read_poll,
    .reads_once = export_vu_reads_once,
    .describe = net_export_describe,
    .cleanup = export_vu_cleanup,
    .takes_vnet_hdr = true,
};

/* --- Hooks of the export ----------------------------------------------------------------- */

static size_t export_vu_send(NetExport *exp, const NetFrame *frames, size_t n)
{
    return vhost_user_dev_send(export_dev(exp), frames, n);
}

static bool export_vu_is_idle(const NetExport *exp)
{
    return true;
}

static void export_vu_drain(NetExport *exp, uint64_t limit)
{
    vhost_user_dev_drain(export_dev(exp), limit);
}

/* The net core does all there is to do. */
static void export_vu_run_state_changed(NetExport *exp, bool running)
{
}

static int export_vu_socket(const NetExport *exp)
{
    return ((const NetExportVhostUser *)exp)->conn.fd;
}

static bool export_vu_is_attached(const NetExport *exp)
{
    return export_vu_socket(exp) >= 0;
}

static char *export_vu_address(const NetExport *exp)
{
    return vhost_user_conn_uri(&((const NetExportVhostUser *)exp)->conn);
}

static const char *export_vu_error(const NetExport *exp)
{
    return ((const NetExportVhostUser *)exp)->conn.error;
}

static NetExportRingInfo export_vu_ring_info(const VhostUserRing *ring)
{
    return (NetExportRingInfo) {
        .index = ring->index,
        .started = ring->started,
        .enabled = ring->enabled,
        .has_resumed = ring->started,
        .resumed = ring->resumed,
        .fault = g_strdup(ring->vring.fault),
        .has_packed = ring->started,
        .packed = ring->vring.setup.is_packed,
        .has_size = ring->started,
        .size = ring->vring.setup.num,
    };
}

static void export_vu_fill_info(const NetExport *exp, NetExportInfo *info)
{
    const VhostUserDev *dev = export_dev(exp);
    NetExportVhostUserInfo *more = g_new0(NetExportVhostUserInfo, 1);
    size_t n = 2 * (size_t)dev->n_pairs;

    more->guest_runs = vhost_user_dev_runs(dev);
    more->features = dev->features;
    more->protocol_features = dev->protocol_features;
    more->memory_regions = dev->mem ? vring_memory_n_regions(dev->mem) : 0;
    more->state = vhost_user_transfer_info(&dev->transfer);
    more->postcopy = vhost_user_postcopy_info(&dev->postcopy);
    more->has_mtu = dev->mtu > 0;
    more->mtu = dev->mtu;
    more->rings = g_new0(NetExportRingInfoList, 1);
    more->rings->len = n;
    more->rings->items = g_new0(NetExportRingInfo, n);
    for (size_t i = 0; i < n; i++) {
        more->rings->items[i] = export_vu_ring_info(&dev->rings[i]);
    }
    info->vhost_user = more;
}

/* --- Creation ---------------------------------------------------------------------------- */

static bool export_vu_check(const NetExportVhostUserOptions *opts, GError **error)
{
    SocketAddressType type = opts->addr->type;

    if (opts->queues < 1 || opts->queues > VHOST_USER_PAIRS_MAX) {
        return error_set(error, "Parameter 'queues' expects a value from 1 to %u",
                         VHOST_USER_PAIRS_MAX);
    }
    if (opts->poll_us > POLL_US_MAX) {
        return error_set(error, "Parameter 'poll-us' expects a value from 0 to %u", POLL_US_MAX);
    }
    return type == SOCKET_ADDRESS_TYPE_UNIX || type == SOCKET_ADDRESS_TYPE_FD ||
           error_set(error, "Parameter 'addr.type' expects 'unix' or 'fd' with type=vhost-user, "
                     "as descriptors are passed over it");
}

static bool export_vu_check_fd(int fd, const char *text, GError **error)
{
    struct sockaddr_storage sa = { 0 };
    socklen_t len = sizeof(sa);

    return (getsockname(fd, (struct sockaddr *)&sa, &len) == 0 && sa.ss_family == AF_UNIX) ||
           error_set(error, "File descriptor '%s' is not a unix socket", text);
}

static const NetExportClass export_vu_class;

static NetExport *export_vu_make(const NetExportOptions *opts, const NetExportRole *role)
{
    const NetExportVhostUserOptions *vu_opts = &opts->u.vhost_user;
    NetExport *exp = net_export_new(&export_vu_info, &export_vu_class, opts);
    NetExportVhostUser *vu = (NetExportVhostUser *)exp;

    exp->one_shot = vu_opts->one_shot;
    vu->failure = timer_new(CLOCK_TYPE_REALTIME, export_vu_fail, vu);
    vu->source = g_strdup_printf("export '%s'", opts->id);
    vhost_user_dev_init(&vu->dev, &exp->nc, vu->source, &export_dev_ops, vu_opts->queues);
    vu->dev.poll_ns = (int64_t)vu_opts->poll_us * 1000;
    vu->dev.offers_state = vu_opts->device_state;
    vhost_user_conn_init(&vu->conn, &export_conn_ops, vu, &(VhostUserConnOptions) {
        .source = vu->source,
        .addr = vu_opts->addr,
        .server = role->server,
        .once = vu_opts->one_shot,
        .reconnect_ms = role->reconnect_ms,
    }, role->fd);
    net_client_set_connected(&exp->nc, false);
    return exp;
}

/* A server listens at once, so that an address that is no good is an error here. */
static NetExport *export_vu_create(const NetExportOptions *opts, GError **error)
{
    const NetExportVhostUserOptions *vu_opts = &opts->u.vhost_user;
    NetExportRole role;
    NetExport *exp;

    if (!export_vu_check(vu_opts, error) ||
        !net_export_find_role(&role, vu_opts->addr, vu_opts->has_server ? &vu_opts->server : NULL,
                              vu_opts->has_reconnect_ms ? &vu_opts->reconnect_ms : NULL, error)) {
        return NULL;
    }
    if (role.fd >= 0 && !export_vu_check_fd(role.fd, vu_opts->addr->u.fd.str, error)) {
        fd_close(&role.fd);
        return NULL;
    }
    exp = export_vu_make(opts, &role);
    if (!vhost_user_conn_start(&((NetExportVhostUser *)exp)->conn, error)) {
        net_client_delete(&exp->nc);
        return NULL;
    }
    return exp;
}

static const NetExportClass export_vu_class = {
    .type = NET_EXPORT_TYPE_VHOST_USER,
    .is_exact = true,
    .create = export_vu_create,
    .send = export_vu_send,
    .is_idle = export_vu_is_idle,
    .drain = export_vu_drain,
    .run_state_changed = export_vu_run_state_changed,
    .socket = export_vu_socket,
    .address = export_vu_address,
    .error = export_vu_error,
    .is_attached = export_vu_is_attached,
    .fill_info = export_vu_fill_info,
};

__attribute__((constructor)) static void export_vu_register(void)
{
    net_export_class_register(&export_vu_class);
}
