/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program with one netdev, a peer behind it and a chardev for a filter, ready to be tested. */

#ifndef TESTS_QTEST_RIG_H
#define TESTS_QTEST_RIG_H

#include "qtest-client.h"

/*
 *                         +---------------- program ----------------+
 *   rig->net ──link──► netdev "net0" ──► filters ──► idle NIC or hub ──► rig->peer
 *                                           │
 *                                           └──► chardev "chr0" ──► rig->out
 *
 * Frames are numbered in the order in which they are sent.
 */

/** What net0 is. */
typedef enum RigNetdev {
    RIG_SOCKET_STREAM,   /* -netdev socket,fd= with a stream socket pair */
    RIG_SOCKET_DGRAM,    /* the same with a datagram socket pair */
    RIG_SOCKET_LISTEN,
    RIG_SOCKET_CONNECT,
    RIG_SOCKET_UDP,
    RIG_STREAM_FD,
    RIG_STREAM_SERVER,   /* unix */
    RIG_STREAM_CLIENT,   /* unix */
    RIG_STREAM_TCP,      /* client */
    RIG_DGRAM_FD,
    RIG_DGRAM_UNIX,
    RIG_DGRAM_INET,
    RIG_NETDEV__MAX,
} RigNetdev;

/** rig_netdev_name: for the names of tests. */
const char *rig_netdev_name(RigNetdev kind);

typedef struct Rig {
    QTest *s;
    RigNetdev kind;
    int net_fd;
    FrameLink net;       /* the network side of net0 */
    uint32_t n_sent;
    int peer_fd;         /* -1 with the idle NIC */
    FrameLink peer;      /* what the guest side gets, through a hub */
    uint32_t n_peer;     /* number of the frame expected there next */
    char *out_path;      /* chr0 listens there */
    int out_fd;          /* -1 = not connected */
    FrameLink out;
    uint32_t n_out;
} Rig;

/** rig_new: net0 with an idle NIC, and @format: more options. End it with rig_free(). */
Rig *rig_new(RigNetdev kind, const char *format, ...) G_GNUC_PRINTF(2, 3);

/** rig_new_with_taker: a socket netdev net0 whose frames reach rig->peer through a hub. */
Rig *rig_new_with_taker(const char *format, ...) G_GNUC_PRINTF(1, 2);

/** rig_free: the counters must add up and the program must end in order. */
void rig_free(Rig *rig);

/** rig_connect_out, rig_disconnect_out: the other end of chr0; waits until it is noticed. */
void rig_connect_out(Rig *rig);
void rig_disconnect_out(Rig *rig);

/** rig_send: the next @n frames into net0. */
void rig_send(Rig *rig, uint32_t n);

/** rig_held_cost: the memory that the frames take which wait between net0 and its peer. */
int64_t rig_held_cost(Rig *rig);

/** rig_fill: frames into net0 until the stopped VM's limit is reached. */
void rig_fill(Rig *rig);

/** rig_expect_out, rig_expect_peer: the next @n frames come out there. */
void rig_expect_out(Rig *rig, uint32_t n);
void rig_expect_peer(Rig *rig, uint32_t n);

/** rig_expect_no_out: nothing more is there by now. */
void rig_expect_no_out(Rig *rig);

/** rig_wait_in: until @n frames have entered net0's tx direction, counted from the start. */
void rig_wait_in(Rig *rig, int64_t n);

/** rig_is_polled: whether net0 is read. */
bool rig_is_polled(Rig *rig);

/** rig_add_redirector: f0 on net0, queue tx, outdev chr0; @members: more JSON members. */
void rig_add_redirector(Rig *rig, const char *members);

#endif
