/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Texts that netdev user takes: networks and forwarding rules. */

#ifndef NET_NETDEV_USER_RULES_H
#define NET_NETDEV_USER_RULES_H

#include <stdbool.h>
#include <netinet/in.h>
#include <glib.h>

typedef enum NetUserProtocol {
    NET_USER_PROTOCOL_TCP,
    NET_USER_PROTOCOL_UDP,
    NET_USER_PROTOCOL_UNIX, /* a unix socket of the host leads to a TCP port of the guest */
} NetUserProtocol;

/** A hostfwd rule; start zeroed. */
typedef struct NetUserRule {
    NetUserProtocol protocol;
    char *path;              /* owned: protocol unix; else NULL */
    struct in_addr host;     /* 0 = any */
    uint16_t host_port;      /* 0 = any */
    struct in_addr guest;    /* 0 = the first address that DHCP gives out */
    uint16_t guest_port;
} NetUserRule;

/**
 * net_user_rule_parse: "[tcp|udp]:[HOST]:PORT-[GUEST]:PORT" or "unix:PATH-[GUEST]:PORT"
 * Returns: false with @error, which gives the reason.
 */
bool net_user_rule_parse(const char *text, NetUserRule *rule, GError **error);

/** net_user_rule_parse_host: "[tcp|udp]:[HOST]:PORT" or "unix:PATH", for hostfwd_remove. */
bool net_user_rule_parse_host(const char *text, NetUserRule *rule, GError **error);

/** net_user_rule_clear: free what it owns; legal twice. */
void net_user_rule_clear(NetUserRule *rule);

/** A guestfwd rule; start zeroed. */
typedef struct NetUserGuestRule {
    struct in_addr server;
    uint16_t port;
    char *target;            /* owned: a shell command, or a chardev in the legacy syntax */
    bool is_command;
} NetUserGuestRule;

/** net_user_guest_rule_parse: "[tcp]:SERVER:PORT-CHARDEV" or "[tcp]:SERVER:PORT-cmd:COMMAND". */
bool net_user_guest_rule_parse(const char *text, NetUserGuestRule *rule, GError **error);

/** net_user_guest_rule_clear: as net_user_rule_clear(). */
void net_user_guest_rule_clear(NetUserGuestRule *rule);

/**
 * net_user_net_parse: "A.B.C.D", "A.B.C.D/BITS" or "A.B.C.D/MASK"
 * @net: (out) with the host bits cleared
 */
bool net_user_net_parse(const char *text, struct in_addr *net, struct in_addr *mask,
                        GError **error);

#endif
