/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One TCP connection between a client and the guest of a COLO secondary: numbers and states. */

/*
 * Client and primary have agreed on numbers; the secondary's guest counts from another initial
 * number. The guest's SYN·ACK has its number and the client's first ACK the primary's, so the
 * difference is known from then on: it is added to the numbers that the client acknowledges and
 * subtracted from those that the guest sends. The client's own numbers are the same for both
 * guests.
 *
 * Timestamps (RFC 7323) are translated in the same way: the guest would not believe a handshake
 * that echoes another time than its own, nor the client a clock that goes back.
 *
 * An ACK that completes no handshake whose SYN·ACK was seen changes no offset: a SYN that the
 * guest ignores does no harm to a connection. Nor does a late segment of an old connection harm
 * the handshake of the next one on the same ports: a segment of a handshake has a number shortly
 * behind its SYN's.
 *
 * The states only decide when the connection may be forgotten. When the client closes first that
 * is with its last ACK. When the guest closes first, or before it has all data of the client, the
 * client may have to repeat its FIN, and the answer has to be translated: it lingers. A client's
 * RST may be ignored by the guest, if its number is wrong; later segments of the guest show that.
 * A guest that sends RST knows no connection, but in a handshake it only refuses a wrong ACK; its
 * answers to the client's later segments repeat the client's numbers.
 */

#include "net/colo/rewriter-conn.h"

#include <assert.h>

/* In a SYN·ACK the window is not scaled yet: the client can have sent no more (RFC 7323, 2.2). */
#define HANDSHAKE_WINDOW 65536u

typedef enum RewriterEvent {
    EVENT_CLIENT_ACK,
    EVENT_CLIENT_FIN,
    EVENT_CLIENT_ACKS_FIN,
    EVENT_CLIENT_RST,
    EVENT_GUEST_FIN,
    EVENT_GUEST_FIN_EARLY, /* it has not acknowledged the client's FIN */
    EVENT_GUEST_RST,
    EVENT_GUEST_SEGMENT, /* other than RST */
} RewriterEvent;

/** A move; an event that is not in the table changes nothing. */
typedef struct RewriterMove {
    RewriterState from;
    RewriterEvent event;
    RewriterState to;
} RewriterMove;

static const RewriterMove moves[] = {
    { REWRITER_STATE_SYN_RECEIVED, EVENT_CLIENT_ACK, REWRITER_STATE_ESTABLISHED },
    { REWRITER_STATE_SYN_RECEIVED, EVENT_GUEST_FIN, REWRITER_STATE_FIN_WAIT_1 },
    { REWRITER_STATE_SYN_RECEIVED, EVENT_CLIENT_RST, REWRITER_STATE_RESET },
    { REWRITER_STATE_ESTABLISHED, EVENT_CLIENT_FIN, REWRITER_STATE_CLOSE_WAIT },
    { REWRITER_STATE_ESTABLISHED, EVENT_GUEST_FIN, REWRITER_STATE_FIN_WAIT_1 },
    { REWRITER_STATE_ESTABLISHED, EVENT_GUEST_RST, REWRITER_STATE_FORGOTTEN },
    { REWRITER_STATE_ESTABLISHED, EVENT_CLIENT_RST, REWRITER_STATE_RESET },
    { REWRITER_STATE_CLOSE_WAIT, EVENT_GUEST_FIN, REWRITER_STATE_LAST_ACK },
    { REWRITER_STATE_CLOSE_WAIT, EVENT_GUEST_FIN_EARLY, REWRITER_STATE_CLOSING },
    { REWRITER_STATE_CLOSE_WAIT, EVENT_GUEST_RST, REWRITER_STATE_FORGOTTEN },
    { REWRITER_STATE_CLOSE_WAIT, EVENT_CLIENT_RST, REWRITER_STATE_RESET },
    { REWRITER_STATE_LAST_ACK, EVENT_CLIENT_ACKS_FIN, REWRITER_STATE_FORGOTTEN },
    { REWRITER_STATE_LAST_ACK, EVENT_GUEST_RST, REWRITER_STATE_FORGOTTEN },
    { REWRITER_STATE_LAST_ACK, EVENT_CLIENT_RST, REWRITER_STATE_RESET },
    { REWRITER_STATE_FIN_WAIT_1, EVENT_CLIENT_ACKS_FIN, REWRITER_STATE_FIN_WAIT_2 },
    { REWRITER_STATE_FIN_WAIT_1, EVENT_CLIENT_FIN, REWRITER_STATE_CLOSING },
    { REWRITER_STATE_FIN_WAIT_1, EVENT_GUEST_RST, REWRITER_STATE_FORGOTTEN },
    { REWRITER_STATE_FIN_WAIT_1, EVENT_CLIENT_RST, REWRITER_STATE_RESET },
    { REWRITER_STATE_FIN_WAIT_2, EVENT_CLIENT_FIN, REWRITER_STATE_TIME_WAIT },
    { REWRITER_STATE_FIN_WAIT_2, EVENT_GUEST_RST, REWRITER_STATE_FORGOTTEN },
    { REWRITER_STATE_FIN_WAIT_2, EVENT_CLIENT_RST, REWRITER_STATE_RESET },
    { REWRITER_STATE_CLOSING, EVENT_CLIENT_ACKS_FIN, REWRITER_STATE_TIME_WAIT },
    { REWRITER_STATE_CLOSING, EVENT_GUEST_RST, REWRITER_STATE_FORGOTTEN },
    { REWRITER_STATE_CLOSING, EVENT_CLIENT_RST, REWRITER_STATE_RESET },
    { REWRITER_STATE_TIME_WAIT, EVENT_GUEST_RST, REWRITER_STATE_FORGOTTEN },
    { REWRITER_STATE_RESET, EVENT_GUEST_RST, REWRITER_STATE_FORGOTTEN },
    { REWRITER_STATE_RESET, EVENT_GUEST_SEGMENT, REWRITER_STATE_ESTABLISHED },
};

