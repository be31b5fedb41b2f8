/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of netdev user. */

#ifndef NET_NETDEV_USER_INTERNAL_H
#define NET_NETDEV_USER_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <glib.h>
#include <libslirp.h>
#include "net/client.h"
#include "util/clock.h"

typedef struct NetUserSource NetUserSource;

/** What libslirp may open for a netdev. Embedded; start with net_user_limit_init(). */
typedef struct NetUserLimit {
    unsigned n_open;       /* sockets of libslirp */
    unsigned max;          /* of them */
    int newest;            /* the last that was opened; -1 = one was closed since */
    int end;               /* numbers from here on are for others */
    struct rlimit normal;  /* to be put back */
    bool is_lowered;       /* the limit of the process, for the present call of libslirp */
    int64_t rest_until_ns; /* of the host's clock: when libslirp's sockets have their next turn */
} NetUserLimit;

/** A netdev of type user. */
typedef struct NetUser {
    NetClient nc;
    Slirp *slirp;          /* owned */
    NetUserSource *source; /* owned: polls the host's sockets */
    Timer *timeout;        /* owned: when libslirp's own timers are due next */
    bool polled;           /* last argument of read_poll */
    NetUserLimit limit;
    GHashTable *paths;     /* owned: path of a hostfwd rule -> its SocketPath *; NULL = none */
    GPtrArray *fwds;       /* owned NetUserFwd *: guestfwd rules that lead to a chardev */
} NetUser;

/* --- user-config.c ------------------------------------------------------------------------ */

/**
 * net_user_config_init: options in the form of libslirp
 * @config: (out) its strings are borrowed from @opts
 * Returns: false with @error.
 */
bool net_user_config_init(SlirpConfig *config, const NetdevUserOptions *opts, GError **error);

/** net_user_config_clear: free what is not borrowed. */
void net_user_config_clear(SlirpConfig *config);

/* --- user-limit.c ------------------------------------------------------------------------- */

/** net_user_limit_init: from the number of files that the process may open now. */
void net_user_limit_init(NetUserLimit *limit);

/** net_user_limit_opened, _closed: libslirp has opened or is about to close a socket. */
void net_user_limit_opened(NetUserLimit *limit, int fd);
void net_user_limit_closed(NetUserLimit *limit);

/** net_user_limit_is_reached: libslirp may open no more. */
bool net_user_limit_is_reached(const NetUserLimit *limit);

/** net_user_limit_enter, _leave: around a call of libslirp in which it may open sockets. */
void net_user_limit_enter(NetUserLimit *limit);
void net_user_limit_leave(NetUserLimit *limit);

/** net_user_limit_rest: its sockets have had their turn; at the limit a pause follows. */
void net_user_limit_rest(NetUserLimit *limit);

/** net_user_limit_rest_ms: how long its sockets are not to be looked at; 0 = they are now. */
int net_user_limit_rest_ms(const NetUserLimit *limit);

/** net_user_limit_refuses: @frame opens a connection for which there is no room; it is dropped. */
bool net_user_limit_refuses(NetUserLimit *limit, NetClient *nc, const NetFrame *frame);

/* --- user-fwd.c --------------------------------------------------------------------------- */

/** net_user_add_rules: hostfwd and guestfwd. Returns: false with @error. */
bool net_user_add_rules(NetUser *user, const NetdevUserOptions *opts, GError **error);

/** net_user_fwd_add, _remove: a hostfwd rule. Returns: false with @error. */
bool net_user_fwd_add(NetUser *user, const char *rule, GError **error);
bool net_user_fwd_remove(NetUser *user, const char *rule, bool *found, GError **error);

/** net_user_fwds_clear: let go of the chardevs; before @user->slirp goes. */
void net_user_fwds_clear(NetUser *user);

/** net_user_fwds_can_write: no chardev has more to write than it should. */
bool net_user_fwds_can_write(const NetUser *user);

/** net_user_fwds_wake: libslirp may take more from the chardevs. */
void net_user_fwds_wake(NetUser *user);

#endif
