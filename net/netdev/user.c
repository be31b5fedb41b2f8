/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netdev user: libslirp's network stack in this process. */

/*
 * libslirp keeps its own list of host sockets; before each poll of the loop it is asked for
 * them, by one GSource of each netdev. While the netdev is not polled its sockets are left out.
 * All of libslirp's times are on the virtual clock, so they stand still with the VM.
 *
 * libslirp cannot be stopped from sending: frames for which the chain has no room are dropped and
 * counted.
 */

#include "net/netdev/user-internal.h"

#include <string.h>

#include "net/netdev.h"
#include "net/netdev/user.h"
#include "qapi/qapi-commands.h"
#include "util/error.h"
#include "util/log.h"
#include "util/trace.h"

TRACE_POINT(net_user_guest_error);

/** Shortest Ethernet frame without its check sum. */
#define ETHERNET_MIN 60

/** What libslirp proposes when it has nothing to do: more is no reason to wake up. */
#define IDLE_MS 1000

/** The host's sockets as the loop sees them; those from @n_used on are not in use. */
struct NetUserSource {
    GSource source;
    NetUser *user;    /* back pointer */
    GPtrArray *fds;   /* owned GPollFD *, all of them added to the source */
    guint n_used;
};

/** A timer of libslirp's. */
typedef struct NetUserTimer {
    NetUser *user;    /* back pointer */
    Timer *timer;     /* owned */
    SlirpTimerId id;
    void *cb_opaque;
} NetUserTimer;

/* --- Poll -------------------------------------------------------------------------------- */

static const struct {
    int slirp;
    gushort glib;
} poll_bits[] = {
    { SLIRP_POLL_IN, G_IO_IN },
    { SLIRP_POLL_OUT, G_IO_OUT },
    { SLIRP_POLL_PRI, G_IO_PRI },
    { SLIRP_POLL_ERR, G_IO_ERR },
    { SLIRP_POLL_HUP, G_IO_HUP },
};

static void source_drop_from(NetUserSource *source, guint first)
{
    while (source->fds->len > first) {
        GPollFD *pfd = g_ptr_array_remove_index(source->fds, source->fds->len - 1);

        g_source_remove_poll(&source->source, pfd);
        g_free(pfd);
    }
}

/* A changed set wakes the loop up once more; so entries that stay the same are kept. */
static GPollFD *source_slot(NetUserSource *source, int fd)
{
    GPollFD *pfd;

    if (source->n_used < source->fds->len) {
        pfd = source->fds->pdata[source->n_used];
        if (pfd->fd == fd) {
            return pfd;
        }
        source_drop_from(source, source->n_used);
    }
    pfd = g_new0(GPollFD, 1);
    pfd->fd = fd;
    g_ptr_array_add(source->fds, pfd);
    g_source_add_poll(&source->source, pfd);
    return pfd;
}

static int user_add_poll(int fd, int events, void *opaque)
{
    NetUser *user = opaque;
    NetUserSource *source = user->source;
    GPollFD *pfd;

    if (!user->polled) {
        return -1;
    }
    pfd = source_slot(source, fd);
    pfd->events = 0;
    pfd->revents = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(poll_bits); i++) {
        if (events & poll_bits[i].slirp) {
            pfd->events |= poll_bits[i].glib;
        }
    }
    return source->n_used++;
}

static int user_get_revents(int idx, void *opaque)
{
    NetUser *user = opaque;
    const GPollFD *pfd;
    int events = 0;

    if (idx < 0 || (guint)idx >= user->source->n_used) {
        return 0;
    }
    pfd = user->source->fds->pdata[idx];
    for (size_t i = 0; i < G_N_ELEMENTS(poll_bits); i++) {
        if (pfd->revents & poll_bits[i].glib) {
            events |= poll_bits[i].slirp;
        }
    }
    return events;
}

static void user_arm_timeout(NetUser *user, uint32_t timeout_ms)
{
    int64_t deadline_ns;

    if (timeout_ms >= IDLE_MS) {
        return;
    }
    deadline_ns = clock_now_ns(CLOCK_TYPE_VIRTUAL) + timeout_ms * INT64_C(1000000);
    if (!timer_is_running(user->timeout) || deadline_ns < timer_deadline_ns(user->timeout)) {
        timer_start_at(user->timeout, deadline_ns);
    }
}

/* Ask libslirp which sockets it waits for, and when its timers are due. */
static void user_fill(NetUser *user)
{
    uint32_t timeout_ms = UINT32_MAX;

    user->source->n_used = 0;
    slirp_pollfds_fill(user->slirp, &timeout_ms, user_add_poll, user);
    source_drop_from(user->source, user->source->n_used);
    user_arm_timeout(user, timeout_ms);
}

static gboolean source_prepare(GSource *base, gint *timeout_ms)
{
    NetUser *user = ((NetUserSource *)base)->user;
    int rest_ms = net_user_limit_rest_ms(&user->limit);

    *timeout_ms = rest_ms > 0 ? rest_ms : -1;
    if (rest_ms > 0) {
        source_drop_from(user->source, 0);
        user->source->n_used = 0;
    } else {
        user_fill(user);
    }
    return FALSE;
}

