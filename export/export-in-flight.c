/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Remembers which frames may not have reached the guest, and judges which did not. */

/*
 * When the VM stops, the frames handed over last are in flight: only QEMU knows whether the guest
 * has them. The export keeps copies of them. If the VM goes on elsewhere, it gets them there. If
 * it goes on here, they are in QEMU or in its socket, and reach the guest: perhaps all but one
 * handover. A migration stops QEMU from a thread of its own, step by step. The main thread may
 * read frames when the VM no longer counts as running, but its devices do not know that yet. These
 * frames wait inside QEMU, which throws them away a moment later. QEMU stops reading at them, so
 * they are the last handover that was read before STOP.
 *
 * The count of the VM's NIC shows exactly whether it was thrown away: see net_export_go_on().
 * Without a count the times must do: QEMU reports the last pass of the migration just before it
 * stops, and frames that it read between that and STOP count as thrown away. That is wrong at
 * times, as it may have read before the stop had got so far.
 *
 * With TCP and UDP the export cannot see how much has been read. There it keeps all frames of the
 * last moments: as many as QEMU may not have read when it stopped.
 */

#include "export/export-internal.h"

#include <inttypes.h>

#include "util/trace.h"

TRACE_POINT(export_in_flight_judged);
TRACE_POINT(export_in_flight_returned);

/* Of the handovers, two or three are accepted and not brought to the guest. */
#define IN_FLIGHT_ROUNDS 3

/* Where reading is not seen: how old a frame may be that has not reached the guest. The longest
 * seen was 23 ms. */
#define IN_FLIGHT_WINDOW_NS INT64_C(50000000)

/* How long an idle QEMU takes from the moment a frame is sent until it has read that. */
#define IN_FLIGHT_LATENCY_US 50

/*
 * At the end of its stop QEMU throws nothing away any more. Of 18 handovers that were not seen
 * read before STOP, 7 of the 8 that had been seen unread later than this were kept, and 9 of the
 * others lost.
 */
#define IN_FLIGHT_LATE_US 100

/* When QEMU began to stop, if a migration reported it; when it had stopped. 0 = not known. */
static int64_t switch_begin_us, switch_end_us;

/* --- The history ------------------------------------------------------------------------- */

/* The mark of the newest frame that is surely with the guest. */
static int64_t in_flight_floor(const NetExportFlow *flow)
{
    return flow->sees_reading ? flow->n_rounds - IN_FLIGHT_ROUNDS
                              : clock_now_ns(CLOCK_TYPE_REALTIME) - IN_FLIGHT_WINDOW_NS;
}

/* Forget what is surely with the guest. */
static void in_flight_trim(NetExportFlow *flow)
{
    int64_t floor = in_flight_floor(flow);

    while (flow->history.n_frames > 0) {
        unsigned oldest = (flow->next - flow->history.n_frames) % EXPORT_HISTORY_MAX;

        if (flow->marks[oldest] > floor && flow->history.n_frames <= EXPORT_HISTORY_MAX) {
            return;
        }
        net_hold_pop(&flow->history, 1);
    }
}

void export_in_flight_remember(NetExport *exp, const NetFrame *frames, size_t n)
{
    NetExportFlow *flow = &exp->flow;
    int64_t mark = flow->sees_reading ? ++flow->n_rounds : clock_now_ns(CLOCK_TYPE_REALTIME);

    *export_round(flow, flow->n_rounds) = (NetExportRound) { .sent_us = g_get_real_time() };
    for (size_t i = 0; i < n; i++) {
        if (flow->history.n_frames == EXPORT_HISTORY_MAX) {
            net_hold_pop(&flow->history, 1);
        }
        net_hold_push(&flow->history, &frames[i], 1);
        flow->marks[flow->next++ % EXPORT_HISTORY_MAX] = mark;
    }
    flow->n_handed_over += n;
    in_flight_trim(flow);
}

void export_in_flight_note_reading(NetExport *exp, bool has_read)
{
    NetExportRound *last = export_round(&exp->flow, exp->flow.n_rounds);

    if (!has_read) {
        last->unread_us = g_get_real_time();
    } else if (last->read_us == 0) {
        last->read_us = g_get_real_time();
    }
}

void export_in_flight_forget(NetExport *exp)
{
    exp->flow.marked = false;
    exp->flow.is_unjudged = false;
    exp->flow.last_read.n = 0;
    net_hold_clear(&exp->flow.history);
}

/* --- At a stop --------------------------------------------------------------------------- */

void export_in_flight_set_switch(int64_t begin_us, int64_t end_us)
{
    switch_begin_us = begin_us;
    switch_end_us = end_us;
}

/* Whether QEMU read a handover only when it had thrown away what it was to throw away. */
static bool in_flight_was_read_late(const NetExportRound *round)
{
    return round->read_us == 0 || (round->read_us > switch_end_us &&
                                   round->unread_us > switch_end_us - IN_FLIGHT_LATE_US);
}

/* The last handover before the stop that QEMU had read; 0 = none that is remembered. */
static int64_t in_flight_last_read(const NetExportFlow *flow)
{
    for (int64_t number = flow->n_rounds; number > 0 &&
         number > flow->n_rounds - EXPORT_ROUNDS; number--) {
        const NetExportRound *round = export_round((NetExportFlow *)flow, number);

        if (round->sent_us <= switch_end_us && !in_flight_was_read_late(round)) {
            return number;
        }
    }
    return 0;
}

