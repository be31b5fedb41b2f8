/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vm-follower takes over the run state of a VM in another process, over its QMP. */

/*
 * Messages of the VM go to the FollowState, which decides our run state; vm_follower_apply() sets
 * it, notifies the exports, and sends the questions that are due.
 *
 * Once a VM that was followed is gone, a timer runs until one is followed again: a connection
 * alone proves nothing. When it expires, or at once after a SHUTDOWN, the VM is given up and
 * on-exit says what that means.
 */

#include "follow/follower-internal.h"

#include <string.h>

#include "chardev/char.h"
#include "export/export.h"
#include "follow/vm.h"
#include "net/colo/side.h"
#include "net/run-state.h"
#include "qapi/json.h"
#include "qapi/qapi-events.h"
#include "util/error.h"
#include "util/log.h"

/* Interval of questions for the end of a migration that sends no events. */
#define FOLLOWER_POLL_NS (INT64_C(1000) * 1000 * 1000)

static VmFollower *vm_follower; /* borrowed: the one there is */

VmFollower *vm_follower_get(void)
{
    return vm_follower;
}

VmFollowerHold vm_follower_hold(const VmFollower *f)
{
    return follow_state_hold(&f->state, qmp_client_phase(f->client) != QMP_CLIENT_CLOSED);
}

VmFollowerState vm_follower_state(const VmFollower *f)
{
    static const VmFollowerState states[] = {
        [QMP_CLIENT_CLOSED] = VM_FOLLOWER_STATE_DISCONNECTED,
        [QMP_CLIENT_GREETING] = VM_FOLLOWER_STATE_GREETING,
        [QMP_CLIENT_NEGOTIATING] = VM_FOLLOWER_STATE_NEGOTIATING,
        [QMP_CLIENT_READY] = VM_FOLLOWER_STATE_NEGOTIATING,
    };

    return f->state.vm == FOLLOW_VM_KNOWN && f->is_complete ? VM_FOLLOWER_STATE_FOLLOWING
                                                           : states[qmp_client_phase(f->client)];
}

/* --- Errors -------------------------------------------------------------------------------- */

/* @message: taken */
static void vm_follower_count_error(VmFollower *f, char *message)
{
    f->n_errors++;
    g_free(f->last_error);
    f->last_error = message;
}

/* --- Asking -------------------------------------------------------------------------------- */

static void vm_follower_apply(VmFollower *f);

static void vm_follower_colo_told(json_object *result, void *opaque)
{
    VmFollower *f = opaque;
    json_object *mode = NULL;

    f->colo_asked = false;
    json_object_object_get_ex(result, "mode", &mode);
    follow_colo_told(&f->state.colo, json_object_get_string(mode));
    vm_follower_apply(f);
}

/*
 * The thread of a migration sends STOP and RESUME by itself, so the answer behind them may be
 * older. If it contradicts them it is not taken: ask again.
 */
static bool vm_follower_is_of_before(const VmFollower *f, FollowQuery query, bool running)
{
    return query == FOLLOW_QUERY_OVERTAKEN &&
           running != (f->state.run_state == RUN_STATE_RUNNING);
}

static void vm_follower_status_told(json_object *result, void *opaque)
{
    VmFollower *f = opaque;
    json_object *status = NULL, *running = NULL;
    FollowQuery query = f->status_query;

    f->status_query = FOLLOW_QUERY_NONE;
    if (!result) {
        return; /* the refusal has been reported; the VM's events go on */
    }
    if (!json_object_object_get_ex(result, "status", &status) ||
        !json_object_is_type(status, json_type_string)) {
        qmp_client_reject(f->client, "the VM's reply to 'query-status' has no status");
        return;
    }
    json_object_object_get_ex(result, "running", &running);
    if (vm_follower_is_of_before(f, query, json_object_get_boolean(running))) {
        f->state.ask_status = true;
    } else {
        follow_state_status(&f->state, json_object_get_string(status),
                            json_object_get_boolean(running));
    }
    vm_follower_apply(f);
}

static void vm_follower_events_told(json_object *result, void *opaque)
{
    VmFollower *f = opaque;

    f->events = result ? FOLLOW_EVENTS_ON : FOLLOW_EVENTS_REFUSED;
    f->is_complete = true;
    /* One may have begun, or ended, since the last question, without an event. */
    f->state.ask_status |= f->events == FOLLOW_EVENTS_ON;
    f->state.ask_migrate = true;
    vm_follower_apply(f);
}

/* Without it, MIGRATION events are not sent. It can be set only while there is no migration. */
static void vm_follower_ask_events(VmFollower *f)
{
    json_object *arguments = NULL;

    if (f->events != FOLLOW_EVENTS_UNKNOWN) {
        return;
    }
    json_parse_text("{\"capabilities\": [{\"capability\": \"events\", \"state\": true}]}",
                    &arguments, NULL);
    if (qmp_client_execute(f->client, "migrate-set-capabilities", arguments,
                           vm_follower_events_told)) {
        f->events = FOLLOW_EVENTS_ASKED;
    }
}

