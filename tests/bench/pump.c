/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sends numbered frames into the program under test, as fast as it takes them. */

#include "measure.h"
#include "traffic.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/** The pump's own state. */
typedef struct Pump {
    Traffic *traffic;
    uint8_t *block;              /* owned */
    size_t block_frames;         /* how many it holds */
    uint64_t *n_sent;            /* owned: of each flow */
    struct mmsghdr *messages;    /* owned: datagrams, one for each frame of the block */
    struct iovec *views;         /* owned: into block */
} Pump;

static void pump_init(Pump *pump, Traffic *traffic)
{
    const Records *records = &traffic->records;
    size_t n = traffic->chunk_bytes / records->len;

    if (!traffic->is_stream) {
        n = MIN(n, TRAFFIC_DGRAMS);
    }
    if (traffic->window) {
        n = MIN(n, traffic->window / 2);
    }
    n = MAX(n, 1);
    pump->traffic = traffic;
    pump->block_frames = n;
    pump->block = g_malloc(n * records->len);
    pump->n_sent = g_new0(uint64_t, traffic->n_flows);
    pump->messages = g_new0(struct mmsghdr, n);
    pump->views = g_new0(struct iovec, n);
    records_fill(records, pump->block, n);
    for (size_t i = 0; i < n; i++) {
        pump->views[i].iov_base = pump->block + i * records->len;
        pump->views[i].iov_len = records->len;
        pump->messages[i].msg_hdr.msg_iov = &pump->views[i];
        pump->messages[i].msg_hdr.msg_iovlen = 1;
    }
}

static void pump_clear(Pump *pump)
{
    g_free(pump->block);
    g_free(pump->n_sent);
    g_free(pump->messages);
    g_free(pump->views);
}

static void pump_write(Pump *pump, int fd, size_t n)
{
    size_t len = n * pump->traffic->records.len;

    for (size_t at = 0; at < len;) {
        ssize_t n_written = send(fd, pump->block + at, len - at, MSG_NOSIGNAL);

        if (n_written > 0) {
            at += n_written;
        } else if (errno != EINTR) {
            measure_fail("cannot send: %s", g_strerror(errno));
        }
    }
}

static void pump_write_datagrams(Pump *pump, int fd, size_t n)
{
    for (size_t at = 0; at < n;) {
        int n_written = sendmmsg(fd, pump->messages + at, n - at, MSG_NOSIGNAL);

        if (n_written > 0) {
            at += n_written;
        } else if (errno != EINTR) {
            measure_fail("cannot send: %s", g_strerror(errno));
        }
    }
}

static bool pump_has_room(const Pump *pump, size_t n)
{
    Traffic *traffic = pump->traffic;
    uint64_t n_on_the_way = atomic_load(&traffic->n_sent) - atomic_load(&traffic->n_through);

    return n_on_the_way + n <= traffic->window || atomic_load(&traffic->is_stopped);
}

/* Until the receiver has seen so much that n more frames may be on their way. */
static void pump_wait(Pump *pump, size_t n)
{
    Traffic *traffic = pump->traffic;

    if (!traffic->window || pump_has_room(pump, n)) {
        return;
    }
    g_mutex_lock(&traffic->lock);
    atomic_store(&traffic->is_waiting, true);
    while (!pump_has_room(pump, n)) {
        g_cond_wait(&traffic->is_through, &traffic->lock);
    }
    atomic_store(&traffic->is_waiting, false);
    g_mutex_unlock(&traffic->lock);
}

/* One turn of a flow. Returns: frames sent; 0 = the flow has had all of them. */
static size_t pump_turn(Pump *pump, size_t flow)
{
    Traffic *traffic = pump->traffic;
    uint64_t *n_sent = &pump->n_sent[flow];
    uint64_t n = pump->block_frames;

    if (traffic->n_frames) {
        n = MIN(n, traffic->n_frames - *n_sent);
    }
    pump_wait(pump, n);
    records_stamp(&traffic->records, pump->block, n, records_first_stamp(flow) + *n_sent);
    if (traffic->is_stream) {
        pump_write(pump, traffic->inputs[flow], n);
    } else {
        pump_write_datagrams(pump, traffic->inputs[flow], n);
    }
    *n_sent += n;
    atomic_fetch_add(&traffic->n_sent, n);
    return n;
}

gpointer traffic_pump(gpointer opaque)
{
    Traffic *traffic = opaque;
    size_t n_round;
    Pump pump;

    pump_init(&pump, traffic);
    do {
        n_round = 0;
        for (size_t i = 0; i < traffic->n_flows && !atomic_load(&traffic->is_stopped); i++) {
            n_round += pump_turn(&pump, i);
        }
    } while (n_round > 0);
    atomic_store(&traffic->is_pump_done, true);
    pump_clear(&pump);
    return NULL;
}
