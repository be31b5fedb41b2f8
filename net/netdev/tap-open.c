/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options of netdev tap, and how an interface is opened or a given descriptor is checked. */

#include "net/netdev/tap-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/if_tun.h>

#include "net/packet/offload.h"
#include "util/error.h"
#include "util/fd.h"

#define TUN_PATH "/dev/net/tun"

/* Newer than the headers of some systems we build on (Linux 6.2). */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

/* --- Options ----------------------------------------------------------------------------- */

/* Whether there are members that only make sense where we open the interface. */
static bool options_open_something(const NetdevTapOptions *opts)
{
    return opts->ifname || opts->script || opts->downscript || opts->has_vnet_hdr ||
           opts->has_queues;
}

static bool options_check_sources(const NetdevTapOptions *opts, GError **error)
{
    if (opts->fd && (options_open_something(opts) || opts->helper || opts->fds ||
                     opts->vhostfds)) {
        return error_set(error, "ifname=, script=, downscript=, vnet_hdr=, helper=, queues=, "
                         "fds=, and vhostfds= are invalid with fd=");
    }
    if (opts->fds && (options_open_something(opts) || opts->helper || opts->vhostfd)) {
        return error_set(error, "ifname=, script=, downscript=, vnet_hdr=, helper=, queues=, "
                         "and vhostfd= are invalid with fds=");
    }
    if (opts->helper && (options_open_something(opts) || opts->vhostfds)) {
        return error_set(error, "ifname=, script=, downscript=, vnet_hdr=, queues=, "
                         "and vhostfds= are invalid with helper=");
    }
    if (opts->vhostfds && !opts->fds) {
        return error_set(error, "vhostfds= is invalid if fds= wasn't specified");
    }
    if (opts->br && !opts->helper) {
        return error_set(error, "br= is only valid with helper=");
    }
    return true;
}

static guint options_count_fds(const char *fds)
{
    guint n = 1;

    for (; *fds; fds++) {
        n += *fds == ':';
    }
    return n;
}

static bool options_check_queues(const NetdevTapOptions *opts, GError **error)
{
    if (opts->has_queues && opts->queues != 1) {
        return error_set(error, "queues=%u is not supported: a tap has one queue here",
                         opts->queues);
    }
    if (opts->fds && opts->vhostfds &&
        options_count_fds(opts->fds) != options_count_fds(opts->vhostfds)) {
        return error_set(error, "The number of fds passed does not match the number of "
                         "vhostfds passed");
    }
    if (opts->fds && options_count_fds(opts->fds) != 1) {
        return error_set(error, "fds=%s is not supported: a tap has one queue here", opts->fds);
    }
    return true;
}

static bool options_check_vhost(const NetdevTapOptions *opts, GError **error)
{
    const char *fds = opts->vhostfd ? opts->vhostfd : opts->vhostfds;

    if (fds && opts->has_vhost && !opts->vhost) {
        return error_set(error, "vhostfd(s)= is not valid without vhost");
    }
    if (fds) {
        return error_set(error, "%s=%s: vhost is not supported",
                         opts->vhostfd ? "vhostfd" : "vhostfds", fds);
    }
    if (opts->vhost || opts->vhostforce) {
        return error_set(error, "%s=on: vhost is not supported",
                         opts->vhost ? "vhost" : "vhostforce");
    }
    if (opts->poll_us > 0) {
        return error_set(error, "poll-us=%u: vhost is not supported", opts->poll_us);
    }
    return true;
}

bool tap_options_check(const NetdevTapOptions *opts, GError **error)
{
    if (!options_check_sources(opts, error) || !options_check_queues(opts, error) ||
        !options_check_vhost(opts, error)) {
        return false;
    }
    if (opts->ifname && strlen(opts->ifname) >= IFNAMSIZ) {
        return error_set(error, "ifname=%s is too long: an interface's name has at most %d "
                         "bytes", opts->ifname, IFNAMSIZ - 1);
    }
    return true;
}

