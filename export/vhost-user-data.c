/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames between a netdev's chains and the rings of a vhost-user guest. */

/*
 * From the guest a batch of buffers is sent down the chain, and given back. The guest may change
 * what is in them at any time, and filters read headers more than once; so frames are copied out,
 * once, and only the copy is looked at. Where nobody on their way reads anything twice they stay
 * where they are, unless their header wants something done.
 *
 * Toward the guest frames are written into its buffers one by one, and all that a call brought are
 * given back together. A frame for which there are too few buffers is taken back out of the ring
 * and stays in the chain; then the guest is asked to notify of new buffers.
 *
 * A frame with a virtio-net header reaches the guest as it is if the guest takes what the header
 * asks for; else it is turned into plain frames here.
 */

#include "export/vhost-user-data.h"

#include <string.h>

#include "export/vhost-user-poll.h"
#include "export/vhost-user-ring.h"
#include "net/packet/offload.h"
#include "util/bytes.h"

/* The header in front of each frame in the rings (virtio 1.2, 5.1.6). */
#define HDR_LEN 12u
#define HDR_FLAGS 0u
#define HDR_GSO_TYPE 1u
#define HDR_NUM_BUFFERS 10u

#define HDR_F_NEEDS_CSUM 1u
#define HDR_F_DATA_VALID 2u
#define HDR_GSO_NONE 0u
#define HDR_GSO_TCPV4 1u
#define HDR_GSO_TCPV6 4u
#define HDR_GSO_UDP_L4 5u

/* Frames from the guest in one batch, and bytes of one wake-up. */
#define BATCH_MAX 64u
#define BUDGET (UINT64_C(512) * 1024)

/* A piece of a frame, however short, is as much work as one of this length. */
#define COST_MIN 256u

/* And what a ring is run for at most before it stops, for each entry. */
#define COST_FULL 2048u

/* A batch copies no frame where this would not have room for it. */
#define BUFFER_SIZE (BATCH_MAX * 2048u + HDR_LEN + NET_FRAME_MAX)

/* Each copy begins at a multiple of this. */
#define BUFFER_ALIGN 64u

static uint8_t buffer[BUFFER_SIZE] __attribute__((aligned(BUFFER_ALIGN)));
static VringBuffer buffers[BATCH_MAX];
static VringChain chain;

/* What the guest has in memory that is lost was not there: its connection is to end. */
static void dev_check_memory(VhostUserDev *dev)
{
    bool is_lost = (dev->mem && vring_memory_is_lost(dev->mem)) ||
                   (dev->log && vring_log_is_lost(dev->log));

    if (G_UNLIKELY(is_lost) && !dev->has_failed) {
        dev->has_failed = true;
        dev->ops->failed(dev);
    }
}

/* --- From the guest ---------------------------------------------------------------------- */

/* What a guest may ask for in a header, by what it took. */
static bool header_is_allowed(const VhostUserDev *dev, const uint8_t *header)
{
    uint64_t needed = VIRTIO_NET_F_CSUM;

    if (header[HDR_GSO_TYPE] == HDR_GSO_TCPV4) {
        needed |= VIRTIO_NET_F_HOST_TSO4;
    } else if (header[HDR_GSO_TYPE] == HDR_GSO_TCPV6) {
        needed |= VIRTIO_NET_F_HOST_TSO6;
    } else if (header[HDR_GSO_TYPE] == HDR_GSO_UDP_L4) {
        needed |= VIRTIO_NET_F_HOST_USO;
    } else if (header[HDR_GSO_TYPE] != HDR_GSO_NONE) {
        return false;
    }
    return (dev->features & needed) == needed;
}

static bool header_is_idle(const uint8_t *header)
{
    return !(header[HDR_FLAGS] & HDR_F_NEEDS_CSUM) && header[HDR_GSO_TYPE] == HDR_GSO_NONE;
}

/* The same of a header in the guest's memory: both bytes are read once. */
static bool header_is_idle_now(const uint8_t *header)
{
    uint8_t own[2];

    own[HDR_FLAGS] = __atomic_load_n(&header[HDR_FLAGS], __ATOMIC_RELAXED);
    own[HDR_GSO_TYPE] = __atomic_load_n(&header[HDR_GSO_TYPE], __ATOMIC_RELAXED);
    return header_is_idle(own);
}

