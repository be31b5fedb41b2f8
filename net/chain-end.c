/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a chain: hands frames to the peer, in the form that it takes. */

/*
 * A peer that takes no virtio-net headers gets plain frames: the header is cut off, an open
 * checksum is completed, a large frame is segmented. To the chain the large frame is delivered
 * when its first segment is; the segments that the peer has no room for enter the chain as
 * frames of their own, in front of everything held.
 */

#include "net/chain-internal.h"

#include "net/client.h"
#include "net/packet/offload.h"
#include "net/run-state.h"
#include "util/trace.h"

TRACE_POINT(net_chain_malformed);

/* Room for the segments of one frame; NULL while it is used, as runs of chains nest. */
static uint8_t *spare_buffer;

static uint8_t *buffer_take(void)
{
    return spare_buffer ? g_steal_pointer(&spare_buffer) : g_malloc(NET_OFFLOAD_BUFFER_SIZE);
}

static void buffer_put(uint8_t *buffer)
{
    g_free(spare_buffer);
    spare_buffer = buffer;
}

static size_t plain_prefix(const NetFrame *frames, size_t n)
{
    size_t i = 0;

    while (i < n && !net_offload_is_needed(&frames[i])) {
        i++;
    }
    return i;
}

static void end_make_segments(NetOffload *offload, uint8_t *buffer, NetBatch *batch)
{
    uint32_t size = net_offload_segment_size(offload);

    batch->n = 0;
    while (net_offload_next(offload, buffer + batch->n * size, &batch->frames[batch->n])) {
        batch->n++;
    }
}

/* Frames enter the chain at its very end, for net_chain_take_rest(). */
static void end_enter(NetChain *chain, const NetFrame *frames, size_t n)
{
    uint64_t bytes = net_frames_bytes(frames, n);

    net_count_add(&chain->stats.injected, n, bytes);
    net_count_add(&chain->end.stats.in, n, bytes);
    net_count_add(&chain->held, n, bytes);
    net_hold_push(&chain->end_rest, frames, n);
}

/* Returns: whether the frame is dealt with; the peer is full when segments of it remain. */
static bool end_run_segments(NetChain *chain, NetOffload *offload)
{
    uint8_t *buffer = buffer_take();
    NetBatch batch;
    size_t taken;

    end_make_segments(offload, buffer, &batch);
    taken = chain->ends.to->info->receive(chain->ends.to, batch.frames, batch.n);
    if (taken > 0 && taken < batch.n) {
        end_enter(chain, batch.frames + taken, batch.n - taken);
    }
    buffer_put(buffer);
    return taken > 0;
}

static bool end_run_one(NetChain *chain, const NetFrame *frame)
{
    NetOffload offload;
    const char *why;

    if (!net_offload_init(&offload, frame, &why)) {
        TRACE(net_chain_malformed, "from '%s' to '%s': %s", chain->ends.from->id,
              chain->ends.to->id, why);
        net_stage_drop(&chain->end, frame, 1, NET_DROP_REASON_MALFORMED);
        return true;
    }
    return end_run_segments(chain, &offload);
}

static size_t end_run_plain(NetChain *chain, const NetFrame *frames, size_t n)
{
    size_t done = 0;

    while (done < n && chain->end_rest.n_frames == 0) {
        size_t plain = plain_prefix(frames + done, n - done);

        if (plain > 0) {
            size_t taken = chain->ends.to->info->receive(chain->ends.to, frames + done, plain);

            done += taken;
            if (taken < plain) {
                break;
            }
        } else if (end_run_one(chain, &frames[done])) {
            done++;
        } else {
            break;
        }
    }
    return done;
}

static size_t end_run(NetStage *stage, const NetFrame *frames, size_t n, NetPass *pass)
{
    NetChain *chain = stage->chain;
    NetClient *to = chain->ends.to;

    if (!run_state_is_running()) {
        return 0;
    }
    if (to->link_down && to->info->type != NET_CLIENT_DRIVER_NIC) {
        net_stage_drop(stage, frames, n, NET_DROP_REASON_LINK_DOWN);
        return n;
    }
    if (to->info->takes_vnet_hdr) {
        return to->info->receive(to, frames, n);
    }
    return end_run_plain(chain, frames, n);
}

const NetStageOps net_chain_end_ops = { .run = end_run };

void net_chain_return_end(NetChain *chain, const NetFrame *frames, size_t n)
{
    g_assert(chain->depth == 0);
    end_enter(chain, frames, n);
    net_chain_take_rest(chain);
    net_turn_add(NET_TURN_RUN, &chain->run, chain);
}

void net_chain_return_hold(NetChain *chain, NetHold *hold)
{
    g_assert(chain->depth == 0 && chain->end_rest.n_frames == 0);
    net_count_add(&chain->stats.injected, hold->n_frames, hold->n_bytes);
    net_count_add(&chain->end.stats.in, hold->n_frames, hold->n_bytes);
    net_count_add(&chain->held, hold->n_frames, hold->n_bytes);
    chain->end_rest = *hold;
    *hold = (NetHold) { 0 };
    net_chain_take_rest(chain);
    net_turn_add(NET_TURN_RUN, &chain->run, chain);
}

/* Such a stage has what waits at the end as well, or is about to. */
static bool chain_has_taker(const NetChain *chain)
{
    for (size_t i = 0; i < chain->n_stages; i++) {
        const NetStageState *state = &chain->stages[i]->state;

        if (state->active && state->takes) {
            return true;
        }
    }
    return false;
}

void net_chain_take_end(NetChain *chain, NetHold *hold)
{
    NetStage *end = &chain->end;
    uint64_t frames = end->held.n_frames;
    uint64_t bytes = end->held.n_bytes;

    g_assert(chain->depth == 0);
    if (frames == 0 || chain_has_taker(chain)) {
        return;
    }
    net_count_add(&end->stats.passed, frames, bytes);
    net_count_add(&chain->stats.delivered, frames, bytes);
    chain->held.frames -= frames;
    chain->held.bytes -= bytes;
    net_hold_append(hold, &end->held);
    net_turn_add(NET_TURN_RUN, &chain->run, chain);
}