static void conn_move(RewriterConn *conn, RewriterEvent event)
{
    for (size_t i = 0; i < G_N_ELEMENTS(moves); i++) {
        if (moves[i].from == conn->state && moves[i].event == event) {
            conn->state = moves[i].to;
            return;
        }
    }
}

static const RewriterShift untranslated;

static RewriterShift conn_shift(const RewriterConn *conn)
{
    return (RewriterShift) { .number = conn->offset, .clock = conn->clock_offset };
}

static bool conn_is_over(const RewriterConn *conn)
{
    return conn->state == REWRITER_STATE_TIME_WAIT || conn->state == REWRITER_STATE_RESET;
}

/*
 * On a connection that is over it opens a new one, whose numbers have nothing to do with the
 * old. On another it may be a forgery that the guest will ignore. One with the number of the
 * present connection is most probably its own, which the network brings once more: nothing
 * changes unless the guest answers.
 */
void rewriter_conn_syn(RewriterConn *conn, const NetPacket *packet)
{
    bool again = conn->has_client_isn && conn->client_isn == packet->tcp_seq;

    if (again && !conn->in_handshake) {
        conn->in_handshake = true;
        return;
    }
    if (conn_is_over(conn)) {
        conn->offset = 0;
        conn->clock_offset = 0;
    }
    conn->has_guest_isn &= again;
    conn->in_handshake = true;
    conn->has_client_isn = true;
    conn->client_isn = packet->tcp_seq;
    conn->state = REWRITER_STATE_SYN_RECEIVED;
}

/* Whether @number, of the client or acknowledged to it, belongs to its last SYN. */
static bool conn_is_of_handshake(const RewriterConn *conn, uint32_t number)
{
    return conn->in_handshake && number - conn->client_isn - 1 < HANDSHAKE_WINDOW;
}

/*
 * The client's first ACK: it acknowledges the initial number that the primary has sent it, and
 * echoes the time of that.
 */
static void conn_complete_handshake(RewriterConn *conn, const NetPacket *packet)
{
    NetTcpTimestamps timestamps;

    conn->in_handshake = false;
    if (conn->has_guest_isn) {
        conn->has_guest_isn = false;
        conn->offset = conn->guest_isn - (packet->tcp_ack - 1);
        conn->clock_offset = conn->has_guest_clock && net_packet_timestamps(packet, &timestamps)
            ? conn->guest_clock - timestamps.echo : 0;
        conn->state = REWRITER_STATE_ESTABLISHED;
    }
}

static bool conn_awaits_ack_of_fin(const RewriterConn *conn)
{
    return conn->state == REWRITER_STATE_LAST_ACK || conn->state == REWRITER_STATE_FIN_WAIT_1 ||
           conn->state == REWRITER_STATE_CLOSING;
}

