/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hands over by handfuls while a migration may stop the VM, so that few frames are in doubt. */

/*
 * When a VM stops, its QEMU no longer brings frames to the guest, but goes on taking some: those
 * it has read already, one more read, and what fits into the socket are lost if the VM goes on
 * elsewhere. That can be hundreds. So while a migration is in progress the next frame is handed
 * over only when QEMU has read the last one, which the sender sees in the socket: then at most
 * the last three are in doubt. export-doubt.c remembers them.
 *
 * One frame at a time costs a TCP stream into the guest nine tenths of its rate. So while more
 * waits than was handed over, and QEMU is quick to read, hand-overs of large frames grow by one now
 * and then, up to what QEMU takes in one read. The last three hand-overs are in doubt then;
 * at hundreds of MB/s they are a millisecond's frames. A steady stream that does not pile up
 * still goes one by one, and a QEMU that is held up is given single frames again.
 *
 * Nothing tells when a small frame has been read: the socket stays writable. So the export looks
 * again: at once for a moment, as QEMU mostly is quick, then by a timer with growing pauses.
 *
 * QEMU tells a pass of a migration just before it stops the VM, if that was the last: so nothing
 * is handed over for a moment then, and less is in doubt.
 */

#include "export/export-internal.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* The most that QEMU is handed at once; it reads 69632 bytes. */
#define GATE_HANDFUL_MAX 64u
#define GATE_BYTES_MAX   65536u

/* Shorter frames always go one by one: they make no bulk. */
#define GATE_LARGE 512u

/* So many hand-overs in a row, each with more waiting, make the next one a frame larger. */
#define GATE_PACE 2u

/* A QEMU that has not read within this time is held up by something, perhaps by its stop. */
#define GATE_SLOW_US 2000

/* How long to look for the end of reading without letting go of the loop. */
#define GATE_SPIN_NS INT64_C(20000)

/* How long to go on handing over without letting go of the loop. */
#define GATE_TURN_NS INT64_C(1000000)

/* Pauses between two looks. */
#define GATE_PAUSE_MIN_NS INT64_C(30000)
#define GATE_PAUSE_MAX_NS INT64_C(2000000)

/* How long to wait for the STOP that the last pass of a migration announces. */
#define GATE_SWITCH_NS INT64_C(5000000)

/* Until then nothing is handed over, as QEMU may be about to stop; on the realtime clock. */
static int64_t switch_wait_ns;

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

static void gate_learn_socket(NetExport *exp)
{
    NetExportGating *gating = &exp->gating;

    if (!gating->knows_socket) {
        gating->sees_reading = socket_is_unix(exp->class->socket(exp));
        gating->knows_socket = true;
    }
}

/* Whether QEMU has read everything. A broken socket counts as read: sending tells the reason. */
bool export_gate_look(NetExport *exp)
{
    int unread = 0;
    bool has_read = exp->class->is_idle(exp) &&
                    (ioctl(exp->class->socket(exp), SIOCOUTQ, &unread) < 0 || unread == 0);

    export_doubt_note_reading(exp, has_read);
    return has_read;
}

static bool gate_is_switching(void)
{
    return clock_now_ns(CLOCK_TYPE_REALTIME) < switch_wait_ns;
}

static bool gate_is_open(NetExport *exp)
{
    int64_t end;

    if (export_gate_look(exp)) {
        return !gate_is_switching();
    }
    end = clock_now_ns(CLOCK_TYPE_REALTIME) + GATE_SPIN_NS;
    while (clock_now_ns(CLOCK_TYPE_REALTIME) < end) {
        if (export_gate_look(exp)) {
            return !gate_is_switching();
        }
    }
    return false;
}

/* --- Sending ----------------------------------------------------------------------------- */

static void gate_look_again(void *opaque)
{
    NetExport *exp = opaque;

    if ((export_gate_look(exp) && !gate_is_switching()) || !exp->gating.on) {
        exp->gating.waits = false;
        exp->gating.pause_ns = GATE_PAUSE_MIN_NS;
        net_client_ready(&exp->nc);
        return;
    }
    exp->gating.pause_ns = MIN(2 * exp->gating.pause_ns, GATE_PAUSE_MAX_NS);
    timer_start_at(exp->gating.look, clock_now_ns(CLOCK_TYPE_REALTIME) + exp->gating.pause_ns);
}

static void gate_wait(NetExport *exp)
{
    NetExportGating *gating = &exp->gating;

    gating->waits = true;
    if (!gating->look) {
        gating->look = timer_new(CLOCK_TYPE_REALTIME, gate_look_again, exp);
        gating->pause_ns = GATE_PAUSE_MIN_NS;
    }
    if (!timer_is_running(gating->look)) {
        timer_start_at(gating->look, clock_now_ns(CLOCK_TYPE_REALTIME) + gating->pause_ns);
    }
}

