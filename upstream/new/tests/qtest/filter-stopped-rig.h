/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A QEMU with a netdev, a peer behind it and two chardevs for filters. */

#ifndef FILTER_STOPPED_RIG_H
#define FILTER_STOPPED_RIG_H

#include "libqtest.h"

/*
 *                +------------------ QEMU ------------------+
 *   r->net ---> netdev net0 ---> filters ---> hub, or e1000 ---> r->peer
 *                                  |
 *                                  +---> chardev chr0 ---> r->out[0]
 *                                  +---> chardev chr1 ---> r->out[1]
 *
 * Frames carry numbers.  A QEMU without the property enable_when_stopped is
 * tested without it, to show what it does instead.
 */

#define FRAME_MAX 2048

typedef enum Kind {
    KIND_SOCKET,
    KIND_SOCKET_DGRAM,
    KIND_STREAM,
    KIND_DGRAM,
    KIND_L2TPV3,
    KIND__MAX,
} Kind;

typedef struct Link {
    int fd;
    bool is_stream;
    size_t header;     /* bytes in front of each datagram */
    GByteArray *input; /* read from a stream, not yet taken */
    size_t n_rest;     /* of a frame that was written in part */
    uint8_t rest[FRAME_MAX];
} Link;

typedef struct Rig {
    QTestState *s;
    bool has_property;
    char *dir;
    Link net;
    Link peer;
    Link out[2];
} Rig;

const char *kind_name(Kind kind);
bool kind_is_stream(Kind kind);

/* net0 of this kind, and a hub; NULL, and the test is skipped: no such kind */
Rig *rig_new_kind(Kind kind, const char *options);
Rig *rig_new(void);

/* net0 and an e1000 without buffers; NULL, and the test is skipped: no e1000 */
Rig *rig_new_nic(void);

void rig_free(Rig *r);

/* The reader of a chardev comes, or goes. */
void rig_connect(Rig *r, int i);
void rig_disconnect(Rig *r, int i);

/*
 * Frames into net0 until it is not read any more.  Returns: how many, the
 * last one perhaps only in part: see link_flush().
 * @reader: where they come out meanwhile; NULL: nobody reads
 */
uint32_t rig_fill(Rig *r, Link *reader);

void link_close(Link *link);
void link_send(Link *link, uint32_t first, uint32_t n);
void link_flush(Link *link);

/* Returns: the number of the next frame, or -1 at the end of file. */
int64_t link_read(Link *link);

void link_expect(Link *link, uint32_t first, uint32_t n);
void link_expect_nothing(Rig *r, Link *link);

/* A command of the human monitor; hmp_ok(): it must be silent. */
void hmp_ok(Rig *r, const char *command);
void hmp_fails(Rig *r, const char *command);

/* Until QEMU has seen what was sent: commands take turns with all else. */
void settle(Rig *r);

/* A filter that asks. @rest: more properties */
void add_filter(Rig *r, const char *type, const char *rest);
void set_property(Rig *r, const char *id, bool value);

/* The NIC may use descriptors up to @tail. */
void nic_give(Rig *r, uint32_t tail);

/* The @n descriptors from @at on hold frames from @seq on. */
void nic_expect(Rig *r, uint32_t at, uint32_t seq, uint32_t n);

#endif
