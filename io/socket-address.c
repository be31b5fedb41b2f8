/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Socket addresses: resolved to the system's form, and made from it. */

#include "io/socket-address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/vm_sockets.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include "io/socket-internal.h"
#include "qapi/qapi-types.h"
#include "util/command-wait.h"
#include "util/error.h"

static char *base; /* owned; NULL = relative paths lead from the working directory */

/* --- To the system's form ---------------------------------------------------------------- */

/* The address family that the flags ipv4 and ipv6 leave; -1 with @error. */
static int socket_inet_family(const InetSocketAddress *inet, GError **error)
{
    bool no_ipv4 = inet->has_ipv4 && !inet->ipv4;
    bool no_ipv6 = inet->has_ipv6 && !inet->ipv6;
    bool only_ipv4 = inet->has_ipv4 && inet->ipv4 && !(inet->has_ipv6 && inet->ipv6);
    bool only_ipv6 = inet->has_ipv6 && inet->ipv6 && !(inet->has_ipv4 && inet->ipv4);

    if (no_ipv4 && no_ipv6) {
        error_set(error, "Cannot disable IPv4 and IPv6 at same time");
        return -1;
    }
    if (no_ipv4 || only_ipv6) {
        return AF_INET6;
    }
    return no_ipv6 || only_ipv4 ? AF_INET : AF_UNSPEC;
}

/* Without a host and a family, one IPv6 socket serves both protocols: it goes first. */
static void socket_prefer_dual_stack(GArray *candidates)
{
    for (guint i = 1; i < candidates->len; i++) {
        SocketCandidate candidate = g_array_index(candidates, SocketCandidate, i);

        if (candidate.sa.ss_family == AF_INET6) {
            g_array_remove_index(candidates, i);
            g_array_prepend_val(candidates, candidate);
            return;
        }
    }
}

/* The resolver takes such a number modulo 65536. */
static bool socket_port_is_too_large(const char *port)
{
    guint64 number;

    return strspn(port, "0123456789") == strlen(port) && port[0] &&
           !g_ascii_string_to_unsigned(port, 10, 0, 65535, &number, NULL);
}

static GArray *socket_resolve_inet(const InetSocketAddress *inet, unsigned flags, GError **error)
{
    struct addrinfo hints = {
        .ai_family = socket_inet_family(inet, error),
        .ai_socktype = flags & SOCKET_RESOLVE_DGRAM ? SOCK_DGRAM : SOCK_STREAM,
        .ai_flags = flags & SOCKET_RESOLVE_PASSIVE ? AI_PASSIVE : 0,
    };
    const char *host = inet->host[0] ? inet->host : NULL;
    struct addrinfo *list;
    GArray *candidates;
    int rc;

    if (hints.ai_family < 0) {
        return NULL;
    }
    if (flags & SOCKET_RESOLVE_NUMERIC || inet->numeric) {
        hints.ai_flags |= AI_NUMERICHOST | AI_NUMERICSERV;
    }
    rc = socket_port_is_too_large(inet->port) ? EAI_SERVICE
                                              : getaddrinfo(host, inet->port, &hints, &list);
    if (rc != 0) {
        error_set(error, "address resolution failed for %s:%s: %s", inet->host, inet->port,
                  rc == EAI_SYSTEM ? g_strerror(errno) : gai_strerror(rc));
        return NULL;
    }
    candidates = g_array_new(FALSE, TRUE, sizeof(SocketCandidate));
    for (struct addrinfo *ai = list; ai; ai = ai->ai_next) {
        SocketCandidate candidate = { .len = ai->ai_addrlen };

        memcpy(&candidate.sa, ai->ai_addr, ai->ai_addrlen);
        g_array_append_val(candidates, candidate);
    }
    freeaddrinfo(list);
    if (!host && flags & SOCKET_RESOLVE_PASSIVE) {
        socket_prefer_dual_stack(candidates);
    }
    return candidates;
}

static GArray *socket_candidates_of_one(const void *sa, size_t len)
{
    GArray *candidates = g_array_new(FALSE, TRUE, sizeof(SocketCandidate));
    SocketCandidate candidate = { .len = (socklen_t)len };

    memcpy(&candidate.sa, sa, len);
    g_array_append_val(candidates, candidate);
    return candidates;
}

void socket_address_set_base(const char *dir)
{
    g_free(base);
    base = g_strdup(dir);
}

char *socket_address_path(const UnixSocketAddress *addr)
{
    bool is_relative = !addr->abstract && addr->path[0] && addr->path[0] != '/';

    return base && is_relative ? g_build_filename(base, addr->path, NULL)
                               : g_strdup(addr->path);
}

