/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life of a vhost-user ring: start, stop, its three descriptors, notifications. */

/*
 * A ring is started by the message that brings its kick descriptor, and stopped by
 * GET_VRING_BASE. Between the two messages that bring the kick and the call descriptor frames may
 * go into it already: the notification is then owed.
 *
 * The descriptors come from the front-end, so they may be anything. What is no eventfd is refused,
 * since other files might block, and reading takes care not to wait all the same.
 */

#include "export/vhost-user-ring.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "export/vhost-user-poll.h"
#include "util/error.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/trace.h"

TRACE_POINT(vhost_user_ring_start);
TRACE_POINT(vhost_user_ring_stop);

/* --- Notifications ----------------------------------------------------------------------- */

/* Anonymous inodes have no file type; eventfds are some of them. */
static bool ring_check_fd(const VhostUserRing *ring, int fd, GError **error)
{
    struct stat st;

    if (fd >= 0 && (fstat(fd, &st) < 0 || (st.st_mode & S_IFMT) != 0 ||
                    !fd_set_nonblocking(fd, true))) {
        return error_set(error, "ring %u: the descriptor given is no eventfd", ring->index);
    }
    return true;
}

/* Returns: false if it cannot be read, so that it would be told as readable for ever. */
static bool ring_clear_kick(int fd)
{
    uint64_t count;
    struct iovec iov = { &count, sizeof(count) };
    ssize_t n;

    do {
        n = preadv2(fd, &iov, 1, -1, RWF_NOWAIT);
    } while (n < 0 && errno == EINTR);
    return n == sizeof(count) || (n < 0 && errno == EAGAIN);
}

static void ring_kick_event(int fd, FdEvents events, void *opaque)
{
    VhostUserRing *ring = opaque;

    if (!ring_clear_kick(fd)) {
        ring->vring.fault = "a kick descriptor that cannot be read";
        vhost_user_ring_broken(ring);
    } else {
        ring->dev->kicked(ring);
    }
}

/* A ring toward the guest needs kicks only while frames wait for buffers. */
void vhost_user_ring_update_watch(VhostUserRing *ring)
{
    bool wants = vhost_user_ring_works(ring) &&
                 (vhost_user_ring_to_guest(ring) ? ring->wants_buffers : ring->dev->nc->polled);

    if (ring->kick) {
        fd_watch_set(ring->kick, wants ? FD_EVENT_READ : FD_EVENT_NONE);
    }
}

void vhost_user_ring_publish(VhostUserRing *ring)
{
    if (vring_publish(&ring->vring)) {
        vhost_user_ring_owe_call(ring);
    }
}

/* --- Descriptors ------------------------------------------------------------------------- */

static void ring_drop_kick(VhostUserRing *ring)
{
    g_clear_pointer(&ring->kick, fd_watch_free);
    fd_close(&ring->kick_fd);
}

bool vhost_user_ring_set_kick(VhostUserRing *ring, int fd, GError **error)
{
    auto_fd int taken = fd;

    if (!ring_check_fd(ring, taken, error)) {
        return false;
    }
    ring_drop_kick(ring);
    ring->kick_fd = fd_steal(&taken);
    if (ring->kick_fd >= 0) {
        ring->kick = fd_watch_new(ring->kick_fd, ring_kick_event, ring);
    }
    return true;
}

bool vhost_user_ring_set_call(VhostUserRing *ring, int fd, GError **error)
{
    auto_fd int taken = fd;

    if (!ring_check_fd(ring, taken, error)) {
        return false;
    }
    fd_close(&ring->call_fd);
    ring->call_fd = fd_steal(&taken);
    if (ring->owes_call && ring->started) {
        vhost_user_ring_call(ring);
    }
    return true;
}

bool vhost_user_ring_set_err(VhostUserRing *ring, int fd, GError **error)
{
    auto_fd int taken = fd;

    if (!ring_check_fd(ring, taken, error)) {
        return false;
    }
    fd_close(&ring->err_fd);
    ring->err_fd = fd_steal(&taken);
    return true;
}

/* --- Start and stop ---------------------------------------------------------------------- */

void vhost_user_dev_find_targets(VhostUserDev *dev)
{
    dev->n_targets = 0;
    for (unsigned i = 0; i < 2 * dev->n_pairs; i += 2) {
        if (vhost_user_ring_works(&dev->rings[i]) && dev->rings[i].enabled) {
            dev->targets[dev->n_targets++] = (uint16_t)i;
        }
    }
}

