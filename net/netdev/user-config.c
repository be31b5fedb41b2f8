/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options of netdev user in the form of libslirp. */

#include "net/netdev/user-internal.h"

#include <arpa/inet.h>
#include <string.h>

#include "net/netdev/user-rules.h"
#include "util/error.h"

/* Longest text that fits a DHCP option. */
#define DHCP_TEXT_MAX 255

/* --- Families ---------------------------------------------------------------------------- */

static bool config_set_families(SlirpConfig *config, const NetdevUserOptions *opts,
                                GError **error)
{
    bool has_v4 = opts->ip || opts->net || opts->host || opts->dns || opts->dhcpstart;
    bool has_v6 = opts->ipv6_prefix || opts->ipv6_host || opts->ipv6_dns;

    config->in_enabled = opts->has_ipv4 ? opts->ipv4 : !(opts->has_ipv6 && opts->ipv6);
    config->in6_enabled = opts->has_ipv6 ? opts->ipv6 : !(opts->has_ipv4 && opts->ipv4);
    if (!config->in_enabled && has_v4) {
        return error_set(error, "IPv4 disabled but netmask/host/dns provided");
    }
    if (!config->in6_enabled && has_v6) {
        return error_set(error, "IPv6 disabled but prefix/host6/dns6 provided");
    }
    return config->in_enabled || config->in6_enabled ||
           error_set(error, "IPv4 and IPv6 disabled");
}

/* --- IPv4 -------------------------------------------------------------------------------- */

static bool config_belongs(const SlirpConfig *config, struct in_addr addr)
{
    return (addr.s_addr & config->vnetmask.s_addr) == config->vnetwork.s_addr;
}

/* The address of the network whose last bytes are those of @host_bits. */
static struct in_addr config_default_addr(const SlirpConfig *config, uint32_t host_bits)
{
    uint32_t bits_be = htonl(host_bits) & ~config->vnetmask.s_addr;

    return (struct in_addr) { config->vnetwork.s_addr | bits_be };
}

static bool config_set_net(SlirpConfig *config, const NetdevUserOptions *opts, GError **error)
{
    g_autofree char *from_ip = opts->ip && !opts->net ? g_strconcat(opts->ip, "/24", NULL) : NULL;
    const char *net = from_ip ? from_ip : opts->net ? opts->net : "10.0.2.0/24";

    return net_user_net_parse(net, &config->vnetwork, &config->vnetmask, error);
}

static bool config_set_host(SlirpConfig *config, const char *text, GError **error)
{
    config->vhost = config_default_addr(config, 0x0202);
    if (text && !inet_aton(text, &config->vhost)) {
        return error_set(error, "Failed to parse host");
    }
    return config_belongs(config, config->vhost) ||
           error_set(error, "Host doesn't belong to network");
}

static bool config_set_dns(SlirpConfig *config, const char *text, GError **error)
{
    config->vnameserver = config_default_addr(config, 0x0203);
    if (text && !inet_aton(text, &config->vnameserver)) {
        return error_set(error, "Failed to parse DNS");
    }
    if (config->restricted && !config_belongs(config, config->vnameserver)) {
        return error_set(error, "DNS doesn't belong to network");
    }
    return config->vnameserver.s_addr != config->vhost.s_addr ||
           error_set(error, "DNS must be different from host");
}

static bool config_set_dhcp(SlirpConfig *config, const char *text, GError **error)
{
    config->vdhcp_start = config_default_addr(config, 0x020f);
    if (text && !inet_aton(text, &config->vdhcp_start)) {
        return error_set(error, "Failed to parse DHCP start address");
    }
    if (!config_belongs(config, config->vdhcp_start)) {
        return error_set(error, "DHCP doesn't belong to network");
    }
    if (config->vdhcp_start.s_addr == config->vhost.s_addr ||
        config->vdhcp_start.s_addr == config->vnameserver.s_addr) {
        return error_set(error, "DHCP must be different from host and DNS");
    }
    return true;
}

/* --- IPv6 -------------------------------------------------------------------------------- */

static bool in6_belongs(const struct in6_addr *addr, const struct in6_addr *net, unsigned len)
{
    unsigned bytes = len / 8;
    unsigned shift = 8 - len % 8;

    if (memcmp(addr, net, bytes) != 0) {
        return false;
    }
    return len % 8 == 0 || addr->s6_addr[bytes] >> shift == net->s6_addr[bytes] >> shift;
}

