/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules by which colo-compare compares two packets. */

/*
 * A TCP stream is compared, not its segments: both guests may cut it differently. The compared
 * part ends at "seen"; of each segment only the part behind that still counts. The parts are equal
 * when they begin at the same number and agree as far as both go. The shorter one is then done
 * with, and "seen" moves to its end.
 *
 * A primary segment that was not one segment of the secondary, too, may only go out when the
 * secondary has also received the data that the segment acknowledges: after a failover the client
 * will not send it again.
 */

#include "net/colo/compare-rules.h"

#include <string.h>
#include <glib.h>

/* --- TCP --------------------------------------------------------------------------------- */

static bool seq_is_after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

/* Ports are used again: numbers of the old connection say nothing about the new one. */
static bool tcp_note_syn(ColoTcp *tcp, ColoTcpSide *side, uint32_t isn)
{
    if (side->has_isn && side->isn == isn) {
        return false;
    }
    *side = (ColoTcpSide) { .has_isn = true, .isn = isn };
    tcp->has_seen = false;
    return true;
}

static void tcp_note_ack(ColoTcpSide *side, uint32_t ack)
{
    if (!side->has_ack || seq_is_after(ack, side->ack)) {
        side->has_ack = true;
        side->ack = ack;
    }
}

bool colo_tcp_note(ColoTcp *tcp, ColoSide which, const ColoPacket *packet)
{
    ColoTcpSide *side = &tcp->side[which];
    bool is_new = packet->tcp_flags & NET_TCP_SYN && tcp_note_syn(tcp, side, packet->seq);

    if (packet->tcp_flags & NET_TCP_ACK) {
        tcp_note_ack(side, packet->ack);
    }
    side->has_closed |= (packet->tcp_flags & (NET_TCP_FIN | NET_TCP_RST)) != 0;
    return is_new;
}

/* The numbers of bare segments prove nothing: a guest's RST repeats a number that its peer sent. */
static void tcp_note_released(ColoTcp *tcp, const ColoPacket *packet)
{
    if (packet->seq_end != packet->seq &&
        (!tcp->has_seen || seq_is_after(packet->seq_end, tcp->seen))) {
        tcp->has_seen = true;
        tcp->seen = packet->seq_end;
    }
}

void colo_tcp_checkpoint(ColoTcp *tcp, const ColoList *primary)
{
    const ColoTcpSide *side = &tcp->side[COLO_SIDE_PRIMARY];

    for (const ColoPacket *packet = primary->head; packet; packet = packet->next) {
        tcp_note_released(tcp, packet);
    }
    if (side->has_ack) {
        tcp_note_ack(&tcp->side[COLO_SIDE_SECONDARY], side->ack);
    }
}

bool colo_tcp_is_over(const ColoTcp *tcp)
{
    return tcp->side[COLO_SIDE_PRIMARY].has_closed && tcp->side[COLO_SIDE_SECONDARY].has_closed;
}

/* It has no payload, or all of it has been compared before. */
static bool tcp_is_complete(const ColoTcp *tcp, const ColoPacket *packet)
{
    return packet->seq_end == packet->seq ||
           (tcp->has_seen && !seq_is_after(packet->seq_end, tcp->seen));
}

bool colo_tcp_is_answered(const ColoTcp *tcp, ColoSide which, const ColoPacket *packet)
{
    bool is_primary = which == COLO_SIDE_PRIMARY;
    const ColoTcpSide *other = &tcp->side[is_primary ? COLO_SIDE_SECONDARY : COLO_SIDE_PRIMARY];
    uint8_t flags = packet->tcp_flags;

    if (packet->seq_end != packet->seq || flags & NET_TCP_SYN) {
        return false;
    }
    if (flags & (NET_TCP_FIN | NET_TCP_RST) && !other->has_closed) {
        return false;
    }
    if (flags & NET_TCP_ACK) {
        return other->has_ack && !seq_is_after(packet->ack, other->ack);
    }
    return flags & NET_TCP_RST;
}

/* Number of the first byte that has not been compared. */
static uint32_t tcp_rest(const ColoTcp *tcp, const ColoPacket *packet)
{
    return tcp->has_seen && seq_is_after(tcp->seen, packet->seq) ? tcp->seen : packet->seq;
}

/* Whether the secondary has received what @primary acknowledges. */
static bool tcp_ack_is_safe(const ColoTcp *tcp, const ColoPacket *primary)
{
    const ColoTcpSide *secondary = &tcp->side[COLO_SIDE_SECONDARY];

    return (primary->tcp_flags & NET_TCP_ACK) == 0 ||
           (secondary->has_ack && !seq_is_after(primary->ack, secondary->ack));
}

/* Whether the rests of both begin at @at and agree up to @end. */
static bool tcp_rests_agree(const ColoTcp *tcp, const ColoPacket *p, const ColoPacket *s,
                            uint32_t end)
{
    uint32_t at = tcp_rest(tcp, p);

    return at == tcp_rest(tcp, s) &&
           memcmp(p->data + p->payload + (at - p->seq), s->data + s->payload + (at - s->seq),
                  end - at) == 0;
}

unsigned colo_tcp_compare(ColoTcp *tcp, const ColoPacket *p, const ColoPacket *s)
{
    unsigned complete = (tcp_is_complete(tcp, p) ? COLO_VERDICT_RELEASE : 0) |
                        (tcp_is_complete(tcp, s) ? COLO_VERDICT_DROP : 0);
    bool p_is_longer = seq_is_after(p->seq_end, s->seq_end);
    uint32_t end = p_is_longer ? s->seq_end : p->seq_end;
    bool end_agrees = p->seq_end == s->seq_end;
    unsigned verdict = COLO_VERDICT_DROP;

    if (complete) {
        return complete;
    }
    if (!tcp_rests_agree(tcp, p, s, end)) {
        return COLO_VERDICT_DIFFERENT;
    }
    if (!p_is_longer) {
        if (!(end_agrees && p->seq == s->seq) && !tcp_ack_is_safe(tcp, p)) {
            return COLO_VERDICT_DIFFERENT;
        }
        verdict = COLO_VERDICT_RELEASE | (end_agrees ? COLO_VERDICT_DROP : 0);
    }
    tcp->has_seen = true;
    tcp->seen = end;
    return verdict;
}

/* --- Others ------------------------------------------------------------------------------ */

bool colo_packets_equal(const ColoPacket *p, const ColoPacket *s)
{
    bool from_transport = p->protocol == NET_PROTOCOL_UDP || p->protocol == NET_PROTOCOL_ICMP;
    uint32_t p_at = from_transport ? p->transport : p->vnet_hdr_len;
    uint32_t s_at = from_transport ? s->transport : s->vnet_hdr_len;

    return p->len == s->len && p->end - p_at == s->end - s_at &&
           memcmp(p->data + p_at, s->data + s_at, p->end - p_at) == 0;
}
