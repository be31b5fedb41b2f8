/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter-rewriter translates TCP numbers between clients and the guest of a COLO secondary. */

/*
 * All frames pass; those of connections whose guest counts from another number than the
 * primary's go on as changed copies. Only connections that a client opens are tracked: of others
 * the primary's numbers are not known. Frames toward the guest wait in front of the filter while
 * the VM is stopped, as a checkpoint changes the guest's numbers.
 */

#include "net/filter.h"

#include "net/colo/rewriter-conn.h"
#include "net/packet/faults.h"
#include "net/run-state.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"
#include "util/trace.h"

TRACE_POINT(rewriter_state_changed);

/* How long a connection that is over is kept, in the guest's time: two segment lifetimes. */
#define LINGER_NS INT64_C(120000000000)

/** A filter-rewriter. */
typedef struct FilterRewriter {
    NetFilter nf;
    NetConnTable *conns;     /* owned; of RewriterConn */
    Timer *linger;           /* owned; runs while there are connections that are over */
    int64_t now_ns;          /* virtual time of the present batch */
    unsigned n_translated;   /* connections whose segments are changed */
    uint64_t n_rewritten;
    uint64_t n_untracked;
    NetPacketFaults faults;
    char *name;              /* owned; for messages */
    bool failover;           /* has happened; connections need not be tracked for ever */
    bool told_of_vnet_hdr;   /* said that vnet_hdr_support is missing */
} FilterRewriter;

/* --- Connections ------------------------------------------------------------------------- */

static void rewriter_finalize_conn(NetConn *conn, void *opaque)
{
    FilterRewriter *rw = opaque;

    rw->n_translated -= rewriter_conn_is_translated((RewriterConn *)conn);
}

static const NetConnTableInfo rewriter_table_info = {
    .conn_size = sizeof(RewriterConn),
    .may_evict_busy = true,
    .finalize = rewriter_finalize_conn,
};

/* Forget what has been over for long enough. */
static void rewriter_sweep(void *opaque)
{
    FilterRewriter *rw = opaque;
    int64_t now_ns = clock_now_ns(CLOCK_TYPE_VIRTUAL);
    NetConn *conn;

    while ((conn = net_conn_table_longest_unused(rw->conns, NET_CONN_LINGERING)) != NULL) {
        if (conn->used_ns + LINGER_NS > now_ns) {
            timer_start_at(rw->linger, conn->used_ns + LINGER_NS);
            return;
        }
        net_conn_table_remove(rw->conns, conn);
    }
}

/** What a segment may change about its connection, as it was before. */
typedef struct RewriterBefore {
    RewriterState state;
    bool translated;
} RewriterBefore;

static RewriterBefore rewriter_before(const RewriterConn *rc)
{
    return (RewriterBefore) { .state = rc->state,
                              .translated = rewriter_conn_is_translated(rc) };
}

static void rewriter_trace(const FilterRewriter *rw, const RewriterConn *rc, RewriterState from)
{
    TRACE(rewriter_state_changed, "%s: ports %u, %u: %s -> %s, offsets %u, %u", rw->nf.obj.id,
          GUINT16_FROM_BE(rc->conn.key.src_port_be), GUINT16_FROM_BE(rc->conn.key.dst_port_be),
          rewriter_state_name(from), rewriter_state_name(rc->state), rc->offset,
          rc->clock_offset);
}

/* After each segment: keep the books. The connection may be gone afterwards. */
static void rewriter_complete(FilterRewriter *rw, RewriterConn *rc, RewriterBefore before)
{
    if (rc->state != before.state) {
        rewriter_trace(rw, rc, before.state);
    }
    rw->n_translated += rewriter_conn_is_translated(rc) - before.translated;
    if (rc->state == REWRITER_STATE_FORGOTTEN) {
        net_conn_table_remove(rw->conns, &rc->conn);
        return;
    }
    net_conn_table_touch(rw->conns, &rc->conn, rw->now_ns);
    net_conn_table_set_class(rw->conns, &rc->conn, rewriter_conn_class(rc));
    if (rc->conn.class == NET_CONN_LINGERING && !timer_is_running(rw->linger)) {
        timer_start_at(rw->linger, rw->now_ns + LINGER_NS);
    }
}

/* After a failover there is no primary any more: new connections need no translation. */
static bool rewriter_tracks_new(const FilterRewriter *rw)
{
    return !rw->failover || rw->n_translated > 0;
}

