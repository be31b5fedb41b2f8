/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chardev that brings frames to a filter or to colo-compare; for these only. */

#ifndef NET_FILTER_INPUT_H
#define NET_FILTER_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chardev/char.h"
#include "net/framer.h"
#include "qom/object.h"

/** Properties and hooks of an input; constant. @owner is the object that has it. */
typedef struct FilterInputOps {
    const char *kind;     /* what kind of object the owner is, for messages: "filter" */
    const char *property; /* the owner's property that names the chardev: "indev" */
    const char *error;    /* logged as well when the stream is malformed; may be NULL */

    /**
     * Whether frames can be taken now. While the answer is false the chardev is not read, and
     * the sender feels it. When it may be true again, see filter_input_go_on(). One read is
     * up to NET_READ_SIZE bytes; all frames of it must be taken.
     */
    bool (*wanted)(const Object *owner);

    /** @n frames, 1 to NET_BATCH_MAX, in the order in which they came; borrowed. */
    void (*frames)(Object *owner, const NetFrame *frames, size_t n);

    /** All frames of one read have been handed over. May be NULL. */
    void (*read_done)(Object *owner);
} FilterInputOps;

/** Embedded in its owner; zeroed = not there. */
typedef struct FilterInput {
    const FilterInputOps *ops;
    Object *owner;        /* back pointer */
    CharFrontend fe;
    NetFramer framer;
    uint64_t n_malformed; /* streams that ended in a frame or, as datagrams, had an oversized one */
    bool vnet_hdr;        /* owner's to set: the form to expect from the next frame on */
    bool dead;            /* the stream is malformed: not read until it is another one */
    bool paused;          /* the last answer was that nothing is wanted */
} FilterInput;

/**
 * filter_input_open: become the user of @chr
 * @in: zeroed, or closed before, but for @vnet_hdr
 *
 * The hooks may be called before this returns.
 * Source: docs/protocol.rst, "Stream framing".
 * Returns: false with @error when @chr has another user; @in is then not there.
 */
bool filter_input_open(FilterInput *in, Chardev *chr, const FilterInputOps *ops,
                       Object *owner, GError **error);

/** filter_input_close: forgets a frame of which a part has come; legal when not there. */
void filter_input_close(FilterInput *in);

/** filter_input_go_on: frames may be wanted again; legal when not there. */
void filter_input_go_on(FilterInput *in);

/** filter_input_revive: read on although the stream was malformed; legal when not there. */
void filter_input_revive(FilterInput *in);

/** filter_input_n_empty: frames of length 0, which were discarded. */
uint64_t filter_input_n_empty(const FilterInput *in);

#endif
