/* SPDX-License-Identifier: GPL-2.0-or-later */
/* colo-compare: compares what the two guests of a COLO pair send, and releases what is equal. */

/*
 * Each read of an input is compared packet by packet; the released packets are collected and
 * written in one go when the read has been dealt with. When the primary's packets that wait, or
 * those that the outdev does not take, use more memory than hold-size, reading pauses: the
 * primary's guest feels it. Reading of the secondary goes on, as the others wait for its packets;
 * beyond the limit they are dropped.
 *
 * Time is the host's: packets get old while the VM is stopped, too.
 */

#include "net/colo/compare.h"

#include <assert.h>
#include <string.h>

#include "qapi/qapi-events.h"
#include "util/error.h"

#define NS_PER_MS INT64_C(1000000)

/* One value for all objects; takes effect at once. */
static uint32_t compare_max_queue = 1024;

static const ColoCompareProperties *compare_props(const ColoCompare *cmp)
{
    return cmp->obj.props;
}

/* --- Packets ------------------------------------------------------------------------------ */

/* After anything that may have made room. */
static void compare_go_on(ColoCompare *cmp)
{
    for (int side = 0; side < COLO_SIDE__MAX; side++) {
        filter_input_go_on(&cmp->in[side]);
    }
}

static void compare_flush(ColoCompare *cmp)
{
    colo_output_flush(&cmp->out);
    compare_go_on(cmp);
}

static void compare_drained(void *opaque)
{
    compare_go_on(opaque);
}

static void compare_release(ColoPacket *packet, void *opaque)
{
    ColoCompare *cmp = opaque;

    colo_output_push(&cmp->out, packet);
}

static void compare_request(ColoCheckpointReason reason, void *opaque)
{
    ColoCompare *cmp = opaque;
    int64_t now_ns = cmp->now_ns;

    colo_notify_request(&cmp->notify);
    if (now_ns >= cmp->event_due_ns) {
        cmp->event_due_ns = now_ns + compare_props(cmp)->expired_scan_cycle * NS_PER_MS;
        qapi_event_colo_checkpoint_needed(&(ColoCheckpointNeededEvent) {
            .id = cmp->obj.id, .reason = reason });
    }
}

static const ColoQueuesOps compare_queues_ops = {
    .release = compare_release,
    .request = compare_request,
};

static bool compare_out_has_room(const ColoCompare *cmp)
{
    return cmp->out.cost < compare_props(cmp)->hold_size;
}

static bool compare_primary_wanted(const Object *owner)
{
    const ColoCompare *cmp = (const ColoCompare *)owner;

    return compare_out_has_room(cmp) &&
           cmp->queues.side[COLO_SIDE_PRIMARY].cost < compare_props(cmp)->hold_size;
}

static bool compare_secondary_wanted(const Object *owner)
{
    return compare_out_has_room((const ColoCompare *)owner);
}

static void compare_add(Object *owner, ColoSide side, const NetFrame *frames, size_t n)
{
    ColoCompare *cmp = (ColoCompare *)owner;

    cmp->now_ns = clock_now_ns(CLOCK_TYPE_REALTIME);
    for (size_t i = 0; i < n; i++) {
        colo_queues_add(&cmp->queues, side, &frames[i], cmp->now_ns);
    }
}

static void compare_primary_frames(Object *owner, const NetFrame *frames, size_t n)
{
    compare_add(owner, COLO_SIDE_PRIMARY, frames, n);
}

static void compare_secondary_frames(Object *owner, const NetFrame *frames, size_t n)
{
    compare_add(owner, COLO_SIDE_SECONDARY, frames, n);
}

static void compare_read_done(Object *owner)
{
    compare_flush((ColoCompare *)owner);
}

static const FilterInputOps compare_input_ops[] = {
    [COLO_SIDE_PRIMARY] = { .kind = "colo-compare",
                            .property = "primary_in",
                            .error = "colo-compare primary_in error",
                            .wanted = compare_primary_wanted,
                            .frames = compare_primary_frames,
                            .read_done = compare_read_done },
    [COLO_SIDE_SECONDARY] = { .kind = "colo-compare",
                              .property = "secondary_in",
                              .error = "colo-compare secondary_in error",
                              .wanted = compare_secondary_wanted,
                              .frames = compare_secondary_frames,
                              .read_done = compare_read_done },
};

static_assert(G_N_ELEMENTS(compare_input_ops) == COLO_SIDE__MAX, "hooks for each side");

