/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter-mirror copies frames to a chardev; filter-redirector moves them out and in. */

/*
 * A redirector whose outdev is not connected does what on-disconnect says, but only while the
 * VM runs: during a stop frames wait at it, for a connection or for the VM. A frame that was
 * partly out when the connection broke is dealt with in the same way, before any other.
 */

#include "net/filter/input.h"
#include "net/filter/outdev.h"

#include <string.h>

#include "net/run-state.h"
#include "util/error.h"

/** A filter-mirror. */
typedef struct FilterMirror {
    NetFilter nf;
    FilterOutdev out;
} FilterMirror;

/** A filter-redirector. */
typedef struct FilterRedirector {
    NetFilter nf;
    FilterInput in;
    FilterOutdev out;
    RunStateListener *listener; /* owned; there while a partly sent frame waits for the VM */
} FilterRedirector;

/* --- Both -------------------------------------------------------------------------------- */

/* The chardevs are in use from creation to deletion. */
static bool ends_change(NetFilter *nf, const QapiMember *member, const void *new_props,
                        GError **error)
{
    static const char *const fixed[] = { "indev", "outdev", NULL };

    if (g_strv_contains(fixed, member->name)) {
        return error_set(error, "Property '%s.%s' cannot be changed: the filter keeps the "
                         "chardev it was created with", nf->obj.class->name, member->name);
    }
    return net_filter_change(nf, member, new_props, error);
}

/* --- filter-mirror ----------------------------------------------------------------------- */

static size_t mirror_run(NetFilter *nf, NetDirection direction, const NetFrame *frames, size_t n,
                         NetPass *pass)
{
    FilterMirror *mirror = (FilterMirror *)nf;
    size_t done = filter_outdev_write(&mirror->out, direction, frames, n);

    if (done < n && !filter_outdev_is_connected(&mirror->out)) {
        net_count_add(&nf->copies_lost, n - done, net_frames_bytes(frames + done, n - done));
        filter_outdev_notify(&mirror->out, "pass without a copy");
        done = n;
    }
    pass->all = true;
    return done;
}

static void mirror_decide(const NetFilter *nf, NetStageState *state)
{
    const FilterMirror *mirror = (const FilterMirror *)nf;

    state->asks = net_filter_enabled_when_stopped(nf) && filter_outdev_is_connected(&mirror->out);
}

static void mirror_describe(const NetFilter *nf, NetFilterInfo *info)
{
    info->outdev_connected = filter_outdev_is_connected(&((const FilterMirror *)nf)->out);
}

static const NetFilterOps mirror_ops = {
    .run = mirror_run,
    .decide = mirror_decide,
    .describe = mirror_describe,
};

/* The frame itself has passed long ago. */
static void mirror_outdev_changed(FilterOutdev *out)
{
    NetFrame frame;

    if (filter_outdev_take_kept(out, &frame)) {
        net_count_add(&out->filter->copies_lost, 1, frame.len);
    }
}

static bool mirror_create(Object *obj, GError **error)
{
    FilterMirror *mirror = (FilterMirror *)obj;
    const FilterMirrorProperties *props = obj->props;
    Chardev *chr;

    if (!net_filter_check(&mirror->nf, error)) {
        return false;
    }
    chr = filter_chardev_find("Device", props->outdev, error);
    if (!chr || !filter_outdev_open(&mirror->out, &mirror->nf, chr, props->vnet_hdr_support,
                                    mirror_outdev_changed, error)) {
        return false;
    }
    if (!net_filter_attach(&mirror->nf, &mirror_ops, error)) {
        filter_outdev_close(&mirror->out);
        return false;
    }
    return true;
}

static void mirror_finalize(Object *obj)
{
    FilterMirror *mirror = (FilterMirror *)obj;

    net_filter_detach(&mirror->nf);
    filter_outdev_close(&mirror->out);
}

static bool mirror_change(Object *obj, const QapiMember *member, const void *new_props,
                          GError **error)
{
    return ends_change((NetFilter *)obj, member, new_props, error);
}