void vhost_user_ring_broken(VhostUserRing *ring)
{
    /* What is read where memory is lost is no fault of the guest. */
    if (!vring_memory_is_lost(ring->dev->mem)) {
        log_limited_error(ring->dev->source, ring->vring.fault,
                          "ring %u is not worked any more: it has %s", ring->index,
                          ring->vring.fault);
    }
    if (ring->err_fd >= 0) {
        vhost_user_signal(ring->err_fd);
    }
    vhost_user_ring_update_watch(ring);
    vhost_user_dev_find_targets(ring->dev);
    ring->dev->ops->changed(ring->dev);
}

static void ring_check_driver(VhostUserRing *ring)
{
    if (!(ring->dev->features & VIRTIO_F_VERSION_1)) {
        ring->vring.fault = "the layout of a legacy driver, which does not know virtio 1.0";
    }
}

/* A VM that was paused, or had its link down, goes on with the rings that it had. */
static bool ring_is_same(const VringSetup *a, const VringSetup *b)
{
    return a->is_packed == b->is_packed && a->num == b->num && a->desc == b->desc &&
           a->avail == b->avail && a->used == b->used;
}

void vhost_user_ring_start(VhostUserRing *ring)
{
    uint64_t features = ring->dev->features;
    VringSetup setup = {
        .is_packed = features & VIRTIO_F_RING_PACKED,
        .has_event_idx = features & VIRTIO_F_EVENT_IDX,
        .to_guest = vhost_user_ring_to_guest(ring),
        .num = ring->num,
        .desc = ring->desc,
        .avail = ring->avail,
        .used = ring->used,
    };

    ring->starts = !vring_is_there(&setup, ring->dev->mem);
    if (ring->starts) {
        return;
    }
    ring->resumed = ring->has_stopped && ring->base == ring->last_base &&
                    ring_is_same(&setup, &ring->last);
    TRACE(vhost_user_ring_start, "export '%s': ring %u, %u entries, base 0x%x, %s",
          ring->dev->nc->id, ring->index, ring->num, ring->base,
          ring->resumed ? "goes on" : "anew");
    ring->started = true;
    if (vring_start(&ring->vring, &setup, ring->dev->mem, ring->base)) {
        ring_check_driver(ring);
    }
    if (ring->vring.fault) {
        vhost_user_ring_broken(ring);
        return;
    }
    vhost_user_ring_update_log(ring);
    vring_set_kicks(&ring->vring, false);
    vhost_user_ring_update_watch(ring);
}

void vhost_user_ring_update_log(VhostUserRing *ring)
{
    vring_set_log(&ring->vring, ring->logs ? ring->dev->log : NULL, ring->log);
}

void vhost_user_ring_stop(VhostUserRing *ring)
{
    if (ring->vring.has_base) {
        ring->base = vring_base(&ring->vring);
        ring->has_stopped = true;
        ring->last = ring->vring.setup;
        ring->last_base = ring->base;
    }
    TRACE(vhost_user_ring_stop, "export '%s': ring %u, base 0x%x", ring->dev->nc->id, ring->index,
          ring->base);
    if (ring->owes_call) {
        vhost_user_ring_call(ring); /* later would be too late */
    }
    ring->starts = false;
    ring->started = false;
    ring->wants_buffers = false;
    ring->owes_call = false;
    ring_drop_kick(ring);
    fd_close(&ring->call_fd);
    vring_stop(&ring->vring);
}

/* The memory that has come is known for each mapping, so in postcopy it is asked for anew. */
static void ring_start_later(VhostUserRing *ring)
{
    ring->base = vring_base(&ring->vring);
    vring_stop(&ring->vring);
    ring->starts = true;
    ring->started = false;
    ring->wants_buffers = false;
    vhost_user_ring_update_watch(ring);
}

void vhost_user_ring_move(VhostUserRing *ring)
{
    if (!vhost_user_ring_works(ring)) {
        return;
    }
    if (!vring_is_there(&ring->vring.setup, ring->dev->mem)) {
        ring_start_later(ring);
    } else if (!vring_move(&ring->vring, ring->dev->mem)) {
        vhost_user_ring_broken(ring);
    }
}

void vhost_user_ring_init(VhostUserRing *ring, VhostUserDev *dev, unsigned index)
{
    *ring = (VhostUserRing) {
        .dev = dev, .index = index, .kick_fd = -1, .call_fd = -1, .err_fd = -1,
    };
}

void vhost_user_ring_reset(VhostUserRing *ring)
{
    vhost_user_ring_stop(ring);
    fd_close(&ring->err_fd);
    vhost_user_ring_init(ring, ring->dev, ring->index);
}
