/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many descriptors a guest behind netdev user may make the process open. */

/*
 * Each connection of the guest is a socket of the host, and a guest can begin as many as it likes.
 * A netdev may have half of the sockets that the process may open, and none takes the last of
 * them: monitors and others need some. libslirp opens a socket without asking. So while a netdev
 * is at its limit the limit of the process is lowered for the time of a call of libslirp: what is
 * open stays so, and the kernel refuses more (setrlimit(2), RLIMIT_NOFILE).
 */

#include "net/netdev/user-internal.h"

#include <sys/resource.h>

#include "net/packet/packet.h"
#include "util/clock.h"
#include "util/log.h"

/* Descriptors that are for others. */
#define LIMIT_RESERVE 64u

/* Between two rounds at the limit: a listening socket whose connections are refused stays ready. */
#define LIMIT_PAUSE_NS (INT64_C(10) * 1000 * 1000)

void net_user_limit_init(NetUserLimit *limit)
{
    struct rlimit files = { .rlim_cur = 1024 };
    rlim_t reserve;

    getrlimit(RLIMIT_NOFILE, &files);
    reserve = MIN(LIMIT_RESERVE, files.rlim_cur / 4);
    limit->end = (int)MIN(files.rlim_cur - reserve, (rlim_t)G_MAXINT);
    limit->max = (unsigned)limit->end / 2;
    limit->newest = -1;
}

void net_user_limit_opened(NetUserLimit *limit, int fd)
{
    limit->n_open++;
    limit->newest = fd;
}

/* The kernel gives the lowest number that is free, so the next one says anew how far it is. */
void net_user_limit_closed(NetUserLimit *limit)
{
    limit->n_open -= limit->n_open > 0;
    limit->newest = -1;
}

bool net_user_limit_is_reached(const NetUserLimit *limit)
{
    return limit->n_open >= limit->max || limit->newest >= limit->end - 1;
}

void net_user_limit_enter(NetUserLimit *limit)
{
    struct rlimit none;

    limit->is_lowered = net_user_limit_is_reached(limit) &&
                        getrlimit(RLIMIT_NOFILE, &limit->normal) == 0;
    if (limit->is_lowered) {
        none = (struct rlimit) { .rlim_cur = 0, .rlim_max = limit->normal.rlim_max };
        limit->is_lowered = setrlimit(RLIMIT_NOFILE, &none) == 0;
    }
}

void net_user_limit_leave(NetUserLimit *limit)
{
    if (limit->is_lowered) {
        setrlimit(RLIMIT_NOFILE, &limit->normal);
        limit->is_lowered = false;
    }
}

void net_user_limit_rest(NetUserLimit *limit)
{
    if (net_user_limit_is_reached(limit)) {
        limit->rest_until_ns = clock_now_ns(CLOCK_TYPE_REALTIME) + LIMIT_PAUSE_NS;
    }
}

int net_user_limit_rest_ms(const NetUserLimit *limit)
{
    int64_t left_ns = limit->rest_until_ns - clock_now_ns(CLOCK_TYPE_REALTIME);

    return left_ns > 0 && net_user_limit_is_reached(limit) ? (int)(left_ns / 1000000) + 1 : 0;
}

bool net_user_limit_refuses(NetUserLimit *limit, NetClient *nc, const NetFrame *frame)
{
    g_autofree char *source = NULL;
    NetPacket packet;

    if (!net_user_limit_is_reached(limit) || !net_packet_parse(&packet, frame) ||
        packet.kind != NET_TRANSPORT_TCP ||
        (packet.tcp_flags & (NET_TCP_SYN | NET_TCP_ACK)) != NET_TCP_SYN) {
        return false;
    }
    net_client_drop_rx(nc, frame, 1, NET_DROP_REASON_NO_DESCRIPTOR);
    source = g_strdup_printf("netdev '%s'", nc->id);
    log_limited_warning(source, "descriptors", "the guest has %u sockets open, which is as many "
                        "as it may: connections are refused", limit->n_open);
    return true;
}