static void mirror_changed(Object *obj, const QapiMember *member)
{
    FilterMirror *mirror = (FilterMirror *)obj;
    const FilterMirrorProperties *props = obj->props;

    mirror->out.channel.vnet_hdr = props->vnet_hdr_support;
    net_filter_update(&mirror->nf);
}

/* --- filter-redirector ------------------------------------------------------------------- */

static const FilterRedirectorProperties *redirector_props(const FilterRedirector *redirector)
{
    return redirector->nf.obj.props;
}

/* What happens to frames while outdev is not connected. */
static NetFilterOnDisconnect redirector_policy(const FilterRedirector *redirector)
{
    if (!run_state_is_running()) {
        return NET_FILTER_ON_DISCONNECT_HOLD;
    }
    return redirector_props(redirector)->on_disconnect;
}

static void redirector_drop(FilterRedirector *redirector, NetDirection direction,
                            const NetFrame *frames, size_t n)
{
    filter_outdev_notify(&redirector->out, "are dropped");
    net_stage_drop(&redirector->nf.stages[direction], frames, n, NET_DROP_REASON_NOT_CONNECTED);
}

/*
 * A frame that is not wholly out goes on to the peer, unless newer ones have gone past it:
 * because the filter has been off (@was_past), or because it came from the queue in front of the
 * peer and the peer has taken more from there.
 */
static void redirector_return(FilterRedirector *redirector, const NetFrame *frame, bool was_past)
{
    const FilterOutdev *out = &redirector->out;
    NetStage *stage = &redirector->nf.stages[out->kept_direction];
    bool overtaken = out->kept_reclaimed && net_stage_n_delivered(stage) != out->kept_mark;

    if (!was_past && !overtaken) {
        net_stage_give_back(stage, frame);
    } else {
        redirector_drop(redirector, out->kept_direction, frame, 1);
    }
}

static void redirector_run_state_changed(bool running, RunState state, void *opaque)
{
    FilterRedirector *redirector = opaque;

    if (running) {
        redirector->out.changed(&redirector->out);
    }
}

/* Listen only while a frame needs it: when the VM goes on, the frame may have to go, too. */
static void redirector_listen(FilterRedirector *redirector, bool listen)
{
    if (!listen) {
        g_clear_pointer(&redirector->listener, run_state_listener_remove);
    } else if (!redirector->listener) {
        redirector->listener = run_state_listener_add(RUN_STATE_ORDER_FILTER,
                                                      redirector_run_state_changed, redirector);
    }
}

/* Whether newer frames of the direction of the one that is partly out come to it. */
static bool redirector_is_met(const FilterRedirector *redirector)
{
    return redirector->nf.stages[redirector->out.kept_direction].state.active;
}

/* Without a connection: deal with the frame that is partly out. */
static void redirector_outdev_changed(FilterOutdev *out)
{
    FilterRedirector *redirector = (FilterRedirector *)out->filter;
    NetFilterOnDisconnect policy = redirector_policy(redirector);
    NetFrame frame;

    if (filter_outdev_has_stream(out) || filter_channel_is_idle(&out->channel)) {
        redirector_listen(redirector, false);
        return;
    }
    if (policy == NET_FILTER_ON_DISCONNECT_HOLD) {
        net_frame_writer_rewind(&out->channel.writer);
        redirector_listen(redirector, !run_state_is_running());
        return;
    }
    redirector_listen(redirector, false);
    filter_outdev_take_kept(out, &frame);
    if (policy == NET_FILTER_ON_DISCONNECT_PASS) {
        redirector_return(redirector, &frame, !redirector_is_met(redirector));
    } else {
        redirector_drop(redirector, out->kept_direction, &frame, 1);
    }
}

/*
 * It was switched. If no more frames come to it, and there is no connection, the frame that is
 * partly out goes on, before those that its stage holds.
 */
static void redirector_let_go(FilterRedirector *redirector)
{
    FilterOutdev *out = &redirector->out;
    NetFrame frame;

    if (out->filter && !redirector_is_met(redirector) && !filter_outdev_has_stream(out) &&
        filter_outdev_take_kept(out, &frame)) {
        redirector_listen(redirector, false);
        redirector_return(redirector, &frame, false);
    }
}

