/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of netdev tap share: opening an interface, and the programs run for it. */

#ifndef NET_NETDEV_TAP_INTERNAL_H
#define NET_NETDEV_TAP_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <net/if.h>
#include <glib.h>
#include "qapi/qapi-types.h"
#include "util/spawner.h"

/** The default bridge of a helper, and the path of QEMU's helper in Debian. */
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

/** tap_is_interface_name: whether the kernel could have an interface of that name. */
bool tap_is_interface_name(const char *name);

/** tap_open_task: make or open an interface; its name or "", and "on", "off" or "" of vnet_hdr. */
extern const SpawnerTask tap_open_task;

/**
 * tap_device_take: the result of tap_open_task
 * @fd: taken, also on failure
 * @device: (out) its fd is the caller's from now on
 * Returns: false with @error set.
 */
bool tap_device_take(TapDevice *device, const char *ifname, const SpawnerReply *reply, int fd,
                     GError **error);

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

/** tap_set_offloads: let the kernel leave all known offloads to us, or none. */
void tap_set_offloads(int fd, bool on);

/** tap_script_task: run a script with the name of the interface. */
extern const SpawnerTask tap_script_task;

/** tap_script_check: its result. Returns: false with @error when it did not succeed. */
bool tap_script_check(const char *script, const SpawnerReply *reply, GError **error);

/** tap_helper_task: let a helper open a tap in a bridge; its descriptor goes with the reply. */
extern const SpawnerTask tap_helper_task;

/** tap_helper_check: its result. Returns: false with @error when it did not succeed. */
bool tap_helper_check(const char *helper, const SpawnerReply *reply, GError **error);

/** What is to become a tap: by an interface's name and a script, or by a helper. */
typedef struct TapWish {
    const char *ifname;     /* "" = a new one */
    const char *vnet_hdr;   /* "on", "off", or "" for the kernel's setting */
    const char *script;     /* NULL = none; run when the interface is there */
    const char *helper;     /* NULL = none; the members above are unused if there is one */
    const char *bridge;     /* of the helper */
    const uint64_t *sndbuf; /* see tap_device_set_sndbuf() */
} TapWish;

/**
 * tap_prepare: open a tap, set it up and run its script
 * @wish: borrowed for the call
 * @device: (out) its fd is the caller's from now on
 *
 * Waits at start-up; in a command it fails at first: see util/command-wait.h.
 * Returns: false with @error set.
 */
bool tap_prepare(const TapWish *wish, TapDevice *device, GError **error);

/**
 * tap_retire: run @script for an interface that is no longer used, then close @fd
 * @fd: taken; -1 is legal
 *
 * Waits for the script where nothing else goes on; a command is answered when it has ended. That
 * it failed is logged.
 */
void tap_retire(const char *script, const char *ifname, int fd);

/** tap_drops_start: count frames that the kernel drops of the interface of @fd from now on. */
void tap_drops_start(TapDrops *drops, int fd);

/**
 * tap_drops_get: frames dropped since then; never waits
 * @query: number of the query, for which the counters of all interfaces are read once
 * @frames: (out)
 * Returns: false if the kernel does not report them.
 */
bool tap_drops_get(const TapDrops *drops, uint64_t query, uint64_t *frames);

#endif
