/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Remembers which frames may not have reached the guest, and judges which did not. */

/*
 * Of the frames handed over when the VM stops, the last ones are in doubt: whether they are with
 * the guest only QEMU knows. Copies of them are kept. If the VM goes on elsewhere, they are given
 * to it there. If it goes on here, they are in QEMU or in its socket, and reach the guest: all but
 * one hand-over, perhaps. A migration stops QEMU from a thread of its own, step by step: what the
 * main thread reads when the VM no longer counts as running, but the devices have not been
 * told, waits inside QEMU and is thrown away when they are. QEMU stops reading at it, so it is the
 * last hand-over that was read before STOP.
 *
 * Whether it was thrown away is known exactly if the VM's NIC counts what it takes and somebody
 * compares that: see net_export_go_on(). Else the times must do: QEMU tells the last pass of the
 * migration just before it stops, and what it was seen to read between that and STOP counts as
 * thrown away. That is wrong at times, as it may have read before the stop had got so far.
 *
 * With TCP and UDP nobody can see what has been read. There all frames of the last moments are
 * kept: as many as QEMU can have been late for when it stopped.
 */

#include "export/export-internal.h"

#include <inttypes.h>

#include "util/trace.h"

TRACE_POINT(export_doubt_judged);
TRACE_POINT(export_doubt_returned);

/* Of the hand-overs, two or three are accepted and not brought to the guest. */
#define DOUBT_ROUNDS 3

/* Where reading is not seen: how old a frame may be that has not reached the guest. The longest
 * seen was 23 ms. */
#define DOUBT_WINDOW_NS INT64_C(50000000)

/* How long an idle QEMU takes from the moment a frame is sent until it has read that. */
#define DOUBT_LATENCY_US 50

/*
 * At the end of its stop QEMU throws nothing away any more. Of 18 hand-overs that were not seen
 * read before STOP, 7 of the 8 that had been seen unread later than this were kept, and 9 of the
 * others lost.
 */
#define DOUBT_LATE_US 100

/* When QEMU began to stop, if a migration told it; when it had stopped. 0 = not told. */
static int64_t switch_begin_us, switch_end_us;

/* --- The history ------------------------------------------------------------------------- */

/* The mark of the newest frame that is surely with the guest. */
static int64_t doubt_floor(const NetExportGating *gating)
{
    return gating->sees_reading ? gating->n_rounds - DOUBT_ROUNDS
                                : clock_now_ns(CLOCK_TYPE_REALTIME) - DOUBT_WINDOW_NS;
}

/* Forget what is surely with the guest. */
static void doubt_trim(NetExportGating *gating)
{
    int64_t floor = doubt_floor(gating);

    while (gating->history.n_frames > 0) {
        unsigned oldest = (gating->next - gating->history.n_frames) % EXPORT_HISTORY_MAX;

        if (gating->marks[oldest] > floor && gating->history.n_frames <= EXPORT_HISTORY_MAX) {
            return;
        }
        net_hold_pop(&gating->history, 1);
    }
}

void export_doubt_remember(NetExport *exp, const NetFrame *frames, size_t n)
{
    NetExportGating *gating = &exp->gating;
    int64_t mark = gating->sees_reading ? ++gating->n_rounds : clock_now_ns(CLOCK_TYPE_REALTIME);

    *export_round(gating, gating->n_rounds) = (NetExportRound) { .sent_us = g_get_real_time() };
    for (size_t i = 0; i < n; i++) {
        if (gating->history.n_frames == EXPORT_HISTORY_MAX) {
            net_hold_pop(&gating->history, 1);
        }
        net_hold_push(&gating->history, &frames[i], 1);
        gating->marks[gating->next++ % EXPORT_HISTORY_MAX] = mark;
    }
    gating->n_handed_over += n;
    doubt_trim(gating);
}

void export_doubt_note_reading(NetExport *exp, bool has_read)
{
    NetExportRound *last = export_round(&exp->gating, exp->gating.n_rounds);

    if (!has_read) {
        last->unread_us = g_get_real_time();
    } else if (last->read_us == 0) {
        last->read_us = g_get_real_time();
    }
}

void export_doubt_forget(NetExport *exp)
{
    exp->gating.marked = false;
    exp->gating.is_unjudged = false;
    exp->gating.last_read.n = 0;
    net_hold_clear(&exp->gating.history);
}

/* --- At a stop --------------------------------------------------------------------------- */

void export_doubt_set_switch(int64_t begin_us, int64_t end_us)
{
    switch_begin_us = begin_us;
    switch_end_us = end_us;
}

/* Whether QEMU read a hand-over only when it had thrown away what it was to throw away. */
static bool doubt_was_read_late(const NetExportRound *round)
{
    return round->read_us == 0 || (round->read_us > switch_end_us &&
                                   round->unread_us > switch_end_us - DOUBT_LATE_US);
}

/* The last hand-over before the stop that QEMU had read; 0 = none that is remembered. */
static int64_t doubt_last_read(const NetExportGating *gating)
{
    for (int64_t number = gating->n_rounds; number > 0 &&
         number > gating->n_rounds - EXPORT_ROUNDS; number--) {
        const NetExportRound *round = export_round((NetExportGating *)gating, number);

        if (round->sent_us <= switch_end_us && !doubt_was_read_late(round)) {
            return number;
        }
    }
    return 0;
}

