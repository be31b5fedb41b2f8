/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hubs: a frame that enters by one port leaves by all others. */

#ifndef NET_NETDEV_HUB_H
#define NET_NETDEV_HUB_H

#include <stdbool.h>
#include <stdint.h>
#include "net/client.h"

/**
 * net_hub_foreach_port: call @func for each port, newest hub first, newest port of it first
 * @hub_id: the number of the port's hub
 */
void net_hub_foreach_port(void (*func)(NetClient *port, int32_t hub_id, void *opaque),
                          void *opaque);

#endif
