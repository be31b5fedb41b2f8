/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps by which a tap comes and goes, while others wait or while the loop goes on. */

#include "net/netdev/tap-internal.h"

#include <string.h>

#include "util/command-wait.h"
#include "util/error.h"
#include "util/fd.h"
#include "util/log.h"

/* --- The steps --------------------------------------------------------------------------- */

/** What a step asks for. */
typedef struct TapStep {
    const SpawnerTask *task;
    const char *args[2];
} TapStep;

static TapStep tap_step_open(const TapWish *wish)
{
    if (wish->helper) {
        return (TapStep) { &tap_helper_task, { wish->helper, wish->bridge } };
    }
    return (TapStep) { &tap_open_task, { wish->ifname, wish->vnet_hdr } };
}

/* @fd: taken. */
static bool tap_take(const TapWish *wish, const SpawnerReply *reply, int fd, TapDevice *device,
                     GError **error)
{
    auto_fd int received = fd;
    bool ok;

    if (wish->helper) {
        ok = tap_helper_check(wish->helper, reply, error) &&
             tap_device_adopt(device, fd_steal(&received), error);
    } else {
        ok = tap_device_take(device, wish->ifname, reply, fd_steal(&received), error);
    }
    if (ok && !tap_device_set_sndbuf(device, wish->sndbuf, error)) {
        fd_close(&device->fd);
        ok = false;
    }
    return ok;
}

static bool tap_run_script(const char *script, const char *ifname, bool interruptible,
                           GError **error)
{
    SpawnerReply reply;
    int fd;

    return spawner_run(&tap_script_task, (const char *[]) { script, ifname }, interruptible,
                       &reply, &fd, error) &&
           tap_script_check(script, &reply, error);
}

static bool tap_prepare_now(const TapWish *wish, TapDevice *device, GError **error)
{
    TapStep step = tap_step_open(wish);
    SpawnerReply reply;
    int fd;

    if (!spawner_run(step.task, step.args, true, &reply, &fd, error) ||
        !tap_take(wish, &reply, fd, device, error)) {
        return false;
    }
    if (wish->script && !tap_run_script(wish->script, device->ifname, true, error)) {
        fd_close(&device->fd);
        return false;
    }
    return true;
}

/* --- In a command ------------------------------------------------------------------------ */

/** A tap that a command needs. */
typedef struct TapNeed {
    CommandNeed need;
    TapWish wish;       /* the texts are owned; sndbuf points to the next member */
    uint64_t sndbuf;
    SpawnerCall *call;  /* the step that is under way */
    TapDevice device;   /* its fd is owned */
    GError *error;      /* owned: why there is none */
} TapNeed;

static void tap_need_free(CommandNeed *opaque)
{
    TapNeed *need = (TapNeed *)opaque;

    spawner_call_cancel(need->call);
    fd_close(&need->device.fd);
    g_clear_error(&need->error);
    g_free((char *)need->wish.ifname);
    g_free((char *)need->wish.vnet_hdr);
    g_free((char *)need->wish.script);
    g_free((char *)need->wish.helper);
    g_free((char *)need->wish.bridge);
    g_free(need);
}

static bool tap_need_matches(const CommandNeed *opaque, const void *key)
{
    const TapWish *have = &((const TapNeed *)opaque)->wish;
    const TapWish *want = key;

    return g_strcmp0(have->ifname, want->ifname) == 0 &&
           g_strcmp0(have->vnet_hdr, want->vnet_hdr) == 0 &&
           g_strcmp0(have->script, want->script) == 0 &&
           g_strcmp0(have->helper, want->helper) == 0 &&
           g_strcmp0(have->bridge, want->bridge) == 0;
}

static const CommandNeedClass tap_need_class = {
    .matches = tap_need_matches,
    .free = tap_need_free,
};

static TapNeed *tap_need_new(const TapWish *wish)
{
    TapNeed *need = g_new0(TapNeed, 1);

    need->wish.ifname = g_strdup(wish->ifname);
    need->wish.vnet_hdr = g_strdup(wish->vnet_hdr);
    need->wish.script = g_strdup(wish->script);
    need->wish.helper = g_strdup(wish->helper);
    need->wish.bridge = g_strdup(wish->bridge);
    if (wish->sndbuf) {
        need->sndbuf = *wish->sndbuf;
        need->wish.sndbuf = &need->sndbuf;
    }
    need->device.fd = -1;
    command_wait_add(&need->need, &tap_need_class);
    return need;
}

