/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packets of both guests, by connection, until they are compared. */

/*
 * Each connection has a list of packets for each side. TCP lists are sorted by sequence number;
 * their first packets are compared until one list is empty or they differ.
 *
 * Packets of other protocols are compared with all of the other side that have no partner yet,
 * oldest first. A secondary packet leaves its list with that; a primary one is marked and leaves
 * when all before it have left, so the client sees them in the primary's order. A packet that
 * finds no partner among those that wait is a difference. It is none when the other side has
 * none that wait: then it is merely ahead.
 *
 * The class of a connection (NetConnClass) decides when it is replaced: BUSY while primary packets
 * wait, LINGERING when it is over. A connection that is replaced releases its packets.
 */

#include "net/colo/compare-queue.h"

#include <inttypes.h>

#include "net/colo/compare-rules.h"
#include "util/log.h"
#include "util/trace.h"

TRACE_POINT(colo_compare_released);
TRACE_POINT(colo_compare_different);
TRACE_POINT(colo_compare_too_old);

#define NS_PER_MS INT64_C(1000000)

/** A connection, from the guest to its peer. */
typedef struct ColoConn {
    NetConn conn;
    ColoList list[COLO_SIDE__MAX];
    uint32_t n_matched; /* primary packets that wait only for those before them */
    ColoTcp tcp;
} ColoConn;

/* --- Packets come and go ------------------------------------------------------------------ */

/* Dropped in the normal course of things; the others are worth a message. */
static bool drop_is_expected(ColoDropReason reason)
{
    return reason == COLO_DROP_REASON_UNTRACKED || reason == COLO_DROP_REASON_CHECKPOINT ||
           reason == COLO_DROP_REASON_ALONE || reason == COLO_DROP_REASON_MALFORMED ||
           reason == COLO_DROP_REASON_REOPENED;
}

static void queues_report(ColoQueues *queues, ColoSide side, ColoDropReason reason)
{
    static const char *const names[] = { "primary", "secondary" };

    const char *name = qapi_enum_name(QAPI_TYPE(ColoDropReason), (int)reason);

    if (!drop_is_expected(reason)) {
        log_limited_warning(queues->who, name, "%s packet dropped: %s (%" PRIu64 " so far)",
                            names[side], name, queues->side[side].dropped[reason].frames);
    }
}

static void queues_count_drop(ColoQueues *queues, ColoSide side, ColoDropReason reason,
                              uint32_t len)
{
    net_count_add(&queues->side[side].dropped[reason], 1, len);
    queues_report(queues, side, reason);
}

static void queues_charge(ColoQueues *queues, ColoSide side, const ColoPacket *packet)
{
    net_count_add(&queues->side[side].queued, 1, packet->len);
    queues->side[side].cost += colo_packet_cost(packet);
}

/* Off its list, and no longer charged. */
static void queues_take(ColoQueues *queues, ColoConn *cc, ColoSide side, ColoPacket *packet)
{
    ColoSideStats *stats = &queues->side[side];

    colo_list_remove(&cc->list[side], packet);
    stats->queued.frames--;
    stats->queued.bytes -= packet->len;
    stats->cost -= colo_packet_cost(packet);
}

static void queues_release(ColoQueues *queues, ColoPacket *packet)
{
    TRACE(colo_compare_released, "%s: len=%u", queues->who, packet->len);
    net_count_add(&queues->side[COLO_SIDE_PRIMARY].done, 1, packet->len);
    queues->ops->release(packet, queues->opaque);
}

static void queues_release_compared(ColoQueues *queues, ColoConn *cc, ColoPacket *packet)
{
    queues->n_matches++;
    queues_take(queues, cc, COLO_SIDE_PRIMARY, packet);
    queues_release(queues, packet);
}

/* The secondary's packet has been compared. */
static void queues_finish(ColoQueues *queues, ColoConn *cc, ColoPacket *packet)
{
    queues_take(queues, cc, COLO_SIDE_SECONDARY, packet);
    net_count_add(&queues->side[COLO_SIDE_SECONDARY].done, 1, packet->len);
    colo_pool_give(&queues->pool, packet);
}

static void queues_request(ColoQueues *queues, const ColoConn *cc)
{
    TRACE(colo_compare_different, "%s: protocol=%u ports=%u,%u waiting=%u,%u", queues->who,
          cc->conn.key.protocol, GUINT16_FROM_BE(cc->conn.key.src_port_be),
          GUINT16_FROM_BE(cc->conn.key.dst_port_be), cc->list[COLO_SIDE_PRIMARY].n,
          cc->list[COLO_SIDE_SECONDARY].n);
    queues->n_mismatches++;
    queues->ops->request(COLO_CHECKPOINT_REASON_DIFFERENT, queues->opaque);
}

