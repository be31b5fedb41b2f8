/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One TCP connection between a client and the guest of a COLO secondary: numbers and states. */

#ifndef NET_COLO_REWRITER_CONN_H
#define NET_COLO_REWRITER_CONN_H

#include "net/packet/conn-track.h"

/** As the guest sees the connection, which a client has opened (RFC 793). */
typedef enum RewriterState {
    REWRITER_STATE_SYN_RECEIVED, /* the client's SYN came, its first ACK has not */
    REWRITER_STATE_ESTABLISHED,
    REWRITER_STATE_CLOSE_WAIT,   /* the client's FIN came */
    REWRITER_STATE_LAST_ACK,     /* and the guest's FIN went */
    REWRITER_STATE_FIN_WAIT_1,   /* the guest's FIN went first */
    REWRITER_STATE_FIN_WAIT_2,   /* and the client has acknowledged it */
    REWRITER_STATE_CLOSING,      /* both FINs crossed, the guest's is not acknowledged */
    REWRITER_STATE_TIME_WAIT,    /* over; the client may repeat its FIN */
    REWRITER_STATE_RESET,        /* the client sent RST; perhaps the guest does not heed it */
    REWRITER_STATE_FORGOTTEN,    /* to be removed */
    REWRITER_STATE__MAX,
} RewriterState;

typedef struct RewriterConn {
    NetConn conn;          /* key: from the client to the guest */
    RewriterState state;
    uint32_t offset;       /* the guest's numbers are the client's plus this */
    uint32_t clock_offset; /* and the guest's timestamps those that the client sees */
    bool has_client_isn;
    uint32_t client_isn;   /* initial number of the client's last SYN */
    bool in_handshake;     /* the client has acknowledged no answer to that SYN */
    bool has_guest_isn;    /* the guest has answered that SYN */
    bool has_guest_clock;  /* with a timestamp */
    uint32_t guest_isn;
    uint32_t guest_clock;
    uint32_t fin_end;      /* number behind the guest's FIN, as the client counts */
    uint32_t client_fin_end; /* ... behind the client's, in the states after that */
} RewriterConn;

/** What a segment is translated by; 0 = not. */
typedef struct RewriterShift {
    uint32_t number; /* added to the ack of a client's, subtracted from the seq of a guest's */
    uint32_t clock;  /* likewise of the timestamps: the echoed one, and its own */
} RewriterShift;

/** rewriter_conn_syn: a client's SYN without ACK; on a zeroed connection its first. */
void rewriter_conn_syn(RewriterConn *conn, const NetPacket *packet);

/** rewriter_conn_is_translated: whether its segments are changed. */
static inline bool rewriter_conn_is_translated(const RewriterConn *conn)
{
    return conn->offset != 0 || conn->clock_offset != 0;
}

/** rewriter_conn_from_client: any other segment. Returns: how it is translated. */
RewriterShift rewriter_conn_from_client(RewriterConn *conn, const NetPacket *packet);

/** rewriter_conn_from_guest: any segment. Returns: how it is translated. */
RewriterShift rewriter_conn_from_guest(RewriterConn *conn, const NetPacket *packet);

/** rewriter_conn_checkpoint: the guest has taken over the primary's numbers. */
void rewriter_conn_checkpoint(RewriterConn *conn);

/** rewriter_conn_class: the class by which it is kept or replaced. */
NetConnClass rewriter_conn_class(const RewriterConn *conn);

/** rewriter_state_name: for traces. */
const char *rewriter_state_name(RewriterState state);

#endif