/* --- Set-up ------------------------------------------------------------------------------ */

void tap_set_offloads(int fd, bool on)
{
    unsigned known = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;

    /* A kernel that does not know a bit refuses them all. */
    if (on && ioctl(fd, TUNSETOFFLOAD, known | TUN_F_USO4 | TUN_F_USO6) == 0) {
        return;
    }
    ioctl(fd, TUNSETOFFLOAD, on ? known : 0);
}

bool tap_device_set_sndbuf(const TapDevice *device, const uint64_t *sndbuf, GError **error)
{
    int value = sndbuf && *sndbuf > 0 ? (int)MIN(*sndbuf, INT_MAX) : INT_MAX;

    if (ioctl(device->fd, TUNSETSNDBUF, &value) < 0 && sndbuf) {
        return error_set_errno(error, errno, "TUNSETSNDBUF ioctl failed");
    }
    return true;
}

/* What is left of earlier users goes; all headers are of the one form that everybody knows. */
static bool device_reset(TapDevice *device, GError **error)
{
    int len = NET_VNET_HDR_LEN;
    int little_endian = 1;

    tap_set_offloads(device->fd, false);
    if (device->vnet_hdr && (ioctl(device->fd, TUNSETVNETHDRSZ, &len) < 0 ||
                             ioctl(device->fd, TUNSETVNETLE, &little_endian) < 0)) {
        return error_set_errno(error, errno, "cannot set the virtio-net header of the tap");
    }
    return true;
}

/* --- By name ----------------------------------------------------------------------------- */

/* A macvtap interface has a device of its own; the user names the interface. */
static int device_open_macvtap(const char *ifname)
{
    unsigned index = *ifname ? if_nametoindex(ifname) : 0;
    g_autofree char *path = g_strdup_printf("/dev/tap%u", index);

    return index > 0 ? open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC) : -1;
}

typedef enum OpenStep {
    OPEN_STEP_OPEN = 1,
    OPEN_STEP_VNET_HDR,
    OPEN_STEP_ATTACH,
} OpenStep;

#define OPEN_FLAG_VNET_HDR 1u

/* @vnet_hdr: "on", "off" or "" for the kernel's setting. */
static bool device_want_vnet_hdr(int fd, const char *vnet_hdr, SpawnerReply *reply)
{
    unsigned features = 0;
    bool can = ioctl(fd, TUNGETFEATURES, &features) == 0 && features & IFF_VNET_HDR;

    if (strcmp(vnet_hdr, "on") == 0 && !can) {
        reply->step = OPEN_STEP_VNET_HDR;
        return false;
    }
    reply->flags = can && strcmp(vnet_hdr, "off") != 0 ? OPEN_FLAG_VNET_HDR : 0;
    return true;
}

static bool device_attach(int fd, const char *ifname, SpawnerReply *reply)
{
    struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };

    if (reply->flags & OPEN_FLAG_VNET_HDR) {
        ifr.ifr_flags |= IFF_VNET_HDR;
    }
    g_strlcpy(ifr.ifr_name, *ifname ? ifname : "tap%d", IFNAMSIZ);
    if (ioctl(fd, TUNSETIFF, &ifr) < 0) {
        reply->step = OPEN_STEP_ATTACH;
        reply->err = errno;
        return false;
    }
    g_strlcpy(reply->text, ifr.ifr_name, IFNAMSIZ);
    return true;
}

/* @args: the interface's name or "", and see device_want_vnet_hdr(). */
static int device_open(const char *const args[], bool interruptible, SpawnerReply *reply)
{
    auto_fd int fd = device_open_macvtap(args[0]);

    if (fd < 0) {
        fd = open(TUN_PATH, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    }
    if (fd < 0) {
        reply->step = OPEN_STEP_OPEN;
        reply->err = errno;
        return -1;
    }
    return device_want_vnet_hdr(fd, args[1], reply) && device_attach(fd, args[0], reply)
           ? fd_steal(&fd) : -1;
}

bool tap_is_interface_name(const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len >= IFNAMSIZ || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (name[i] == '/' || name[i] == ':' || g_ascii_isspace(name[i]) || name[i] == '\v') {
            return false;
        }
    }
    return true;
}

