/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of netdev tap share: opening an interface, and the programs run for it. */

#ifndef NET_NETDEV_TAP_INTERNAL_H
#define NET_NETDEV_TAP_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <net/if.h>
#include <glib.h>
#include "qapi/qapi-types.h"

/** The bridge that a helper uses unless told another, and where Debian has QEMU's helper. */
#define TAP_DEFAULT_BRIDGE "br0"
#define TAP_DEFAULT_HELPER "/usr/lib/qemu/qemu-bridge-helper"

/** An open tap interface, before the netdev is made of it. */
typedef struct TapDevice {
    int fd;                /* owned; non-blocking */
    bool vnet_hdr;         /* each frame has a virtio-net header of NET_VNET_HDR_LEN bytes */
    char ifname[IFNAMSIZ]; /* "" = not known, the descriptor came from elsewhere */
} TapDevice;

/** What the kernel counts of an interface. */
typedef struct TapDrops {
    bool is_known;         /* it is an interface of this network namespace */
    bool is_macvtap;       /* which counts what it drops for us as received */
    char ifname[IFNAMSIZ];
    uint64_t at_start;     /* what others did not read is not our loss */
} TapDrops;

/** tap_options_check: whether all can be done, and together. Returns: false with @error set. */
bool tap_options_check(const NetdevTapOptions *opts, GError **error);

/**
 * tap_device_open: make or open the interface by name
 * @device: (out) its fd is the caller's from now on
 * Returns: false with @error set.
 */
bool tap_device_open(TapDevice *device, const NetdevTapOptions *opts, GError **error);

/**
 * tap_device_adopt: use a descriptor that was opened elsewhere
 * @fd: taken, also on failure
 * @device: (out) its fd is the caller's from now on
 * Returns: false with @error set.
 */
bool tap_device_adopt(TapDevice *device, int fd, GError **error);

/**
 * tap_device_set_sndbuf: how much may wait in the kernel
 * @sndbuf: bytes; NULL or 0 = no limit
 * Returns: false with @error set.
 */
bool tap_device_set_sndbuf(const TapDevice *device, const uint64_t *sndbuf, GError **error);

/** tap_set_offloads: what the kernel may leave to us: all that we know, or nothing. */
void tap_set_offloads(int fd, bool on);

/**
 * tap_script_run: run @script with the name of the interface and wait for its end
 * @interruptible: give up when this process is asked to end
 * Returns: false with @error when it could not run, or failed, or was interrupted.
 */
bool tap_script_run(const char *script, const char *ifname, bool interruptible,
                    GError **error);

/** tap_helper_run: let @helper open a tap in @bridge. Returns: its fd, owned; -1 with @error. */
int tap_helper_run(const char *helper, const char *bridge, GError **error);

/** tap_drops_start: count from now on what the kernel drops of the interface of @fd. */
void tap_drops_start(TapDrops *drops, int fd);

/**
 * tap_drops_get: frames dropped since then; never waits
 * @query: number of the query, for which the counters of all interfaces are read once
 * @frames: (out)
 * Returns: false where the kernel does not tell.
 */
bool tap_drops_get(const TapDrops *drops, uint64_t query, uint64_t *frames);

#endif