static void rewriter_open(FilterRewriter *rw, RewriterConn *rc, const NetConnKey *key,
                          const NetPacket *packet)
{
    RewriterBefore before;

    if (!rc && rewriter_tracks_new(rw)) {
        rc = (RewriterConn *)net_conn_table_add(rw->conns, key, rw->now_ns);
    }
    if (rc) {
        before = rewriter_before(rc);
        rewriter_conn_syn(rc, packet);
        rewriter_complete(rw, rc, before);
    }
}

/* --- Frames ------------------------------------------------------------------------------ */

/* Make @frame a copy with other numbers; there is room for it. */
static void rewriter_edit(FilterRewriter *rw, NetDirection direction, const NetPacket *packet,
                          RewriterShift shift, NetFrame *frame, NetScratch *scratch)
{
    uint8_t *copy = net_scratch_copy(scratch, frame);
    NetTcpEdit edit;

    g_assert(copy);
    net_tcp_edit_begin(&edit, packet, copy);
    if (direction == NET_DIRECTION_TX) {
        net_tcp_edit_set_ack(&edit, packet->tcp_ack + shift.number);
        net_tcp_edit_shift_sack(&edit, shift.number);
        net_tcp_edit_shift_timestamps(&edit, (NetTcpTimestamps) { .echo = shift.clock });
    } else {
        net_tcp_edit_set_seq(&edit, packet->tcp_seq - shift.number);
        net_tcp_edit_shift_timestamps(&edit, (NetTcpTimestamps) { .own = -shift.clock });
    }
    net_tcp_edit_end(&edit);
    rw->n_rewritten++;
}

static bool is_client_syn(NetDirection direction, const NetPacket *packet)
{
    const uint8_t mask = NET_TCP_SYN | NET_TCP_ACK | NET_TCP_RST | NET_TCP_FIN;

    return direction == NET_DIRECTION_TX && (packet->tcp_flags & mask) == NET_TCP_SYN;
}

static void rewriter_segment(FilterRewriter *rw, NetDirection direction, const NetConnKey *key,
                             const NetPacket *packet, NetFrame *frame, NetScratch *scratch)
{
    RewriterConn *rc = (RewriterConn *)net_conn_table_find(rw->conns, key);
    RewriterBefore before;
    RewriterShift shift;

    if (is_client_syn(direction, packet)) {
        rewriter_open(rw, rc, key, packet);
        return;
    }
    if (!rc) {
        return;
    }
    before = rewriter_before(rc);
    shift = direction == NET_DIRECTION_TX ? rewriter_conn_from_client(rc, packet)
                                          : rewriter_conn_from_guest(rc, packet);
    if (shift.number != 0 || shift.clock != 0) {
        rewriter_edit(rw, direction, packet, shift, frame, scratch);
    }
    rewriter_complete(rw, rc, before);
}

/* Whether frames of this kind may be looked into; @frame has a virtio-net header. */
static bool rewriter_takes_vnet_hdr(FilterRewriter *rw)
{
    const FilterRewriterProperties *props = rw->nf.obj.props;

    if (!props->vnet_hdr_support && !rw->told_of_vnet_hdr) {
        rw->told_of_vnet_hdr = true;
        log_warning("%s: frames have virtio-net headers: they pass untouched without "
                    "vnet_hdr_support=on", rw->name);
    }
    return props->vnet_hdr_support;
}

static void rewriter_frame(FilterRewriter *rw, NetDirection direction, NetFrame *frame,
                           NetScratch *scratch)
{
    NetPacket packet;
    NetConnKey key;

    if (frame->vnet_hdr_len > 0 && !rewriter_takes_vnet_hdr(rw)) {
        rw->n_untracked++;
        return;
    }
    if (!net_packet_parse(&packet, frame)) {
        net_packet_faults_count(&rw->faults, packet.fault, rw->name);
        return;
    }
    if (!net_conn_key_init(&key, &packet)) {
        rw->n_untracked++;
        return;
    }
    if (packet.kind == NET_TRANSPORT_TCP) {
        if (direction == NET_DIRECTION_RX) {
            net_conn_key_reverse(&key);
        }
        rewriter_segment(rw, direction, &key, &packet, frame, scratch);
    }
}

/*
 * What becomes of a frame toward the guest depends on the guest's state, so it waits while the VM
 * is stopped, unless a filter behind asks for frames meanwhile.
 */
static bool rewriter_waits(const NetFilter *nf, NetDirection direction)
{
    return direction == NET_DIRECTION_TX && !run_state_is_running() &&
           !net_stage_feeds_reader(&nf->stages[direction]);
}

