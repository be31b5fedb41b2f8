/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Forwarding rules of netdev user. */

/*
 * Bytes of the guest for a guestfwd rule's chardev wait here while the chardev takes no more.
 * libslirp has no "not now"; so the netdev takes no more frames from the guest while too much
 * waits, which holds the guest's frames in its chain.
 */

#include "net/netdev/user-internal.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "chardev/char.h"
#include "io/socket-path.h"
#include "net/netdev/user-rules.h"
#include "qapi/qapi-commands.h"
#include "util/error.h"
#include "util/spawner.h"

/** As many bytes may wait for a chardev before the guest's frames have to. */
#define PENDING_MARK (64u * 1024)

/** A guestfwd rule that leads to a chardev. */
typedef struct NetUserFwd {
    NetUser *user;         /* back pointer */
    struct in_addr server;
    uint16_t port;
    CharFrontend fe;
    GByteArray *pending;   /* owned: written by the guest, not yet taken by the chardev */
    char *chardev_id;      /* owned: the chardev to be deleted with the rule; NULL = none */
} NetUserFwd;

/* --- hostfwd ----------------------------------------------------------------------------- */

static struct sockaddr_un rule_unix_address(const char *path)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };

    g_strlcpy(sa.sun_path, path, sizeof(sa.sun_path));
    return sa;
}

/* libslirp binds the path, and leaves it. */
static void user_own_path(NetUser *user, const char *path)
{
    if (!user->paths) {
        user->paths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                            (GDestroyNotify)socket_path_free);
    }
    g_hash_table_insert(user->paths, g_strdup(path), socket_path_new(path));
}

static bool user_apply_unix(NetUser *user, const NetUserRule *rule)
{
    const struct sockaddr_in guest = {
        .sin_family = AF_INET, .sin_addr = rule->guest, .sin_port = htons(rule->guest_port),
    };
    const struct sockaddr_un host = rule_unix_address(rule->path);

    if (slirp_add_hostxfwd(user->slirp, (const struct sockaddr *)&host, sizeof(host),
                           (const struct sockaddr *)&guest, sizeof(guest), 0) < 0) {
        return false;
    }
    user_own_path(user, rule->path);
    return true;
}

static bool user_apply_rule(NetUser *user, const NetUserRule *rule)
{
    if (rule->protocol == NET_USER_PROTOCOL_UNIX) {
        return user_apply_unix(user, rule);
    }
    return slirp_add_hostfwd(user->slirp, rule->protocol == NET_USER_PROTOCOL_UDP, rule->host,
                             rule->host_port, rule->guest, rule->guest_port) == 0;
}

bool net_user_fwd_add(NetUser *user, const char *text, GError **error)
{
    g_autofree char *noun = NULL;
    NetUserRule rule = { 0 };
    bool ok;

    if (!net_user_rule_parse(text, &rule, error)) {
        return false;
    }
    noun = rule.path ? socket_path_make_room(rule.path) : NULL;
    ok = !noun && user_apply_rule(user, &rule);
    net_user_rule_clear(&rule);
    if (noun) {
        return error_set(error, "Could not set up host forwarding rule '%s' (there is %s)", text,
                         noun);
    }
    return ok || error_set(error, "Could not set up host forwarding rule '%s'", text);
}

static bool user_remove_unix(NetUser *user, const char *path)
{
    const struct sockaddr_un host = rule_unix_address(path);

    return slirp_remove_hostxfwd(user->slirp, (const struct sockaddr *)&host, sizeof(host),
                                 0) == 0 &&
           user->paths && g_hash_table_remove(user->paths, path);
}

bool net_user_fwd_remove(NetUser *user, const char *rule, bool *found, GError **error)
{
    NetUserRule parsed = { 0 };

    if (!net_user_rule_parse_host(rule, &parsed, error)) {
        return false;
    }
    *found = parsed.path ? user_remove_unix(user, parsed.path)
                         : slirp_remove_hostfwd(user->slirp,
                                                parsed.protocol == NET_USER_PROTOCOL_UDP,
                                                parsed.host, parsed.host_port) == 0;
    net_user_rule_clear(&parsed);
    return true;
}

/* --- guestfwd: from the guest to a chardev ----------------------------------------------- */

bool net_user_fwds_can_write(const NetUser *user)
{
    for (guint i = 0; user->fwds && i < user->fwds->len; i++) {
        const NetUserFwd *fwd = user->fwds->pdata[i];

        if (fwd->pending->len >= PENDING_MARK) {
            return false;
        }
    }
    return true;
}

/* Returns: bytes written; all of them, discarded, when there is no reader. */
static size_t fwd_write_now(NetUserFwd *fwd, const void *data, size_t len)
{
    const struct iovec iov = { (void *)data, len };
    ssize_t n = char_frontend_writev(&fwd->fe, &iov, 1);

    return n < 0 ? len : (size_t)n;
}

/* Called by libslirp. It takes "fewer" for an error; so everything is taken. */
static ssize_t fwd_write(const void *data, size_t len, void *opaque)
{
    NetUserFwd *fwd = opaque;
    size_t n = fwd->pending->len == 0 ? fwd_write_now(fwd, data, len) : 0;

    g_byte_array_append(fwd->pending, (const guint8 *)data + n, len - n);
    return len;
}