/** Frames on their way from a ring. */
typedef struct TakenBatch {
    NetBatch frames;
    size_t n_buffers;  /* that were taken for them, or for what was no frame */
    size_t used;       /* bytes of @buffer that are in use */
    uint64_t bytes;    /* what all was worth */
    bool views;        /* frames may be where the guest has them */
} TakenBatch;

static void batch_add(TakenBatch *batch, const NetFrame *frame)
{
    batch->frames.frames[batch->frames.n++] = *frame;
}

static bool batch_has_room(const TakenBatch *batch)
{
    return batch->n_buffers < BATCH_MAX && batch->used + HDR_LEN + NET_FRAME_MAX <= BUFFER_SIZE;
}

/* Room for a copy of @len bytes; batch_has_room() was true. */
static uint8_t *batch_room(TakenBatch *batch, uint64_t len)
{
    uint8_t *to = buffer + batch->used;

    batch->used += (len + BUFFER_ALIGN - 1) / BUFFER_ALIGN * BUFFER_ALIGN;
    return to;
}

/* What a buffer of @len bytes holds is taken, or counted as dropped. */
static bool batch_takes(const VhostUserRing *ring, uint64_t len)
{
    NetClient *nc = ring->dev->nc;

    if (G_UNLIKELY(len <= HDR_LEN || len - HDR_LEN > NET_FRAME_MAX)) {
        net_client_drop(nc, 1, len <= HDR_LEN ? 0 : len - HDR_LEN,
                        len <= HDR_LEN ? NET_DROP_REASON_EMPTY : NET_DROP_REASON_TOO_LONG);
        return false;
    }
    if (G_UNLIKELY(!ring->enabled)) {
        net_client_drop(nc, 1, len - HDR_LEN, NET_DROP_REASON_LINK_DOWN);
        return false;
    }
    return true;
}

/* A frame of @len bytes with its header, which were copied to @data. */
static void batch_add_copy(TakenBatch *batch, VhostUserDev *dev, const uint8_t *data,
                           uint64_t len)
{
    NetFrame frame = { .data = data, .len = (uint32_t)len, .vnet_hdr_len = HDR_LEN };

    if (header_is_idle(data) || !(dev->features & VIRTIO_NET_F_CSUM)) {
        frame = (NetFrame) { .data = data + HDR_LEN, .len = (uint32_t)(len - HDR_LEN) };
    } else if (!header_is_allowed(dev, data)) {
        net_client_drop(dev->nc, 1, len - HDR_LEN, NET_DROP_REASON_MALFORMED);
        return;
    }
    batch_add(batch, &frame);
}

static void take_buffer(TakenBatch *batch, VhostUserRing *ring, const VringBuffer *from)
{
    uint8_t *to;

    if (!batch_takes(ring, from->len)) {
        return;
    }
    if (batch->views && (!(ring->dev->features & VIRTIO_NET_F_CSUM) ||
                         header_is_idle_now(from->data))) {
        batch_add(batch, &(NetFrame) { .data = from->data + HDR_LEN, .len = from->len - HDR_LEN });
        return;
    }
    to = batch_room(batch, from->len);
    memcpy(to, from->data, from->len);
    batch_add_copy(batch, ring->dev, to, from->len);
}

/* Takes buffers that are in one piece. Returns: whether there was any. */
static bool take_buffers(TakenBatch *batch, VhostUserRing *ring)
{
    size_t n = vring_pop_many(&ring->vring, buffers, BATCH_MAX);
    size_t i;

    for (i = 0; i < n; i++) {
        __builtin_prefetch(buffers[i].data);
    }
    for (i = 0; i < n && batch_has_room(batch); i++) {
        take_buffer(batch, ring, &buffers[i]);
        vring_stage_buffer(&ring->vring, &buffers[i], 0);
        batch->n_buffers++;
        batch->bytes += MAX(buffers[i].len, COST_MIN);
    }
    vring_unpop(&ring->vring, n - i);
    return n > 0;
}

static void copy_out(uint8_t *to)
{
    for (uint32_t i = 0; i < chain.n_pieces; i++) {
        memcpy(to, chain.pieces[i].data, chain.pieces[i].len);
        to += chain.pieces[i].len;
    }
}

