/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter-handover: frames follow the VM that migrates, by a channel to the other host. */

#include "net/filter/handover.h"

#include <string.h>

#include "net/turn.h"
#include "qom/secret.h"
#include "util/error.h"

/* A shorter key could be guessed. */
#define KEY_MIN 16u

/** A filter-handover: one of the two ends. */
typedef struct FilterHandover {
    NetFilter nf;
    HandoverSource source;
    HandoverTarget target;
} FilterHandover;

static bool handover_is_source(const FilterHandover *handover)
{
    return handover->source.link.filter != NULL;
}

/* --- Hooks ------------------------------------------------------------------------------- */

static size_t handover_run(NetFilter *nf, NetDirection direction, const NetFrame *frames,
                           size_t n, NetPass *pass)
{
    FilterHandover *handover = (FilterHandover *)nf;

    if (handover_is_source(handover)) {
        return handover_source_run(&handover->source, frames, n);
    }
    if (handover_target_holds(&handover->target)) {
        return 0;
    }
    pass->all = true;
    return n;
}

/*
 * The source keeps frames itself, so a channel that is down is no reason not to read. It has to see
 * frames until it is known who gets those that it keeps, on or off.
 */
static void handover_decide(const NetFilter *nf, NetStageState *state)
{
    const FilterHandover *handover = (const FilterHandover *)nf;

    state->holds = true;
    if (handover_is_source(handover)) {
        state->asks = state->active;
        state->takes = handover_source_may_take(&handover->source.rules, state->active);
        state->active |= handover_source_lingers(&handover->source);
    }
}

static void handover_can_inject(NetFilter *nf)
{
    handover_link_go_on(&((FilterHandover *)nf)->target.link);
}

static void handover_switched(NetFilter *nf)
{
    FilterHandover *handover = (FilterHandover *)nf;

    if (handover_is_source(handover)) {
        handover_source_switched(&handover->source);
    }
}

static void handover_describe(const NetFilter *nf, NetFilterInfo *info)
{
    const FilterHandover *handover = (const FilterHandover *)nf;
    const HandoverLink *link = handover_is_source(handover) ? &handover->source.link
                                                            : &handover->target.link;

    info->malformed = link->n_malformed;
    info->empty = link->framer.n_empty;
    info->handover = g_new0(NetHandoverInfo, 1);
    info->handover->kept = g_new0(NetCountInfo, 1);
    info->handover->unsent = g_new0(NetCountInfo, 1);
    if (handover_is_source(handover)) {
        handover_source_describe(&handover->source, info->handover);
    } else {
        handover_target_describe(&handover->target, info->handover);
    }
    info->outdev_connected = info->indev_connected = info->handover->connected;
}

static const NetFilterOps handover_ops = {
    .run = handover_run,
    .decide = handover_decide,
    .switched = handover_switched,
    .can_inject = handover_can_inject,
    .describe = handover_describe,
};

/* --- The object -------------------------------------------------------------------------- */

static bool handover_check(const FilterHandoverProperties *props, GError **error)
{
    if (!props->indev == !props->outdev) {
        return error_set(error, "either 'outdev' (where the VM is) or 'indev' (where it goes) is "
                         "needed");
    }
    if (props->outdev && (props->announce || props->guest_mac || props->guest_addresses ||
                          props->has_armed)) {
        return error_set(error, "'armed', 'announce', 'guest-mac' and 'guest-addresses' need "
                         "'indev'");
    }
    if (props->queue == NET_FILTER_DIRECTION_RX) {
        return error_set(error, "Property 'filter-handover.queue' must be 'tx': frames that the "
                         "guest sends are not handed over");
    }
    return true;
}

/* A handover is of frames toward the VM; at the source, while a migration has stopped it. */
static void handover_set_defaults(FilterHandoverProperties *props)
{
    static const RunState migrating[] = { RUN_STATE_FINISH_MIGRATE, RUN_STATE_POSTMIGRATE };

    props->queue = NET_FILTER_DIRECTION_TX;
    if (props->outdev && !props->active_in) {
        props->active_in = g_new0(RunStateList, 1);
        props->active_in->len = G_N_ELEMENTS(migrating);
        props->active_in->items = g_memdup2(migrating, sizeof(migrating));
    }
}

static bool handover_open(FilterHandover *handover, GError **error)
{
    const FilterHandoverProperties *props = handover->nf.obj.props;
    g_autoptr(GBytes) key = NULL;

    if (props->key_secret) {
        key = secret_lookup(props->key_secret, error);
        if (!key) {
            return false;
        }
        if (g_bytes_get_size(key) < KEY_MIN) {
            return error_set(error, "the key of 'key-secret' has less than %u bytes", KEY_MIN);
        }
    }
    return props->outdev
           ? handover_source_open(&handover->source, &handover->nf, props->outdev, key, error)
           : handover_target_open(&handover->target, &handover->nf, props->indev, key, error);
}

static void handover_close(FilterHandover *handover)
{
    handover_source_close(&handover->source);
    handover_target_close(&handover->target);
}

static bool handover_create(Object *obj, GError **error)
{
    FilterHandover *handover = (FilterHandover *)obj;

    if (!net_filter_check(&handover->nf, error) || !handover_check(obj->props, error)) {
        return false;
    }
    handover_set_defaults(obj->props);
    if (!handover_open(handover, error)) {
        return false;
    }
    if (!net_filter_attach(&handover->nf, &handover_ops, error)) {
        handover_close(handover);
        return false;
    }
    handover_switched(&handover->nf);
    handover_link_go_on(&handover->target.link);
    return true;
}

static void handover_finalize(Object *obj)
{
    FilterHandover *handover = (FilterHandover *)obj;

    /* What goes back into the chain comes before what waits in front of the filter. */
    net_turn_begin();
    handover_close(handover);
    net_filter_detach(&handover->nf);
    net_turn_end();
}

static bool handover_change(Object *obj, const QapiMember *member, const void *new_props,
                            GError **error)
{
    static const char *const fixed[] = { "indev", "outdev", "queue", "key-secret", "guest-mac",
                                         "guest-addresses", NULL };
    NetFilter *nf = (NetFilter *)obj;

    if (g_strv_contains(fixed, member->name)) {
        return error_set(error, "Property 'filter-handover.%s' cannot be changed", member->name);
    }
    if (strcmp(member->name, "armed") == 0 && handover_is_source((FilterHandover *)nf)) {
        return error_set(error, "'armed' needs 'indev'");
    }
    return net_filter_change(nf, member, new_props, error);
}

static void handover_changed(Object *obj, const QapiMember *member)
{
    NetFilter *nf = (NetFilter *)obj;
    HandoverTarget *target = &((FilterHandover *)nf)->target;
    const FilterHandoverProperties *props = obj->props;

    net_filter_update(nf);
    if (strcmp(member->name, "armed") == 0) {
        handover_target_arm(target, props->armed);
    } else {
        handover_target_changed(target);
    }
}

static const ObjectClass handover_class = {
    .name = "filter-handover",
    .parent = "netfilter",
    .props = QAPI_TYPE(FilterHandoverProperties),
    .phase = OBJECT_PHASE_LATE,
    .is_ours = true,
    .size = sizeof(FilterHandover),
    .create = handover_create,
    .finalize = handover_finalize,
    .change = handover_change,
    .changed = handover_changed,
};

__attribute__((constructor)) static void filter_handover_register(void)
{
    object_class_register(&handover_class);
}