/* --- Events and time ---------------------------------------------------------------------- */

static void compare_checkpoint(void *opaque)
{
    ColoCompare *cmp = opaque;

    cmp->event_due_ns = 0;
    colo_queues_checkpoint(&cmp->queues);
    compare_flush(cmp);
}

static void compare_colo_event(NetColoEvent event, void *opaque)
{
    ColoCompare *cmp = opaque;

    switch (event) {
    case NET_COLO_EVENT_CHECKPOINT:
        compare_checkpoint(cmp);
        break;
    case NET_COLO_EVENT_FAILOVER:
        colo_queues_go_alone(&cmp->queues);
        compare_flush(cmp);
        break;
    }
}

static void compare_start_scan(ColoCompare *cmp)
{
    timer_start_at(cmp->scan, clock_now_ns(CLOCK_TYPE_REALTIME) +
                              compare_props(cmp)->expired_scan_cycle * NS_PER_MS);
}

static void compare_scan(void *opaque)
{
    ColoCompare *cmp = opaque;

    cmp->now_ns = clock_now_ns(CLOCK_TYPE_REALTIME);
    colo_queues_scan(&cmp->queues, (uint32_t)compare_props(cmp)->compare_timeout, cmp->now_ns);
    compare_flush(cmp);
    compare_start_scan(cmp);
}

/* --- Properties --------------------------------------------------------------------------- */

static bool compare_check_positive(const char *name, uint64_t value, GError **error)
{
    if (value == 0) {
        return error_set(error, "Property 'colo-compare.%s' requires a positive value", name);
    }
    return true;
}

static bool compare_check_numbers(const ColoCompareProperties *props, GError **error)
{
    if (props->compare_timeout > UINT32_MAX) {
        return error_set(error, "Parameter 'compare_timeout' expects uint32_t");
    }
    return compare_check_positive("compare_timeout", props->compare_timeout, error) &&
           compare_check_positive("expired_scan_cycle", props->expired_scan_cycle, error) &&
           compare_check_positive("max_queue_size",
                                  props->has_max_queue_size ? props->max_queue_size : 1,
                                  error) &&
           compare_check_positive("hold-size", props->hold_size, error);
}

static bool compare_check_chardevs(const ColoCompareProperties *props, GError **error)
{
    if (strcmp(props->primary_in, props->secondary_in) == 0 ||
        strcmp(props->primary_in, props->outdev) == 0 ||
        strcmp(props->secondary_in, props->outdev) == 0) {
        return error_set(error, "'indev' and 'outdev' could not be same for compare module");
    }
    return true;
}

/* The value counts for all; each object shows it. */
static void compare_show_max_queue(Object *obj, void *opaque)
{
    if (obj->class == &colo_compare_class) {
        ColoCompareProperties *props = obj->props;

        props->has_max_queue_size = true;
        props->max_queue_size = compare_max_queue;
    }
}

static void compare_set_max_queue(ColoCompare *cmp)
{
    const ColoCompareProperties *props = compare_props(cmp);

    if (props->has_max_queue_size) {
        compare_max_queue = props->max_queue_size;
    }
    object_foreach(compare_show_max_queue, NULL);
    compare_show_max_queue(&cmp->obj, NULL);
}

/* What only takes effect between two frames waits there by itself. */
static void compare_apply(ColoCompare *cmp)
{
    const ColoCompareProperties *props = compare_props(cmp);

    for (int side = 0; side < COLO_SIDE__MAX; side++) {
        cmp->in[side].vnet_hdr = props->vnet_hdr_support;
    }
    cmp->out.vnet_hdr = props->vnet_hdr_support;
    cmp->notify.vnet_hdr = props->vnet_hdr_support;
    cmp->queues.max_cost = props->hold_size;
}

static bool compare_change(Object *obj, const QapiMember *member, const void *new_props,
                           GError **error)
{
    static const char *const fixed[] = { "primary_in", "secondary_in", "outdev", "notify_dev",
                                         "iothread", NULL };

    if (g_strv_contains(fixed, member->name)) {
        return error_set(error, "Property 'colo-compare.%s' can only be given when the object "
                         "is created", member->name);
    }
    return compare_check_numbers(new_props, error);
}

static void compare_changed(Object *obj, const QapiMember *member)
{
    ColoCompare *cmp = (ColoCompare *)obj;

    compare_apply(cmp);
    if (strcmp(member->name, "max_queue_size") == 0) {
        compare_set_max_queue(cmp);
    }
    if (strcmp(member->name, "expired_scan_cycle") == 0) {
        compare_start_scan(cmp);
    }
    compare_go_on(cmp);
}