/* All of the primary's packets go out, as they are. */
static void conn_release(ColoQueues *queues, ColoConn *cc)
{
    ColoPacket *packet;

    cc->n_matched = 0;
    while ((packet = cc->list[COLO_SIDE_PRIMARY].head) != NULL) {
        queues_take(queues, cc, COLO_SIDE_PRIMARY, packet);
        queues_release(queues, packet);
    }
}

/* All of a side's packets go, but those with a flag of @but. */
static void conn_drop(ColoQueues *queues, ColoConn *cc, ColoSide side, ColoDropReason reason,
                      uint8_t but)
{
    ColoPacket *next;

    for (ColoPacket *p = cc->list[side].head; p; p = next) {
        next = p->next;
        if ((p->tcp_flags & but) == 0) {
            queues_take(queues, cc, side, p);
            queues_count_drop(queues, side, reason, p->len);
            colo_pool_give(&queues->pool, p);
        }
    }
}

/* --- Comparing ----------------------------------------------------------------------------- */

static bool conn_is_answered(const ColoConn *cc, ColoSide side)
{
    const ColoPacket *head = cc->list[side].head;

    return head && colo_tcp_is_answered(&cc->tcp, side, head);
}

/* When those that have a partner are through, those that need none. */
static void queues_compare_tcp(ColoQueues *queues, ColoConn *cc)
{
    const ColoList *primary = &cc->list[COLO_SIDE_PRIMARY];
    const ColoList *secondary = &cc->list[COLO_SIDE_SECONDARY];

    while (primary->head && secondary->head) {
        unsigned verdict = colo_tcp_compare(&cc->tcp, primary->head, secondary->head);

        if (verdict == COLO_VERDICT_DIFFERENT) {
            queues_request(queues, cc);
            return;
        }
        if (verdict & COLO_VERDICT_RELEASE) {
            queues_release_compared(queues, cc, primary->head);
        }
        if (verdict & COLO_VERDICT_DROP) {
            queues_finish(queues, cc, secondary->head);
        }
    }
    while (conn_is_answered(cc, COLO_SIDE_PRIMARY)) {
        queues_release_compared(queues, cc, primary->head);
    }
    while (conn_is_answered(cc, COLO_SIDE_SECONDARY)) {
        queues_finish(queues, cc, secondary->head);
    }
}

/*
 * A guest has given up an old connection: its packets are not needed any more. The primary's could
 * even be taken for data of the new one if it went out now.
 */
static void queues_reopen(ColoQueues *queues, ColoConn *cc, ColoSide side)
{
    uint8_t but = 0;

    if (side == COLO_SIDE_PRIMARY) {
        conn_drop(queues, cc, COLO_SIDE_PRIMARY, COLO_DROP_REASON_REOPENED, 0);
        but = NET_TCP_SYN;
    }
    conn_drop(queues, cc, COLO_SIDE_SECONDARY, COLO_DROP_REASON_REOPENED, but);
}

static void queues_add_tcp(ColoQueues *queues, ColoConn *cc, ColoSide side, ColoPacket *packet)
{
    if (colo_tcp_note(&cc->tcp, side, packet)) {
        queues_reopen(queues, cc, side);
    }
    colo_list_insert_by_seq(&cc->list[side], packet);
    queues_compare_tcp(queues, cc);
}

static void queues_release_matched(ColoQueues *queues, ColoConn *cc)
{
    ColoPacket *packet;

    while ((packet = cc->list[COLO_SIDE_PRIMARY].head) != NULL && packet->matched) {
        cc->n_matched--;
        queues_release_compared(queues, cc, packet);
    }
}

/* The oldest of the other side that is equal to @packet; NULL = none. */
static ColoPacket *conn_find_equal(const ColoConn *cc, ColoSide side, const ColoPacket *packet)
{
    bool is_primary = side == COLO_SIDE_PRIMARY;
    ColoPacket *other = cc->list[!is_primary ? COLO_SIDE_PRIMARY : COLO_SIDE_SECONDARY].head;

    for (; other; other = other->next) {
        if (!other->matched && (is_primary ? colo_packets_equal(packet, other)
                                           : colo_packets_equal(other, packet))) {
            return other;
        }
    }
    return NULL;
}

