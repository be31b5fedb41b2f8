/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shows the vm-follower: query-vm-follower and info vm-follower. */

#include "follow/follower-internal.h"

#include "monitor/hmp.h"
#include "net/run-state.h"
#include "qapi/qapi-commands.h"

static uint64_t follow_age_ms(int64_t since_ns)
{
    return (uint64_t)MAX(clock_now_ns(CLOCK_TYPE_REALTIME) - since_ns, 0) / 1000000;
}

static void follow_note_to_info(const FollowNote *note, VmFollowerEvent *info)
{
    *info = (VmFollowerEvent) {
        .name = g_strdup(note->name),
        .detail = g_strdup(note->detail),
        .timestamp = g_new0(VmFollowerTime, 1),
        .age_ms = follow_age_ms(note->received_ns),
        .run_state = note->run_state,
    };
    info->timestamp->seconds = note->seconds;
    info->timestamp->microseconds = note->microseconds;
}

static VmFollowerEventList *follow_notes_to_info(const FollowNotes *log)
{
    VmFollowerEventList *list = g_new0(VmFollowerEventList, 1);

    list->items = g_new0(VmFollowerEvent, log->notes.length);
    for (const GList *link = log->notes.head; link; link = link->next) {
        follow_note_to_info(link->data, &list->items[list->len++]);
    }
    return list;
}

static VmFollowerColo *follow_colo_to_info(const FollowColo *colo)
{
    VmFollowerColo *info = g_new(VmFollowerColo, 1);

    *info = (VmFollowerColo) {
        .mode = colo->mode,
        .last_mode = colo->last_mode,
        .reason = colo->reason,
        .checkpoints = colo->n_checkpoints,
        .pauses = colo->n_pauses,
    };
    return info;
}

static void vm_follower_to_info(const VmFollower *f, VmFollowerInfo *info)
{
    const VmFollowerProperties *props = vm_follower_props(f);

    *info = (VmFollowerInfo) {
        .id = g_strdup(f->obj.id),
        .chardev = g_strdup(props->chardev),
        .connected = qmp_client_phase(f->client) != QMP_CLIENT_CLOSED,
        .state = vm_follower_state(f),
        .version = g_strdup(f->version),
        .has_vm_status = f->state.vm == FOLLOW_VM_KNOWN,
        .vm_status = f->state.run_state,
        .run_state = run_state_get(),
        .migration = f->state.migration,
        .colo = follow_colo_to_info(&f->state.colo),
        .armed = f->state.role == FOLLOW_ROLE_SOURCE,
        .hold = vm_follower_hold(f),
        .on_exit = props->on_exit,
        .unanswered = qmp_client_n_unanswered(f->client),
        .has_gone_ms = f->seen == FOLLOW_SEEN_LOST,
        .gone_ms = f->seen == FOLLOW_SEEN_LOST ? follow_age_ms(f->lost_ns) : 0,
        .reconnects = f->n_reconnects,
        .errors = f->n_errors,
        .last_error = g_strdup(f->last_error),
        .nics = vm_nics_info(f->nics),
        .events = follow_notes_to_info(&f->notes),
    };
}

VmFollowerInfoList *qmp_query_vm_follower(GError **error)
{
    VmFollowerInfoList *list = g_new0(VmFollowerInfoList, 1);
    const VmFollower *f = vm_follower_get();

    if (f) {
        list->items = g_new0(VmFollowerInfo, 1);
        vm_follower_to_info(f, &list->items[list->len++]);
    }
    return list;
}

/* --- info vm-follower ---------------------------------------------------------------------- */

#define NAME_OF(type, value) qapi_enum_name(QAPI_TYPE(type), (int)(value))

/* The VM's time stamp is what its own log and management tool show. */
static void hmp_print_event(Hmp *hmp, const VmFollowerEvent *event)
{
    hmp_printf(hmp, "  %" PRIu64 ".%03" PRIu64 " s ago, %" PRId64 ".%06" PRId64 ": %s",
               event->age_ms / 1000, event->age_ms % 1000, event->timestamp->seconds,
               event->timestamp->microseconds, event->name);
    if (event->detail) {
        hmp_printf(hmp, " %s", event->detail);
    }
    hmp_printf(hmp, " -> %s\n", NAME_OF(RunState, event->run_state));
}

static void hmp_print_connection(Hmp *hmp, const VmFollowerInfo *info)
{
    hmp_printf(hmp, "%s: chardev=%s,on-exit=%s: %sconnected, %s", info->id, info->chardev,
               NAME_OF(VmFollowerOnExit, info->on_exit), info->connected ? "" : "not ",
               NAME_OF(VmFollowerState, info->state));
    if (info->version) {
        hmp_printf(hmp, ", QEMU %s", info->version);
    }
    if (info->has_gone_ms) {
        hmp_printf(hmp, ", gone for %" PRIu64 " ms", info->gone_ms);
    }
    hmp_printf(hmp, "\n  unanswered %" PRIu64 ", reconnects %" PRIu64 ", errors %" PRIu64
               "%s%s\n", info->unanswered, info->reconnects, info->errors,
               info->last_error ? ": " : "", info->last_error ? info->last_error : "");
}

/* Nothing of a VM that has never been in COLO. */
static void hmp_print_colo(Hmp *hmp, const VmFollowerColo *colo)
{
    if (colo->mode == COLO_MODE_NONE && colo->reason == COLO_EXIT_REASON_NONE &&
        colo->checkpoints + colo->pauses == 0) {
        return;
    }
    hmp_printf(hmp, "  COLO: %s, %" PRIu64 " checkpoints, %" PRIu64 " pauses; ended as %s: %s\n",
               NAME_OF(COLOMode, colo->mode), colo->checkpoints, colo->pauses,
               NAME_OF(COLOMode, colo->last_mode), NAME_OF(COLOExitReason, colo->reason));
}

static void hmp_print_follower(Hmp *hmp, const VmFollowerInfo *info)
{
    hmp_print_connection(hmp, info);
    hmp_printf(hmp, "  VM: %s, migration %s%s; here: %s\n",
               info->has_vm_status ? NAME_OF(RunState, info->vm_status) : "unknown",
               NAME_OF(VmFollowerMigration, info->migration), info->armed ? " (armed)" : "",
               NAME_OF(RunState, info->run_state));
    hmp_printf(hmp, "  frames to the guest are held: %s\n",
               info->hold == VM_FOLLOWER_HOLD_NONE ? "no" : NAME_OF(VmFollowerHold, info->hold));
    hmp_print_colo(hmp, info->colo);
    for (size_t i = 0; i < info->nics->len; i++) {
        const VmFollowerNic *nic = &info->nics->items[i];

        hmp_printf(hmp, "  export %s: counted by %s%s\n", nic->export, nic->path,
                   nic->compared ? "" : " (not yet)");
    }
    for (size_t i = 0; i < info->events->len; i++) {
        hmp_print_event(hmp, &info->events->items[i]);
    }
}

static void hmp_run_info_vm_follower(Hmp *hmp)
{
    g_autoptr(VmFollowerInfoList) list = qmp_query_vm_follower(NULL);

    for (size_t i = 0; i < list->len; i++) {
        hmp_print_follower(hmp, &list->items[i]);
    }
}

static const HmpCommand hmp_vm_follower_info_commands[] = {
    { .name = "vm-follower", .help = "the VM whose run state is followed",
      .run = hmp_run_info_vm_follower },
};
HMP_REGISTER(hmp_vm_follower_info_commands, true);
