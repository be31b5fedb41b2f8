/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hands over by handfuls, and remembers the frames that may not have reached the guest. */

/*
 * When a VM stops, its QEMU no longer brings frames to the guest, but goes on taking some: those
 * it has read already, one more read, and what fits into the socket are lost if the VM goes on
 * elsewhere. That can be hundreds. So while a migration is in progress the next frame is handed
 * over only when QEMU has read the last one, which the sender sees in the socket: then at most
 * the last three are in doubt. Copies of those are kept.
 *
 * One frame at a time costs a TCP stream into the guest nine tenths of its rate. So while more
 * waits than was handed over, and QEMU is quick to read, hand-overs of large frames grow by one now
 * and then, up to what QEMU takes in one read. The last three hand-overs are in doubt then;
 * at hundreds of MB/s they are a millisecond's frames. A steady stream that does not pile up
 * still goes one by one, and a QEMU that is held up is given single frames again.
 *
 * One of them may be lost even if the VM goes on here. A migration stops QEMU from a thread of its
 * own, step by step: what the main thread reads when the VM no longer counts as running, but the
 * devices have not been told, waits inside QEMU and is thrown away when they are. QEMU tells the
 * last pass of the migration just before that, and STOP just behind it. So nothing is handed over
 * from the word of a pass on until STOP, or for a few ms; and what QEMU was seen to read before
 * that word was here is given to the guest again when that resumes. It is one hand-over at most,
 * as QEMU stops reading at it.
 *
 * Nothing tells when a small frame has been read: the socket stays writable. So the export looks
 * again: at once for a moment, as QEMU mostly is quick, then by a timer with growing pauses.
 *
 * With TCP and UDP nobody can see what has been read. There all frames of the last moments are
 * kept: as many as QEMU can have been late for when it stopped.
 */

#include "export/export-internal.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "util/trace.h"

TRACE_POINT(export_gate_judged);
TRACE_POINT(export_gate_returned);

/* Of the hand-overs, two or three are accepted and not brought to the guest. */
#define GATE_DOUBTFUL 3

/* The most that QEMU is handed at once; it reads 69632 bytes. */
#define GATE_HANDFUL_MAX 64u
#define GATE_BYTES_MAX   65536u

/* Shorter frames always go one by one: they make no bulk. */
#define GATE_LARGE 512u

/* So many hand-overs in a row, each with more waiting, make the next one a frame larger. */
#define GATE_PACE 2u

/* A QEMU that has not read within this time is held up by something, perhaps by its stop. */
#define GATE_SLOW_US 2000

/* How long an idle QEMU takes from the moment a frame is sent until it has read that. */
#define GATE_LATENCY_US 50

/* Without: how old a frame may be that has not reached the guest. The longest seen was 23 ms. */
#define GATE_WINDOW_NS INT64_C(50000000)

/* How long to look for the end of reading without letting go of the loop. */
#define GATE_SPIN_NS INT64_C(20000)

/* How long to go on handing over without letting go of the loop. */
#define GATE_TURN_NS INT64_C(1000000)

/* Pauses between two looks. */
#define GATE_PAUSE_MIN_NS INT64_C(30000)
#define GATE_PAUSE_MAX_NS INT64_C(2000000)

/* How long to wait for the STOP that the last pass of a migration announces. */
#define GATE_SWITCH_NS INT64_C(5000000)

/* When QEMU stops, or stopped, for a migration; 0 = it stops for another reason. */
static int64_t switch_begin_us, switch_end_us;

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

static NetExportRound *gate_round(NetExportGating *gating, int64_t number)
{
    return &gating->rounds[number % EXPORT_ROUNDS];
}

static void gate_note_reading(NetExportGating *gating, bool has_read)
{
    NetExportRound *last = gate_round(gating, gating->n_rounds);

    if (!has_read) {
        last->unread_us = g_get_real_time();
    } else if (last->read_us == 0) {
        last->read_us = g_get_real_time();
    }
}

