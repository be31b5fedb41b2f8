/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flow control of an export: few frames are in flight while a migration may stop the VM. */

/*
 * When a VM stops, its QEMU no longer brings frames to the guest, but goes on taking some. If the
 * VM goes on elsewhere, these are lost: the frames that QEMU has read, one more read, and the
 * content of the socket, which can be hundreds of frames. So during a migration the export hands
 * over the next frame only when QEMU has read the last one, which the sender sees in the socket:
 * then at most the last three are in flight. export-in-flight.c remembers them.
 *
 * One frame at a time costs a TCP stream into the guest nine tenths of its rate. So while more
 * frames wait than were handed over, and QEMU is quick to read, handovers of large frames grow by
 * one now and then, up to the size of one read of QEMU. The last three handovers are in flight
 * then; at hundreds of MB/s they are a millisecond's frames. A steady stream that does not pile up
 * still goes one by one, and a QEMU that is held up gets single frames again.
 *
 * No event comes when a small frame has been read: the socket stays writable. So the export looks
 * again: at once for a moment, as QEMU mostly is quick, then by a timer with growing pauses.
 *
 * QEMU reports the last pass of a migration just before it stops the VM. So the export hands over
 * no frames for a moment then, and fewer are in flight.
 */

#include "export/export-internal.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* The most that QEMU is handed at once; it reads 69632 bytes. */
#define FLOW_BURST_MAX 64u
#define FLOW_BYTES_MAX 65536u

/* Shorter frames always go one by one: they make no bulk. */
#define FLOW_LARGE 512u

/* So many handovers in a row, each with more waiting, make the next one a frame larger. */
#define FLOW_QUICK_STEP 2u

/* A QEMU that has not read within this time is held up by something, perhaps by its stop. */
#define FLOW_SLOW_NS INT64_C(2000000)

/* How long to look for the end of reading without letting go of the loop. */
#define FLOW_SPIN_NS INT64_C(20000)

/* How long to go on handing over without letting go of the loop. */
#define FLOW_TURN_NS INT64_C(1000000)

/* Pauses between two looks. */
#define FLOW_PAUSE_MIN_NS INT64_C(30000)
#define FLOW_PAUSE_MAX_NS INT64_C(2000000)

/* How long to wait for the STOP that the last pass of a migration announces. */
#define FLOW_STOP_NS INT64_C(5000000)

/* Until then nothing is handed over, as QEMU may be about to stop; on the realtime clock. */
static int64_t stop_wait_ns;

/* --- The socket -------------------------------------------------------------------------- */

static bool socket_is_unix(int fd)
{
    int domain = AF_UNSPEC;
    socklen_t len = sizeof(domain);

    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX;
}

bool net_export_unread(const NetExport *exp, uint64_t *bytes)
{
    int fd = exp->class->socket(exp);
    int unread;

    if (fd < 0 || !socket_is_unix(fd) || ioctl(fd, SIOCOUTQ, &unread) < 0) {
        return false;
    }
    *bytes = unread;
    return true;
}

static void flow_learn_socket(NetExport *exp)
{
    NetExportFlow *flow = &exp->flow;

    if (!flow->knows_socket) {
        flow->sees_reading = socket_is_unix(exp->class->socket(exp));
        flow->knows_socket = true;
    }
}

/* Whether QEMU has read everything. A broken socket counts as read: sending finds the reason. */
static bool flow_has_read(const NetExport *exp)
{
    int unread = 0;

    return exp->class->is_idle(exp) &&
           (ioctl(exp->class->socket(exp), SIOCOUTQ, &unread) < 0 || unread == 0);
}

static bool flow_expects_stop(void)
{
    return clock_now_ns(CLOCK_TYPE_REALTIME) < stop_wait_ns;
}

static bool flow_is_open(NetExport *exp)
{
    int64_t end;

    if (flow_has_read(exp)) {
        return !flow_expects_stop();
    }
    end = clock_now_ns(CLOCK_TYPE_REALTIME) + FLOW_SPIN_NS;
    while (clock_now_ns(CLOCK_TYPE_REALTIME) < end) {
        if (flow_has_read(exp)) {
            return !flow_expects_stop();
        }
    }
    return false;
}

/* --- Sending ----------------------------------------------------------------------------- */

static void flow_look_again(void *opaque)
{
    NetExport *exp = opaque;

    if ((flow_has_read(exp) && !flow_expects_stop()) || !exp->flow.on) {
        exp->flow.waits = false;
        exp->flow.pause_ns = FLOW_PAUSE_MIN_NS;
        net_client_ready(&exp->nc);
        return;
    }
    exp->flow.pause_ns = MIN(2 * exp->flow.pause_ns, FLOW_PAUSE_MAX_NS);
    timer_start_at(exp->flow.look, clock_now_ns(CLOCK_TYPE_REALTIME) + exp->flow.pause_ns);
}

