/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of socket and udp back ends: from the nested form, and as text. */

#include "chardev/char-internal.h"

#include <string.h>

#include "chardev/char-socket-internal.h"

/*
 * Both forms have the same members, in the nested one they are in "data". Going through JSON
 * spares code for each kind of address.
 */
SocketAddress *char_socket_address_flatten(const SocketAddressLegacy *addr, GError **error)
{
    json_object *nested = qapi_to_json(QAPI_TYPE(SocketAddressLegacy), addr);
    json_object *flat = json_object_new_object();
    SocketAddress *result;

    json_object_object_foreach(json_object_object_get(nested, "data"), key, value) {
        json_object_object_add(flat, key, json_object_get(value));
    }
    json_object_object_add(flat, "type", json_object_get(json_object_object_get(nested, "type")));
    result = qapi_from_json(QAPI_TYPE(SocketAddress), flat, QAPI_INPUT_JSON, error);
    json_object_put(flat);
    json_object_put(nested);
    return result;
}

static char *char_socket_address_unix_text(const UnixSocketAddress *addr)
{
    bool is_abstract = addr->has_abstract && addr->abstract;
    bool is_tight = !addr->has_tight || addr->tight;

    return g_strdup_printf("unix:%s%s%s", addr->path, is_abstract ? ",abstract=on" : "",
                           is_abstract && is_tight ? ",tight=on" : "");
}

char *char_socket_address_text(const SocketAddress *addr, const char *protocol)
{
    switch (addr->type) {
    case SOCKET_ADDRESS_TYPE_INET:
        return g_strdup_printf("%s:%s:%s", protocol, addr->u.inet.host, addr->u.inet.port);
    case SOCKET_ADDRESS_TYPE_UNIX:
        return char_socket_address_unix_text(&addr->u.q_unix);
    case SOCKET_ADDRESS_TYPE_VSOCK:
        return g_strdup_printf("vsock:%s:%s", addr->u.vsock.cid, addr->u.vsock.port);
    case SOCKET_ADDRESS_TYPE_FD:
        return g_strdup_printf("fd:%s", addr->u.fd.str);
    }
    g_assert_not_reached();
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
