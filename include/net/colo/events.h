/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events of COLO for filters: a checkpoint has been taken, or this side goes on alone. */

#ifndef NET_COLO_EVENTS_H
#define NET_COLO_EVENTS_H

#include "net/filter.h"

typedef struct NetColoListener NetColoListener;

typedef void NetColoListenerFunc(NetColoEvent event, void *opaque);

/** net_colo_listener_add: for others than filters, which have a hook. Removed by its owner. */
NetColoListener *net_colo_listener_add(NetColoListenerFunc *func, void *opaque);

/** net_colo_listener_remove: legal inside a listener; NULL too. */
void net_colo_listener_remove(NetColoListener *listener);

/**
 * net_colo_checkpoint, net_colo_failover: notify all filters of all netdevs, then the listeners
 *
 * A filter without the hook colo_event() ignores a checkpoint, and is switched off by a
 * failover.
 */
void net_colo_checkpoint(void);
void net_colo_failover(void);

/** net_colo_secondary_lost: a failover of the primary: notify the listeners only. */
void net_colo_secondary_lost(void);

#endif