bool socket_address_has_path(const SocketAddress *addr)
{
    return addr->type == SOCKET_ADDRESS_TYPE_UNIX && !addr->u.q_unix.abstract;
}

/*
 * A path may fill the address to its last byte, without a NUL behind it. An abstract name
 * comes after a NUL; one that is not tight is as long as the address, padded with NULs.
 */
static GArray *socket_resolve_unix(const UnixSocketAddress *un, GError **error)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    g_autofree char *path = socket_address_path(un);
    size_t lead = un->abstract ? 1 : 0;
    size_t max = sizeof(sa.sun_path) - lead;
    size_t len = strlen(path);

    if (len > max) {
        error_set(error, "UNIX socket path '%s' is too long", path);
        error_append_hint(error, "Path must be less than %zu bytes", max);
        return NULL;
    }
    if (len == 0 && !un->abstract) {
        error_set(error, "UNIX socket path is empty");
        return NULL;
    }
    memcpy(sa.sun_path + lead, path, len);
    if (un->abstract && un->has_tight && !un->tight) {
        return socket_candidates_of_one(&sa, sizeof(sa));
    }
    /* A NUL behind a path is counted where there is room, as the system itself does. */
    len += un->abstract || len == max ? 0 : 1;
    return socket_candidates_of_one(&sa, offsetof(struct sockaddr_un, sun_path) + lead + len);
}

static bool socket_parse_uint32(const char *what, const char *text, uint32_t *value,
                                GError **error)
{
    guint64 wide;

    if (!g_ascii_string_to_unsigned(text, 10, 0, UINT32_MAX, &wide, NULL)) {
        return error_set(error, "Failed to parse %s '%s'", what, text);
    }
    *value = (uint32_t)wide;
    return true;
}

static GArray *socket_resolve_vsock(const VsockSocketAddress *vsock, GError **error)
{
    struct sockaddr_vm sa = { .svm_family = AF_VSOCK };
    uint32_t cid = 0, port = 0;

    if (!socket_parse_uint32("cid", vsock->cid, &cid, error)
        || !socket_parse_uint32("port", vsock->port, &port, error)) {
        return NULL;
    }
    sa.svm_cid = cid;
    sa.svm_port = port;
    return socket_candidates_of_one(&sa, sizeof(sa));
}

GArray *socket_look_up(const SocketAddress *addr, unsigned flags, GError **error)
{
    switch (addr->type) {
    case SOCKET_ADDRESS_TYPE_INET:
        return socket_resolve_inet(&addr->u.inet, flags, error);
    case SOCKET_ADDRESS_TYPE_UNIX:
        return socket_resolve_unix(&addr->u.q_unix, error);
    case SOCKET_ADDRESS_TYPE_VSOCK:
        return socket_resolve_vsock(&addr->u.vsock, error);
    case SOCKET_ADDRESS_TYPE_FD:
        break;
    }
    error_set(error, "An address of type fd is not supported here");
    return NULL;
}

GArray *socket_resolve(const SocketAddress *addr, unsigned flags, GError **error)
{
    bool has_name = addr->type == SOCKET_ADDRESS_TYPE_INET && !addr->u.inet.numeric;
    GArray *candidates;

    if (!has_name || !command_wait_is_on()) {
        return socket_look_up(addr, flags, error);
    }
    candidates = socket_look_up(addr, flags | SOCKET_RESOLVE_NUMERIC, NULL);
    return candidates ? candidates : socket_wait_resolve(addr, flags, error);
}

bool socket_address_to_sockaddr(const SocketAddress *addr, bool passive,
                                struct sockaddr_storage *sa, socklen_t *len, GError **error)
{
    unsigned flags = SOCKET_RESOLVE_DGRAM | (passive ? SOCKET_RESOLVE_PASSIVE : 0);
    g_autoptr(GArray) candidates = socket_resolve(addr, flags, error);

    if (!candidates) {
        return false;
    }
    *sa = g_array_index(candidates, SocketCandidate, 0).sa;
    *len = g_array_index(candidates, SocketCandidate, 0).len;
    return true;
}

/* --- From the system's form -------------------------------------------------------------- */

static bool socket_address_set_inet(SocketAddress *addr, const struct sockaddr_storage *sa,
                                    socklen_t len, GError **error)
{
    InetSocketAddress *inet = &addr->u.inet;
    char host[NI_MAXHOST], port[NI_MAXSERV];
    int rc = getnameinfo((const struct sockaddr *)sa, len, host, sizeof(host), port,
                         sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);

    if (rc != 0) {
        return error_set(error, "Cannot format socket address: %s", gai_strerror(rc));
    }
    addr->type = SOCKET_ADDRESS_TYPE_INET;
    inet->host = g_strdup(host);
    inet->port = g_strdup(port);
    if (sa->ss_family == AF_INET6) {
        inet->has_ipv6 = inet->ipv6 = true;
    } else {
        inet->has_ipv4 = inet->ipv4 = true;
    }
    return true;
}

