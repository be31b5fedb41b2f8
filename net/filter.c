/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all filters have in common: their place, status, direction and properties. */

#include "net/filter.h"

#include <string.h>

#include "net/chain-owner.h"
#include "net/run-state.h"
#include "util/error.h"

static void abstract_class_init(void) __attribute__((constructor));

static const ObjectStringEnum filter_string_enums[] = {
    { "insert", "Invalid value for netfilter insert, should be 'before' or 'behind'" },
    { NULL, NULL },
};

static const ObjectClass filter_class = {
    .name = "netfilter",
    .props = QAPI_TYPE(NetFilterProperties),
    .abstract = true,
    .string_enums = filter_string_enums,
};

static void abstract_class_init(void)
{
    object_class_register(&filter_class);
}

static bool filter_is_active_now(const NetFilterProperties *props)
{
    RunState state = run_state_get();

    if (!props->active_in) {
        return true;
    }
    for (size_t i = 0; i < props->active_in->len; i++) {
        if (props->active_in->items[i] == state) {
            return true;
        }
    }
    return false;
}

bool net_filter_is_on(const NetFilter *nf)
{
    const NetFilterProperties *props = net_filter_props(nf);

    return strcmp(props->status, "on") == 0 && filter_is_active_now(props);
}

bool net_filter_sees(const NetFilter *nf, NetDirection direction)
{
    switch (net_filter_props(nf)->queue) {
    case NET_FILTER_DIRECTION_ALL:
        return true;
    case NET_FILTER_DIRECTION_TX:
        return direction == NET_DIRECTION_TX;
    case NET_FILTER_DIRECTION_RX:
        return direction == NET_DIRECTION_RX;
    }
    g_assert_not_reached();
}


static uint64_t props_hold_size(const ObjectClass *class, const void *props)
{
    const QapiMember *member = qapi_member_find(class->props, "hold-size");

    return member ? G_STRUCT_MEMBER(uint64_t, props, member->offset) : NET_HOLD_SIZE_DEFAULT;
}

uint64_t net_filter_hold_size(const NetFilter *nf)
{
    return props_hold_size(nf->obj.class, nf->obj.props);
}

static bool props_when_stopped(const ObjectClass *class, const void *props)
{
    const QapiMember *member = qapi_member_find(class->props, "enable_when_stopped");

    return member && G_STRUCT_MEMBER(bool, props, member->offset);
}

bool net_filter_enabled_when_stopped(const NetFilter *nf)
{
    return props_when_stopped(nf->obj.class, nf->obj.props) && net_filter_is_on(nf) &&
           net_filter_sees(nf, NET_DIRECTION_TX);
}

/* Checks the values of the common properties that the schema cannot. */
static bool filter_check_props(const ObjectClass *class, const void *all, GError **error)
{
    const NetFilterProperties *props = all;

    if (strcmp(props->status, "on") != 0 && strcmp(props->status, "off") != 0) {
        return error_set(error, "Invalid value for netfilter status, should be 'on' or 'off'");
    }
    if (props_hold_size(class, all) == 0) {
        return error_set(error, "Property '%s.hold-size' requires a positive value",
                         class->name);
    }
    if (props_when_stopped(class, all) && props->queue == NET_FILTER_DIRECTION_RX) {
        return error_set(error, "Property '%s.enable_when_stopped' needs 'queue' to be 'tx' or "
                         "'all'", class->name);
    }
    return true;
}

static bool object_is_filter(const Object *obj)
{
    return obj->class->parent && strcmp(obj->class->parent, filter_class.name) == 0;
}