static void vm_follower_migration_told(json_object *result, void *opaque)
{
    VmFollower *f = opaque;
    json_object *status = NULL;

    f->migrate_asked = false;
    if (!result) {
        f->is_complete = true; /* it knows nothing of migrations */
        vm_follower_apply(f);
        return;
    }
    json_object_object_get_ex(result, "status", &status);
    follow_state_migration(&f->state, json_object_is_type(status, json_type_string)
                                          ? json_object_get_string(status) : NULL);
    if (!follow_state_in_migration(&f->state) || f->state.role == FOLLOW_ROLE_DESTINATION) {
        vm_follower_ask_events(f);
    } else {
        f->is_complete = true;
        if (f->events == FOLLOW_EVENTS_REFUSED) {
            f->events = FOLLOW_EVENTS_UNKNOWN; /* because of this migration: ask when it ends */
        }
    }
    vm_follower_apply(f);
}

static void vm_follower_ask_colo(VmFollower *f)
{
    if (f->state.colo.ask && !f->colo_asked) {
        f->colo_asked = qmp_client_execute(f->client, "query-colo-status", NULL,
                                           vm_follower_colo_told);
    }
    f->state.colo.ask = false;
}

/* At most one of each is under way: its reply is newer than all before it, or not taken. */
static void vm_follower_ask(VmFollower *f)
{
    FollowState *state = &f->state;

    if (qmp_client_phase(f->client) != QMP_CLIENT_READY) {
        return;
    }
    if (state->ask_status && f->status_query == FOLLOW_QUERY_NONE &&
        qmp_client_execute(f->client, "query-status", NULL, vm_follower_status_told)) {
        f->status_query = FOLLOW_QUERY_ASKED;
    }
    if (state->ask_migrate && !f->migrate_asked) {
        f->migrate_asked = qmp_client_execute(f->client, "query-migrate", NULL,
                                              vm_follower_migration_told);
    }
    state->ask_status = false;
    state->ask_migrate = false;
    vm_follower_ask_colo(f);
}

static void vm_follower_poll(void *opaque)
{
    VmFollower *f = opaque;

    f->state.ask_migrate = true;
    vm_follower_ask(f);
}

static void vm_follower_set_poll(VmFollower *f)
{
    bool is_needed = f->events != FOLLOW_EVENTS_ON &&
                     qmp_client_phase(f->client) == QMP_CLIENT_READY &&
                     follow_state_in_migration(&f->state);

    if (!is_needed) {
        timer_stop(f->poll_timer);
    } else if (!timer_is_running(f->poll_timer) && !f->migrate_asked) {
        timer_start_at(f->poll_timer, clock_now_ns(CLOCK_TYPE_REALTIME) + FOLLOWER_POLL_NS);
    }
}

/* --- Acting -------------------------------------------------------------------------------- */

/* The exports learn what they must know before frames go on, and after they have stopped. */
static void vm_follower_take_state(VmFollower *f)
{
    if (f->state.run_state == RUN_STATE_RUNNING) {
        vm_nics_will_run(f->nics);
        vm_follower_notify_exports(f);
        vm_follow(RUN_STATE_RUNNING);
    } else {
        vm_nics_stopped(f->nics);
        vm_follow(f->state.run_state);
        vm_follower_notify_exports(f);
    }
}

static void vm_follower_emit(VmFollower *f)
{
    qapi_event_vm_follower_state(&(VmFollowerStateEvent) {
        .id = f->obj.id,
        .state = f->announced == FOLLOW_ANNOUNCED_FOLLOWING ? VM_FOLLOWER_STATE_FOLLOWING
                                                            : VM_FOLLOWER_STATE_DISCONNECTED,
        .hold = vm_follower_hold(f),
    });
}

/* Whether the VM is there: its earlier state is of no interest any more, or it is gone. */
static void vm_follower_note_presence(VmFollower *f)
{
    bool is_present = f->state.vm == FOLLOW_VM_KNOWN;

    if (is_present) {
        f->n_reconnects += f->seen == FOLLOW_SEEN_LOST;
        f->seen = FOLLOW_SEEN_PRESENT;
    } else if (f->seen == FOLLOW_SEEN_PRESENT) {
        f->seen = FOLLOW_SEEN_LOST;
        f->lost_ns = clock_now_ns(CLOCK_TYPE_REALTIME);
    }
}