/* Finds the frames of the last hand-over that was read. */
static void doubt_find_last_read(NetExportGating *gating)
{
    int64_t number = doubt_last_read(gating);

    gating->last_read = (NetExportLastRead) { .round = number };
    for (size_t i = 0; number != 0 && i < gating->history.n_frames; i++) {
        unsigned at = (gating->next - gating->history.n_frames + i) % EXPORT_HISTORY_MAX;

        if (gating->marks[at] == number && gating->last_read.n++ == 0) {
            gating->last_read.first = i;
        }
    }
}

/* For a reader who doubts the judgement. */
static void doubt_trace_rounds(NetExport *exp)
{
    NetExportGating *gating = &exp->gating;

    for (int64_t number = MAX(gating->n_rounds - EXPORT_ROUNDS, 0) + 1;
         number <= gating->n_rounds; number++) {
        const NetExportRound *round = export_round(gating, number);

        TRACE(export_doubt_judged, "export '%s': hand-over %" PRId64 "%s, us before the stop: "
              "sent %" PRId64 ", unread %" PRId64 ", read %" PRId64 ", pass %" PRId64,
              exp->nc.id, number, number == gating->last_read.round ? " (last read)" : "",
              switch_end_us - round->sent_us,
              round->unread_us ? switch_end_us - round->unread_us : 0,
              round->read_us ? switch_end_us - round->read_us : 0,
              switch_begin_us ? switch_end_us - switch_begin_us : 0);
    }
}

void export_doubt_mark(NetExport *exp)
{
    NetExportGating *gating = &exp->gating;

    gating->marked = true;
    doubt_trim(gating);
    gating->last_read.n = 0;
    if (gating->sees_reading && switch_end_us != 0) {
        export_gate_look(exp);
        doubt_find_last_read(gating);
        doubt_trace_rounds(exp);
    }
}

/* --- At a start -------------------------------------------------------------------------- */

/*
 * By the times: whether QEMU read the last hand-over while it stopped. It read between two looks,
 * mostly soon after the first. At the end of the stop it reads nothing, and what it reads after
 * its STOP waits there and reaches the guest.
 */
static bool doubt_was_read_in_switch(NetExportGating *gating)
{
    const NetExportRound *round = export_round(gating, gating->last_read.round);
    int64_t earliest_us = MAX(round->sent_us, round->unread_us);

    return switch_begin_us != 0 && round->read_us >= switch_begin_us &&
           earliest_us >= switch_begin_us - DOUBT_LATENCY_US &&
           earliest_us < switch_end_us - DOUBT_LATENCY_US;
}

/* Frames of the history. */
typedef struct DoubtRange {
    size_t first, n;
} DoubtRange;

/* The frames that @loss places in the order of all: those behind what was not lost. */
static bool doubt_place_in_order(const NetExportGating *gating, const NetExportLoss *loss,
                                 DoubtRange *range)
{
    uint64_t n_forgotten = gating->n_handed_over - gating->history.n_frames;

    if (loss->n_before < n_forgotten || loss->n_before > gating->n_handed_over ||
        loss->n_frames > gating->n_handed_over - loss->n_before) {
        return false;
    }
    *range = (DoubtRange) { loss->n_before - n_forgotten, loss->n_frames };
    return true;
}

/* Returns: whether @range is what was lost; false = @loss cannot be right, or is not known. */
static bool doubt_place(const NetExportGating *gating, const NetExportLoss *loss,
                        DoubtRange *range)
{
    const NetExportLastRead *last = &gating->last_read;

    if (!loss) {
        return false;
    }
    if (loss->n_frames == 0) {
        *range = (DoubtRange) { 0 };
        return true;
    }
    if (loss->is_place_known) {
        return doubt_place_in_order(gating, loss, range);
    }
    if (loss->n_frames > last->n) {
        return false;
    }
    *range = (DoubtRange) { last->first + last->n - loss->n_frames, loss->n_frames };
    return true;
}

static void doubt_return(NetExport *exp, const DoubtRange *range)
{
    NetBatch batch;

    if (range->n > 0) {
        TRACE(export_doubt_returned, "export '%s': %zu frames", exp->nc.id, range->n);
        net_hold_peek(&exp->gating.history, &batch);
        net_client_return(&exp->nc, batch.frames + range->first, range->n);
    }
}

void export_doubt_judge(NetExport *exp, const NetExportLoss *loss)
{
    NetExportGating *gating = &exp->gating;
    DoubtRange range = { 0 };

    if (!doubt_place(gating, loss, &range) && gating->last_read.n > 0 &&
        doubt_was_read_in_switch(gating)) {
        range = (DoubtRange) { gating->last_read.first, gating->last_read.n };
    }
    doubt_return(exp, &range);
    gating->last_read.n = 0;
    gating->is_unjudged = false;
    gating->marked = false;
    if (!gating->on) {
        export_doubt_forget(exp);
    }
}

void export_doubt_unmark(NetExport *exp)
{
    if (exp->gating.is_held_back) {
        exp->gating.is_unjudged = true;
    } else {
        export_doubt_judge(exp, NULL);
    }
}