/* Takes buffers of any kind. */
static void take_chains(TakenBatch *batch, VhostUserRing *ring)
{
    while (batch_has_room(batch) && vring_pop(&ring->vring, &chain) == VRING_POP_CHAIN) {
        if (batch_takes(ring, chain.len)) {
            uint8_t *to = batch_room(batch, chain.len);

            copy_out(to);
            batch_add_copy(batch, ring->dev, to, chain.len);
        }
        vring_stage(&ring->vring, &chain, 0);
        batch->n_buffers++;
        batch->bytes += MAX(chain.len, (uint64_t)chain.n_pieces * COST_MIN);
    }
}

/* Take a batch, send it, and give it back. Returns: whether there was any; @bytes: its worth. */
static bool run_batch(VhostUserRing *ring, uint64_t *bytes)
{
    NetClient *nc = ring->dev->nc;
    TakenBatch batch;

    batch.frames.n = 0;
    batch.n_buffers = 0;
    batch.used = 0;
    batch.bytes = 0;
    batch.views = net_client_reads_once(nc);
    if (!take_buffers(&batch, ring)) {
        take_chains(&batch, ring);
    }
    if (batch.n_buffers == 0) {
        return false;
    }
    if (batch.frames.n > 0) {
        net_client_send(nc, batch.frames.frames, batch.frames.n);
    }
    vhost_user_ring_publish(ring);
    vhost_user_dev_moved(ring->dev, batch.n_buffers, batch.bytes);
    *bytes += batch.bytes;
    return true;
}

/*
 * Take what the guest has sent, up to about @limit bytes, in a working ring.
 * Returns: whether there may be more; if not, the guest kicks, or the ring is looked at again.
 */
static bool ring_run(VhostUserRing *ring, uint64_t limit)
{
    VhostUserDev *dev = ring->dev;
    uint64_t bytes = 0;
    bool more = true;

    while (more && bytes < limit && dev->nc->polled && !dev->has_failed) {
        bool any = run_batch(ring, &bytes);

        dev_check_memory(dev);
        if (ring->vring.fault) {
            vhost_user_ring_broken(ring);
            return false;
        }
        more = any || (!ring->vring.waits &&
                       (vhost_user_ring_spin(ring) || vhost_user_ring_rest(ring)));
    }
    if (more) {
        vring_set_kicks(&ring->vring, false);
    }
    return more;
}

void vhost_user_ring_kicked(VhostUserRing *ring)
{
    if (!vhost_user_ring_works(ring)) {
        return;
    }
    if (!vhost_user_ring_to_guest(ring)) {
        if (ring_run(ring, BUDGET) && ring->dev->nc->polled) {
            vhost_user_dev_look_again(ring->dev);
        }
    } else if (ring->wants_buffers) {
        ring->wants_buffers = false;
        vring_set_kicks(&ring->vring, false);
        vhost_user_ring_update_watch(ring);
        net_client_ready(ring->dev->nc);
    }
}

void vhost_user_ring_drain(VhostUserRing *ring)
{
    if (!vhost_user_ring_to_guest(ring) && vhost_user_ring_works(ring)) {
        ring_run(ring, (uint64_t)ring->num * COST_FULL);
    }
}

void vhost_user_dev_drain(VhostUserDev *dev, uint64_t limit)
{
    for (unsigned i = 1; i < 2 * dev->n_pairs; i += 2) {
        if (vhost_user_ring_works(&dev->rings[i])) {
            ring_run(&dev->rings[i], limit);
        }
    }
}

void vhost_user_dev_read_poll(VhostUserDev *dev)
{
    if (!dev->again) {
        return; /* the client is being created */
    }
    for (unsigned i = 1; i < 2 * dev->n_pairs; i += 2) {
        vhost_user_ring_update_watch(&dev->rings[i]);
    }
    if (dev->nc->polled) {
        vhost_user_dev_look_again(dev);
    }
}

void vhost_user_dev_look(void *opaque)
{
    VhostUserDev *dev = opaque;

    for (unsigned i = 0; i < 2 * dev->n_pairs; i++) {
        vhost_user_ring_kicked(&dev->rings[i]);
        vhost_user_ring_call_if_due(&dev->rings[i]);
    }
    vhost_user_dev_look_now_and_then(dev);
}

