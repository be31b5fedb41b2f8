/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exports of type stream: the guest's QEMU attaches by a stream socket. */

#include "export/export-internal.h"
#include "net/run-state.h"
#include "net/stream-link.h"

typedef struct NetExportStream {
    NetExport exp;
    NetStreamLink link;
} NetExportStream;

static NetStreamConn *export_conn(const NetExport *exp)
{
    return &((NetExportStream *)exp)->link.conn;
}

/* --- Hooks of the link ------------------------------------------------------------------- */

static void export_stream_connected(NetClient *nc, const SocketAddress *addr)
{
    net_export_connected((NetExport *)nc, addr);
}

/* The link then reports if it goes on. */
static void export_stream_disconnected(NetClient *nc)
{
    net_client_set_info(nc, "not-connected");
    net_export_disconnected((NetExport *)nc);
}

static const NetStreamLinkOps export_link_ops = {
    .connected = export_stream_connected,
    .disconnected = export_stream_disconnected,
};

/* --- Hooks of the client ----------------------------------------------------------------- */

static void export_stream_read_poll(NetClient *nc, bool enable)
{
    net_stream_conn_read_poll(export_conn((NetExport *)nc), enable);
}

static void export_stream_cleanup(NetClient *nc)
{
    net_stream_link_clear(&((NetExportStream *)nc)->link);
    net_export_cleanup(nc);
}

static const NetClientInfo export_stream_info = {
    .type = NET_CLIENT_DRIVER_NIC,
    .size = sizeof(NetExportStream),
    .receive = net_export_receive,
    .read_poll = export_stream_read_poll,
    .in_flight = net_export_in_flight,
    .in_flight_taken = net_export_in_flight_taken,
    .describe = net_export_describe,
    .cleanup = export_stream_cleanup,
    .drains = true,
};

/* The same for guests whose frames carry their virtio-net header. */
static const NetClientInfo export_stream_vnet_info = {
    .type = NET_CLIENT_DRIVER_NIC,
    .size = sizeof(NetExportStream),
    .receive = net_export_receive,
    .read_poll = export_stream_read_poll,
    .in_flight = net_export_in_flight,
    .in_flight_taken = net_export_in_flight_taken,
    .describe = net_export_describe,
    .cleanup = export_stream_cleanup,
    .drains = true,
    .takes_vnet_hdr = true,
};

/* --- Hooks of the export ----------------------------------------------------------------- */

static size_t export_stream_send(NetExport *exp, const NetFrame *frames, size_t n)
{
    return net_stream_conn_receive(export_conn(exp), frames, n);
}

static bool export_stream_is_idle(const NetExport *exp)
{
    return net_stream_conn_is_idle(export_conn(exp));
}

static void export_stream_drain(NetExport *exp, uint64_t limit)
{
    net_stream_conn_drain(export_conn(exp), limit);
}

static void export_stream_run_state_changed(NetExport *exp, bool running)
{
    net_stream_conn_set_halted(export_conn(exp), !running);
}

static int export_stream_socket(const NetExport *exp)
{
    return export_conn(exp)->fd;
}

static char *export_stream_address(const NetExport *exp)
{
    return net_stream_link_uri(&((const NetExportStream *)exp)->link);
}

static const char *export_stream_error(const NetExport *exp)
{
    return ((const NetExportStream *)exp)->link.error;
}

/* --- Creation ---------------------------------------------------------------------------- */

static const NetExportClass export_stream_class;

static NetExport *export_stream_make(const NetExportOptions *opts, const NetExportRole *role)
{
    const NetExportStreamOptions *stream_opts = &opts->u.stream;
    const NetClientInfo *info = stream_opts->vnet_hdr ? &export_stream_vnet_info
                                                      : &export_stream_info;
    NetExport *exp = net_export_new(info, &export_stream_class, opts);

    exp->one_shot = stream_opts->one_shot;
    net_stream_link_init(&((NetExportStream *)exp)->link, &exp->nc, &export_link_ops,
                         &(NetStreamLinkOptions) {
                             .addr = stream_opts->addr,
                             .server = role->server,
                             .reconnect_ms = role->reconnect_ms,
                             .once = stream_opts->one_shot,
                             .vnet_hdr = stream_opts->vnet_hdr,
                             .waits_for_next = true,
                         }, role->fd);
    export_stream_run_state_changed(exp, run_state_is_running());
    return exp;
}

/* A server listens at once, so that an address that is no good is an error here. */
static NetExport *export_stream_create(const NetExportOptions *opts, GError **error)
{
    const NetExportStreamOptions *stream_opts = &opts->u.stream;
    NetExportRole role;
    NetExport *exp;

    if (!net_export_find_role(&role, stream_opts->addr,
                              stream_opts->has_server ? &stream_opts->server : NULL,
                              stream_opts->has_reconnect_ms ? &stream_opts->reconnect_ms : NULL,
                              error)) {
        return NULL;
    }
    exp = export_stream_make(opts, &role);
    if (!net_stream_link_start(&((NetExportStream *)exp)->link, error)) {
        net_client_delete(&exp->nc);
        return NULL;
    }
    return exp;
}

static const NetExportClass export_stream_class = {
    .type = NET_EXPORT_TYPE_STREAM,
    .create = export_stream_create,
    .send = export_stream_send,
    .is_idle = export_stream_is_idle,
    .drain = export_stream_drain,
    .run_state_changed = export_stream_run_state_changed,
    .socket = export_stream_socket,
    .address = export_stream_address,
    .error = export_stream_error,
};

__attribute__((constructor)) static void export_stream_register(void)
{
    net_export_class_register(&export_stream_class);
}