/*
 * Without a connection: @n frames by policy, the first of which is number @first of the batch.
 * Returns: how many were dealt with.
 */
static size_t redirector_run_unconnected(FilterRedirector *redirector, NetDirection direction,
                                         const NetFrame *frames, size_t n, size_t first,
                                         NetPass *pass)
{
    bool reclaiming = redirector->nf.stages[direction].reclaiming;

    redirector_outdev_changed(&redirector->out);
    switch (redirector_policy(redirector)) {
    case NET_FILTER_ON_DISCONNECT_HOLD:
        return 0;
    case NET_FILTER_ON_DISCONNECT_DROP:
        /* What went past while the filter was off is not fetched back to be dropped. */
        if (!reclaiming) {
            redirector_drop(redirector, direction, frames, n);
            return n;
        }
        break;
    case NET_FILTER_ON_DISCONNECT_PASS:
        break;
    }
    for (size_t i = first; i < first + n; i++) {
        net_pass_add(pass, i);
    }
    return n;
}

static size_t redirector_run(NetFilter *nf, NetDirection direction, const NetFrame *frames,
                             size_t n, NetPass *pass)
{
    FilterRedirector *redirector = (FilterRedirector *)nf;
    size_t done;

    if (!redirector->out.filter) {
        pass->all = true;
        return n;
    }
    done = filter_outdev_write(&redirector->out, direction, frames, n);
    if (done < n && !filter_outdev_is_connected(&redirector->out)) {
        done += redirector_run_unconnected(redirector, direction, frames + done, n - done, done,
                                           pass);
    }
    return done;
}

static void redirector_decide(const NetFilter *nf, NetStageState *state)
{
    const FilterRedirector *redirector = (const FilterRedirector *)nf;

    state->takes = filter_outdev_is_connected(&redirector->out);
    state->asks = state->takes && net_filter_enabled_when_stopped(nf);
}

static void redirector_can_inject(NetFilter *nf)
{
    FilterRedirector *redirector = (FilterRedirector *)nf;

    filter_input_go_on(&redirector->in);
}

static void redirector_switched(NetFilter *nf)
{
    FilterRedirector *redirector = (FilterRedirector *)nf;

    redirector_let_go(redirector);
    filter_input_revive(&redirector->in);
}

static void redirector_describe(const NetFilter *nf, NetFilterInfo *info)
{
    const FilterRedirector *redirector = (const FilterRedirector *)nf;

    info->outdev_connected = filter_outdev_is_connected(&redirector->out);
    info->indev_connected = char_frontend_is_open(&redirector->in.fe);
    info->has_kernel_dropped = char_frontend_kernel_dropped(&redirector->in.fe,
                                                            &info->kernel_dropped);
    info->malformed = redirector->in.n_malformed;
    info->empty = filter_input_n_empty(&redirector->in);
}

static const NetFilterOps redirector_ops = {
    .run = redirector_run,
    .decide = redirector_decide,
    .switched = redirector_switched,
    .can_inject = redirector_can_inject,
    .describe = redirector_describe,
};

static bool redirector_wants_input(const Object *owner)
{
    const NetFilter *nf = (const NetFilter *)owner;

    return net_filter_is_on(nf) && net_filter_can_inject(nf);
}

static void redirector_take_input(Object *owner, const NetFrame *frames, size_t n)
{
    NetFilter *nf = (NetFilter *)owner;

    net_count_add(&nf->from_indev, n, net_frames_bytes(frames, n));
    net_filter_inject(nf, frames, n);
}

static const FilterInputOps redirector_input_ops = {
    .kind = "filter",
    .property = "indev",
    .wanted = redirector_wants_input,
    .frames = redirector_take_input,
};

