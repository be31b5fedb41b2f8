/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of netdev user. */

#ifndef NET_NETDEV_USER_INTERNAL_H
#define NET_NETDEV_USER_INTERNAL_H

#include <stdbool.h>
#include <glib.h>
#include <libslirp.h>
#include "net/client.h"
#include "util/clock.h"

typedef struct NetUserSource NetUserSource;

/** A netdev of type user. */
typedef struct NetUser {
    NetClient nc;
    Slirp *slirp;          /* owned */
    NetUserSource *source; /* owned: polls the host's sockets */
    Timer *timeout;        /* owned: when libslirp's own timers are due next */
    bool polled;           /* what read_poll was last told */
    GHashTable *paths;     /* owned: path of a hostfwd rule -> its SocketPath *; NULL = none */
    GPtrArray *fwds;       /* owned NetUserFwd *: guestfwd rules that lead to a chardev */
} NetUser;

/* --- user-config.c ------------------------------------------------------------------------ */

/**
 * net_user_config_init: options to what libslirp wants
 * @config: (out) its strings are borrowed from @opts
 * Returns: false with @error (interface.md 2.3).
 */
bool net_user_config_init(SlirpConfig *config, const NetdevUserOptions *opts, GError **error);

/** net_user_config_clear: free what is not borrowed. */
void net_user_config_clear(SlirpConfig *config);

/* --- netdev-user-fwd.c -------------------------------------------------------------------- */

/** net_user_add_rules: hostfwd and guestfwd. Returns: false with @error. */
bool net_user_add_rules(NetUser *user, const NetdevUserOptions *opts, GError **error);

/** net_user_fwds_clear: let go of the chardevs; before @user->slirp goes. */
void net_user_fwds_clear(NetUser *user);

/** net_user_fwds_can_write: no chardev has more to write than it should. */
bool net_user_fwds_can_write(const NetUser *user);

/** net_user_fwds_wake: libslirp may take more from the chardevs. */
void net_user_fwds_wake(NetUser *user);

/* --- netdev-user.c ------------------------------------------------------------------------ */

/** net_user_find: by id, or the first one when @id is NULL. Returns: NULL with @error. */
NetUser *net_user_find(const char *id, GError **error);

#endif
