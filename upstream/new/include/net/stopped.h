/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Netdevs that are read while the VM is stopped, because a filter asks. */

/*
 * A filter asks while its class hook asks_when_stopped says so, its status is
 * on and its direction includes tx.  Who asks is found out by walking the
 * filters of the netdev and is stored nowhere.
 */

#ifndef NET_STOPPED_H
#define NET_STOPPED_H

#include "qemu/units.h"
#include "net/net.h"

/* Bytes that may wait for the peer, or in a filter, before reading pauses */
#define NET_STOPPED_MAX (16 * MiB)

/* A guest that sleeps is not stopped: it may wake up without the monitor. */
bool net_is_stopped(void);

/* Whether the VM is stopped and a filter of @nc asks */
bool net_stopped_is_asked(NetClientState *nc);

/*
 * Let a packet of @sender that no filter took wait for its peer; an empty one
 * is dropped.  @sent_cb: what came with it, or NULL.  Returns: false if the
 * packet has to go the ordinary way, which stops @sender: nobody asks, or
 * enough waits.
 */
bool net_stopped_hold(NetClientState *sender, unsigned flags,
                      const struct iovec *iov, int iovcnt,
                      NetPacketSent *sent_cb);

/* Whether what waits for @nc when the VM stops must not be purged */
bool net_stopped_keep(NetClientState *nc);

/* A filter lets go of a packet of @nc: it waits for the peer, in front. */
void net_stopped_give_back(NetClientState *nc, unsigned flags,
                           const uint8_t *data, size_t size);

/* Do not read @nc until net_stopped_update() finds that no filter blocks it */
void net_stopped_pause(NetClientState *nc);

/* Something changed that who asks, or blocks, depends on. */
void net_stopped_update(NetClientState *nc);

#endif /* NET_STOPPED_H */