/* How many frames make the next hand-over: one, or large ones that QEMU takes in one read. */
static size_t gate_handful(const NetExportGating *gating, const NetFrame *frames, size_t n)
{
    size_t max = MIN(n, gating->handful);
    uint32_t bytes = frames[0].len;
    size_t i = 1;

    if (frames[0].len < GATE_LARGE) {
        return 1;
    }
    while (i < max && frames[i].len >= GATE_LARGE && bytes + frames[i].len <= GATE_BYTES_MAX) {
        bytes += frames[i].len;
        i++;
    }
    return i;
}

/*
 * QEMU has read the last handful. If it was quick and more waits than that, the next ones may
 * soon be larger; if less waits, that is enough; if it was slow, frames go one by one again.
 */
static void gate_learn_pace(NetExportGating *gating, size_t n)
{
    if (g_get_real_time() - export_round(gating, gating->n_rounds)->sent_us >= GATE_SLOW_US) {
        gating->pace = 0;
    } else if (n > gating->handful) {
        gating->pace = MIN(gating->pace + 1, GATE_PACE * GATE_HANDFUL_MAX - 1);
    } else {
        gating->pace = MIN(gating->pace, GATE_PACE * n - 1);
    }
    gating->handful = 1 + gating->pace / GATE_PACE;
}

static size_t gate_send_by_handfuls(NetExport *exp, const NetFrame *frames, size_t n)
{
    NetExportGating *gating = &exp->gating;
    int64_t end = clock_now_ns(CLOCK_TYPE_REALTIME) + GATE_TURN_NS;
    size_t taken = 0;

    while (taken < n && clock_now_ns(CLOCK_TYPE_REALTIME) < end && gate_is_open(exp)) {
        size_t sent;

        gate_learn_pace(gating, n - taken);
        sent = exp->class->send(exp, &frames[taken], gate_handful(gating, &frames[taken],
                                                                  n - taken));
        if (sent == 0) {
            return taken;
        }
        export_doubt_remember(exp, &frames[taken], sent);
        taken += sent;
    }
    /* Even if nothing more is to be sent: when QEMU reads matters if it stops now. */
    if (!gate_is_open(exp) || taken < n) {
        gate_wait(exp);
    }
    return taken;
}

size_t export_gate_send(NetExport *exp, const NetFrame *frames, size_t n)
{
    size_t taken;

    gate_learn_socket(exp);
    if (exp->gating.sees_reading) {
        return gate_send_by_handfuls(exp, frames, n);
    }
    taken = exp->class->send(exp, frames, n);
    export_doubt_remember(exp, frames, taken);
    return taken;
}

/* --- When ------------------------------------------------------------------------------- */

void export_gate_set_switch(int64_t begin_us, int64_t end_us)
{
    switch_wait_ns = begin_us != 0 && end_us == 0
                     ? clock_now_ns(CLOCK_TYPE_REALTIME) + GATE_SWITCH_NS : 0;
    export_doubt_set_switch(begin_us, end_us);
}

void export_gate_set(NetExport *exp, bool on)
{
    if (exp->gating.on == on) {
        return;
    }
    exp->gating.on = on;
    if (!on && !exp->gating.marked) {
        export_doubt_forget(exp);
    }
    if (!on && exp->gating.waits) {
        gate_look_again(exp);
    }
}

void export_gate_opened(NetExport *exp)
{
    exp->gating.knows_socket = false;
    exp->gating.waits = false;
    exp->gating.pace = 0;
    exp->gating.handful = 1;
    export_doubt_forget(exp);
}

/* --- Taking stock ------------------------------------------------------------------------ */

bool export_gate_tally(NetExport *exp, NetExportTally *tally)
{
    gate_learn_socket(exp);
    *tally = (NetExportTally) {
        .n_frames = exp->gating.n_handed_over,
        .connection = exp->n_connections,
    };
    if (!exp->gating.sees_reading || exp->class->socket(exp) < 0) {
        return false;
    }
    tally->is_read = export_gate_look(exp);
    return true;
}

void export_gate_go_on(NetExport *exp, const NetExportLoss *loss)
{
    if (exp->gating.is_unjudged) {
        export_doubt_judge(exp, loss);
    }
    if (exp->gating.is_held_back) {
        exp->gating.is_held_back = false;
        net_client_ready(&exp->nc);
    }
}

void export_gate_clear(NetExport *exp)
{
    timer_free(exp->gating.look);
    net_hold_clear(&exp->gating.history);
}
