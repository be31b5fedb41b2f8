/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Texts that netdev user takes: networks and forwarding rules. */

#include "net/netdev/user-rules.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "util/error.h"

/* --- Pieces ------------------------------------------------------------------------------ */

/* Take what stands before @separator. Returns: owned, *@text behind it; NULL if there is none. */
static char *rule_take(const char **text, char separator)
{
    const char *end = strchr(*text, separator);
    char *piece;

    if (!end) {
        return NULL;
    }
    piece = g_strndup(*text, end - *text);
    *text = end + 1;
    return piece;
}

/* A port in C notation. */
static bool rule_parse_port(const char *text, long min, uint16_t *port)
{
    char *end;
    long value = strtol(text, &end, 0);

    if (end == text || *end || value < min || value > UINT16_MAX) {
        return false;
    }
    *port = value;
    return true;
}

/* An address; empty = 0, for the default. */
static bool rule_parse_addr(const char *text, struct in_addr *addr)
{
    addr->s_addr = 0;
    return !text[0] || inet_aton(text, addr);
}

/* --- hostfwd ----------------------------------------------------------------------------- */

/* Each parser of a part returns NULL, or the reason why the rule is invalid. */

static const char *rule_parse_protocol(const char **text, NetUserRule *rule)
{
    g_autofree char *name = rule_take(text, ':');

    if (!name) {
        return "No : separators";
    }
    if (!name[0] || strcmp(name, "tcp") == 0) {
        rule->protocol = NET_USER_PROTOCOL_TCP;
    } else if (strcmp(name, "udp") == 0) {
        rule->protocol = NET_USER_PROTOCOL_UDP;
    } else if (strcmp(name, "unix") == 0) {
        rule->protocol = NET_USER_PROTOCOL_UNIX;
    } else {
        return "Bad protocol name";
    }
    return NULL;
}

static const char *rule_parse_host(const char **text, NetUserRule *rule)
{
    g_autofree char *host = rule_take(text, ':');
    g_autofree char *port = NULL;

    if (!host) {
        return "Missing : separator";
    }
    if (!rule_parse_addr(host, &rule->host)) {
        return "Bad host address";
    }
    port = rule_take(text, '-');
    if (!port) {
        return "Bad host port separator";
    }
    return rule_parse_port(port, 0, &rule->host_port) ? NULL : "Bad host port";
}

/* The path may hold a '-' itself; the part of the guest cannot. */
static const char *rule_parse_path(const char **text, NetUserRule *rule)
{
    const char *dash = strrchr(*text, '-');
    struct sockaddr_un sun;
    struct stat st;

    if (!dash) {
        return "Missing - separator";
    }
    if (dash == *text) {
        return "Missing unix socket path";
    }
    if (**text != '/') {
        return "unix socket path must be absolute";
    }
    if ((size_t)(dash - *text) >= sizeof(sun.sun_path)) {
        return "Unix socket path is too long";
    }
    rule->path = g_strndup(*text, dash - *text);
    *text = dash + 1;
    if (stat(rule->path, &st) == 0 && !S_ISSOCK(st.st_mode) &&
        !(S_ISREG(st.st_mode) && st.st_size == 0)) {
        return "file exists and it's not unix socket";
    }
    return NULL;
}

static const char *rule_parse_guest(const char **text, NetUserRule *rule)
{
    g_autofree char *guest = rule_take(text, ':');

    if (!guest) {
        return "Missing guest address";
    }
    if (!rule_parse_addr(guest, &rule->guest)) {
        return "Bad guest address";
    }
    return rule_parse_port(*text, 1, &rule->guest_port) ? NULL : "Bad guest port";
}

bool net_user_rule_parse(const char *text, NetUserRule *rule, GError **error)
{
    const char *rest = text;
    const char *reason = rule_parse_protocol(&rest, rule);

    if (!reason) {
        reason = rule->protocol == NET_USER_PROTOCOL_UNIX ? rule_parse_path(&rest, rule)
                                                          : rule_parse_host(&rest, rule);
    }
    if (!reason) {
        reason = rule_parse_guest(&rest, rule);
    }
    if (!reason) {
        return true;
    }
    net_user_rule_clear(rule);
    return error_set(error, "Invalid host forwarding rule '%s' (%s)", text, reason);
}

