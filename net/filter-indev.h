/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chardev whose frames a filter injects; for filters only. */

#ifndef NET_FILTER_INDEV_H
#define NET_FILTER_INDEV_H

#include "chardev/char.h"
#include "net/filter.h"
#include "net/framer.h"

/** Embedded in a filter; zeroed = not there. */
typedef struct FilterIndev {
    NetFilter *filter; /* back pointer; NULL = the filter has no indev */
    CharFrontend fe;
    NetFramer framer;
    bool vnet_hdr;     /* the form to expect from the next frame boundary on */
    bool dead;         /* the stream is malformed: not read until it is another one */
} FilterIndev;

/** filter_indev_open: become the user of @chr. Returns: false with @error set. */
bool filter_indev_open(FilterIndev *in, NetFilter *nf, Chardev *chr, bool vnet_hdr,
                       GError **error);

/** filter_indev_close: legal when it is not there. */
void filter_indev_close(FilterIndev *in);

/** filter_indev_go_on: reading may be possible again. */
void filter_indev_go_on(FilterIndev *in);

/** filter_indev_revive: forget that the stream was malformed (the filter was switched on). */
void filter_indev_revive(FilterIndev *in);

#endif
