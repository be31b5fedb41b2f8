/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two threads of bench-traffic share: the flows and how far they are. */

#ifndef TESTS_BENCH_TRAFFIC_H
#define TESTS_BENCH_TRAFFIC_H

#include <stdatomic.h>
#include <glib.h>
#include "records.h"

/** The most that is written or read at once. */
#define TRAFFIC_BLOCK_BYTES (256u << 10)

/** The most datagrams that are sent or received at once. */
#define TRAFFIC_DGRAMS 64

/** What one run does. Set before the threads start. */
typedef struct Traffic {
    /* Flow i goes in at inputs[i] and must come out at outputs[i]; flow 0 also at the copies,
     * which are the outputs from n_flows on. */
    int *inputs;                 /* owned */
    size_t n_flows;
    int *outputs;                /* owned */
    size_t n_outputs;
    Records records;
    bool is_stream;
    size_t chunk_bytes;          /* written to one flow before it is the next one's turn */
    uint64_t window;             /* frames on their way at most; 0 = as many as fit */
    uint64_t n_frames;           /* frames of each flow; 0 = until is_stopped */

    /* The pump says how many it has sent, of all flows; then that it is done. */
    atomic_uint_fast64_t n_sent;
    atomic_bool is_pump_done;
    /* The receiver says how many are through to every output, and when to stop. */
    atomic_uint_fast64_t n_through;
    atomic_bool is_stopped;
    /* For the pump that waits for room in the window. */
    GMutex lock;
    GCond is_through;
    atomic_bool is_waiting;
} Traffic;

/** traffic_pump: the thread that sends. @opaque: the Traffic. */
gpointer traffic_pump(gpointer opaque);

#endif