static bool conn_has_waiting(const ColoConn *cc, ColoSide side)
{
    return side == COLO_SIDE_PRIMARY ? cc->list[side].n > cc->n_matched : cc->list[side].n > 0;
}

static void queues_add_other(ColoQueues *queues, ColoConn *cc, ColoSide side,
                             ColoPacket *packet)
{
    ColoPacket *other = conn_find_equal(cc, side, packet);
    ColoPacket *primary = side == COLO_SIDE_PRIMARY ? packet : other;

    colo_list_append(&cc->list[side], packet);
    if (other) {
        primary->matched = true;
        cc->n_matched++;
        queues_finish(queues, cc, side == COLO_SIDE_PRIMARY ? other : packet);
        queues_release_matched(queues, cc);
    } else if (conn_has_waiting(cc, COLO_SIDE_PRIMARY) &&
               conn_has_waiting(cc, COLO_SIDE_SECONDARY)) {
        queues_request(queues, cc);
    }
}

/* --- Connections --------------------------------------------------------------------------- */

static void conn_empty(ColoQueues *queues, ColoConn *cc, ColoDropReason reason)
{
    conn_release(queues, cc);
    conn_drop(queues, cc, COLO_SIDE_SECONDARY, reason, 0);
}

static void conn_finalize(NetConn *conn, void *opaque)
{
    conn_empty(opaque, (ColoConn *)conn, COLO_DROP_REASON_EVICTED);
}

static const NetConnTableInfo queues_table_info = {
    .conn_size = sizeof(ColoConn),
    .may_evict_busy = true,
    .finalize = conn_finalize,
};

static NetConnClass conn_class(const ColoConn *cc)
{
    if (cc->list[COLO_SIDE_PRIMARY].n > 0) {
        return NET_CONN_BUSY;
    }
    if (cc->list[COLO_SIDE_SECONDARY].n == 0 && colo_tcp_is_over(&cc->tcp)) {
        return NET_CONN_LINGERING;
    }
    return NET_CONN_IDLE;
}

static void queues_compare(ColoQueues *queues, ColoConn *cc, int64_t now_ns)
{
    net_conn_table_touch(queues->conns, &cc->conn, now_ns);
    net_conn_table_set_class(queues->conns, &cc->conn, conn_class(cc));
}

/* --- Arrival ------------------------------------------------------------------------------- */

/* A primary packet goes out, a secondary one is dropped. */
static void queues_pass(ColoQueues *queues, ColoSide side, const NetFrame *frame,
                        ColoDropReason reason)
{
    if (side == COLO_SIDE_SECONDARY) {
        queues_count_drop(queues, side, reason, frame->len);
        return;
    }
    queues->n_untracked += reason != COLO_DROP_REASON_ALONE;
    queues_release(queues, colo_pool_copy(&queues->pool, frame));
}

/* Whether there is room for one more packet; else it has been counted as dropped. */
static bool queues_has_room(ColoQueues *queues, const ColoConn *cc, ColoSide side,
                            const NetFrame *frame)
{
    if (cc->list[side].n > *queues->max_queue) {
        queues_count_drop(queues, side, COLO_DROP_REASON_QUEUE_FULL, frame->len);
        return false;
    }
    if (side == COLO_SIDE_SECONDARY && queues->side[side].cost >= queues->max_cost) {
        queues_count_drop(queues, side, COLO_DROP_REASON_OVERFLOW, frame->len);
        return false;
    }
    return true;
}

static void queues_add_tracked(ColoQueues *queues, ColoSide side, const NetConnKey *key,
                               const NetFrame *frame, const NetPacket *parsed, int64_t now_ns)
{
    ColoConn *cc = (ColoConn *)net_conn_table_find(queues->conns, key);
    ColoPacket *packet;

    if (!cc) {
        cc = (ColoConn *)net_conn_table_add(queues->conns, key, now_ns);
    }
    if (queues_has_room(queues, cc, side, frame)) {
        packet = colo_pool_copy(&queues->pool, frame);
        colo_packet_describe(packet, parsed);
        packet->arrived_ns = now_ns;
        queues_charge(queues, side, packet);
        if (parsed->kind == NET_TRANSPORT_TCP) {
            queues_add_tcp(queues, cc, side, packet);
        } else {
            queues_add_other(queues, cc, side, packet);
        }
    }
    queues_compare(queues, cc, now_ns);
}