bool net_user_rule_parse_host(const char *text, NetUserRule *rule, GError **error)
{
    g_autofree char *with_end = g_strconcat(text, "-", NULL);
    const char *rest = with_end;

    if (rule_parse_protocol(&rest, rule)) {
        return error_set(error, "invalid format");
    }
    if (rule->protocol == NET_USER_PROTOCOL_UNIX) {
        rule->path = g_strdup(strchr(text, ':') + 1);
        return true;
    }
    return (!rule_parse_host(&rest, rule) && !*rest) || error_set(error, "invalid format");
}

void net_user_rule_clear(NetUserRule *rule)
{
    g_clear_pointer(&rule->path, g_free);
}

/* --- guestfwd ---------------------------------------------------------------------------- */

static bool guest_rule_parse_server(const char **text, NetUserGuestRule *rule)
{
    g_autofree char *protocol = rule_take(text, ':');
    g_autofree char *server = protocol ? rule_take(text, ':') : NULL;
    g_autofree char *port = server ? rule_take(text, '-') : NULL;

    if (!port || (protocol[0] && strcmp(protocol, "tcp") != 0)) {
        return false;
    }
    return server[0] && inet_aton(server, &rule->server) &&
           rule_parse_port(port, 1, &rule->port);
}

bool net_user_guest_rule_parse(const char *text, NetUserGuestRule *rule, GError **error)
{
    const char *rest = text;

    if (!guest_rule_parse_server(&rest, rule) || !*rest) {
        return error_set(error, "Invalid guest forwarding rule '%s'", text);
    }
    rule->is_command = g_str_has_prefix(rest, "cmd:");
    rule->target = g_strdup(rule->is_command ? rest + strlen("cmd:") : rest);
    return true;
}

void net_user_guest_rule_clear(NetUserGuestRule *rule)
{
    g_clear_pointer(&rule->target, g_free);
}

/* --- net --------------------------------------------------------------------------------- */

/** Networks with a default mask; the first that matches counts. */
typedef struct NetUserMask {
    uint32_t mask;
    uint32_t net;
    int bits;
} NetUserMask;

static const NetUserMask default_masks[] = {
    { 0x80000000, 0x00000000, 8 },  /* 0 to 127 */
    { 0xfff00000, 0xac100000, 12 }, /* 172.16 to 172.31 */
    { 0xc0000000, 0x80000000, 16 }, /* other 128 to 191 */
    { 0xffff0000, 0xc0a80000, 16 }, /* 192.168 */
    { 0xffff0000, 0xc6120000, 15 }, /* 198.18 */
    { 0xe0000000, 0xe0000000, 24 }, /* 224 and up */
    { 0x00000000, 0x00000000, 28 }, /* all others; users rely on it */
};

static uint32_t mask_from_bits(int bits)
{
    return UINT32_MAX << (32 - bits);
}

static uint32_t net_default_mask(uint32_t net)
{
    const NetUserMask *entry = default_masks;

    while ((net & entry->mask) != entry->net) {
        entry++;
    }
    return mask_from_bits(entry->bits);
}

static bool net_parse_mask(const char *text, struct in_addr *mask, GError **error)
{
    char *end;
    long bits = strtol(text, &end, 10);

    if (*end) {
        return inet_aton(text, mask) ||
               error_set(error, "Failed to parse netmask (trailing chars)");
    }
    if (bits < 4 || bits > 32) {
        return error_set(error, "Invalid netmask provided (must be in range 4-32)");
    }
    mask->s_addr = htonl(mask_from_bits(bits));
    return true;
}

bool net_user_net_parse(const char *text, struct in_addr *net, struct in_addr *mask,
                        GError **error)
{
    const char *rest = text;
    g_autofree char *before = rule_take(&rest, '/');

    if (!inet_aton(before ? before : text, net)) {
        return error_set(error, "Failed to parse netmask");
    }
    if (!before) {
        mask->s_addr = htonl(net_default_mask(ntohl(net->s_addr)));
    } else if (!net_parse_mask(rest, mask, error)) {
        return false;
    }
    net->s_addr &= mask->s_addr;
    return true;
}
