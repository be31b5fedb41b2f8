/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reports to the service manager that the program is ready and alive, and its held frames. */

#include "system/service.h"

#include <inttypes.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "net/client.h"
#include "net/run-state.h"
#include "util/clock.h"

#define SERVICE_NS_PER_MS 1000000
#define SERVICE_NS_PER_US 1000

static struct {
    Timer *status_timer;   /* owned; NULL = no manager */
    Timer *watchdog_timer; /* owned; NULL = the manager does not watch */
    int64_t watchdog_ns;   /* between two signs of life */
    char *status;          /* owned: what was reported last */
} service;

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

static void service_notify_status(void *opaque)
{
    char *status = service_new_status();

    if (status) {
        g_free(service.status);
        service.status = status;
        sd_notifyf(0, "STATUS=%s", status);
    }
    timer_start_at(service.status_timer, clock_now_ns(CLOCK_TYPE_REALTIME) +
                                             (int64_t)SERVICE_STATUS_MS * SERVICE_NS_PER_MS);
}

static void service_notify_alive(void *opaque)
{
    sd_notify(0, "WATCHDOG=1");
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
    if (sd_notify(0, "READY=1") <= 0) {
        return;
    }
    service.status_timer = timer_new(CLOCK_TYPE_REALTIME, service_notify_status, NULL);
    service_notify_status(NULL);
    service_start_watchdog();
}

void service_stop(void)
{
    if (!service.status_timer) {
        return;
    }
    sd_notify(0, "STOPPING=1");
    g_clear_pointer(&service.status_timer, timer_free);
    g_clear_pointer(&service.watchdog_timer, timer_free);
    g_clear_pointer(&service.status, g_free);
}