RewriterShift rewriter_conn_from_client(RewriterConn *conn, const NetPacket *packet)
{
    bool has_ack = packet->tcp_flags & NET_TCP_ACK;

    if (packet->tcp_flags & NET_TCP_SYN) {
        return untranslated;
    }
    if (packet->tcp_flags & NET_TCP_RST) {
        conn_move(conn, EVENT_CLIENT_RST);
        return has_ack ? conn_shift(conn) : untranslated;
    }
    if (has_ack && conn_is_of_handshake(conn, packet->tcp_seq)) {
        conn_complete_handshake(conn, packet);
    }
    if (has_ack) {
        conn_move(conn, EVENT_CLIENT_ACK);
    }
    if (has_ack && conn_awaits_ack_of_fin(conn) &&
        (int32_t)(packet->tcp_ack - conn->fin_end) >= 0) {
        conn_move(conn, EVENT_CLIENT_ACKS_FIN);
    }
    if (packet->tcp_flags & NET_TCP_FIN) {
        conn->client_fin_end = net_packet_tcp_end(packet);
        conn_move(conn, EVENT_CLIENT_FIN);
    }
    return has_ack ? conn_shift(conn) : untranslated;
}

/* The guest answers a client's SYN, or opens a connection of its own with the same ports. */
static void conn_guest_syn(RewriterConn *conn, const NetPacket *packet)
{
    bool is_answer = packet->tcp_flags & NET_TCP_ACK;
    NetTcpTimestamps timestamps;

    if (is_answer && conn_is_of_handshake(conn, packet->tcp_ack)) {
        conn->state = REWRITER_STATE_SYN_RECEIVED;
        conn->guest_isn = packet->tcp_seq;
        conn->has_guest_isn = true;
        conn->has_guest_clock = net_packet_timestamps(packet, &timestamps);
        conn->guest_clock = conn->has_guest_clock ? timestamps.own : 0;
    } else if (!is_answer && conn->state != REWRITER_STATE_SYN_RECEIVED) {
        conn->state = REWRITER_STATE_FORGOTTEN;
    }
}

/* A guest that refuses a wrong ACK goes on waiting for the right one (RFC 793, 3.4). */
static void conn_guest_rst(RewriterConn *conn)
{
    if (conn->in_handshake) {
        conn->state = REWRITER_STATE_RESET;
    } else {
        conn_move(conn, EVENT_GUEST_RST);
    }
}

static void conn_guest_fin(RewriterConn *conn, const NetPacket *packet)
{
    bool is_early = conn->state == REWRITER_STATE_CLOSE_WAIT &&
                    ((packet->tcp_flags & NET_TCP_ACK) == 0 ||
                     (int32_t)(packet->tcp_ack - conn->client_fin_end) < 0);

    conn->fin_end = net_packet_tcp_end(packet) - conn->offset;
    conn_move(conn, is_early ? EVENT_GUEST_FIN_EARLY : EVENT_GUEST_FIN);
}

RewriterShift rewriter_conn_from_guest(RewriterConn *conn, const NetPacket *packet)
{
    uint8_t flags = packet->tcp_flags;

    if (flags & NET_TCP_SYN) {
        conn_guest_syn(conn, packet);
        return untranslated;
    }
    if (flags & NET_TCP_RST) {
        conn_guest_rst(conn);
        return conn_shift(conn);
    }
    conn_move(conn, EVENT_GUEST_SEGMENT);
    if (flags & NET_TCP_FIN) {
        conn_guest_fin(conn, packet);
    }
    return flags & NET_TCP_ACK ? conn_shift(conn) : untranslated;
}

/*
 * A SYN·ACK from before is void: the guest that sent it is gone. One that comes later counts,
 * as the primary's guest may have had the SYN still before it.
 */
void rewriter_conn_checkpoint(RewriterConn *conn)
{
    conn->offset = 0;
    conn->clock_offset = 0;
    conn->has_guest_isn = false;
}

NetConnClass rewriter_conn_class(const RewriterConn *conn)
{
    if (conn_is_over(conn)) {
        return NET_CONN_LINGERING;
    }
    return rewriter_conn_is_translated(conn) ? NET_CONN_BUSY : NET_CONN_IDLE;
}

const char *rewriter_state_name(RewriterState state)
{
    static const char *const names[] = {
        [REWRITER_STATE_SYN_RECEIVED] = "syn-received",
        [REWRITER_STATE_ESTABLISHED] = "established",
        [REWRITER_STATE_CLOSE_WAIT] = "close-wait",
        [REWRITER_STATE_LAST_ACK] = "last-ack",
        [REWRITER_STATE_FIN_WAIT_1] = "fin-wait-1",
        [REWRITER_STATE_FIN_WAIT_2] = "fin-wait-2",
        [REWRITER_STATE_CLOSING] = "closing",
        [REWRITER_STATE_TIME_WAIT] = "time-wait",
        [REWRITER_STATE_RESET] = "reset",
        [REWRITER_STATE_FORGOTTEN] = "forgotten",
    };

    static_assert(G_N_ELEMENTS(names) == REWRITER_STATE__MAX, "a name for each state");
    return names[state];
}