/* --- Toward the guest -------------------------------------------------------------------- */

/** What became of a frame, or of a part of one. */
typedef enum PutResult {
    PUT_DONE,
    PUT_FULL,   /* there are too few buffers */
    PUT_NEVER,  /* no buffers of this guest can take it */
} PutResult;

/** Where the first bytes of a frame's first buffer are: the header is written last. */
typedef struct PutHeader {
    VringPiece pieces[HDR_LEN];
} PutHeader;

/* Notes where the header goes. Returns: whether the buffer has room for one and more. */
static bool put_note_header(PutHeader *header)
{
    uint64_t left = HDR_LEN;

    if (chain.len <= HDR_LEN) {
        return false;
    }
    for (uint32_t i = 0; left > 0; i++) {
        header->pieces[i] = chain.pieces[i];
        header->pieces[i].len = MIN(left, chain.pieces[i].len);
        left -= header->pieces[i].len;
    }
    return true;
}

/* What was written to the guest's memory is to be migrated again. */
static void put_log(const VhostUserDev *dev, uint64_t addr, uint64_t len)
{
    if (G_UNLIKELY(dev->features & VHOST_F_LOG_ALL) && dev->log) {
        vring_log_mark(dev->log, addr, len);
    }
}

static void put_header(const VhostUserDev *dev, const PutHeader *header, const uint8_t *bytes)
{
    uint64_t done = 0;

    for (uint32_t i = 0; done < HDR_LEN; i++) {
        memcpy(header->pieces[i].data, bytes + done, header->pieces[i].len);
        put_log(dev, header->pieces[i].addr, header->pieces[i].len);
        done += header->pieces[i].len;
    }
}

/* Fills @chain behind its first @skip bytes. Returns: how many bytes of @data it took. */
static uint64_t put_fill(const VhostUserDev *dev, const uint8_t *data, uint64_t len,
                         uint64_t skip)
{
    uint64_t done = 0;

    for (uint32_t i = 0; i < chain.n_pieces && done < len; i++) {
        uint64_t at = MIN(skip, chain.pieces[i].len);
        uint64_t n = MIN(len - done, chain.pieces[i].len - at);

        memcpy(chain.pieces[i].data + at, data + done, n);
        put_log(dev, chain.pieces[i].addr + at, n);
        done += n;
        skip -= at;
    }
    return done;
}

/*
 * Put a frame, whose Ethernet part is @data, into buffers of @ring.
 * @bytes: its header of HDR_LEN bytes; the number of buffers is filled in
 */
static PutResult put_buffers(VhostUserRing *ring, uint8_t *bytes, const uint8_t *data,
                             uint64_t len)
{
    bool merges = ring->dev->features & VIRTIO_NET_F_MRG_RXBUF;
    uint32_t n_buffers = 0;
    PutHeader header;

    while (n_buffers == 0 || len > 0) {
        uint64_t skip = n_buffers == 0 ? HDR_LEN : 0;
        uint64_t n;

        if ((n_buffers > 0 && !merges) || n_buffers == UINT16_MAX) {
            return PUT_NEVER;
        }
        if (vring_pop(&ring->vring, &chain) != VRING_POP_CHAIN) {
            return PUT_FULL;
        }
        if (n_buffers == 0 && !put_note_header(&header)) {
            return PUT_NEVER;
        }
        n = put_fill(ring->dev, data, len, skip);
        vring_stage(&ring->vring, &chain, (uint32_t)(skip + n));
        data += n;
        len -= n;
        n_buffers++;
    }
    bytes[HDR_NUM_BUFFERS] = (uint8_t)n_buffers;
    bytes[HDR_NUM_BUFFERS + 1] = (uint8_t)(n_buffers >> 8);
    put_header(ring->dev, &header, bytes);
    return PUT_DONE;
}