/* A longer name would be cut to that of another interface; of the others the kernel tells. */
static bool device_is_valid(const char *const args[])
{
    return strlen(args[0]) < IFNAMSIZ &&
           (*args[1] == '\0' || strcmp(args[1], "on") == 0 || strcmp(args[1], "off") == 0);
}

const SpawnerTask tap_open_task = {
    .name = "tap interface",
    .n_args = 2,
    .is_valid = device_is_valid,
    .run = device_open,
};

static bool device_attach_error(const char *ifname, int err, GError **error)
{
    if (!*ifname) {
        return error_set_errno(error, err, "could not configure " TUN_PATH);
    }
    error_set_errno(error, err, "could not configure " TUN_PATH " (%s)", ifname);
    if (err == EPERM && if_nametoindex(ifname) == 0) {
        error_append_hint(error, "There is no interface '%s', and making one takes "
                          "CAP_NET_ADMIN.", ifname);
    } else if (err == EPERM) {
        error_append_hint(error, "Interface '%s' belongs to another user.", ifname);
    } else if (err == EBUSY) {
        error_append_hint(error, "Somebody else uses '%s'.", ifname);
    } else if (err == EINVAL && if_nametoindex(ifname) > 0) {
        error_append_hint(error, "Interface '%s' is no tap, or one with several queues.", ifname);
    }
    return false;
}

static bool device_check_reply(const char *ifname, const SpawnerReply *reply, GError **error)
{
    if (!spawner_reply_check(&tap_open_task, reply, error)) {
        return false;
    }
    switch ((OpenStep)reply->step) {
    case OPEN_STEP_OPEN:
        return error_set_errno(error, reply->err, "could not open " TUN_PATH);
    case OPEN_STEP_VNET_HDR:
        return error_set(error, "vnet_hdr=1 requested, but no kernel support for IFF_VNET_HDR "
                         "available");
    case OPEN_STEP_ATTACH:
        return device_attach_error(ifname, reply->err, error);
    }
    return true;
}

bool tap_device_take(TapDevice *device, const char *ifname, const SpawnerReply *reply, int fd,
                     GError **error)
{
    TapDevice opened = { .fd = fd, .vnet_hdr = reply->flags & OPEN_FLAG_VNET_HDR };

    g_strlcpy(opened.ifname, reply->text, sizeof(opened.ifname));
    if (!device_check_reply(ifname, reply, error) || !device_reset(&opened, error)) {
        fd_close(&opened.fd);
        return false;
    }
    *device = opened;
    return true;
}

__attribute__((constructor)) static void tap_open_register(void)
{
    spawner_register(&tap_open_task);
}

/* --- By descriptor ----------------------------------------------------------------------- */

static bool device_probe(TapDevice *device, GError **error)
{
    struct ifreq ifr = { 0 };

    if (ioctl(device->fd, TUNGETIFF, &ifr) < 0) {
        return error_set_errno(error, errno, "Unable to query TUNGETIFF on FD %d", device->fd);
    }
    if (!(ifr.ifr_flags & IFF_TAP) || !(ifr.ifr_flags & IFF_NO_PI)) {
        return error_set(error, "FD %d is no tap with IFF_TAP and IFF_NO_PI", device->fd);
    }
    if (!fd_set_nonblocking(device->fd, true)) {
        return error_set_errno(error, errno, "cannot make FD %d non-blocking", device->fd);
    }
    device->vnet_hdr = ifr.ifr_flags & IFF_VNET_HDR;
    return true;
}

bool tap_device_adopt(TapDevice *device, int fd, GError **error)
{
    TapDevice adopted = { .fd = fd };

    if (!device_probe(&adopted, error) || !device_reset(&adopted, error)) {
        fd_close(&adopted.fd);
        return false;
    }
    *device = adopted;
    return true;
}
