/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the human monitor asks of netdev user. */

#ifndef NET_NETDEV_USER_H
#define NET_NETDEV_USER_H

#include <stdbool.h>
#include <glib.h>

/**
 * net_user_hostfwd_add: forward one more port
 * @id: a netdev of type user; NULL = the first one
 * Returns: false with @error.
 */
bool net_user_hostfwd_add(const char *id, const char *rule, GError **error);

/**
 * net_user_hostfwd_remove: stop forwarding "[tcp|udp]:[HOST]:PORT" or "unix:PATH"
 * @found: (out) whether it was forwarded
 */
bool net_user_hostfwd_remove(const char *id, const char *rule, bool *found, GError **error);

/** net_user_info_text: the text of "info usernet", lines ended by LF. Owned. */
char *net_user_info_text(void);

#endif