static FollowAnnounced vm_follower_to_announce(const VmFollower *f)
{
    if (vm_follower_state(f) == VM_FOLLOWER_STATE_FOLLOWING) {
        return FOLLOW_ANNOUNCED_FOLLOWING;
    }
    return follow_state_is_gone(&f->state) ? FOLLOW_ANNOUNCED_GONE : FOLLOW_ANNOUNCED_AWAY;
}

static void vm_follower_announce(VmFollower *f)
{
    FollowAnnounced before = f->announced;

    f->announced = vm_follower_to_announce(f);
    if (f->announced != before &&
        !(before == FOLLOW_ANNOUNCED_GONE && f->announced == FOLLOW_ANNOUNCED_AWAY)) {
        vm_follower_emit(f);
    }
}

static void vm_follower_quit(VmFollower *f)
{
    bool is_told = f->state.vm == FOLLOW_VM_ENDED && f->state.shutdown_cause != SHUTDOWN_CAUSE_NONE;

    log_info("vm-follower '%s': the VM has ended", f->obj.id);
    vm_request_shutdown(is_told ? f->state.shutdown_cause : SHUTDOWN_CAUSE_HOST_ERROR);
}

static void vm_follower_set_exit(VmFollower *f)
{
    bool is_gone = follow_state_is_gone(&f->state);

    if (is_gone && vm_follower_props(f)->on_exit == VM_FOLLOWER_ON_EXIT_QUIT) {
        vm_follower_quit(f);
    }
    if (is_gone || f->seen != FOLLOW_SEEN_LOST) {
        timer_stop(f->exit_timer);
    } else {
        timer_start_at(f->exit_timer, f->lost_ns +
                       (int64_t)vm_follower_props(f)->exit_timeout * 1000000);
    }
}

/* Filters and colo-compare learn of a checkpoint before the VM's next frames come. */
static void vm_follower_apply(VmFollower *f)
{
    vm_follower_notify_colo(f);
    vm_follower_take_state(f);
    vm_follower_note_presence(f);
    vm_follower_set_exit(f);
    vm_follower_ask(f);
    vm_follower_set_poll(f);
    vm_follower_announce(f);
}

static void vm_follower_exit_expired(void *opaque)
{
    VmFollower *f = opaque;

    follow_state_give_up(&f->state);
    vm_follower_apply(f);
}

/* --- The VM -------------------------------------------------------------------------------- */

static void vm_follower_opened(void *opaque)
{
    VmFollower *f = opaque;

    f->status_query = FOLLOW_QUERY_NONE;
    f->events = FOLLOW_EVENTS_UNKNOWN;
    f->migrate_asked = f->colo_asked = f->is_complete = false;
    follow_state_connected(&f->state);
}

static int vm_follower_version_part(json_object *version, const char *name)
{
    json_object *qemu = NULL, *part = NULL;

    if (!json_object_object_get_ex(version, "qemu", &qemu) ||
        !json_object_is_type(qemu, json_type_object)) {
        return 0;
    }
    json_object_object_get_ex(qemu, name, &part);
    return json_object_get_int(part);
}

static void vm_follower_ready(json_object *version, void *opaque)
{
    VmFollower *f = opaque;

    g_free(f->version);
    f->version = g_strdup_printf("%d.%d.%d", vm_follower_version_part(version, "major"),
                                 vm_follower_version_part(version, "minor"),
                                 vm_follower_version_part(version, "micro"));
    vm_follower_ask(f);
    vm_nics_exports_changed(f->nics);
}

/* Whether the thread of a migration, or of COLO, may have sent event @name. */
static bool vm_follower_is_of_migration(const VmFollower *f, const char *name)
{
    RunState run_state = f->state.run_state;

    return f->state.vm == FOLLOW_VM_KNOWN &&
           (strcmp(name, "STOP") == 0 || strcmp(name, "RESUME") == 0) &&
           (follow_state_in_migration(&f->state) || f->state.colo.active ||
            run_state == RUN_STATE_FINISH_MIGRATE || run_state == RUN_STATE_POSTMIGRATE);
}

static void vm_follower_event(const QmpClientEvent *event, void *opaque)
{
    VmFollower *f = opaque;
    g_autofree char *detail = NULL;

    if (!follow_event_matters(event->name)) {
        return;
    }
    vm_follower_notify_switch(event);
    detail = follow_notes_detail(event->data, follow_event_details(event->name));
    if (f->status_query == FOLLOW_QUERY_ASKED && vm_follower_is_of_migration(f, event->name)) {
        f->status_query = FOLLOW_QUERY_OVERTAKEN;
    }
    follow_state_event(&f->state, event->name, detail);
    if (f->state.migration_told) {
        f->events = FOLLOW_EVENTS_ON;
    }
    f->is_complete |= f->events == FOLLOW_EVENTS_ON;
    follow_notes_add(&f->notes, event, detail, f->state.run_state);
    vm_follower_apply(f);
}