/* The index in the netdev's list that position and insert ask for. */
static bool filter_find_place(const NetFilter *nf, const NetClient *nc, guint *index,
                              GError **error)
{
    const NetFilterProperties *props = net_filter_props(nf);
    const char *other_id;
    Object *other;

    if (strcmp(props->position, "head") == 0) {
        *index = 0;
        return true;
    }
    if (strcmp(props->position, "tail") == 0) {
        *index = nc->filters->len;
        return true;
    }
    if (!g_str_has_prefix(props->position, "id=")) {
        return error_set(error, "Parameter 'position' expects 'head', 'tail' or 'id=<id>'");
    }
    other_id = props->position + strlen("id=");
    other = object_find(other_id);
    if (!other || !object_is_filter(other) || other == &nf->obj) {
        return error_set(error, "filter '%s' not found", other_id);
    }
    if (!g_ptr_array_find(nc->filters, other, index)) {
        return error_set(error, "filter '%s' belongs to a different netdev", other_id);
    }
    *index += props->insert == NETFILTER_INSERT_BEHIND;
    return true;
}

/* --- Its stages -------------------------------------------------------------------------- */

static size_t filter_stage_run(NetStage *stage, const NetFrame *frames, size_t n, NetPass *pass)
{
    return stage->filter->ops->run(stage->filter, stage->direction, frames, n, pass);
}

static size_t filter_stage_change(NetStage *stage, NetFrame *frames, size_t n,
                                  NetScratch *scratch)
{
    return stage->filter->ops->change(stage->filter, stage->direction, frames, n, scratch);
}

static void filter_stage_can_inject(NetStage *stage)
{
    if (stage->filter->ops->can_inject) {
        stage->filter->ops->can_inject(stage->filter);
    }
}

static const NetStageOps filter_run_ops = {
    .run = filter_stage_run,
    .can_inject = filter_stage_can_inject,
};

static const NetStageOps filter_change_ops = {
    .change = filter_stage_change,
    .can_inject = filter_stage_can_inject,
};

static void filter_init_stages(NetFilter *nf)
{
    for (int d = 0; d < NET_DIRECTION__MAX; d++) {
        nf->stages[d].ops = nf->ops->change ? &filter_change_ops : &filter_run_ops;
        nf->stages[d].filter = nf;
        nf->stages[d].id = nf->obj.id;
        nf->stages[d].drops = &nf->netdev->drops;
        nf->stages[d].direction = d;
    }
}

static void link_rewire(NetClient *from)
{
    g_autoptr(GPtrArray) stages = g_ptr_array_new();
    GPtrArray *near = from->filters;
    GPtrArray *far = from->peer->filters;

    for (guint i = 0; i < near->len; i++) {
        NetFilter *nf = near->pdata[i];

        g_ptr_array_add(stages, &nf->stages[NET_DIRECTION_TX]);
    }
    for (guint i = far->len; i-- > 0;) {
        NetFilter *nf = far->pdata[i];

        g_ptr_array_add(stages, &nf->stages[NET_DIRECTION_RX]);
    }
    net_chain_rebuild(from->out, (NetStage *const *)stages->pdata, stages->len);
}

void net_filters_rewire(NetClient *nc)
{
    if (nc->peer) {
        link_rewire(nc);
        link_rewire(nc->peer);
    }
}

/* --- What is decided about it ------------------------------------------------------------ */

static NetStageState filter_state(const NetFilter *nf)
{
    NetStageState state = {
        .active = net_filter_is_on(nf),
        .reads_once = nf->ops->reads_once,
    };

    state.hold_size = state.active ? net_filter_hold_size(nf) : 0;
    if (nf->ops->decide) {
        nf->ops->decide(nf, &state);
    }
    return state;
}

bool net_filter_wants_stopped(const NetFilter *nf)
{
    return filter_state(nf).asks;
}

/* Returns: whether that is a switch, on or off or to other directions. */
static bool filter_set_state(NetFilter *nf)
{
    bool on = net_filter_is_on(nf);
    bool switched = on != nf->on;
    NetStageState state = filter_state(nf);

    nf->on = on;
    for (int d = 0; d < NET_DIRECTION__MAX; d++) {
        NetStage *stage = &nf->stages[d];
        bool active = state.active && net_filter_sees(nf, d);

        switched |= active != stage->state.active;
        stage->state = state;
        stage->state.active = active;
    }
    return switched;
}

