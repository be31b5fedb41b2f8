/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of a socket back end in query-chardev. */

#include "chardev/char-internal.h"

#include <string.h>

#include "chardev/char-socket-internal.h"

/** "unix:PATH,abstract=on", "tcp:H:P", ... Owned. */
static char *char_socket_address_text(const SocketAddress *addr, const char *protocol)
{
    const UnixSocketAddress *un = &addr->u.q_unix;
    g_autofree char *uri = socket_address_uri(addr, protocol);
    bool is_abstract = addr->type == SOCKET_ADDRESS_TYPE_UNIX && un->abstract;
    bool is_tight = is_abstract && (!un->has_tight || un->tight);

    return g_strconcat(uri, is_abstract ? ",abstract=on" : "", is_tight ? ",tight=on" : "", NULL);
}

/** "H:P" of an inet address with IPv6 in brackets. */
static char *char_socket_address_host_port(const InetSocketAddress *addr)
{
    bool is_ipv6 = strchr(addr->host, ':') != NULL;

    return g_strdup_printf("%s%s%s:%s", is_ipv6 ? "[" : "", addr->host, is_ipv6 ? "]" : "",
                           addr->port);
}

static const char *char_socket_protocol(const CharSocket *cs)
{
    return cs->is_telnet ? "telnet" : "tcp";
}

static char *char_socket_connected_filename(const CharSocket *cs)
{
    g_autoptr(SocketAddress) local = socket_address_local(cs->fd, NULL);
    g_autoptr(SocketAddress) remote = socket_address_remote(cs->fd, NULL);
    const char *server = cs->is_server ? ",server=on" : "";

    if (local && local->type == SOCKET_ADDRESS_TYPE_UNIX) {
        const char *path = cs->addr->type == SOCKET_ADDRESS_TYPE_UNIX ? cs->addr->u.q_unix.path
                                                                      : local->u.q_unix.path;

        return g_strdup_printf("unix:%s%s", path ? path : "", server);
    }
    if (local && remote && local->type == SOCKET_ADDRESS_TYPE_INET &&
        remote->type == SOCKET_ADDRESS_TYPE_INET) {
        g_autofree char *local_text = char_socket_address_host_port(&local->u.inet);
        g_autofree char *remote_text = char_socket_address_host_port(&remote->u.inet);

        return g_strdup_printf("%s:%s%s <-> %s", char_socket_protocol(cs), local_text, server,
                               remote_text);
    }
    return g_strdup("unknown");
}

char *char_socket_filename(const Chardev *chr)
{
    const CharSocket *cs = (const CharSocket *)chr;
    g_autofree char *text = NULL;

    if (cs->fd >= 0) {
        return char_socket_connected_filename(cs);
    }
    text = char_socket_address_text(cs->addr, char_socket_protocol(cs));
    return g_strdup_printf("disconnected:%s%s", text, cs->is_server ? ",server=on" : "");
}