/* Finds the frames of the last handover that was read. */
static void in_flight_find_last_read(NetExportFlow *flow)
{
    int64_t number = in_flight_last_read(flow);

    flow->last_read = (NetExportLastRead) { .round = number };
    for (size_t i = 0; number != 0 && i < flow->history.n_frames; i++) {
        unsigned at = (flow->next - flow->history.n_frames + i) % EXPORT_HISTORY_MAX;

        if (flow->marks[at] == number && flow->last_read.n++ == 0) {
            flow->last_read.first = i;
        }
    }
}

/* For a reader who checks the judgement. */
static void in_flight_trace_rounds(NetExport *exp)
{
    NetExportFlow *flow = &exp->flow;

    for (int64_t number = MAX(flow->n_rounds - EXPORT_ROUNDS, 0) + 1;
         number <= flow->n_rounds; number++) {
        const NetExportRound *round = export_round(flow, number);

        TRACE(export_in_flight_judged, "export '%s': hand-over %" PRId64 "%s, us before the stop: "
              "sent %" PRId64 ", unread %" PRId64 ", read %" PRId64 ", pass %" PRId64,
              exp->nc.id, number, number == flow->last_read.round ? " (last read)" : "",
              switch_end_us - round->sent_us,
              round->unread_us ? switch_end_us - round->unread_us : 0,
              round->read_us ? switch_end_us - round->read_us : 0,
              switch_begin_us ? switch_end_us - switch_begin_us : 0);
    }
}

void export_in_flight_mark(NetExport *exp)
{
    NetExportFlow *flow = &exp->flow;

    flow->marked = true;
    in_flight_trim(flow);
    flow->last_read.n = 0;
    if (flow->sees_reading && switch_end_us != 0) {
        export_flow_look(exp);
        in_flight_find_last_read(flow);
        in_flight_trace_rounds(exp);
    }
}

/* --- At a start -------------------------------------------------------------------------- */

/*
 * By the times: whether QEMU read the last handover while it stopped. It read between two looks,
 * mostly soon after the first. At the end of the stop it reads nothing; frames that it reads after
 * its STOP wait there and reach the guest.
 */
static bool in_flight_was_read_in_switch(NetExportFlow *flow)
{
    const NetExportRound *round = export_round(flow, flow->last_read.round);
    int64_t earliest_us = MAX(round->sent_us, round->unread_us);

    return switch_begin_us != 0 && round->read_us >= switch_begin_us &&
           earliest_us >= switch_begin_us - IN_FLIGHT_LATENCY_US &&
           earliest_us < switch_end_us - IN_FLIGHT_LATENCY_US;
}

/* Frames of the history. */
typedef struct InFlightRange {
    size_t first, n;
} InFlightRange;

/* The frames that @loss places in the order of all: those behind the ones that were not lost. */
static bool in_flight_place_in_order(const NetExportFlow *flow, const NetExportLoss *loss,
                                     InFlightRange *range)
{
    uint64_t n_forgotten = flow->n_handed_over - flow->history.n_frames;

    if (loss->n_before < n_forgotten || loss->n_before > flow->n_handed_over ||
        loss->n_frames > flow->n_handed_over - loss->n_before) {
        return false;
    }
    *range = (InFlightRange) { loss->n_before - n_forgotten, loss->n_frames };
    return true;
}

/* Returns: whether @range is what was lost; false = @loss cannot be right, or is not known. */
static bool in_flight_place(const NetExportFlow *flow, const NetExportLoss *loss,
                            InFlightRange *range)
{
    const NetExportLastRead *last = &flow->last_read;

    if (!loss) {
        return false;
    }
    if (loss->n_frames == 0) {
        *range = (InFlightRange) { 0 };
        return true;
    }
    if (loss->is_place_known) {
        return in_flight_place_in_order(flow, loss, range);
    }
    if (loss->n_frames > last->n) {
        return false;
    }
    *range = (InFlightRange) { last->first + last->n - loss->n_frames, loss->n_frames };
    return true;
}

static void in_flight_return(NetExport *exp, const InFlightRange *range)
{
    NetBatch batch;

    if (range->n > 0) {
        TRACE(export_in_flight_returned, "export '%s': %zu frames", exp->nc.id, range->n);
        net_hold_peek(&exp->flow.history, &batch);
        net_client_return(&exp->nc, batch.frames + range->first, range->n);
    }
}

void export_in_flight_judge(NetExport *exp, const NetExportLoss *loss)
{
    NetExportFlow *flow = &exp->flow;
    InFlightRange range = { 0 };

    if (!in_flight_place(flow, loss, &range) && flow->last_read.n > 0 &&
        in_flight_was_read_in_switch(flow)) {
        range = (InFlightRange) { flow->last_read.first, flow->last_read.n };
    }
    in_flight_return(exp, &range);
    flow->last_read.n = 0;
    flow->is_unjudged = false;
    flow->marked = false;
    if (!flow->on) {
        export_in_flight_forget(exp);
    }
}

void export_in_flight_unmark(NetExport *exp)
{
    if (exp->flow.is_held_back) {
        exp->flow.is_unjudged = true;
    } else {
        export_in_flight_judge(exp, NULL);
    }
}