/* Whether the guest takes @frame as it is. */
static bool guest_takes(const VhostUserDev *dev, const NetFrame *frame)
{
    uint64_t needed = VIRTIO_NET_F_GUEST_CSUM;

    if (frame->vnet_hdr_len < NET_VNET_HDR_LEN || frame->len <= frame->vnet_hdr_len) {
        return frame->vnet_hdr_len == 0;
    }
    if (frame->data[HDR_GSO_TYPE] == HDR_GSO_TCPV4) {
        needed |= VIRTIO_NET_F_GUEST_TSO4;
    } else if (frame->data[HDR_GSO_TYPE] == HDR_GSO_TCPV6) {
        needed |= VIRTIO_NET_F_GUEST_TSO6;
    } else if (frame->data[HDR_GSO_TYPE] == HDR_GSO_UDP_L4) {
        needed |= VIRTIO_NET_F_GUEST_USO4 | VIRTIO_NET_F_GUEST_USO6;
    } else if (frame->data[HDR_GSO_TYPE] != HDR_GSO_NONE) {
        return false;
    }
    return (dev->features & needed) == needed;
}

/* What the header in front of @frame, if it has one, says is what the guest is told. */
static void put_header_bytes(uint8_t *bytes, const NetFrame *frame)
{
    if (frame->vnet_hdr_len > 0) {
        memcpy(bytes, frame->data, NET_VNET_HDR_LEN);
        bytes[HDR_FLAGS] &= HDR_F_NEEDS_CSUM | HDR_F_DATA_VALID;
    }
}

static PutResult put_as_it_is(VhostUserRing *ring, const NetFrame *frame)
{
    uint8_t bytes[HDR_LEN] = { 0 };

    put_header_bytes(bytes, frame);
    return put_buffers(ring, bytes, frame->data + frame->vnet_hdr_len,
                       frame->len - frame->vnet_hdr_len);
}

/* All segments, or none: the caller takes back what was put in. */
static PutResult put_segments(VhostUserRing *ring, NetOffload *offload)
{
    static uint8_t segment_buffer[NET_FRAME_MAX + NET_OFFLOAD_HEADERS_MAX];
    PutResult result = PUT_DONE;
    NetFrame segment;

    g_assert(net_offload_segment_size(offload) <= sizeof(segment_buffer));
    while (result == PUT_DONE && net_offload_next(offload, segment_buffer, &segment)) {
        result = put_as_it_is(ring, &segment);
    }
    return result;
}

/* Whether all buffers that the ring can have are in use since @mark: there will never be more. */
static bool put_used_whole_ring(const Vring *vring, const VringMark *mark)
{
    uint32_t n_slots = 0;

    for (uint32_t i = mark->n_staged; i < vring->n_staged; i++) {
        n_slots += vring->staged[i].n_slots;
    }
    return n_slots >= vring->setup.num;
}

/* Returns: whether @frame has been dealt with; else there are too few buffers. */
static bool put_frame(VhostUserRing *ring, const NetFrame *frame)
{
    VringMark mark = vring_mark(&ring->vring);
    NetDropReason reason = NET_DROP_REASON_TOO_LONG;
    PutResult result = PUT_NEVER;
    NetOffload offload;

    if (guest_takes(ring->dev, frame)) {
        result = put_as_it_is(ring, frame);
    } else if (net_offload_init(&offload, frame, NULL)) {
        result = put_segments(ring, &offload);
    } else {
        reason = NET_DROP_REASON_MALFORMED;
    }
    if (result == PUT_DONE) {
        return true;
    }
    if (result == PUT_FULL && !ring->vring.fault && put_used_whole_ring(&ring->vring, &mark)) {
        result = PUT_NEVER;
    }
    vring_rewind(&ring->vring, &mark);
    if (result == PUT_NEVER) {
        net_client_drop_rx(ring->dev->nc, frame, 1, reason);
    }
    return result == PUT_NEVER;
}

/* One frame into one buffer, if it needs nothing else. Returns: whether it did. */
static bool put_buffer(VhostUserRing *ring, const VringBuffer *to, const NetFrame *frame)
{
    uint32_t len = frame->len - frame->vnet_hdr_len;
    uint8_t header[HDR_LEN] = { [HDR_NUM_BUFFERS] = 1 };

    if (to->len < HDR_LEN || len > to->len - HDR_LEN || !guest_takes(ring->dev, frame)) {
        return false;
    }
    put_header_bytes(header, frame);
    memcpy(to->data, header, HDR_LEN);
    memcpy(to->data + HDR_LEN, frame->data + frame->vnet_hdr_len, len);
    put_log(ring->dev, to->addr, HDR_LEN + len);
    vring_stage_buffer(&ring->vring, to, HDR_LEN + len);
    return true;
}