/* Whether QEMU has read everything. A broken socket counts as read: sending tells the reason. */
static bool gate_has_read(NetExport *exp)
{
    int unread = 0;
    bool has_read = exp->class->is_idle(exp) &&
                    (ioctl(exp->class->socket(exp), SIOCOUTQ, &unread) < 0 || unread == 0);

    gate_note_reading(&exp->gating, has_read);
    return has_read;
}

static bool gate_is_switching(void)
{
    return clock_now_ns(CLOCK_TYPE_REALTIME) < switch_wait_ns;
}

static bool gate_is_open(NetExport *exp)
{
    int64_t end;

    if (gate_has_read(exp)) {
        return !gate_is_switching();
    }
    end = clock_now_ns(CLOCK_TYPE_REALTIME) + GATE_SPIN_NS;
    while (clock_now_ns(CLOCK_TYPE_REALTIME) < end) {
        if (gate_has_read(exp)) {
            return !gate_is_switching();
        }
    }
    return false;
}

/* --- The history ------------------------------------------------------------------------- */

/* The mark of the newest frame that is surely with the guest. */
static int64_t gate_floor(const NetExportGating *gating)
{
    return gating->sees_reading ? gating->n_rounds - GATE_DOUBTFUL
                                : clock_now_ns(CLOCK_TYPE_REALTIME) - GATE_WINDOW_NS;
}

/* Forget what is surely with the guest. */
static void gate_trim(NetExportGating *gating)
{
    int64_t floor = gate_floor(gating);

    while (gating->history.n_frames > 0) {
        unsigned oldest = (gating->next - gating->history.n_frames) % EXPORT_HISTORY_MAX;

        if (gating->marks[oldest] > floor && gating->history.n_frames <= EXPORT_HISTORY_MAX) {
            return;
        }
        net_hold_pop(&gating->history, 1);
    }
}

static void gate_remember(NetExportGating *gating, const NetFrame *frames, size_t n)
{
    int64_t mark = gating->sees_reading ? ++gating->n_rounds : clock_now_ns(CLOCK_TYPE_REALTIME);

    *gate_round(gating, gating->n_rounds) = (NetExportRound) { .sent_us = g_get_real_time() };
    for (size_t i = 0; i < n; i++) {
        if (gating->history.n_frames == EXPORT_HISTORY_MAX) {
            net_hold_pop(&gating->history, 1);
        }
        net_hold_push(&gating->history, &frames[i], 1);
        gating->marks[gating->next++ % EXPORT_HISTORY_MAX] = mark;
    }
    gate_trim(gating);
}

/* --- Sending ----------------------------------------------------------------------------- */