static void rewriter_decide(const NetFilter *nf, NetStageState *state)
{
    state->holds = true;
}

/* A frame is only looked at when its copy, should it need one, has room. */
static size_t rewriter_change(NetFilter *nf, NetDirection direction, NetFrame *frames, size_t n,
                              NetScratch *scratch)
{
    FilterRewriter *rw = (FilterRewriter *)nf;

    if (rewriter_waits(nf, direction)) {
        return 0;
    }
    rw->now_ns = clock_now_ns(CLOCK_TYPE_VIRTUAL);
    for (size_t i = 0; i < n; i++) {
        if (!net_scratch_has_room(scratch, &frames[i])) {
            return i;
        }
        rewriter_frame(rw, direction, &frames[i], scratch);
    }
    return n;
}

/* --- Events and the object --------------------------------------------------------------- */

static void rewriter_checkpoint(FilterRewriter *rw)
{
    for (NetConn *conn = net_conn_table_oldest(rw->conns); conn;
         conn = net_conn_table_next(conn)) {
        RewriterConn *rc = (RewriterConn *)conn;

        rewriter_conn_checkpoint(rc);
        net_conn_table_set_class(rw->conns, conn, rewriter_conn_class(rc));
    }
    rw->n_translated = 0;
    rw->failover = false;
}

static void rewriter_colo_event(NetFilter *nf, NetColoEvent event)
{
    FilterRewriter *rw = (FilterRewriter *)nf;

    switch (event) {
    case NET_COLO_EVENT_CHECKPOINT:
        rewriter_checkpoint(rw);
        break;
    case NET_COLO_EVENT_FAILOVER:
        rw->failover = true;
        break;
    }
}

static void rewriter_describe(const NetFilter *nf, NetFilterInfo *info)
{
    const FilterRewriter *rw = (const FilterRewriter *)nf;
    const NetConnStats *stats = net_conn_table_stats(rw->conns);

    info->rewriter = g_new0(NetRewriterInfo, 1);
    *info->rewriter = (NetRewriterInfo) {
        .connections = net_conn_table_size(rw->conns),
        .translated = rw->n_translated,
        .lingering = net_conn_table_class_size(rw->conns, NET_CONN_LINGERING),
        .added = stats->added,
        .closed = stats->removed,
        .evicted = stats->evicted,
        .rewritten = rw->n_rewritten,
        .untracked = rw->n_untracked,
        .malformed = net_packet_faults_total(&rw->faults),
        .failover = rw->failover,
    };
}

static const NetFilterOps rewriter_ops = {
    .change = rewriter_change,
    .decide = rewriter_decide,
    .colo_event = rewriter_colo_event,
    .describe = rewriter_describe,
};

static void rewriter_clear(FilterRewriter *rw)
{
    g_clear_pointer(&rw->conns, net_conn_table_free);
    g_clear_pointer(&rw->linger, timer_free);
    g_clear_pointer(&rw->name, g_free);
}

static bool rewriter_create(Object *obj, GError **error)
{
    FilterRewriter *rw = (FilterRewriter *)obj;

    rw->conns = net_conn_table_new(&rewriter_table_info, rw);
    rw->linger = timer_new(CLOCK_TYPE_VIRTUAL, rewriter_sweep, rw);
    rw->name = g_strdup_printf("filter '%s'", obj->id);
    if (!net_filter_attach(&rw->nf, &rewriter_ops, error)) {
        rewriter_clear(rw);
        return false;
    }
    return true;
}

static void rewriter_finalize(Object *obj)
{
    FilterRewriter *rw = (FilterRewriter *)obj;

    net_filter_detach(&rw->nf);
    rewriter_clear(rw);
}

static bool rewriter_prop_change(Object *obj, const QapiMember *member, const void *new_props,
                                 GError **error)
{
    return net_filter_change((NetFilter *)obj, member, new_props, error);
}

static void rewriter_prop_changed(Object *obj, const QapiMember *member)
{
    net_filter_update((NetFilter *)obj);
}

static const ObjectClass rewriter_class = {
    .name = "filter-rewriter",
    .parent = "netfilter",
    .props = QAPI_TYPE(FilterRewriterProperties),
    .phase = OBJECT_PHASE_LATE,
    .size = sizeof(FilterRewriter),
    .create = rewriter_create,
    .finalize = rewriter_finalize,
    .change = rewriter_prop_change,
    .changed = rewriter_prop_changed,
};

__attribute__((constructor)) static void filter_rewriter_register(void)
{
    object_class_register(&rewriter_class);
}