void colo_queues_add(ColoQueues *queues, ColoSide side, const NetFrame *frame, int64_t now_ns)
{
    NetPacket parsed;
    NetConnKey key;

    net_count_add(&queues->side[side].in, 1, frame->len);
    if (queues->alone) {
        queues_pass(queues, side, frame, COLO_DROP_REASON_ALONE);
    } else if (!net_packet_parse(&parsed, frame)) {
        net_packet_faults_count(&queues->faults, parsed.fault, queues->who);
        queues_pass(queues, side, frame, COLO_DROP_REASON_MALFORMED);
    } else if (!net_conn_key_init(&key, &parsed)) {
        queues_pass(queues, side, frame, COLO_DROP_REASON_UNTRACKED);
    } else {
        queues_add_tracked(queues, side, &key, frame, &parsed, now_ns);
    }
}

/* --- Time ---------------------------------------------------------------------------------- */

static bool conn_has_older(const ColoConn *cc, int64_t before_ns)
{
    for (int side = 0; side < COLO_SIDE__MAX; side++) {
        for (const ColoPacket *p = cc->list[side].head; p; p = p->next) {
            if (p->arrived_ns < before_ns) {
                return true;
            }
        }
    }
    return false;
}

/* Forget those of @class that were last used before @before_ns. */
static void queues_forget(ColoQueues *queues, NetConnClass class, int64_t before_ns)
{
    NetConn *conn;

    while ((conn = net_conn_table_longest_unused(queues->conns, class)) != NULL &&
           conn->used_ns < before_ns) {
        net_conn_table_remove(queues->conns, conn);
    }
}

void colo_queues_scan(ColoQueues *queues, uint32_t timeout_ms, int64_t now_ns)
{
    int64_t timeout_ns = timeout_ms * NS_PER_MS;
    bool too_old = false;

    for (NetConn *conn = net_conn_table_oldest(queues->conns); conn && !too_old;
         conn = net_conn_table_next(conn)) {
        too_old = conn_has_older((ColoConn *)conn, now_ns - timeout_ns);
    }
    if (too_old) {
        TRACE(colo_compare_too_old, "%s", queues->who);
        queues->n_timeouts++;
        queues->ops->request(COLO_CHECKPOINT_REASON_TIMEOUT, queues->opaque);
    }
    queues_forget(queues, NET_CONN_LINGERING, now_ns - COLO_QUEUES_LINGER * timeout_ns);
    queues_forget(queues, NET_CONN_IDLE, now_ns - COLO_QUEUES_IDLE_NS);
}

static void queues_empty_for(ColoQueues *queues, ColoDropReason reason)
{
    for (NetConn *conn = net_conn_table_oldest(queues->conns); conn;
         conn = net_conn_table_next(conn)) {
        ColoConn *cc = (ColoConn *)conn;

        conn_empty(queues, cc, reason);
        net_conn_table_set_class(queues->conns, conn, conn_class(cc));
    }
}

void colo_queues_empty(ColoQueues *queues)
{
    queues_empty_for(queues, COLO_DROP_REASON_CHECKPOINT);
}

void colo_queues_checkpoint(ColoQueues *queues)
{
    queues->n_checkpoints++;
    queues->alone = false;
    for (NetConn *conn = net_conn_table_oldest(queues->conns); conn;
         conn = net_conn_table_next(conn)) {
        ColoConn *cc = (ColoConn *)conn;

        colo_tcp_checkpoint(&cc->tcp, &cc->list[COLO_SIDE_PRIMARY]);
    }
    queues_empty_for(queues, COLO_DROP_REASON_CHECKPOINT);
}

/* What is known of connections gets old while nothing is compared: it is forgotten. */
void colo_queues_go_alone(ColoQueues *queues)
{
    NetConn *conn;

    queues->alone = true;
    queues_empty_for(queues, COLO_DROP_REASON_ALONE);
    while ((conn = net_conn_table_oldest(queues->conns)) != NULL) {
        net_conn_table_remove(queues->conns, conn);
    }
}

/* --- Life ---------------------------------------------------------------------------------- */

void colo_queues_init(ColoQueues *queues, const ColoQueuesOps *ops, void *opaque,
                      const char *who, const uint32_t *max_queue, uint64_t max_cost)
{
    *queues = (ColoQueues) {
        .ops = ops,
        .opaque = opaque,
        .who = who,
        .max_queue = max_queue,
        .max_cost = max_cost,
    };
    queues->conns = net_conn_table_new(&queues_table_info, queues);
}

void colo_queues_clear(ColoQueues *queues)
{
    if (queues->conns) {
        colo_queues_empty(queues);
        g_clear_pointer(&queues->conns, net_conn_table_free);
        colo_pool_clear(&queues->pool);
    }
}