/* --- Life --------------------------------------------------------------------------------- */

static Chardev *compare_find_chardev(const char *id, GError **error)
{
    Chardev *chr = char_find(id);

    if (!chr) {
        error_set(error, "Device '%s' not found", id);
    } else if (!char_is_socket(chr)) {
        error_set(error, "chardev \"%s\" is not reconnectable", id);
        chr = NULL;
    }
    return chr;
}

static bool compare_open_input(ColoCompare *cmp, ColoSide side, const char *id, GError **error)
{
    Chardev *chr = compare_find_chardev(id, error);

    return chr && filter_input_open(&cmp->in[side], chr, &compare_input_ops[side],
                                    &cmp->obj, error);
}

static bool compare_open_output(ColoCompare *cmp, GError **error)
{
    Chardev *chr = compare_find_chardev(compare_props(cmp)->outdev, error);

    cmp->out.who = cmp->who;
    cmp->out.pool = &cmp->queues.pool;
    cmp->out.drained = compare_drained;
    cmp->out.opaque = cmp;
    return chr && colo_output_open(&cmp->out, chr, error);
}

static bool compare_open_notify(ColoCompare *cmp, GError **error)
{
    const char *id = compare_props(cmp)->notify_dev;
    Chardev *chr;

    if (!id) {
        return true;
    }
    chr = compare_find_chardev(id, error);
    cmp->notify.who = cmp->who;
    cmp->notify.checkpoint = compare_checkpoint;
    cmp->notify.opaque = cmp;
    return chr && colo_notify_open(&cmp->notify, chr, error);
}

static bool compare_open_ends(ColoCompare *cmp, GError **error)
{
    const ColoCompareProperties *props = compare_props(cmp);

    return compare_open_input(cmp, COLO_SIDE_PRIMARY, props->primary_in, error) &&
           compare_open_input(cmp, COLO_SIDE_SECONDARY, props->secondary_in, error) &&
           compare_open_output(cmp, error) && compare_open_notify(cmp, error);
}

/* Primary packets that wait go out first. */
static void compare_clear(ColoCompare *cmp)
{
    g_clear_pointer(&cmp->listener, net_colo_listener_remove);
    g_clear_pointer(&cmp->scan, timer_free);
    for (int side = 0; side < COLO_SIDE__MAX; side++) {
        filter_input_close(&cmp->in[side]);
    }
    colo_notify_close(&cmp->notify);
    colo_queues_empty(&cmp->queues);
    colo_output_close(&cmp->out);
    colo_queues_clear(&cmp->queues);
    g_clear_pointer(&cmp->iothread, iothread_release);
    g_clear_pointer(&cmp->who, g_free);
}

static bool compare_create(Object *obj, GError **error)
{
    ColoCompare *cmp = (ColoCompare *)obj;
    ColoCompareProperties *props = obj->props;

    if (!compare_check_numbers(props, error) || !compare_check_chardevs(props, error)) {
        return false;
    }
    cmp->iothread = iothread_use(props->iothread, error);
    if (!cmp->iothread) {
        return false;
    }
    cmp->who = g_strdup_printf("colo-compare '%s'", obj->id);
    colo_queues_init(&cmp->queues, &compare_queues_ops, cmp, cmp->who, &compare_max_queue,
                     props->hold_size);
    compare_apply(cmp);
    if (!compare_open_ends(cmp, error)) {
        compare_clear(cmp);
        return false;
    }
    g_free(props->iothread);
    props->iothread = iothread_path(cmp->iothread);
    compare_set_max_queue(cmp);
    cmp->listener = net_colo_listener_add(compare_colo_event, cmp);
    cmp->scan = timer_new(CLOCK_TYPE_REALTIME, compare_scan, cmp);
    compare_start_scan(cmp);
    return true;
}

static void compare_finalize(Object *obj)
{
    compare_clear((ColoCompare *)obj);
}

const ObjectClass colo_compare_class = {
    .name = "colo-compare",
    .props = QAPI_TYPE(ColoCompareProperties),
    .phase = OBJECT_PHASE_LATE,
    .size = sizeof(ColoCompare),
    .create = compare_create,
    .finalize = compare_finalize,
    .change = compare_change,
    .changed = compare_changed,
};

__attribute__((constructor)) static void colo_compare_register(void)
{
    object_class_register(&colo_compare_class);
}