void net_filter_decide(NetFilter *nf)
{
    if (filter_set_state(nf)) {
        net_turn_add(NET_TURN_SWITCH, &nf->switched, nf);
    }
}

/* A step of a turn. */
static void filter_notify_switched(void *what)
{
    NetFilter *nf = what;

    if (nf->ops->switched) {
        nf->ops->switched(nf);
    }
}

__attribute__((constructor)) static void filter_register(void)
{
    net_turn_set_work(NET_TURN_SWITCH, filter_notify_switched);
}

/* --- Coming, changing and going ---------------------------------------------------------- */

/* Returns: the netdev that it goes to, and in @index the place there; NULL with @error. */
static NetClient *filter_find_netdev(const NetFilter *nf, guint *index, GError **error)
{
    const NetFilterProperties *props = net_filter_props(nf);
    NetClient *nc = net_netdev_find(props->netdev);

    if (!filter_check_props(nf->obj.class, props, error)) {
        return NULL;
    }
    if (!nc) {
        error_set(error, "Parameter 'netdev' expects a network backend id");
        error_append_hint(error, "'%s' is no netdev.", props->netdev);
        return NULL;
    }
    return filter_find_place(nf, nc, index, error) ? nc : NULL;
}

bool net_filter_check(const NetFilter *nf, GError **error)
{
    guint index;

    return filter_find_netdev(nf, &index, error);
}

bool net_filter_attach(NetFilter *nf, const NetFilterOps *ops, GError **error)
{
    guint index;
    NetClient *nc = filter_find_netdev(nf, &index, error);

    if (!nc) {
        return false;
    }
    nf->ops = ops;
    nf->netdev = nc;
    filter_init_stages(nf);
    filter_set_state(nf);
    g_ptr_array_insert(nc->filters, index, nf);
    net_filters_rewire(nc);
    net_client_changed(nc);
    return true;
}

void net_filter_detach(NetFilter *nf)
{
    NetClient *nc = nf->netdev;

    if (!nc) {
        return;
    }
    net_turn_begin();
    for (int d = 0; d < NET_DIRECTION__MAX; d++) {
        net_stage_leave(&nf->stages[d]);
        nf->stages[d].chain = NULL;
    }
    g_ptr_array_remove(nc->filters, nf);
    net_filters_rewire(nc);
    net_client_changed(nc);
    net_turn_remove(NET_TURN_SWITCH, &nf->switched);
    nf->netdev = NULL;
    net_turn_end();
}

bool net_filter_change(NetFilter *nf, const QapiMember *member, const void *new_props,
                       GError **error)
{
    static const char *const fixed[] = { "netdev", "position", "insert", NULL };
    const char *type = nf->obj.class->name;

    if (g_strv_contains(fixed, member->name)) {
        return error_set(error, "Property '%s.%s' cannot be changed: the filter keeps the "
                         "place it was created at", type, member->name);
    }
    return filter_check_props(nf->obj.class, new_props, error);
}

void net_filter_update(NetFilter *nf)
{
    net_client_changed(nf->netdev);
}

/* In turns: where both wait for one outdev, neither may keep it full for the other. */
void net_filter_ready(NetFilter *nf)
{
    NetDirection first = nf->ready_first;

    nf->ready_first = (first + 1) % NET_DIRECTION__MAX;
    for (int d = 0; d < NET_DIRECTION__MAX; d++) {
        net_stage_ready(&nf->stages[(first + d) % NET_DIRECTION__MAX]);
    }
}

bool net_filter_can_inject(const NetFilter *nf)
{
    for (int d = 0; d < NET_DIRECTION__MAX; d++) {
        if (net_filter_sees(nf, d) && !net_stage_can_inject(&nf->stages[d])) {
            return false;
        }
    }
    return true;
}

void net_filter_inject(NetFilter *nf, const NetFrame *frames, size_t n)
{
    for (int d = 0; d < NET_DIRECTION__MAX; d++) {
        if (net_filter_sees(nf, d)) {
            net_stage_inject(&nf->stages[d], frames, n);
        }
    }
}