static void flow_wait(NetExport *exp)
{
    NetExportFlow *flow = &exp->flow;

    flow->waits = true;
    if (!flow->look) {
        flow->look = timer_new(CLOCK_TYPE_REALTIME, flow_look_again, exp);
        flow->pause_ns = FLOW_PAUSE_MIN_NS;
    }
    if (!timer_is_running(flow->look)) {
        timer_start_at(flow->look, clock_now_ns(CLOCK_TYPE_REALTIME) + flow->pause_ns);
    }
}

/* How many frames make the next handover: one, or large ones that QEMU takes in one read. */
static size_t flow_burst(const NetExportFlow *flow, const NetFrame *frames, size_t n)
{
    size_t max = MIN(n, flow->burst);
    uint32_t bytes = frames[0].len;
    size_t i = 1;

    if (frames[0].len < FLOW_LARGE) {
        return 1;
    }
    while (i < max && frames[i].len >= FLOW_LARGE && bytes + frames[i].len <= FLOW_BYTES_MAX) {
        bytes += frames[i].len;
        i++;
    }
    return i;
}

/*
 * QEMU has read the last burst. If it was quick and more waits than that, the next ones may
 * soon be larger; if less waits, that is enough; if it was slow, frames go one by one again.
 */
static void flow_adapt(NetExportFlow *flow, size_t n)
{
    if (clock_now_ns(CLOCK_TYPE_REALTIME) - flow->sent_ns >= FLOW_SLOW_NS) {
        flow->n_quick = 0;
    } else if (n > flow->burst) {
        flow->n_quick = MIN(flow->n_quick + 1, FLOW_QUICK_STEP * FLOW_BURST_MAX - 1);
    } else {
        flow->n_quick = MIN(flow->n_quick, FLOW_QUICK_STEP * n - 1);
    }
    flow->burst = 1 + flow->n_quick / FLOW_QUICK_STEP;
}

static size_t flow_send_bursts(NetExport *exp, const NetFrame *frames, size_t n)
{
    NetExportFlow *flow = &exp->flow;
    int64_t end = clock_now_ns(CLOCK_TYPE_REALTIME) + FLOW_TURN_NS;
    size_t taken = 0;

    while (taken < n && clock_now_ns(CLOCK_TYPE_REALTIME) < end && flow_is_open(exp)) {
        size_t sent;

        flow_adapt(flow, n - taken);
        sent = exp->class->send(exp, &frames[taken], flow_burst(flow, &frames[taken],
                                                                n - taken));
        if (sent == 0) {
            return taken;
        }
        export_in_flight_remember(exp, &frames[taken], sent);
        taken += sent;
    }
    if (taken < n) {
        flow_wait(exp);
    }
    return taken;
}

size_t export_flow_send(NetExport *exp, const NetFrame *frames, size_t n)
{
    size_t taken;

    flow_learn_socket(exp);
    if (exp->flow.sees_reading) {
        return flow_send_bursts(exp, frames, n);
    }
    taken = exp->class->send(exp, frames, n);
    export_in_flight_remember(exp, frames, taken);
    return taken;
}

/* --- When ------------------------------------------------------------------------------- */

void export_flow_stop(NetExport *exp)
{
    export_in_flight_mark(exp, exp->flow.sees_reading && flow_has_read(exp));
}

void export_flow_expect_stop(bool expected)
{
    stop_wait_ns = expected ? clock_now_ns(CLOCK_TYPE_REALTIME) + FLOW_STOP_NS : 0;
}

void export_flow_set(NetExport *exp, bool on)
{
    exp->flow.on = on;
    exp->flow.n_begun += on;
    if (!on && !exp->flow.marked) {
        export_in_flight_forget(exp);
    }
    if (!on && exp->flow.waits) {
        flow_look_again(exp);
    }
}

void export_flow_opened(NetExport *exp)
{
    exp->flow.knows_socket = false;
    exp->flow.waits = false;
    exp->flow.n_quick = 0;
    exp->flow.burst = 1;
    export_in_flight_forget(exp);
}

/* --- Taking stock ------------------------------------------------------------------------ */

bool export_flow_tally(NetExport *exp, NetExportTally *tally)
{
    flow_learn_socket(exp);
    *tally = (NetExportTally) {
        .n_frames = exp->flow.n_handed_over,
        .epoch = exp->n_connections + exp->flow.n_begun,
    };
    if (!exp->flow.sees_reading || exp->class->socket(exp) < 0) {
        return false;
    }
    tally->is_read = flow_has_read(exp);
    return true;
}

void export_flow_go_on(NetExport *exp, const NetExportLoss *loss)
{
    if (exp->flow.is_unjudged) {
        export_in_flight_judge(exp, loss);
    }
    if (exp->flow.is_held_back) {
        exp->flow.is_held_back = false;
        net_client_ready(&exp->nc);
    }
}

void export_flow_clear(NetExport *exp)
{
    timer_free(exp->flow.look);
    net_hold_clear(&exp->flow.history);
}
