/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IPv4 addresses and sockets as the netdevs socket and dgram want them. */

#ifndef NET_INET_H
#define NET_INET_H

#include <stdbool.h>
#include <netinet/in.h>
#include <glib.h>
#include "qapi/qapi-types.h"

/**
 * net_inet_parse: host and port of the netdevs socket and dgram to an IPv4 address
 * @host: dotted if it starts with a digit, else looked up (io/socket-address.h); empty = any
 * @port: a number in C notation
 * Returns: false with @error.
 */
bool net_inet_parse(const char *host, const char *port, struct sockaddr_in *sin, GError **error);

/** net_inet_parse_pair: the same from "HOST:PORT". */
bool net_inet_parse_pair(const char *text, struct sockaddr_in *sin, GError **error);

/** net_inet_address: @sin as the layer below takes it; free with qapi_free_SocketAddress(). */
SocketAddress *net_inet_address(const struct sockaddr_in *sin);

/** net_inet_text: "1.2.3.4:5"; owned. */
char *net_inet_text(const struct sockaddr_in *sin);

/** net_inet_bind: a new socket of @type bound to @sin. Returns: owned; -1 with @error. */
int net_inet_bind(int type, const struct sockaddr_in *sin, GError **error);

/**
 * net_inet_join: a datagram socket that is bound to @group, a member of it, and hears itself
 * @interface: address of the interface to use; NULL = the system's choice
 * Returns: owned; -1 with @error.
 */
int net_inet_join(const struct sockaddr_in *group, const struct in_addr *interface,
                  GError **error);

/** net_inet_is_multicast: whether @sin is a group. */
bool net_inet_is_multicast(const struct sockaddr_in *sin);

#endif