static void gate_look(void *opaque)
{
    NetExport *exp = opaque;

    if ((gate_has_read(exp) && !gate_is_switching()) || !exp->gating.on) {
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
        gating->look = timer_new(CLOCK_TYPE_REALTIME, gate_look, exp);
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
    if (g_get_real_time() - gate_round(gating, gating->n_rounds)->sent_us >= GATE_SLOW_US) {
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
        gate_remember(gating, &frames[taken], sent);
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
    gate_remember(&exp->gating, frames, taken);
    return taken;
}

/* --- When ------------------------------------------------------------------------------- */

void export_gate_set_switch(int64_t begin_us, int64_t end_us)
{
    switch_begin_us = begin_us;
    switch_end_us = end_us;
    switch_wait_ns = begin_us != 0 && end_us == 0
                     ? clock_now_ns(CLOCK_TYPE_REALTIME) + GATE_SWITCH_NS : 0;
}

void export_gate_forget(NetExport *exp)
{
    exp->gating.marked = false;
    exp->gating.n_purged = 0;
    net_hold_clear(&exp->gating.history);
}

void export_gate_set(NetExport *exp, bool on)
{
    if (exp->gating.on == on) {
        return;
    }
    exp->gating.on = on;
    if (!on && !exp->gating.marked) {
        export_gate_forget(exp);
    }
    if (!on && exp->gating.waits) {
        gate_look(exp);
    }
}

void export_gate_opened(NetExport *exp)
{
    exp->gating.knows_socket = false;
    exp->gating.waits = false;
    exp->gating.pace = 0;
    exp->gating.handful = 1;
    export_gate_forget(exp);
}

/* The last hand-over before the switch that QEMU had read; 0 = none that is remembered. */
static int64_t gate_last_read(NetExportGating *gating)
{
    for (int64_t number = gating->n_rounds; number > 0 &&
         number > gating->n_rounds - EXPORT_ROUNDS; number--) {
        const NetExportRound *round = gate_round(gating, number);

        if (round->sent_us <= switch_end_us && round->read_us != 0) {
            return number;
        }
    }
    return 0;
}

/*
 * Whether QEMU read a hand-over in the switch. It read between two looks, mostly soon after the
 * first. At the end of the switch it reads nothing, and what it reads after its STOP waits there
 * and reaches the guest.
 */
static bool gate_was_purged(const NetExportRound *round)
{
    int64_t earliest_us = MAX(round->sent_us, round->unread_us);

    return round->read_us >= switch_begin_us &&
           earliest_us >= switch_begin_us - GATE_LATENCY_US &&
           earliest_us < switch_end_us - GATE_LATENCY_US;
}

/* For a reader who doubts the judgement: the times of the last hand-overs, from the switch on. */
static void gate_trace_rounds(NetExport *exp, int64_t judged, bool was_purged)
{
    NetExportGating *gating = &exp->gating;

    for (int64_t number = MAX(gating->n_rounds - EXPORT_ROUNDS, 0) + 1;
         number <= gating->n_rounds; number++) {
        const NetExportRound *round = gate_round(gating, number);

        TRACE(export_gate_judged,
              "export '%s': hand-over %" PRId64 ": sent %" PRId64 ", unread %" PRId64 ", read %"
              PRId64 " of %" PRId64 " us%s", exp->nc.id, number, round->sent_us - switch_begin_us,
              round->unread_us ? round->unread_us - switch_begin_us : 0,
              round->read_us ? round->read_us - switch_begin_us : 0,
              switch_end_us - switch_begin_us,
              number != judged ? "" : was_purged ? ": purged" : ": with the guest");
    }
}

static void gate_find_purged(NetExport *exp)
{
    NetExportGating *gating = &exp->gating;
    int64_t number;
    bool was_purged;

    gating->n_purged = 0;
    if (switch_begin_us == 0 || switch_end_us == 0 || !gating->sees_reading) {
        return;
    }
    gate_has_read(exp);
    number = gate_last_read(gating);
    was_purged = number != 0 && gate_was_purged(gate_round(gating, number));
    gate_trace_rounds(exp, number, was_purged);
    if (!was_purged) {
        return;
    }
    for (size_t i = 0; i < gating->history.n_frames; i++) {
        unsigned at = (gating->next - gating->history.n_frames + i) % EXPORT_HISTORY_MAX;

        if (gating->marks[at] == number && gating->n_purged++ == 0) {
            gating->first_purged = i;
        }
    }
}

static void gate_return_purged(NetExport *exp)
{
    NetExportGating *gating = &exp->gating;
    NetBatch batch;

    if (gating->n_purged > 0) {
        TRACE(export_gate_returned, "export '%s': %zu frames", exp->nc.id, gating->n_purged);
        net_hold_peek(&gating->history, &batch);
        net_client_return(&exp->nc, batch.frames + gating->first_purged, gating->n_purged);
        gating->n_purged = 0;
    }
}

void export_gate_mark(NetExport *exp)
{
    exp->gating.marked = true;
    gate_trim(&exp->gating);
    gate_find_purged(exp);
}

void export_gate_unmark(NetExport *exp)
{
    gate_return_purged(exp);
    exp->gating.marked = false;
    if (!exp->gating.on) {
        export_gate_forget(exp);
    }
}

void export_gate_clear(NetExport *exp)
{
    timer_free(exp->gating.look);
    net_hold_clear(&exp->gating.history);
}