static gboolean source_check(GSource *base)
{
    NetUserSource *source = (NetUserSource *)base;

    for (guint i = 0; i < source->n_used; i++) {
        const GPollFD *pfd = source->fds->pdata[i];

        if (pfd->revents) {
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean source_dispatch(GSource *base, GSourceFunc func, gpointer opaque)
{
    NetUser *user = ((NetUserSource *)base)->user;

    if (user->polled) {
        net_user_limit_enter(&user->limit);
        slirp_pollfds_poll(user->slirp, 0, user_get_revents, user);
        net_user_limit_leave(&user->limit);
        net_user_limit_rest(&user->limit);
        net_user_fwds_wake(user);
    }
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = {
    .prepare = source_prepare,
    .check = source_check,
    .dispatch = source_dispatch,
};

static void user_timed_out(void *opaque)
{
    NetUser *user = opaque;

    /* As after a failed poll: timers only. The sockets have their turn when they are ready. */
    slirp_pollfds_poll(user->slirp, 1, user_get_revents, user);
    net_user_fwds_wake(user);
    user_fill(user);
}

static void user_start_polling(NetUser *user)
{
    user->source = (NetUserSource *)g_source_new(&source_funcs, sizeof(NetUserSource));
    user->source->user = user;
    user->source->fds = g_ptr_array_new();
    g_source_set_name(&user->source->source, "netdev user");
    user->timeout = timer_new(CLOCK_TYPE_VIRTUAL, user_timed_out, user);
    g_source_attach(&user->source->source, NULL);
}

static void user_stop_polling(NetUser *user)
{
    if (!user->source) {
        return;
    }
    timer_free(user->timeout);
    source_drop_from(user->source, 0);
    g_ptr_array_unref(user->source->fds);
    g_source_destroy(&user->source->source);
    g_source_unref(&user->source->source);
    user->source = NULL;
}

/* --- Called by libslirp ------------------------------------------------------------------ */

static ssize_t user_send_packet(const void *data, size_t len, void *opaque)
{
    NetUser *user = opaque;
    uint8_t padded[ETHERNET_MIN] = { 0 };
    NetFrame frame = { .data = data, .len = len };

    if (len < ETHERNET_MIN) {
        memcpy(padded, data, len);
        frame = (NetFrame) { .data = padded, .len = ETHERNET_MIN };
    }
    if (net_client_can_send(&user->nc)) {
        net_client_send(&user->nc, &frame, 1);
    } else {
        net_client_drop(&user->nc, 1, frame.len, NET_DROP_REASON_OVERFLOW);
    }
    return len;
}

static void user_guest_error(const char *msg, void *opaque)
{
    TRACE(net_user_guest_error, "netdev '%s': %s", ((NetUser *)opaque)->nc.id, msg);
}

static int64_t user_clock_get_ns(void *opaque)
{
    return clock_now_ns(CLOCK_TYPE_VIRTUAL);
}

static void user_timer_expired(void *opaque)
{
    NetUserTimer *timer = opaque;

    slirp_handle_timer(timer->user->slirp, timer->id, timer->cb_opaque);
}

static void *user_timer_new(SlirpTimerId id, void *cb_opaque, void *opaque)
{
    NetUserTimer *timer = g_new0(NetUserTimer, 1);

    timer->user = opaque;
    timer->id = id;
    timer->cb_opaque = cb_opaque;
    timer->timer = timer_new(CLOCK_TYPE_VIRTUAL, user_timer_expired, timer);
    return timer;
}

static void user_timer_free(void *opaque_timer, void *opaque)
{
    NetUserTimer *timer = opaque_timer;

    timer_free(timer->timer);
    g_free(timer);
}

static void user_timer_mod(void *opaque_timer, int64_t expire_ms, void *opaque)
{
    timer_start_at(((NetUserTimer *)opaque_timer)->timer, expire_ms * INT64_C(1000000));
}

/* Every round of the loop asks for all sockets anyway; here they are counted. */
static void user_register_fd(int fd, void *opaque)
{
    net_user_limit_opened(&((NetUser *)opaque)->limit, fd);
}

static void user_unregister_fd(int fd, void *opaque)
{
    net_user_limit_closed(&((NetUser *)opaque)->limit);
}

/* Called from within libslirp, which a read from a chardev must not enter a second time; who
 * called libslirp wakes the chardevs when it is out again. */
static void user_notify(void *opaque)
{
}

static const SlirpCb user_callbacks = {
    .send_packet = user_send_packet,
    .guest_error = user_guest_error,
    .clock_get_ns = user_clock_get_ns,
    .timer_new_opaque = user_timer_new,
    .timer_free = user_timer_free,
    .timer_mod = user_timer_mod,
    .register_poll_fd = user_register_fd,
    .unregister_poll_fd = user_unregister_fd,
    .notify = user_notify,
};

/* --- Hooks ------------------------------------------------------------------------------- */

static size_t net_user_receive(NetClient *nc, const NetFrame *frames, size_t n)
{
    NetUser *user = (NetUser *)nc;

    if (!net_user_fwds_can_write(user)) {
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        if (net_user_limit_refuses(&user->limit, nc, &frames[i])) {
            continue;
        }
        net_user_limit_enter(&user->limit);
        slirp_input(user->slirp, frames[i].data, frames[i].len);
        net_user_limit_leave(&user->limit);
    }
    net_user_fwds_wake(user);
    return n;
}

static void net_user_read_poll(NetClient *nc, bool enable)
{
    ((NetUser *)nc)->polled = enable;
}

static void net_user_cleanup(NetClient *nc)
{
    NetUser *user = (NetUser *)nc;

    net_user_fwds_clear(user);
    user_stop_polling(user);
    if (user->slirp) {
        slirp_cleanup(user->slirp);
    }
}

static const NetClientInfo net_user_info = {
    .type = NET_CLIENT_DRIVER_USER,
    .size = sizeof(NetUser),
    .receive = net_user_receive,
    .read_poll = net_user_read_poll,
    .cleanup = net_user_cleanup,
    .is_netdev = true,
};

/* --- Creation ---------------------------------------------------------------------------- */

/* What the library has to say about its settings, in the form of our messages. */
static void user_log(const char *domain, GLogLevelFlags level, const char *message, void *opaque)
{
    g_autofree char *line = g_strchomp(g_strdup(message));

    log_limited_warning("Slirp", line, "%s", line);
}

static void user_catch_log(void)
{
    static gsize caught;

    if (g_once_init_enter(&caught)) {
        g_log_set_handler("Slirp", G_LOG_LEVEL_WARNING | G_LOG_LEVEL_CRITICAL, user_log, NULL);
        g_once_init_leave(&caught, 1);
    }
}

static bool user_start(NetUser *user, const NetdevUserOptions *opts, GError **error)
{
    SlirpConfig config;

    if (!net_user_config_init(&config, opts, error)) {
        return false;
    }
    user_catch_log();
    net_user_limit_init(&user->limit);
    user->slirp = slirp_new(&config, &user_callbacks, user);
    net_user_config_clear(&config);
    if (!user->slirp) {
        return error_set(error, "Device 'user' could not be initialized");
    }
    user_start_polling(user);
    net_client_set_info(&user->nc, "net=%s,restrict=%s", inet_ntoa(config.vnetwork),
                        opts->q_restrict ? "on" : "off");
    return net_user_add_rules(user, opts, error);
}

static NetClient *net_user_create(const Netdev *netdev, GError **error)
{
    NetUser *user = (NetUser *)net_client_new(&net_user_info, netdev->id);

    if (!user_start(user, &netdev->u.user, error)) {
        net_client_delete(&user->nc);
        return NULL;
    }
    return &user->nc;
}

static const NetdevClass net_user_class = {
    .type = NET_CLIENT_DRIVER_USER,
    .create = net_user_create,
};

__attribute__((constructor)) static void net_user_register(void)
{
    netdev_class_register(&net_user_class);
}

/* --- For the human monitor --------------------------------------------------------------- */

static void user_find_first(NetClient *nc, void *opaque)
{
    NetUser **first = opaque;

    if (!*first && nc->info == &net_user_info) {
        *first = (NetUser *)nc;
    }
}

static NetUser *user_find(const char *id, GError **error)
{
    NetUser *first = NULL;
    NetClient *nc;

    if (!id) {
        net_client_foreach(user_find_first, &first);
        if (!first) {
            error_set(error, "user mode network stack not in use");
        }
        return first;
    }
    nc = net_client_find(id);
    if (!nc) {
        error_set(error, "unrecognized netdev id '%s'", id);
    } else if (nc->info != &net_user_info) {
        error_set(error, "invalid device specified");
        nc = NULL;
    }
    return (NetUser *)nc;
}

bool net_user_hostfwd_add(const char *id, const char *rule, GError **error)
{
    NetUser *user = user_find(id, error);

    return user && net_user_fwd_add(user, rule, error);
}

bool net_user_hostfwd_remove(const char *id, const char *rule, bool *found, GError **error)
{
    NetUser *user = user_find(id, error);

    return user && net_user_fwd_remove(user, rule, found, error);
}

static void user_append_info(NetClient *nc, void *opaque)
{
    GString *text = opaque;
    g_autofree char *connections = NULL;

    if (nc->info != &net_user_info) {
        return;
    }
    connections = slirp_connection_info(((NetUser *)nc)->slirp);
    g_string_append_printf(text, "Hub -1 (%s):\n%s", nc->id, connections);
}

char *net_user_info_text(void)
{
    GString *text = g_string_new(NULL);

    net_client_foreach(user_append_info, text);
    return g_string_free(text, FALSE);
}

HumanReadableText *qmp_x_query_usernet(GError **error)
{
    HumanReadableText *text = g_new0(HumanReadableText, 1);

    text->human_readable_text = net_user_info_text();
    return text;
}