/* Put frames, from the front, into a buffer each, as far as it is as easy as that. */
static size_t put_easy_frames(VhostUserRing *ring, const NetFrame *frames, size_t n)
{
    size_t n_buffers = vring_pop_many(&ring->vring, buffers, MIN(n, BATCH_MAX));
    size_t done = 0;

    for (size_t i = 0; i < n_buffers; i++) {
        __builtin_prefetch(buffers[i].data, 1);
    }
    while (done < n_buffers && put_buffer(ring, &buffers[done], &frames[done])) {
        done++;
    }
    vring_unpop(&ring->vring, n_buffers - done);
    return done;
}

/* --- Flows ------------------------------------------------------------------------------- */

/* A number that all frames of one flow have in common; frames of no known kind are one flow. */
static uint32_t flow_hash(const NetFrame *frame)
{
    const uint8_t *eth = frame->data + frame->vnet_hdr_len;
    uint32_t len = frame->len - frame->vnet_hdr_len;
    uint32_t from = 0;
    uint32_t n = 0;
    uint32_t hash = 2166136261u; /* FNV-1a */

    if (len >= 14 + 20 && get_be16(eth + 12) == 0x0800) {
        /* Only a datagram's first fragment has ports, so they count in none. */
        bool has_ports = (get_be16(eth + 20) & 0x3fff) == 0 && eth[14] == 0x45 &&
                         (eth[23] == 6 || eth[23] == 17) && len >= 14 + 24;

        from = 14 + 12;
        n = has_ports ? 12 : 8;
    } else if (len >= 14 + 40 && get_be16(eth + 12) == 0x86dd) {
        bool has_ports = (eth[20] == 6 || eth[20] == 17) && len >= 14 + 44;

        from = 14 + 8;
        n = has_ports ? 36 : 32;
    }
    for (uint32_t i = 0; i < n; i++) {
        hash = (hash ^ eth[from + i]) * 16777619u;
    }
    return hash ^ hash >> 16;
}

static VhostUserRing *dev_choose(VhostUserDev *dev, const NetFrame *frame)
{
    size_t i = dev->n_targets > 1 ? flow_hash(frame) % dev->n_targets : 0;

    return &dev->rings[dev->targets[i]];
}

/* --- Batches toward the guest ------------------------------------------------------------ */

/* Returns: whether there are buffers after all; else the guest will tell of new ones. */
static bool ring_wait_for_buffers(VhostUserRing *ring)
{
    vhost_user_ring_publish(ring);
    if (!ring->vring.waits && vhost_user_ring_rest(ring)) {
        return true;
    }
    ring->wants_buffers = true;
    vhost_user_ring_update_watch(ring);
    return false;
}

/* How many frames, from the front, go to the ring that the first goes to. */
static size_t dev_choose_run(VhostUserDev *dev, const NetFrame *frames, size_t n,
                             VhostUserRing **ring)
{
    size_t run = 1;

    *ring = dev_choose(dev, frames);
    if (dev->n_targets == 1) {
        return n;
    }
    while (run < n && dev_choose(dev, &frames[run]) == *ring) {
        run++;
    }
    return run;
}

size_t vhost_user_dev_send(VhostUserDev *dev, const NetFrame *frames, size_t n)
{
    size_t done = 0;

    while (done < n && dev->n_targets > 0 && !dev->has_failed) {
        VhostUserRing *ring;
        size_t run = dev_choose_run(dev, frames + done, n - done, &ring);
        size_t easy = put_easy_frames(ring, frames + done, run);

        done += easy;
        if (easy > 0) {
            continue;
        }
        if (put_frame(ring, &frames[done])) {
            done++;
        } else if (ring->vring.fault) {
            vhost_user_ring_publish(ring);
            vhost_user_ring_broken(ring);
        } else if (ring->wants_buffers || !ring_wait_for_buffers(ring)) {
            break;
        }
    }
    for (size_t i = 0; i < dev->n_targets; i++) {
        vhost_user_ring_publish(&dev->rings[dev->targets[i]]);
    }
    vhost_user_dev_moved(dev, done, net_frames_bytes(frames, done));
    dev_check_memory(dev);
    return done;
}
