/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reports to the service manager that the program is ready and alive, and its held frames. */

/*
 * sd_notify(3) looks for the manager's socket at each message. Behind a chroot there is none, so it
 * is connected before; the messages are those of sd_notify(3).
 */

#include "system/service.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "net/client.h"
#include "net/run-state.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/fd.h"
#include "util/log.h"

#define SERVICE_NS_PER_MS 1000000
#define SERVICE_NS_PER_US 1000

static struct {
    int fd;                /* owned: to the manager; -1 = there is none */
    bool is_told_ready;    /* the manager has taken that message */
    Timer *status_timer;   /* owned; NULL = not started */
    Timer *watchdog_timer; /* owned; NULL = the manager does not watch */
    int64_t watchdog_ns;   /* between two signs of life */
    char *status;          /* owned: what was reported last */
} service = { .fd = -1 };

/* --- Messages ------------------------------------------------------------------------------ */

/* "@name" is an abstract address (unix(7)). */
static bool service_connect(int fd, const char *path, GError **error)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    size_t len = strlen(path);

    if ((path[0] != '/' && path[0] != '@') || len >= sizeof(sun.sun_path)) {
        return error_set(error, "it is no address of a unix socket");
    }
    memcpy(sun.sun_path, path, len);
    if (path[0] == '@') {
        sun.sun_path[0] = '\0';
    }
    return connect(fd, (struct sockaddr *)&sun,
                   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) == 0 ||
           error_set(error, "%s", g_strerror(errno));
}

void service_open(void)
{
    const char *path = g_getenv("NOTIFY_SOCKET");
    auto_fd int fd = path ? socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;
    g_autoptr(GError) error = NULL;

    if (path && service_connect(fd, path, &error)) {
        service.fd = fd_steal(&fd);
    } else if (path) {
        log_warning("the service manager cannot be told anything: NOTIFY_SOCKET=%s: %s", path,
                    error->message);
    }
}

/* Returns: whether the manager has taken it; it is never waited for. */
static bool service_tell(const char *text)
{
    return send(service.fd, text, strlen(text), MSG_NOSIGNAL) >= 0;
}

/* --- What is told -------------------------------------------------------------------------- */

/* Each chain belongs to the client that sends into it. */
static void service_add_held(NetClient *nc, void *opaque)
{
    NetCount *held = opaque;
    NetClientCounts counts;

    net_client_get_counts(nc, &counts);
    held->frames += counts.from_held.frames;
    held->bytes += counts.from_held.bytes;
}

static char *service_status(RunState state, uint64_t held_frames, uint64_t held_bytes)
{
    const char *name = qapi_enum_name(QAPI_TYPE(RunState), state);

    if (held_frames == 0) {
        return g_strdup_printf("VM %s; no frame is held", name);
    }
    return g_strdup_printf("VM %s; %" PRIu64 " frame%s (%" PRIu64 " bytes) %s held", name,
                           held_frames, held_frames == 1 ? "" : "s", held_bytes,
                           held_frames == 1 ? "is" : "are");
}

/* Returns: owned; NULL = it is the status that the manager has. */
static char *service_new_status(void)
{
    NetCount held = { 0 };
    g_autofree char *status = NULL;

    net_client_foreach(service_add_held, &held);
    status = service_status(run_state_get(), held.frames, held.bytes);
    return g_strcmp0(status, service.status) == 0 ? NULL : g_steal_pointer(&status);
}

static bool service_tell_status(const char *status)
{
    g_autofree char *text = g_strconcat("STATUS=", status, NULL);

    return service_tell(text);
}

/* What the manager does not take, as its queue is full, is told the next time. */
static void service_notify_status(void *opaque)
{
    g_autofree char *status = service_new_status();

    if (!service.is_told_ready) {
        service.is_told_ready = service_tell("READY=1");
    }
    if (status && service_tell_status(status)) {
        g_free(service.status);
        service.status = g_steal_pointer(&status);
    }
    timer_start_at(service.status_timer, clock_now_ns(CLOCK_TYPE_REALTIME) +
                                             (int64_t)SERVICE_STATUS_MS * SERVICE_NS_PER_MS);
}

static void service_notify_alive(void *opaque)
{
    service_tell("WATCHDOG=1");
    timer_start_at(service.watchdog_timer,
                   clock_now_ns(CLOCK_TYPE_REALTIME) + service.watchdog_ns);
}

static void service_start_watchdog(void)
{
    uint64_t timeout_us;

    if (sd_watchdog_enabled(0, &timeout_us) <= 0) {
        return;
    }
    service.watchdog_ns = (int64_t)MIN(timeout_us / 2, INT64_MAX / SERVICE_NS_PER_US / 2) *
                          SERVICE_NS_PER_US;
    service.watchdog_timer = timer_new(CLOCK_TYPE_REALTIME, service_notify_alive, NULL);
    service_notify_alive(NULL);
}

void service_start(void)
{
    if (service.fd < 0) {
        return;
    }
    service.status_timer = timer_new(CLOCK_TYPE_REALTIME, service_notify_status, NULL);
    service_notify_status(NULL);
    service_start_watchdog();
}

void service_stop(void)
{
    if (service.status_timer) {
        service_tell("STOPPING=1");
    }
    fd_close(&service.fd);
    g_clear_pointer(&service.status_timer, timer_free);
    g_clear_pointer(&service.watchdog_timer, timer_free);
    g_clear_pointer(&service.status, g_free);
}
