/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Netdevs from options: the table of types and the one way to create and delete them. */

#ifndef NET_NETDEV_H
#define NET_NETDEV_H

#include <stdbool.h>
#include <glib.h>
#include "net/client.h"
#include "qapi/opts.h"

/** A type of netdev: registered by its file's constructor function. */
typedef struct NetdevClass {
    NetClientDriver type;
    /** Create the client from @netdev (of this type). Returns: NULL with @error set. */
    NetClient *(*create)(const Netdev *netdev, GError **error);
} NetdevClass;

/** netdev_class_register: @class: constant; from a constructor, before main(). */
void netdev_class_register(const NetdevClass *class);

/** netdev_class: the class registered for @type; NULL = none. */
const NetdevClass *netdev_class(NetClientDriver type);

/** netdev_is_built_in: whether a class for @type is registered. */
bool netdev_is_built_in(NetClientDriver type);

/** netdev_check_built_in: the same; an error that names @type when it is not. */
bool netdev_check_built_in(NetClientDriver type, GError **error);

/** netdev_add: create; @netdev->id must be new. Returns: borrowed, NULL with @error. */
NetClient *netdev_add(const Netdev *netdev, GError **error);

/** netdev_remove: netdev_del; a NIC behind it stays, with its link down. */
bool netdev_remove(const char *id, GError **error);

/**
 * netdev_options_parse: a -netdev argument (syntax A, B or JSON: docs/reference-text.rst)
 * Returns: owned; NULL with @error set.
 */
Netdev *netdev_options_parse(const char *text, GError **error);

/**
 * netdev_options_from_opts: the same from an argument that syntax A has taken apart (-nic)
 * @opts: its id becomes the netdev's
 */
Netdev *netdev_options_from_opts(const Opts *opts, GError **error);

/** netdev_options_forget: @id may come again; netdev_add() calls it when it fails. */
void netdev_options_forget(const char *id);

/** netdev_argument_is_early: JSON, stream and dgram come before the others. */
bool netdev_argument_is_early(const char *text);

/**
 * netdev_hold_connections: whether clients of type stream wait before they connect
 *
 * Held from the start until those who watch the process can see the events. Letting go starts
 * the attempts of those that waited.
 */
void netdev_hold_connections(bool hold);

/** netdev_help: the text of "-netdev help". Owned. */
char *netdev_help(void);

#endif
