/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netdevs tap and bridge: frames to and from a tap interface of the host. */

/*
 * A tap with vnet_hdr=on puts a virtio-net header in front of each frame. The kernel may leave
 * checksums and segmentation to the receiver of the frames, which is worth a lot between two ends
 * that both can, and is of no use to others. So tap.c switches it on only while the peer takes
 * such headers. For other peers it is off, the headers say nothing, and they are cut off: what the
 * chain carries then is plain frames. The few that the kernel had queued before the peer changed
 * keep their header, and the chain does in software what it asks for.
 *
 * Toward the kernel every frame gets a header of ten bytes, its own or an empty one.
 */

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "net/netdev.h"
#include "net/netdev/tap-internal.h"
#include "net/packet/offload.h"
#include "util/error.h"
#include "util/fd-store.h"
#include "util/fd-watch.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/trace.h"

TRACE_POINT(net_tap_offloads);
TRACE_POINT(net_tap_send_failed);

/* The shortest frame, without its checksum: the kernel hands over shorter ones as they are. */
#define ETHERNET_MIN 60u

/* What one wake-up reads: a full batch of ordinary frames, or some of the largest. */
#define READ_BUFFER_SIZE (1024u * 1024)

/* Each frame begins at a multiple of this. */
#define READ_ALIGN 64u

/* Its frames have been run when the next wake-up begins. */
static uint8_t read_buffer[READ_BUFFER_SIZE];

/** A netdev of type tap or bridge. */
typedef struct NetTap {
    NetClient nc;
    int fd;                /* owned; valid while @watch is there */
    FdWatch *watch;        /* owned; NULL = not opened yet, or the interface is gone */
    bool vnet_hdr;         /* the kernel puts a virtio-net header in front, and wants one */
    bool offloads;         /* the peer takes such headers: frames keep them */
    bool waits_to_write;
    char ifname[IFNAMSIZ]; /* for the downscript */
    TapDrops drops;
    char *downscript;      /* owned; NULL = none */
} NetTap;

static void tap_update_watch(NetTap *tap)
{
    fd_watch_want(tap->watch, tap->nc.polled, tap->waits_to_write);
}

/* The interface was deleted: nothing will come and nothing can be sent any more. */
static void tap_lose(NetTap *tap, int err)
{
    g_autofree char *text = NULL;

    log_error("netdev '%s': the tap interface is gone: %s", tap->nc.id, g_strerror(err));
    fd_watch_free(tap->watch);
    tap->watch = NULL;
    tap->waits_to_write = false;
    fd_close(&tap->fd);
    net_client_set_connected(&tap->nc, false);
    text = g_strdup_printf("%s,gone", tap->nc.info_text);
    net_client_set_info(&tap->nc, "%s", text);
}

/* --- Receive ----------------------------------------------------------------------------- */

/* Whether the header, of NET_VNET_HDR_LEN bytes, leaves nothing to be done. */
static bool tap_header_is_idle(const uint8_t *header)
{
    const uint8_t needs_csum = 1;

    return !(header[0] & needs_csum) && header[1] == 0;
}

/* The frame that was read: without a header that is not needed, and not too short. */
static NetFrame tap_make_frame(const NetTap *tap, uint8_t *data, uint32_t len)
{
    uint32_t hdr_len = tap->vnet_hdr ? NET_VNET_HDR_LEN : 0;
    uint32_t least = hdr_len + ETHERNET_MIN;

    if (len < least) {
        memset(data + len, 0, least - len);
        len = least;
    }
    if (hdr_len > 0 && !tap->offloads && tap_header_is_idle(data)) {
        return (NetFrame) { .data = data + hdr_len, .len = len - hdr_len };
    }
    return (NetFrame) { .data = data, .len = len, .vnet_hdr_len = hdr_len };
}

/* What a frame takes in the buffer, padding included. */
static size_t tap_room(size_t len)
{
    size_t most = MAX(len, NET_VNET_HDR_LEN + ETHERNET_MIN);

    return (most + READ_ALIGN - 1) / READ_ALIGN * READ_ALIGN;
}

/*
 * Read until nothing is left or the batch or the buffer is full.
 * Returns: 0, or the errno of a broken interface; the batch is valid all the same.
 */
static int tap_fill_batch(NetTap *tap, NetBatch *batch)
{
    uint32_t hdr_len = tap->vnet_hdr ? NET_VNET_HDR_LEN : 0;
    size_t at = 0;

    batch->n = 0;
    while (batch->n < NET_BATCH_MAX && at + NET_FRAME_MAX <= READ_BUFFER_SIZE) {
        ssize_t n = read(tap->fd, read_buffer + at, NET_FRAME_MAX);

        if (n < 0) {
            return errno == EAGAIN || errno == EINTR ? 0 : errno;
        }
        if ((size_t)n <= hdr_len) {
            net_client_drop(&tap->nc, 1, n, NET_DROP_REASON_EMPTY);
            return 0;
        }
        batch->frames[batch->n++] = tap_make_frame(tap, read_buffer + at, n);
        at += tap_room((size_t)n);
    }
    return 0;
}

