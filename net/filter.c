/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all filters have in common: their place, status, direction and properties. */

#include "net/filter.h"

#include <string.h>

#include "net/chain-internal.h"
#include "system/run-state.h"
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

bool net_filter_wants_stopped(const NetFilter *nf)
{
    return nf->info->wants_stopped && nf->info->wants_stopped(nf);
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

static void filter_chains_rebuild(NetClient *nc)
{
    if (nc->peer) {
        net_chain_rebuild(nc->out);
        net_chain_rebuild(nc->peer->out);
    }
}

static void filter_set_active(NetFilter *nf, NetDirection direction, bool active)
{
    NetStage *stage = &nf->stages[direction];

    if (stage->active && !active && nf->info->leaving) {
        nf->info->leaving(nf, direction);
    }
    net_stage_set_active(stage, active);
}

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
        return NULL;
    }
    return filter_find_place(nf, nc, index, error) ? nc : NULL;
}

bool net_filter_check(const NetFilter *nf, GError **error)
{
    guint index;

    return filter_find_netdev(nf, &index, error);
}

bool net_filter_attach(NetFilter *nf, const NetFilterHooks *info, GError **error)
{
    guint index;
    NetClient *nc = filter_find_netdev(nf, &index, error);

    if (!nc) {
        return false;
    }
    nf->info = info;
    nf->netdev = nc;
    for (int d = 0; d < NET_DIRECTION__MAX; d++) {
        nf->stages[d].filter = nf;
        nf->stages[d].direction = d;
    }
    nf->on = net_filter_is_on(nf);
    g_ptr_array_insert(nc->filters, index, nf);
    filter_chains_rebuild(nc);
    net_filter_update(nf);
    return true;
}

void net_filter_detach(NetFilter *nf)
{
    NetClient *nc = nf->netdev;

    if (!nc) {
        return;
    }
    for (int d = 0; d < NET_DIRECTION__MAX; d++) {
        filter_set_active(nf, d, false);
        nf->stages[d].chain = NULL;
    }
    g_ptr_array_remove(nc->filters, nf);
    filter_chains_rebuild(nc);
    net_client_update(nc);
    nf->netdev = NULL;
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

void net_filter_changed(NetFilter *nf, const QapiMember *member)
{
    net_filter_update(nf);
    if (nf->info->status_changed && strcmp(member->name, "queue") == 0) {
        nf->info->status_changed(nf);
    }
}

void net_filter_update(NetFilter *nf)
{
    NetClient *nc = nf->netdev;
    bool on = net_filter_is_on(nf);
    bool switched = on != nf->on;
    bool met;

    nf->on = on;
    met = on || (nf->info->lingers && nf->info->lingers(nf));
    for (int d = 0; d < NET_DIRECTION__MAX; d++) {
        filter_set_active(nf, d, met && net_filter_sees(nf, d));
    }
    if (nc->peer) {
        net_chain_refresh(nc->out);
        net_chain_refresh(nc->peer->out);
    }
    net_client_update(nc);
    if (switched && nf->info->status_changed) {
        nf->info->status_changed(nf);
    }
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