static void vm_follower_complain(const char *message, void *opaque)
{
    VmFollower *f = opaque;

    g_autofree char *source = g_strdup_printf("vm-follower '%s'", f->obj.id);

    log_limited_warning(source, message, "%s", message);
    vm_follower_count_error(f, g_strdup(message));
}

static void vm_follower_refused(const char *message, void *opaque)
{
    g_autofree char *text = g_strdup_printf("the VM refused %s", message);

    vm_follower_complain(text, opaque);
}

static void vm_follower_broken(const char *message, void *opaque)
{
    VmFollower *f = opaque;

    g_autofree char *source = g_strdup_printf("vm-follower '%s': chardev '%s'", f->obj.id,
                                              vm_follower_props(f)->chardev);

    log_limited_error(source, message, "%s", message);
    vm_follower_count_error(f, g_strdup(message));
}

static void vm_follower_closed(void *opaque)
{
    VmFollower *f = opaque;

    g_clear_pointer(&f->version, g_free);
    vm_nics_forget(f->nics);
    follow_state_lost(&f->state);
    vm_follower_apply(f);
}

static const QmpClientOps vm_follower_client_ops = {
    .opened = vm_follower_opened,
    .ready = vm_follower_ready,
    .event = vm_follower_event,
    .refused = vm_follower_refused,
    .broken = vm_follower_broken,
    .closed = vm_follower_closed,
};

/* --- The object ---------------------------------------------------------------------------- */

static bool vm_follower_agrees(const char *export, void *opaque)
{
    return vm_nics_agree(((VmFollower *)opaque)->nics, export);
}

static void vm_follower_exports_changed(void *opaque)
{
    vm_nics_exports_changed(((VmFollower *)opaque)->nics);
}

static const NetExportCounterOps vm_follower_counter_ops = {
    .agrees = vm_follower_agrees,
    .changed = vm_follower_exports_changed,
};

static bool vm_follower_create(Object *obj, GError **error)
{
    VmFollower *f = (VmFollower *)obj;
    const char *chardev = vm_follower_props(f)->chardev;
    Chardev *chr = char_find(chardev);

    if (vm_follower) {
        return error_set(error, "there is vm-follower '%s' already: only one VM can be followed",
                         vm_follower->obj.id);
    }
    if (!chr) {
        return error_set_class(error, ERROR_CLASS_DEVICE_NOT_FOUND, "chardev '%s' not found",
                               chardev);
    }
    follow_state_init(&f->state, run_state_get());
    f->client = qmp_client_new(chr, &vm_follower_client_ops, f, error);
    if (!f->client) {
        return false;
    }
    f->nics = vm_nics_new(f->client, vm_follower_complain, f);
    f->exit_timer = timer_new(CLOCK_TYPE_REALTIME, vm_follower_exit_expired, f);
    f->poll_timer = timer_new(CLOCK_TYPE_REALTIME, vm_follower_poll, f);
    vm_follower = f;
    vm_set_follower(obj->id);
    net_exports_set_counter(&vm_follower_counter_ops, f);
    vm_follower_take_state(f);
    return true;
}

/* The run state stays as it is; stop and cont can change it now. */
static void vm_follower_finalize(Object *obj)
{
    VmFollower *f = (VmFollower *)obj;

    vm_set_follower(NULL);
    net_exports_set_counter(NULL, NULL);
    vm_follower = NULL;
    qmp_client_free(f->client);
    timer_free(f->exit_timer);
    timer_free(f->poll_timer);
    follow_state_init(&f->state, run_state_get());
    vm_follower_notify_exports(f);
    vm_nics_free(f->nics);
    net_colo_set_vm(COLO_MODE_NONE, COLO_EXIT_REASON_NONE);
    follow_notes_clear(&f->notes);
    g_free(f->version);
    g_free(f->last_error);
}

static bool vm_follower_change(Object *obj, const QapiMember *member, const void *new_props,
                               GError **error)
{
    if (g_str_equal(member->name, "chardev")) {
        return error_set(error, "Property 'vm-follower.chardev' can only be given when the object "
                         "is created");
    }
    return true;
}

static void vm_follower_changed(Object *obj, const QapiMember *member)
{
    vm_follower_apply((VmFollower *)obj);
}

static const ObjectClass vm_follower_class = {
    .name = "vm-follower",
    .props = QAPI_TYPE(VmFollowerProperties),
    .phase = OBJECT_PHASE_LATE,
    .is_ours = true,
    .size = sizeof(VmFollower),
    .create = vm_follower_create,
    .finalize = vm_follower_finalize,
    .change = vm_follower_change,
    .changed = vm_follower_changed,
};

__attribute__((constructor)) static void vm_follower_register(void)
{
    object_class_register(&vm_follower_class);
}
