/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets and queues for the tests of colo-compare. */

#include "colo-fixture.h"

#include <string.h>

void colo_frame_build(ColoFrame *frame, const PacketSpec *spec)
{
    PacketSpec full = *spec;
    PacketLayout at;

    full.src = full.src ? full.src : 1;
    full.dst = full.dst ? full.dst : 2;
    full.src_port = full.src_port ? full.src_port : 80;
    full.dst_port = full.dst_port ? full.dst_port : 40000;
    at = packet_build(frame->data, &full);
    frame->frame = (NetFrame) { frame->data, (uint32_t)at.len, full.vnet_hdr_len };
}

ColoPacket *colo_packet_build(ColoPool *pool, const PacketSpec *spec)
{
    ColoFrame frame;
    NetPacket parsed;
    ColoPacket *packet;

    colo_frame_build(&frame, spec);
    g_assert_true(net_packet_parse(&parsed, &frame.frame));
    packet = colo_pool_copy(pool, &frame.frame);
    colo_packet_describe(packet, &parsed);
    return packet;
}

static void rig_log(ColoRig *rig, const void *text, size_t len)
{
    if (rig->log->len > 0) {
        g_string_append_c(rig->log, ' ');
    }
    g_string_append_len(rig->log, text, (gssize)len);
}

static void rig_release(ColoPacket *packet, void *opaque)
{
    ColoRig *rig = opaque;
    NetFrame frame = colo_packet_frame(packet);
    NetPacket parsed;

    if (net_packet_parse(&parsed, &frame) && net_packet_payload_len(&parsed) > 0) {
        rig_log(rig, frame.data + parsed.payload, net_packet_payload_len(&parsed));
    } else {
        rig_log(rig, "-", 1);
    }
    rig->n_released++;
    colo_pool_give(&rig->queues.pool, packet);
}

static void rig_request(ColoCheckpointReason reason, void *opaque)
{
    rig_log(opaque, reason == COLO_CHECKPOINT_REASON_TIMEOUT ? "T" : "D", 1);
}

static const ColoQueuesOps rig_ops = { .release = rig_release, .request = rig_request };

void colo_rig_init(ColoRig *rig)
{
    *rig = (ColoRig) { .max_queue = 1024, .log = g_string_new(NULL), .now_ns = 1000 * MS };
    colo_queues_init(&rig->queues, &rig_ops, rig, "colo-compare 'test'", &rig->max_queue,
                     1 << 20);
}

void colo_rig_check(const ColoRig *rig)
{
    for (int s = 0; s < COLO_SIDE__MAX; s++) {
        const ColoSideStats *stats = &rig->queues.side[s];
        NetCount out = { stats->done.frames + stats->queued.frames,
                         stats->done.bytes + stats->queued.bytes };

        for (int reason = 0; reason < COLO_DROP_REASON__MAX; reason++) {
            net_count_add(&out, stats->dropped[reason].frames, stats->dropped[reason].bytes);
        }
        g_assert_cmpuint(stats->in.frames, ==, out.frames);
        g_assert_cmpuint(stats->in.bytes, ==, out.bytes);
        g_assert_true((stats->cost == 0) == (stats->queued.frames == 0));
    }
    g_assert_cmpuint(rig->queues.side[COLO_SIDE_PRIMARY].done.frames, ==, rig->n_released);
}

void colo_rig_clear(ColoRig *rig)
{
    colo_rig_check(rig);
    colo_queues_empty(&rig->queues);
    colo_rig_check(rig);
    g_assert_cmpuint(rig->queues.side[COLO_SIDE_PRIMARY].queued.frames, ==, 0);
    g_assert_cmpuint(rig->queues.side[COLO_SIDE_SECONDARY].queued.frames, ==, 0);
    colo_queues_clear(&rig->queues);
    g_string_free(rig->log, TRUE);
}

void colo_rig_add(ColoRig *rig, ColoSide side, const PacketSpec *spec)
{
    ColoFrame frame;

    colo_frame_build(&frame, spec);
    colo_queues_add(&rig->queues, side, &frame.frame, rig->now_ns);
}

void colo_rig_expect(ColoRig *rig, const char *log)
{
    g_assert_cmpstr(rig->log->str, ==, log);
    g_string_truncate(rig->log, 0);
}
