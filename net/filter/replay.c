/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter-replay lets every frame pass: execution is never recorded or replayed here. */

#include "net/filter.h"

static size_t replay_run(NetFilter *nf, NetDirection direction, const NetFrame *frames, size_t n,
                         NetPass *pass)
{
    pass->all = true;
    return n;
}

static const NetFilterOps replay_ops = {
    .run = replay_run,
    .reads_once = true,
};

static bool replay_create(Object *obj, GError **error)
{
    return net_filter_attach((NetFilter *)obj, &replay_ops, error);
}

static void replay_finalize(Object *obj)
{
    net_filter_detach((NetFilter *)obj);
}

static bool replay_change(Object *obj, const QapiMember *member, const void *new_props,
                          GError **error)
{
    return net_filter_change((NetFilter *)obj, member, new_props, error);
}

static void replay_changed(Object *obj, const QapiMember *member)
{
    net_filter_update((NetFilter *)obj);
}

static const ObjectClass replay_class = {
    .name = "filter-replay",
    .parent = "netfilter",
    .props = QAPI_TYPE(NetFilterProperties),
    .phase = OBJECT_PHASE_LATE,
    .size = sizeof(NetFilter),
    .create = replay_create,
    .finalize = replay_finalize,
    .change = replay_change,
    .changed = replay_changed,
};

__attribute__((constructor)) static void filter_replay_register(void)
{
    object_class_register(&replay_class);
}