static void fwd_write_ready(void *opaque)
{
    NetUserFwd *fwd = opaque;

    if (fwd->pending->len > 0) {
        size_t n = fwd_write_now(fwd, fwd->pending->data, fwd->pending->len);

        g_byte_array_remove_range(fwd->pending, 0, n);
    }
    if (fwd->pending->len < PENDING_MARK) {
        net_client_ready(&fwd->user->nc);
    }
}

static void fwd_event(CharEvent event, void *opaque)
{
    NetUserFwd *fwd = opaque;

    if (event == CHAR_EVENT_CLOSED) {
        g_byte_array_set_size(fwd->pending, 0);
        net_client_ready(&fwd->user->nc);
    }
}

/* --- guestfwd: from a chardev to the guest ----------------------------------------------- */

static size_t fwd_read_wanted(void *opaque)
{
    const NetUserFwd *fwd = opaque;

    return slirp_socket_can_recv(fwd->user->slirp, fwd->server, fwd->port);
}

static void fwd_read(const uint8_t *data, size_t len, void *opaque)
{
    NetUserFwd *fwd = opaque;

    slirp_socket_recv(fwd->user->slirp, fwd->server, fwd->port, data, len);
}

void net_user_fwds_wake(NetUser *user)
{
    for (guint i = 0; user->fwds && i < user->fwds->len; i++) {
        NetUserFwd *fwd = user->fwds->pdata[i];

        if (fwd_read_wanted(fwd) > 0) {
            char_frontend_accept_input(&fwd->fe);
        }
    }
}

static const CharFrontendOps fwd_ops = {
    .read_wanted = fwd_read_wanted,
    .read = fwd_read,
    .write_ready = fwd_write_ready,
    .event = fwd_event,
};

/* --- guestfwd: rules --------------------------------------------------------------------- */

static void fwd_free(NetUserFwd *fwd)
{
    char_frontend_detach(&fwd->fe);
    if (fwd->chardev_id) {
        qmp_chardev_remove(&(ChardevRemoveArgs) { .id = fwd->chardev_id }, NULL);
    }
    g_byte_array_unref(fwd->pending);
    g_free(fwd->chardev_id);
    g_free(fwd);
}

void net_user_fwds_clear(NetUser *user)
{
    for (guint i = 0; user->fwds && i < user->fwds->len; i++) {
        fwd_free(user->fwds->pdata[i]);
    }
    g_clear_pointer(&user->fwds, g_ptr_array_unref);
    g_clear_pointer(&user->paths, g_hash_table_unref);
}

static bool fwd_open_chardev(NetUserFwd *fwd, const char *target, GError **error)
{
    g_autofree char *label = g_strdup_printf("guestfwd.tcp.%u", fwd->port);
    g_autoptr(GError) reason = NULL;
    Chardev *chr = char_new_from_legacy(label, target, &reason);

    if (!chr) {
        error_set(error, "Could not open guest forwarding device '%s'", label);
        error_append_hint(error, "%s.", reason->message);
        return false;
    }
    if (g_strcmp0(char_id(chr), label) == 0) {
        fwd->chardev_id = g_steal_pointer(&label);
    }
    return char_frontend_attach(&fwd->fe, chr, &fwd_ops, fwd, error);
}

static bool user_add_conflict(const char *text, GError **error)
{
    return error_set(error, "Conflicting/invalid host:port in guest forwarding rule '%s'", text);
}

static bool user_add_fwd(NetUser *user, const NetUserGuestRule *rule, const char *text,
                         GError **error)
{
    NetUserFwd *fwd = g_new0(NetUserFwd, 1);

    fwd->user = user;
    fwd->server = rule->server;
    fwd->port = rule->port;
    fwd->pending = g_byte_array_new();
    if (!user->fwds) {
        user->fwds = g_ptr_array_new();
    }
    g_ptr_array_add(user->fwds, fwd);
    if (slirp_add_guestfwd(user->slirp, fwd_write, fwd, &fwd->server, fwd->port) < 0) {
        return user_add_conflict(text, error);
    }
    return fwd_open_chardev(fwd, rule->target, error);
}

static bool user_add_guestfwd(NetUser *user, const char *text, GError **error)
{
    NetUserGuestRule rule = { 0 };
    struct in_addr server;
    bool ok;

    if (!net_user_guest_rule_parse(text, &rule, error)) {
        return false;
    }
    server = rule.server;
    if (rule.is_command && spawner_is_expected()) {
        /* libslirp starts it, from this process, each time that the guest connects */
        ok = error_set(error, "guestfwd=%s is not possible with -sandbox on: connect to a "
                       "chardev instead", text);
    } else if (!rule.is_command) {
        ok = user_add_fwd(user, &rule, text, error);
    } else {
        ok = slirp_add_exec(user->slirp, rule.target, &server, rule.port) == 0 ||
             user_add_conflict(text, error);
    }
    net_user_guest_rule_clear(&rule);
    return ok;
}

bool net_user_add_rules(NetUser *user, const NetdevUserOptions *opts, GError **error)
{
    for (size_t i = opts->hostfwd ? opts->hostfwd->len : 0; i-- > 0;) {
        if (!net_user_fwd_add(user, opts->hostfwd->items[i].str, error)) {
            return false;
        }
    }
    for (size_t i = opts->guestfwd ? opts->guestfwd->len : 0; i-- > 0;) {
        if (!user_add_guestfwd(user, opts->guestfwd->items[i].str, error)) {
            return false;
        }
    }
    return true;
}
