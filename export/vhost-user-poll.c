/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When the rings of a vhost-user guest are looked at, and when the guest is notified. */

/*
 * A kick costs the guest a trap and us a wake-up with a system call, a call the guest an
 * interrupt. Where frames come one by one both are worth it, as somebody may wait for an answer.
 * A pass that moves many at once makes the device busy for BUSY_NS. While it is, a ring that had
 * nothing is looked at again without a kick: one with frames for us for the first poll-us almost
 * without a break, in visits of SPIN_NS at most, between which others have their turn; then, as
 * one that lacks buffers for the guest, every TICK_NS. And notifications to the guest are CALL_NS
 * apart. When the device is not busy any more, kicks are asked for again.
 */

#include "export/vhost-user-poll.h"

#include <errno.h>
#include <unistd.h>

/* A pass that moves so much makes the device busy. */
#define BUSY_FRAMES 8u
#define BUSY_BYTES 16384u

/* How long for. */
#define BUSY_NS INT64_C(2000000)

/* How long one visit waits for the guest. */
#define SPIN_NS INT64_C(10000)

/* How often a ring is looked at, and the guest notified, while the device is busy. */
#define TICK_NS INT64_C(100000)
#define CALL_NS INT64_C(300000)

/* How often a ring without a kick descriptor is looked at. */
#define LOOK_NS INT64_C(1000000)

/* Looks at a ring between two at the clock. */
#define SPIN_LOOKS 16u

/* --- Looking at rings -------------------------------------------------------------------- */

static void dev_look_at(VhostUserDev *dev, int64_t when_ns)
{
    if (!timer_is_running(dev->again) || timer_deadline_ns(dev->again) > when_ns) {
        timer_start_at(dev->again, when_ns);
    }
}

void vhost_user_dev_look_again(VhostUserDev *dev)
{
    dev_look_at(dev, clock_now_ns(CLOCK_TYPE_REALTIME));
}

void vhost_user_dev_look_now_and_then(VhostUserDev *dev)
{
    for (unsigned i = 0; i < 2 * dev->n_pairs; i++) {
        const VhostUserRing *ring = &dev->rings[i];

        if (vhost_user_ring_works(ring) && !ring->kick) {
            dev_look_at(dev, clock_now_ns(CLOCK_TYPE_REALTIME) + LOOK_NS);
        }
    }
}

void vhost_user_dev_moved(VhostUserDev *dev, size_t frames, uint64_t bytes)
{
    if (dev->poll_ns > 0 && (frames >= BUSY_FRAMES || bytes >= BUSY_BYTES)) {
        dev->busy_since_ns = clock_now_ns(CLOCK_TYPE_REALTIME);
    }
}

static void spin_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

bool vhost_user_ring_spin(const VhostUserRing *ring)
{
    const VhostUserDev *dev = ring->dev;
    int64_t now_ns = dev->poll_ns > 0 ? clock_now_ns(CLOCK_TYPE_REALTIME) : 0;
    int64_t end_ns = MIN(now_ns + SPIN_NS, dev->busy_since_ns + dev->poll_ns);

    while (now_ns < end_ns) {
        for (unsigned i = 0; i < SPIN_LOOKS; i++) {
            if (vring_has_more(&ring->vring)) {
                return true;
            }
            spin_pause();
        }
        now_ns = clock_now_ns(CLOCK_TYPE_REALTIME);
    }
    return false;
}

bool vhost_user_ring_rest(VhostUserRing *ring)
{
    VhostUserDev *dev = ring->dev;
    int64_t now_ns = dev->poll_ns > 0 ? clock_now_ns(CLOCK_TYPE_REALTIME) : 0;
    int64_t busy_ns = now_ns - dev->busy_since_ns;
    bool spins;

    if (dev->poll_ns == 0 || busy_ns >= MAX(BUSY_NS, dev->poll_ns)) {
        return vring_set_kicks(&ring->vring, true);
    }
    vring_set_kicks(&ring->vring, false);
    spins = !vhost_user_ring_to_guest(ring) && busy_ns < dev->poll_ns;
    dev_look_at(dev, spins ? now_ns : now_ns + TICK_NS);
    return false;
}

/* --- Notifying the guest ----------------------------------------------------------------- */

void vhost_user_signal(int fd)
{
    uint64_t one = 1;

    /* It fails where so many notifications wait that one more makes no difference. */
    while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR) {
        continue;
    }
}

void vhost_user_ring_call(VhostUserRing *ring)
{
    ring->owes_call = ring->call_fd < 0;
    if (ring->call_fd >= 0) {
        vhost_user_signal(ring->call_fd);
    }
}

void vhost_user_ring_owe_call(VhostUserRing *ring)
{
    VhostUserDev *dev = ring->dev;
    int64_t now_ns = dev->poll_ns > 0 ? clock_now_ns(CLOCK_TYPE_REALTIME) : 0;

    ring->owes_call = true;
    if (dev->poll_ns > 0 && now_ns - dev->busy_since_ns < BUSY_NS &&
        now_ns - ring->called_ns < CALL_NS) {
        dev_look_at(dev, ring->called_ns + CALL_NS);
        return;
    }
    ring->called_ns = now_ns;
    vhost_user_ring_call(ring);
}

void vhost_user_ring_call_if_due(VhostUserRing *ring)
{
    if (ring->owes_call && ring->started) {
        vhost_user_ring_owe_call(ring);
    }
}
