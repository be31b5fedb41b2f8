/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is counted where frames move, and why frames are dropped. */

#ifndef NET_COUNTERS_H
#define NET_COUNTERS_H

#include <stddef.h>
#include <stdint.h>
#include "qapi/qapi-types.h"

/** Frames and bytes; the bytes include vnet headers. */
typedef struct NetCount {
    uint64_t frames;
    uint64_t bytes;
} NetCount;

static inline void net_count_add(NetCount *count, uint64_t frames, uint64_t bytes)
{
    count->frames += frames;
    count->bytes += bytes;
}

/** net_count_to_qapi: the same for QMP. Returns: owned. */
NetCountInfo *net_count_to_qapi(NetCount count);

/** Drops by reason; indexed by the schema's enum NetDropReason. */
typedef struct NetDrops {
    NetCount by_reason[NET_DROP_REASON__MAX];
} NetDrops;

/**
 * net_drops_add: count frames that are dropped, and trace it (net_drop)
 * @noun, @id: who drops them: "netdev", its id
 */
void net_drops_add(NetDrops *drops, const char *noun, const char *id, uint64_t frames,
                   uint64_t bytes, NetDropReason reason);

/** net_drops_total: for all reasons together. */
NetCount net_drops_total(const NetDrops *drops);

/** net_drops_to_qapi: the reasons that have counted something. Returns: owned list. */
NetDropCountList *net_drops_to_qapi(const NetDrops *drops);

#endif