static void tap_need_scripted(const SpawnerReply *reply, int fd, void *opaque)
{
    TapNeed *need = opaque;

    need->call = NULL;
    fd_close(&fd);
    if (!tap_script_check(need->wish.script, reply, &need->error)) {
        fd_close(&need->device.fd); /* the interface is gone before its event comes */
    }
    command_need_met(&need->need);
}

static void tap_need_opened(const SpawnerReply *reply, int fd, void *opaque)
{
    TapNeed *need = opaque;
    const TapWish *wish = &need->wish;

    need->call = NULL;
    if (tap_take(wish, reply, fd, &need->device, &need->error) && wish->script) {
        need->call = spawner_call_start(&tap_script_task,
                                        (const char *[]) { wish->script, need->device.ifname },
                                        tap_need_scripted, need, &need->error);
    }
    if (!need->call) {
        command_need_met(&need->need);
    }
}

/* Opening an interface takes no time, unless it takes rights that only the helper has. */
static void tap_need_begin(TapNeed *need)
{
    TapStep step = tap_step_open(&need->wish);
    SpawnerReply reply = { 0 };

    if (!step.task->is_program && !spawner_is_on()) {
        int fd = step.task->run(step.args, false, &reply);

        tap_need_opened(&reply, fd, need);
        return;
    }
    need->call = spawner_call_start(step.task, step.args, tap_need_opened, need, &need->error);
    if (!need->call) {
        command_need_met(&need->need);
    }
}

/* The tap is the command's from now on. */
static bool tap_need_take(TapNeed *need, TapDevice *device, GError **error)
{
    if (!need->need.is_met) {
        return error_set(error, "the tap is not ready yet");
    }
    if (need->error) {
        g_propagate_error(error, g_error_copy(need->error));
        return false;
    }
    *device = need->device;
    need->device.fd = -1;
    return true;
}

bool tap_prepare(const TapWish *wish, TapDevice *device, GError **error)
{
    TapNeed *need;

    if (!command_wait_is_on()) {
        return tap_prepare_now(wish, device, error);
    }
    need = (TapNeed *)command_wait_find(&tap_need_class, wish);
    if (!need) {
        need = tap_need_new(wish);
        tap_need_begin(need);
    }
    return tap_need_take(need, device, error);
}

/* --- The end of a tap -------------------------------------------------------------------- */

/** A script that runs to its end, whether or not a command waits for it. */
typedef struct TapEnd {
    CommandNeed need;   /* of the command that waits; need.wait NULL = none does */
    char *script;       /* owned */
    int fd;             /* owned: the interface stays while the script runs */
} TapEnd;

/* No command waits any more. A script that is over has no other user. */
static void tap_end_forget(CommandNeed *opaque)
{
    TapEnd *end = (TapEnd *)opaque;

    end->need.wait = NULL;
    if (end->need.is_met) {
        g_free(end->script);
        g_free(end);
    }
}

static const CommandNeedClass tap_end_class = { .free = tap_end_forget, .is_afterwards = true };

static void tap_end_done(const SpawnerReply *reply, int fd, void *opaque)
{
    TapEnd *end = opaque;
    g_autoptr(GError) error = NULL;

    fd_close(&fd);
    if (!tap_script_check(end->script, reply, &error)) {
        log_gerror(error);
    }
    fd_close(&end->fd);
    if (end->need.wait) {
        command_need_met(&end->need);
    } else {
        end->need.is_met = true;
        tap_end_forget(&end->need);
    }
}

static bool tap_end_start(const char *script, const char *ifname, int *fd, GError **error)
{
    TapEnd *end = g_new0(TapEnd, 1);

    end->script = g_strdup(script);
    if (!spawner_call_start(&tap_script_task, (const char *[]) { script, ifname }, tap_end_done,
                            end, error)) {
        g_free(end->script);
        g_free(end);
        return false;
    }
    end->fd = fd_steal(fd);
    command_wait_add(&end->need, &tap_end_class);
    return true;
}

void tap_retire(const char *script, const char *ifname, int fd)
{
    auto_fd int ours = fd;
    g_autoptr(GError) error = NULL;
    bool ok = command_wait_is_on() ? tap_end_start(script, ifname, &ours, &error)
                                   : tap_run_script(script, ifname, false, &error);

    if (!ok) {
        log_gerror(error);
    }
}
