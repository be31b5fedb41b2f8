/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program with one netdev and one export, and a fake guest that may attach to it. */

#ifndef TESTS_QTEST_EXPORT_RIG_H
#define TESTS_QTEST_EXPORT_RIG_H

#include "qtest-client.h"

/*
 *               +--------- program ---------+
 *   rig->net ───── net0 (socket) ── e0 (export) ───── rig->guest
 *
 * Frames in either direction are numbered in the order in which they are sent.
 */
typedef struct ExportRig {
    QTest *s;
    char *path;          /* of e0's socket */
    char *remote;        /* of the guest's, for dgram */
    int net_fd;
    FrameLink net;
    uint32_t n_to_guest;     /* sent into net0 */
    uint32_t n_guest_got;    /* number of the frame that the guest expects next */
    int guest_fd;            /* -1 = not attached */
    FrameLink guest;
    uint32_t n_from_guest;
    uint32_t n_net_got;
} ExportRig;

/** export_rig_new: e0 is a stream server on a unix socket; @more: ",KEY=VALUE" for it */
ExportRig *export_rig_new(const char *more);

/** export_rig_new_dgram: e0 is of type dgram on unix sockets. */
ExportRig *export_rig_new_dgram(const char *more);

/** export_rig_start: @export: all of its options, or NULL; the guest attaches by itself. */
ExportRig *export_rig_start(const char *export_options);

/** export_rig_free: the counters must add up and the program must end in order. */
void export_rig_free(ExportRig *rig);

/** export_rig_attach: a guest connects; waits for the event. */
void export_rig_attach(ExportRig *rig);

/** export_rig_adopt: @fd is the guest's socket from now on. */
void export_rig_adopt(ExportRig *rig, FrameLinkKind kind, int fd);

/** export_rig_detach: the guest goes; waits for the event. */
void export_rig_detach(ExportRig *rig);

/** export_rig_send: @n frames into net0; export_rig_guest_sends: @n from the guest. */
void export_rig_send(ExportRig *rig, uint32_t n);
void export_rig_guest_sends(ExportRig *rig, uint32_t n);

/** export_rig_guest_gets, _net_gets: the next @n frames come out there. */
void export_rig_guest_gets(ExportRig *rig, uint32_t n);
void export_rig_net_gets(ExportRig *rig, uint32_t n);

/** export_rig_check: @n frames in each direction. */
void export_rig_check(ExportRig *rig, uint32_t n);

/** export_rig_entry: that of e0 in query-net-exports. Owned. */
json_object *export_rig_entry(ExportRig *rig);

/** export_rig_count: json_path() of e0's entry. export_rig_wait: until it is @value. */
int64_t export_rig_count(ExportRig *rig, const char *path);
void export_rig_wait(ExportRig *rig, const char *path, int64_t value);

/** export_rig_expect_str: member @name of e0's entry is @value; NULL = it is absent. */
void export_rig_expect_str(ExportRig *rig, const char *name, const char *value);

/** export_rig_expect_shown: the human monitor's @command tells @what now. */
void export_rig_expect_shown(ExportRig *rig, const char *command, const char *what);

/** export_rig_fill: frames into net0 until it is read no more. */
void export_rig_fill(ExportRig *rig);

#endif