static bool redirector_check(const FilterRedirectorProperties *props, GError **error)
{
    if (!props->indev && !props->outdev) {
        return error_set(error, "filter redirector needs 'indev' or 'outdev' at least one "
                         "property set");
    }
    if (props->indev && props->outdev && strcmp(props->indev, props->outdev) == 0) {
        return error_set(error, "'indev' and 'outdev' could not be same for filter redirector");
    }
    if (props->enable_when_stopped && !props->outdev) {
        return error_set(error, "Property 'filter-redirector.enable_when_stopped' needs "
                         "'outdev' to be set");
    }
    return true;
}

static bool redirector_open_ends(FilterRedirector *redirector, GError **error)
{
    const FilterRedirectorProperties *props = redirector_props(redirector);
    NetFilter *nf = &redirector->nf;
    Chardev *in = NULL;
    Chardev *out = NULL;

    if (props->indev) {
        in = filter_chardev_find("IN Device", props->indev, error);
        redirector->in.vnet_hdr = props->vnet_hdr_support;
        if (!in || !filter_input_open(&redirector->in, in, &redirector_input_ops, &nf->obj,
                                      error)) {
            return false;
        }
    }
    if (props->outdev) {
        out = filter_chardev_find("OUT Device", props->outdev, error);
        if (!out || !filter_outdev_open(&redirector->out, nf, out, props->vnet_hdr_support,
                                        redirector_outdev_changed, error)) {
            return false;
        }
    }
    return true;
}

static void redirector_close_ends(FilterRedirector *redirector)
{
    filter_input_close(&redirector->in);
    filter_outdev_close(&redirector->out);
}

static bool redirector_create(Object *obj, GError **error)
{
    FilterRedirector *redirector = (FilterRedirector *)obj;

    if (!net_filter_check(&redirector->nf, error) || !redirector_check(obj->props, error)) {
        return false;
    }
    if (!redirector_open_ends(redirector, error) ||
        !net_filter_attach(&redirector->nf, &redirector_ops, error)) {
        redirector_close_ends(redirector);
        return false;
    }
    filter_input_go_on(&redirector->in);
    return true;
}

static void redirector_finalize(Object *obj)
{
    FilterRedirector *redirector = (FilterRedirector *)obj;
    FilterOutdev *out = &redirector->out;
    NetFrame frame;

    redirector_listen(redirector, false);
    if (out->filter && filter_outdev_abandon(out, &frame)) {
        redirector_return(redirector, &frame, !redirector_is_met(redirector));
    }
    net_filter_detach(&redirector->nf);
    redirector_close_ends(redirector);
}

static bool redirector_change(Object *obj, const QapiMember *member, const void *new_props,
                              GError **error)
{
    return ends_change((NetFilter *)obj, member, new_props, error) &&
           redirector_check(new_props, error);
}

static void redirector_changed(Object *obj, const QapiMember *member)
{
    FilterRedirector *redirector = (FilterRedirector *)obj;
    const FilterRedirectorProperties *props = obj->props;

    redirector->in.vnet_hdr = props->vnet_hdr_support;
    redirector->out.channel.vnet_hdr = props->vnet_hdr_support;
    if (redirector->out.filter) {
        redirector_outdev_changed(&redirector->out);
    }
    net_filter_update(&redirector->nf);
}

/* --- Classes ----------------------------------------------------------------------------- */

static const ObjectClass mirror_class = {
    .name = "filter-mirror",
    .parent = "netfilter",
    .props = QAPI_TYPE(FilterMirrorProperties),
    .phase = OBJECT_PHASE_LATE,
    .size = sizeof(FilterMirror),
    .create = mirror_create,
    .finalize = mirror_finalize,
    .change = mirror_change,
    .changed = mirror_changed,
};

static const ObjectClass redirector_class = {
    .name = "filter-redirector",
    .parent = "netfilter",
    .props = QAPI_TYPE(FilterRedirectorProperties),
    .phase = OBJECT_PHASE_LATE,
    .size = sizeof(FilterRedirector),
    .create = redirector_create,
    .finalize = redirector_finalize,
    .change = redirector_change,
    .changed = redirector_changed,
};

__attribute__((constructor)) static void filter_mirror_register(void)
{
    object_class_register(&mirror_class);
    object_class_register(&redirector_class);
}
