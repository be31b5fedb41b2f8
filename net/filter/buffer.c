/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter-buffer holds frames and releases them at intervals of the virtual clock. */

#include "net/filter.h"

#include "util/clock.h"
#include "util/error.h"

/** A filter-buffer. */
typedef struct FilterBuffer {
    NetFilter nf;
    Timer *timer;   /* owned; runs while status is on */
    bool releasing; /* frames pass */
} FilterBuffer;

/* Its clock stands still with the VM: then frames pass, for a filter behind that asks for any. */
static size_t buffer_run(NetFilter *nf, NetDirection direction, const NetFrame *frames, size_t n,
                         NetPass *pass)
{
    const FilterBuffer *buffer = (const FilterBuffer *)nf;

    if (!buffer->releasing && !net_stage_feeds_reader(&nf->stages[direction])) {
        return 0;
    }
    pass->all = true;
    return n;
}

static void buffer_timer_start(FilterBuffer *buffer)
{
    const FilterBufferProperties *props = buffer->nf.obj.props;

    timer_start_at(buffer->timer,
                   clock_now_ns(CLOCK_TYPE_VIRTUAL) + (int64_t)props->interval * 1000);
}

static void buffer_release(void *opaque)
{
    FilterBuffer *buffer = opaque;

    buffer->releasing = true;
    net_filter_ready(&buffer->nf);
    buffer->releasing = false;
    buffer_timer_start(buffer);
}

/* It holds on purpose. */
static void buffer_decide(const NetFilter *nf, NetStageState *state)
{
    state->holds = true;
}

/* When the filter is switched off, the net core releases its held frames. */
static void buffer_switched(NetFilter *nf)
{
    FilterBuffer *buffer = (FilterBuffer *)nf;

    if (!net_filter_is_on(nf)) {
        timer_stop(buffer->timer);
    } else if (!timer_is_running(buffer->timer)) {
        buffer_timer_start(buffer);
    }
}

static const NetFilterOps buffer_ops = {
    .run = buffer_run,
    .decide = buffer_decide,
    .switched = buffer_switched,
};

static bool buffer_check(const FilterBufferProperties *props, GError **error)
{
    if (props->interval == 0) {
        return error_set(error, "Property 'filter-buffer.interval' requires a positive value");
    }
    return true;
}

static bool buffer_create(Object *obj, GError **error)
{
    FilterBuffer *buffer = (FilterBuffer *)obj;

    if (!buffer_check(obj->props, error) ||
        !net_filter_attach(&buffer->nf, &buffer_ops, error)) {
        return false;
    }
    buffer->timer = timer_new(CLOCK_TYPE_VIRTUAL, buffer_release, buffer);
    buffer_switched(&buffer->nf);
    return true;
}

static void buffer_finalize(Object *obj)
{
    FilterBuffer *buffer = (FilterBuffer *)obj;

    timer_free(buffer->timer);
    net_filter_detach(&buffer->nf);
}

static bool buffer_change(Object *obj, const QapiMember *member, const void *new_props,
                          GError **error)
{
    return net_filter_change((NetFilter *)obj, member, new_props, error) &&
           buffer_check(new_props, error);
}

static void buffer_changed(Object *obj, const QapiMember *member)
{
    FilterBuffer *buffer = (FilterBuffer *)obj;

    if (g_str_equal(member->name, "interval") && net_filter_is_on(&buffer->nf)) {
        buffer_timer_start(buffer);
    }
    net_filter_update(&buffer->nf);
}

static const ObjectClass buffer_class = {
    .name = "filter-buffer",
    .parent = "netfilter",
    .props = QAPI_TYPE(FilterBufferProperties),
    .phase = OBJECT_PHASE_LATE,
    .size = sizeof(FilterBuffer),
    .create = buffer_create,
    .finalize = buffer_finalize,
    .change = buffer_change,
    .changed = buffer_changed,
};

__attribute__((constructor)) static void filter_buffer_register(void)
{
    object_class_register(&buffer_class);
}