static void socket_address_set_unix(SocketAddress *addr, const struct sockaddr_un *sa,
                                    socklen_t sa_len)
{
    UnixSocketAddress *un = &addr->u.q_unix;
    size_t start = offsetof(struct sockaddr_un, sun_path);
    size_t len = sa_len > start ? sa_len - start : 0;

    addr->type = SOCKET_ADDRESS_TYPE_UNIX;
    if (len > 0 && sa->sun_path[0] == '\0') {
        un->has_abstract = un->abstract = true;
        un->has_tight = true;
        un->tight = sa_len < sizeof(*sa);
        un->path = g_strndup(sa->sun_path + 1, len - 1);
    } else {
        un->path = g_strndup(sa->sun_path, len);
    }
}

static SocketAddress *socket_address_from_sockaddr(const struct sockaddr_storage *sa,
                                                   socklen_t len, GError **error)
{
    g_autoptr(SocketAddress) addr = g_new0(SocketAddress, 1);
    const struct sockaddr_vm *vm = (const struct sockaddr_vm *)sa;

    switch (sa->ss_family) {
    case AF_INET:
    case AF_INET6:
        if (!socket_address_set_inet(addr, sa, len, error)) {
            return NULL;
        }
        break;
    case AF_UNIX:
        socket_address_set_unix(addr, (const struct sockaddr_un *)sa, len);
        break;
    case AF_VSOCK:
        addr->type = SOCKET_ADDRESS_TYPE_VSOCK;
        addr->u.vsock.cid = g_strdup_printf("%u", vm->svm_cid);
        addr->u.vsock.port = g_strdup_printf("%u", vm->svm_port);
        break;
    default:
        error_set(error, "Socket address family %d is not supported", sa->ss_family);
        return NULL;
    }
    return g_steal_pointer(&addr);
}

SocketAddress *socket_address_local(int fd, GError **error)
{
    struct sockaddr_storage sa = { 0 };
    socklen_t len = sizeof(sa);

    if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0) {
        error_set_errno(error, errno, "Unable to query local socket address");
        return NULL;
    }
    return socket_address_from_sockaddr(&sa, len, error);
}

SocketAddress *socket_address_remote(int fd, GError **error)
{
    struct sockaddr_storage sa = { 0 };
    socklen_t len = sizeof(sa);

    if (getpeername(fd, (struct sockaddr *)&sa, &len) < 0) {
        error_set_errno(error, errno, "Unable to query remote socket address");
        return NULL;
    }
    return socket_address_from_sockaddr(&sa, len, error);
}

/* --- Other forms ------------------------------------------------------------------------- */

char *socket_address_uri(const SocketAddress *addr, const char *inet_scheme)
{
    /* The members that say where, in their order in the text. */
    static const char *const parts[] = { "host", "cid", "path", "str", "port" };
    json_object *members = qapi_to_json(QAPI_TYPE(SocketAddress), addr);
    GString *text = g_string_new(addr->type == SOCKET_ADDRESS_TYPE_INET
                                 ? inet_scheme
                                 : qapi_enum_name(QAPI_TYPE(SocketAddressType), (int)addr->type));
    json_object *part;

    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        if (json_object_object_get_ex(members, parts[i], &part)) {
            g_string_append_printf(text, ":%s", json_object_get_string(part));
        }
    }
    json_object_put(members);
    return g_string_free(text, FALSE);
}

/*
 * Both forms have the same members, in the nested one they are in "data". Going through JSON
 * spares code for each kind of address.
 */
SocketAddress *socket_address_flatten(const SocketAddressLegacy *nested, GError **error)
{
    json_object *from = qapi_to_json(QAPI_TYPE(SocketAddressLegacy), nested);
    json_object *flat = json_object_new_object();
    SocketAddress *addr;

    json_object_object_foreach(json_object_object_get(from, "data"), key, value) {
        json_object_object_add(flat, key, json_object_get(value));
    }
    json_object_object_add(flat, "type", json_object_get(json_object_object_get(from, "type")));
    addr = qapi_from_json(QAPI_TYPE(SocketAddress), flat, QAPI_INPUT_JSON, error);
    json_object_put(flat);
    json_object_put(from);
    return addr;
}