static bool config_set_prefix(SlirpConfig *config, const NetdevUserOptions *opts, GError **error)
{
    const char *prefix = opts->ipv6_prefix ? opts->ipv6_prefix : "fec0::";
    int64_t len = opts->has_ipv6_prefixlen ? opts->ipv6_prefixlen : 0;

    if (inet_pton(AF_INET6, prefix, &config->vprefix_addr6) != 1) {
        return error_set(error, "Failed to parse IPv6 prefix");
    }
    if (len < 0 || len > 126) {
        return error_set(error, "Invalid IPv6 prefix provided "
                         "(IPv6 prefix length must be between 0 and 126)");
    }
    config->vprefix_len = len == 0 ? 64 : len;
    return true;
}

/* Returns: the address of the prefix that ends in @last. */
static struct in6_addr config_default_addr6(const SlirpConfig *config, uint8_t last)
{
    struct in6_addr addr = config->vprefix_addr6;

    addr.s6_addr[15] |= last;
    return addr;
}

static bool config_set_host6(SlirpConfig *config, const char *text, GError **error)
{
    config->vhost6 = config_default_addr6(config, 2);
    if (text && inet_pton(AF_INET6, text, &config->vhost6) != 1) {
        return error_set(error, "Failed to parse IPv6 host");
    }
    return in6_belongs(&config->vhost6, &config->vprefix_addr6, config->vprefix_len) ||
           error_set(error, "IPv6 Host doesn't belong to network");
}

static bool config_set_dns6(SlirpConfig *config, const char *text, GError **error)
{
    config->vnameserver6 = config_default_addr6(config, 3);
    if (text && inet_pton(AF_INET6, text, &config->vnameserver6) != 1) {
        return error_set(error, "Failed to parse IPv6 DNS");
    }
    return !config->restricted ||
           in6_belongs(&config->vnameserver6, &config->vprefix_addr6, config->vprefix_len) ||
           error_set(error, "IPv6 DNS doesn't belong to network");
}

/* --- Names ------------------------------------------------------------------------------- */

static bool config_check_text(const char *name, const char *text, GError **error)
{
    return !text || strlen(text) <= DHCP_TEXT_MAX ||
           error_set(error, "'%s' parameter cannot exceed %d bytes", name, DHCP_TEXT_MAX);
}

static bool config_set_names(SlirpConfig *config, const NetdevUserOptions *opts, GError **error)
{
    if (opts->domainname && !opts->domainname[0]) {
        return error_set(error, "'domainname' parameter cannot be empty");
    }
    config->vhostname = opts->hostname;
    config->tftp_server_name = opts->tftp_server_name;
    config->tftp_path = opts->tftp;
    config->bootfile = opts->bootfile;
    config->vdomainname = opts->domainname;
    return config_check_text("domainname", opts->domainname, error) &&
           config_check_text("vhostname", opts->hostname, error) &&
           config_check_text("tftp-server-name", opts->tftp_server_name, error);
}

static void config_set_dnssearch(SlirpConfig *config, const StringList *list)
{
    if (!list || list->len == 0) {
        return;
    }
    config->vdnssearch = g_new0(const char *, list->len + 1);
    for (size_t i = 0; i < list->len; i++) {
        config->vdnssearch[i] = list->items[i].str;
    }
}

/* --- All --------------------------------------------------------------------------------- */

static bool config_check_smb(const NetdevUserOptions *opts, GError **error)
{
    const char *name = opts->smb ? "smb" : opts->smbserver ? "smbserver" : NULL;

    return !name || error_set(error, "'%s' is not supported: there is no SMB server here", name);
}

bool net_user_config_init(SlirpConfig *config, const NetdevUserOptions *opts, GError **error)
{
    memset(config, 0, sizeof(*config));
    config->version = 4; /* the callbacks and fields of libslirp 4.7 */
    config->restricted = opts->q_restrict;
    if (!config_check_smb(opts, error) ||
        !config_set_families(config, opts, error) ||
        !config_set_net(config, opts, error) ||
        !config_set_host(config, opts->host, error) ||
        !config_set_dns(config, opts->dns, error) ||
        !config_set_dhcp(config, opts->dhcpstart, error) ||
        !config_set_prefix(config, opts, error) ||
        !config_set_host6(config, opts->ipv6_host, error) ||
        !config_set_dns6(config, opts->ipv6_dns, error) ||
        !config_set_names(config, opts, error)) {
        return false;
    }
    config_set_dnssearch(config, opts->dnssearch);
    return true;
}

void net_user_config_clear(SlirpConfig *config)
{
    g_clear_pointer(&config->vdnssearch, g_free);
}
