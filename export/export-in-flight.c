/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Remembers which frames may not have reached the guest, and judges which did not. */

/*
 * When the VM stops, the frames handed over last are in flight: only QEMU knows whether the guest
 * has them. The export keeps copies of them. If the VM goes on elsewhere, it gets them there. If
 * it goes on here, they are in QEMU or in its socket, and reach the guest: perhaps all but one
 * handover. A migration stops QEMU from a thread of its own, step by step. The main thread may
 * read frames when the VM no longer counts as running, but its devices do not know that yet. These
 * frames wait inside QEMU, which throws them away a moment later.
 *
 * The count of the VM's NIC shows exactly whether it was thrown away: see net_export_go_on().
 * Without a count nothing is handed over again: from outside a frame that QEMU keeps looks like one
 * that it throws away.
 *
 * With TCP and UDP the export cannot see how much has been read. There it keeps all frames of the
 * last moments for a VM that goes on elsewhere, which may get some of them twice.
 */

#include "export/export-internal.h"

#include "util/trace.h"

TRACE_POINT(export_in_flight_returned);

/* Of the handovers, two or three are accepted and not brought to the guest. */
#define IN_FLIGHT_ROUNDS 3

/* Where reading is not seen: how old a frame may be that is kept. */
#define IN_FLIGHT_WINDOW_NS INT64_C(50000000)

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

    flow->sent_ns = clock_now_ns(CLOCK_TYPE_REALTIME);
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

void export_in_flight_forget(NetExport *exp)
{
    exp->flow.marked = false;
    exp->flow.is_unjudged = false;
    net_hold_clear(&exp->flow.history);
}

/* --- At a stop and at a start ------------------------------------------------------------ */

void export_in_flight_mark(NetExport *exp, bool has_read)
{
    NetExportFlow *flow = &exp->flow;

    flow->marked = true;
    flow->last_read = flow->n_rounds - !has_read;
    in_flight_trim(flow);
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

/* Where nobody knows the place: the last of the handover that QEMU had read when it had stopped. */
static bool in_flight_place_last(const NetExportFlow *flow, const NetExportLoss *loss,
                                 InFlightRange *range)
{
    *range = (InFlightRange) { 0 };
    for (size_t i = 0; i < flow->history.n_frames; i++) {
        unsigned at = (flow->next - flow->history.n_frames + i) % EXPORT_HISTORY_MAX;

        if (flow->marks[at] == flow->last_read && range->n++ == 0) {
            range->first = i;
        }
    }
    if (loss->n_frames > range->n) {
        return false;
    }
    *range = (InFlightRange) { range->first + range->n - loss->n_frames, loss->n_frames };
    return true;
}

/* Returns: whether @range is what was lost; false = @loss cannot be right, or is not known. */
static bool in_flight_place(const NetExportFlow *flow, const NetExportLoss *loss,
                            InFlightRange *range)
{
    if (!loss || loss->n_frames == 0) {
        return false;
    }
    return loss->is_place_known ? in_flight_place_in_order(flow, loss, range)
                                : in_flight_place_last(flow, loss, range);
}

static void in_flight_return(NetExport *exp, const InFlightRange *range)
{
    NetBatch batch;

    TRACE(export_in_flight_returned, "export '%s': %zu frames", exp->nc.id, range->n);
    net_hold_peek(&exp->flow.history, &batch);
    net_client_return(&exp->nc, batch.frames + range->first, range->n);
}

void export_in_flight_judge(NetExport *exp, const NetExportLoss *loss)
{
    NetExportFlow *flow = &exp->flow;
    InFlightRange range;

    if (in_flight_place(flow, loss, &range)) {
        in_flight_return(exp, &range);
    }
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