static void tap_read(NetTap *tap)
{
    NetBatch batch;
    int err = tap_fill_batch(tap, &batch);

    if (batch.n > 0) {
        net_client_send(&tap->nc, batch.frames, batch.n);
    }
    if (err) {
        tap_lose(tap, err);
    }
}

/* --- Send -------------------------------------------------------------------------------- */

/* Returns: 0 or the errno. */
static int tap_write(const NetTap *tap, const NetFrame *frame)
{
    static const uint8_t idle_header[NET_VNET_HDR_LEN];
    uint32_t hdr_len = frame->vnet_hdr_len;
    struct iovec iov[] = {
        { (void *)(hdr_len > 0 ? frame->data : idle_header),
          tap->vnet_hdr ? NET_VNET_HDR_LEN : 0 },
        { (void *)(frame->data + hdr_len), frame->len - hdr_len },
    };
    ssize_t n;

    do {
        n = writev(tap->fd, iov, G_N_ELEMENTS(iov));
    } while (n < 0 && errno == EINTR);
    return n < 0 ? errno : 0;
}

/* A header shorter than any that there is, or one with nothing behind it. */
static bool tap_frame_is_malformed(const NetFrame *frame)
{
    return frame->vnet_hdr_len > 0 &&
           (frame->vnet_hdr_len < NET_VNET_HDR_LEN || frame->len <= frame->vnet_hdr_len);
}

/* Returns: whether the frame has been dealt with; else it waits for room. */
static bool tap_send(NetTap *tap, const NetFrame *frame)
{
    NetDropReason reason = NET_DROP_REASON_SEND_FAILED;
    int err = 0;

    if (!tap->watch) {
        reason = NET_DROP_REASON_NOT_CONNECTED;
    } else if (tap_frame_is_malformed(frame)) {
        reason = NET_DROP_REASON_MALFORMED;
    } else {
        err = tap_write(tap, frame);
        if (err == 0) {
            return true;
        }
    }
    if (err == EAGAIN) {
        tap->waits_to_write = true;
        tap_update_watch(tap);
        return false;
    }
    if (err) {
        TRACE(net_tap_send_failed, "netdev '%s': %s", tap->nc.id, g_strerror(err));
    }
    net_client_drop_rx(&tap->nc, frame, 1, reason);
    return true;
}

static size_t net_tap_receive(NetClient *nc, const NetFrame *frames, size_t n)
{
    size_t done = 0;

    while (done < n && tap_send((NetTap *)nc, &frames[done])) {
        done++;
    }
    return done;
}

/* --- Hooks ------------------------------------------------------------------------------- */

static void tap_event(int fd, FdEvents events, void *opaque)
{
    NetTap *tap = opaque;

    if (events & FD_EVENT_WRITE) {
        tap->waits_to_write = false;
        tap_update_watch(tap);
        net_client_ready(&tap->nc);
    }
    if (events & FD_EVENT_READ && tap->nc.polled && tap->watch) {
        tap_read(tap);
    }
}

static void net_tap_read_poll(NetClient *nc, bool enable)
{
    tap_update_watch((NetTap *)nc);
}

/* It is the kernel who reads them. */
static bool net_tap_reads_once(const NetClient *nc)
{
    return true;
}

static bool net_tap_kernel_dropped(NetClient *nc, uint64_t query, uint64_t *frames)
{
    return tap_drops_get(&((NetTap *)nc)->drops, query, frames);
}

static void net_tap_peer_changed(NetClient *nc)
{
    NetTap *tap = (NetTap *)nc;
    bool offloads = nc->peer && nc->peer->info->takes_vnet_hdr;

    if (!tap->watch || tap->offloads == offloads) {
        return;
    }
    TRACE(net_tap_offloads, "netdev '%s' offloads %d", nc->id, offloads);
    tap->offloads = offloads;
    tap_set_offloads(tap->fd, offloads);
}

static void net_tap_cleanup(NetClient *nc)
{
    NetTap *tap = (NetTap *)nc;
    auto_fd int fd = tap->watch ? tap->fd : -1;

    fd_watch_free(tap->watch);
    if (tap->downscript) {
        tap_retire(tap->downscript, tap->ifname, fd_steal(&fd));
    }
    g_free(tap->downscript);
}

static const NetClientInfo net_tap_info = {
    .type = NET_CLIENT_DRIVER_TAP,
    .size = sizeof(NetTap),
    .receive = net_tap_receive,
    .read_poll = net_tap_read_poll,
    .kernel_dropped = net_tap_kernel_dropped,
    .reads_once = net_tap_reads_once,
    .cleanup = net_tap_cleanup,
    .is_netdev = true,
};

static const NetClientInfo net_tap_vnet_hdr_info = {
    .type = NET_CLIENT_DRIVER_TAP,
    .size = sizeof(NetTap),
    .receive = net_tap_receive,
    .read_poll = net_tap_read_poll,
    .kernel_dropped = net_tap_kernel_dropped,
    .reads_once = net_tap_reads_once,
    .peer_changed = net_tap_peer_changed,
    .cleanup = net_tap_cleanup,
    .is_netdev = true,
    .takes_vnet_hdr = true,
};

