/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A chardev that brings packets to colo-compare; for colo-compare only. */

#ifndef NET_COLO_INPUT_H
#define NET_COLO_INPUT_H

#include "chardev/char.h"
#include "net/framer.h"

/** What an input asks and tells its user; constant. */
typedef struct ColoInputHooks {
    /** Whether more may come now; when it is no longer false, see colo_input_go_on(). */
    bool (*wanted)(void *opaque);
    /** Frames in the order in which they came. */
    void (*frames)(const NetBatch *batch, void *opaque);
    /** The frames of one read have all been handed over. */
    void (*read_done)(void *opaque);
} ColoInputHooks;

/** Embedded; zeroed = not there. */
typedef struct ColoInput {
    CharFrontend fe;
    NetFramer framer;
    const ColoInputHooks *hooks;
    void *opaque;
    const char *who;      /* borrowed; for messages */
    const char *what;     /* constant: "primary_in" */
    uint64_t n_malformed; /* connections that ended in a frame, or brought an oversized one */
    bool vnet_hdr;        /* the form to expect from the next frame boundary on */
    bool dead;            /* the stream is malformed: not read until it is another one */
    bool paused;          /* was told that nothing is wanted */
} ColoInput;

/** colo_input_open: become the user of @chr. Returns: false with @error set. */
bool colo_input_open(ColoInput *in, Chardev *chr, GError **error);

/** colo_input_close: legal when it is not there. */
void colo_input_close(ColoInput *in);

/** colo_input_go_on: more may be wanted now. */
void colo_input_go_on(ColoInput *in);

#endif
