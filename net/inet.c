/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IPv4 addresses and sockets as the netdevs socket and dgram want them. */

#include "net/inet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/socket-address.h"
#include "util/error.h"
#include "util/fd.h"

static bool inet_parse_port(const char *text, in_port_t *port_be, GError **error)
{
    char *end;
    long port = strtol(text, &end, 0);

    if (end == text || *end || port < 0 || port > UINT16_MAX) {
        return error_set(error, "port number '%s' is invalid", text);
    }
    *port_be = htons((uint16_t)port);
    return true;
}

static bool inet_look_up(const char *name, struct in_addr *addr, GError **error)
{
    const SocketAddress named = {
        .type = SOCKET_ADDRESS_TYPE_INET,
        .u.inet = { .host = (char *)name, .port = (char *)"0", .has_ipv4 = true, .ipv4 = true },
    };
    struct sockaddr_storage found;
    socklen_t len;

    if (!socket_address_to_sockaddr(&named, false, &found, &len, NULL)) {
        return error_set(error, "can't resolve host address '%s'", name);
    }
    *addr = ((const struct sockaddr_in *)(const void *)&found)->sin_addr;
    return true;
}

bool net_inet_parse(const char *host, const char *port, struct sockaddr_in *sin, GError **error)
{
    struct sockaddr_in parsed = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY) };

    if (g_ascii_isdigit(host[0])) {
        if (!inet_aton(host, &parsed.sin_addr)) {
            return error_set(error, "host address '%s' is not a valid IPv4 address", host);
        }
    } else if (host[0] && !inet_look_up(host, &parsed.sin_addr, error)) {
        return false;
    }
    if (!inet_parse_port(port, &parsed.sin_port, error)) {
        return false;
    }
    *sin = parsed;
    return true;
}

bool net_inet_parse_pair(const char *text, struct sockaddr_in *sin, GError **error)
{
    const char *colon = strchr(text, ':');
    g_autofree char *host = NULL;

    if (!colon) {
        return error_set(error, "host address '%s' doesn't contain ':' separating host from port",
                         text);
    }
    host = g_strndup(text, colon - text);
    return net_inet_parse(host, colon + 1, sin, error);
}

static const char *inet_host_text(struct in_addr addr, char buffer[INET_ADDRSTRLEN])
{
    return inet_ntop(AF_INET, &addr, buffer, INET_ADDRSTRLEN);
}

SocketAddress *net_inet_address(const struct sockaddr_in *sin)
{
    SocketAddress *addr = g_new0(SocketAddress, 1);
    char host[INET_ADDRSTRLEN];

    addr->type = SOCKET_ADDRESS_TYPE_INET;
    addr->u.inet.host = g_strdup(inet_host_text(sin->sin_addr, host));
    addr->u.inet.port = g_strdup_printf("%u", ntohs(sin->sin_port));
    return addr;
}

char *net_inet_text(const struct sockaddr_in *sin)
{
    char host[INET_ADDRSTRLEN];

    return g_strdup_printf("%s:%u", inet_host_text(sin->sin_addr, host), ntohs(sin->sin_port));
}

/*
 * What the kernel is asked to keep for a datagram socket while we do not read; it gives what it
 * may (net.core.rmem_max). Beyond that the kernel drops datagrams, and counts them: see
 * io/socket-drops.h.
 */
#define RECEIVE_BUFFER_SIZE (4 * 1024 * 1024)

static int inet_socket(int type, GError **error)
{
    auto_fd int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0) {
        error_set_errno(error, errno, "cannot make an IPv4 socket");
        return -1;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0) {
        error_set_errno(error, errno, "cannot set SO_REUSEADDR");
        return -1;
    }
    return fd_steal(&fd);
}

int net_inet_bind(int type, const struct sockaddr_in *sin, GError **error)
{
    auto_fd int fd = inet_socket(type, error);
    const int size = RECEIVE_BUFFER_SIZE;
    char host[INET_ADDRSTRLEN];

    if (fd < 0) {
        return -1;
    }
    if (type == SOCK_DGRAM) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)); /* best effort */
    }
    if (bind(fd, (const struct sockaddr *)sin, sizeof(*sin)) < 0) {
        error_set_errno(error, errno, "can't bind ip=%s to socket",
                        inet_host_text(sin->sin_addr, host));
        return -1;
    }
    return fd_steal(&fd);
}

bool net_inet_is_multicast(const struct sockaddr_in *sin)
{
    return IN_MULTICAST(ntohl(sin->sin_addr.s_addr));
}

static bool inet_set_group(int fd, const struct sockaddr_in *group,
                           const struct in_addr *interface, GError **error)
{
    struct ip_mreq member = { .imr_multiaddr = group->sin_addr };
    char host[INET_ADDRSTRLEN];
    int loop = 1;

    member.imr_interface.s_addr = interface ? interface->s_addr : htonl(INADDR_ANY);
    if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &member, sizeof(member)) < 0) {
        return error_set_errno(error, errno, "cannot join multicast group %s",
                               inet_host_text(group->sin_addr, host));
    }
    if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &loop, sizeof(loop)) < 0) {
        return error_set_errno(error, errno, "cannot set IP_MULTICAST_LOOP");
    }
    if (interface && setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, interface,
                                sizeof(*interface)) < 0) {
        return error_set_errno(error, errno, "cannot set IP_MULTICAST_IF");
    }
    return true;
}

int net_inet_join(const struct sockaddr_in *group, const struct in_addr *interface,
                  GError **error)
{
    auto_fd int fd = -1;
    char host[INET_ADDRSTRLEN];

    if (!net_inet_is_multicast(group)) {
        error_set(error,
                  "specified mcastaddr %s (0x%08x) does not contain a multicast address",
                  inet_host_text(group->sin_addr, host), ntohl(group->sin_addr.s_addr));
        return -1;
    }
    fd = net_inet_bind(SOCK_DGRAM, group, error);
    if (fd < 0 || !inet_set_group(fd, group, interface, error)) {
        return -1;
    }
    return fd_steal(&fd);
}