/* --- Creation ---------------------------------------------------------------------------- */

/* @device: taken. */
static NetTap *tap_new(const char *id, TapDevice *device)
{
    NetTap *tap = (NetTap *)net_client_new(device->vnet_hdr ? &net_tap_vnet_hdr_info
                                                            : &net_tap_info, id);

    tap->fd = fd_steal(&device->fd);
    tap->vnet_hdr = device->vnet_hdr;
    memcpy(tap->ifname, device->ifname, sizeof(tap->ifname));
    tap_drops_start(&tap->drops, tap->fd);
    tap->watch = fd_watch_new(tap->fd, tap_event, tap);
    tap_update_watch(tap);
    return tap;
}

static NetClient *tap_create_fd(const char *id, const NetdevTapOptions *opts, GError **error)
{
    int fd = fd_from_text_r1(opts->fd ? opts->fd : opts->fds, error);
    TapDevice device;
    NetTap *tap;

    if (fd < 0 || !tap_device_adopt(&device, fd, error)) {
        return NULL;
    }
    if (!tap_device_set_sndbuf(&device, opts->has_sndbuf ? &opts->sndbuf : NULL, error)) {
        fd_close(&device.fd);
        return NULL;
    }
    tap = tap_new(id, &device);
    net_client_set_info(&tap->nc, "fd=%d", fd);
    return &tap->nc;
}

static NetTap *tap_create_helper(const char *id, const char *helper, const char *bridge,
                                 const uint64_t *sndbuf, GError **error)
{
    TapWish wish = { .helper = helper, .bridge = bridge, .sndbuf = sndbuf };
    TapDevice device;

    return tap_prepare(&wish, &device, error) ? tap_new(id, &device) : NULL;
}

/* "no" and "" stand for none. */
static const char *tap_script_or_null(const char *script)
{
    return script && *script && strcmp(script, "no") != 0 ? script : NULL;
}

static NetClient *tap_create_ifname(const char *id, const NetdevTapOptions *opts,
                                    GError **error)
{
    const char *script = tap_script_or_null(opts->script);
    const char *downscript = tap_script_or_null(opts->downscript);
    TapWish wish = {
        .ifname = opts->ifname ? opts->ifname : "",
        .vnet_hdr = !opts->has_vnet_hdr ? "" : opts->vnet_hdr ? "on" : "off",
        .script = script,
        .sndbuf = opts->has_sndbuf ? &opts->sndbuf : NULL,
    };
    TapDevice device;
    NetTap *tap;

    if (!tap_prepare(&wish, &device, error)) {
        return NULL;
    }
    tap = tap_new(id, &device);
    /* When it is run a daemon is in another directory. */
    tap->downscript = downscript ? g_canonicalize_filename(downscript, NULL) : NULL;
    if (downscript) {
        spawner_allow(tap->downscript);
    }
    net_client_set_info(&tap->nc, "ifname=%s,script=%s,downscript=%s", tap->ifname,
                        script ? script : "no", downscript ? downscript : "no");
    return &tap->nc;
}

static NetClient *net_tap_create(const Netdev *netdev, GError **error)
{
    const NetdevTapOptions *opts = &netdev->u.tap;
    NetTap *tap;

    if (!tap_options_check(opts, error)) {
        return NULL;
    }
    if (opts->fd || opts->fds) {
        return tap_create_fd(netdev->id, opts, error);
    }
    if (!opts->helper) {
        return tap_create_ifname(netdev->id, opts, error);
    }
    tap = tap_create_helper(netdev->id, opts->helper, opts->br ? opts->br : TAP_DEFAULT_BRIDGE,
                            opts->has_sndbuf ? &opts->sndbuf : NULL, error);
    if (tap) {
        net_client_set_info(&tap->nc, "helper=%s", opts->helper);
    }
    return tap ? &tap->nc : NULL;
}

static NetClient *net_bridge_create(const Netdev *netdev, GError **error)
{
    const NetdevBridgeOptions *opts = &netdev->u.bridge;
    const char *helper = opts->helper ? opts->helper : TAP_DEFAULT_HELPER;
    const char *bridge = opts->br ? opts->br : TAP_DEFAULT_BRIDGE;
    NetTap *tap = tap_create_helper(netdev->id, helper, bridge, NULL, error);

    if (tap) {
        net_client_set_info(&tap->nc, "helper=%s,br=%s", helper, bridge);
    }
    return tap ? &tap->nc : NULL;
}

static const NetdevClass net_tap_class = {
    .type = NET_CLIENT_DRIVER_TAP,
    .create = net_tap_create,
};

static const NetdevClass net_bridge_class = {
    .type = NET_CLIENT_DRIVER_BRIDGE,
    .create = net_bridge_create,
};

__attribute__((constructor)) static void net_tap_register(void)
{
    netdev_class_register(&net_tap_class);
    netdev_class_register(&net_bridge_class);
}
