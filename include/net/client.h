/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clients: the ends of links. Netdevs on one side, NICs, hub ports and exports on the other. */

#ifndef NET_CLIENT_H
#define NET_CLIENT_H

#include <stdbool.h>
#include <glib.h>
#include "net/chain.h"
#include "net/hold-limit.h"
#include "net/packet/frame.h"
#include "net/turn.h"
#include "qapi/qapi-types.h"

/*
 * Re-entrancy. Every event (frames that come, a property, the run state) is a turn of the net
 * core, which ends when the outermost call into it returns. In a turn all changes are marked
 * first. Then the core decides, for all clients, which filters are active, which sources are read,
 * and how much may be held; then it calls switched() of filters; then chains run; then it calls
 * read_poll() of sources. A hook may call anything declared here and in net/filter.h but
 * net_client_delete(), net_client_connect() and net_client_disconnect(): the core deals with the
 * changes that a hook marks after the hook has returned. Only frames that it sends or injects run
 * inside the call, or, where too many runs nest, are held until later in the turn. See
 * docs/architecture.rst, "Turns".
 */

/**
 * Hooks of one kind of client; constant. All are called from the loop; none may block, or run the
 * loop.
 */
typedef struct NetClientInfo {
    NetClientDriver type;
    size_t size; /* of the instance; its first member is NetClient */

    /**
     * Take frames from the front of @frames toward the outside (netdev) or the guest (NIC).
     * Fewer than @n means "not now": call net_client_ready() when there is room. A frame that
     * can never be sent is taken and reported with net_client_drop_rx().
     */
    size_t (*receive)(NetClient *nc, const NetFrame *frames, size_t n);

    /**
     * Start or stop reading from the outside. Only the net core calls it, and only on a
     * change. A client is created not reading. Required of every netdev.
     */
    void (*read_poll)(NetClient *nc, bool enable);

    /** The link went up or down by set_link; may be NULL. */
    void (*link_changed)(NetClient *nc);

    /**
     * Frames that were handed over but may not have reached the guest. A VM that goes on elsewhere
     * gets them before newer frames. Only while the VM is stopped.
     * @batch: (out) oldest first; valid until the next call into the client
     * NULL = all frames that the client took have arrived.
     */
    void (*in_flight)(const NetClient *nc, NetBatch *batch);

    /** The VM elsewhere has got those: nothing is in flight any more. NULL as @in_flight. */
    void (*in_flight_taken)(NetClient *nc);

    /**
     * Frames for it that the kernel dropped, since it was made, before it could read them.
     * @query: number of the query: clients of the same query share what the kernel reported
     * @frames: (out)
     * Returns: false if the kernel does not report them. It never waits. NULL = none is dropped
     * there
     */
    bool (*kernel_dropped)(NetClient *nc, uint64_t query, uint64_t *frames);

    /**
     * Whether receive() reads no byte of a frame twice, or only in a copy of its own: others may
     * change it meanwhile. Frames with a virtio-net header are not meant. NULL = it may.
     */
    bool (*reads_once)(const NetClient *nc);

    /** It got a peer, has none any more, or the peer's connection came or went. May be NULL. */
    void (*peer_changed)(NetClient *nc);

    /** What info network shows in place of info_text; owned by the caller. May be NULL. */
    char *(*describe)(const NetClient *nc);

    /** Release what the instance owns; the net core frees the rest. May be NULL. */
    void (*cleanup)(NetClient *nc);

    bool is_netdev; /* has an id in the netdevs' name space and may own filters */
    bool drains;    /* read whatever the run state, and until its chain is at the hold limit */
    bool takes_vnet_hdr; /* receive() is given frames with the virtio-net header that they have */
} NetClientInfo;

struct NetClient {
    const NetClientInfo *info;
    char *id;            /* owned */
    NetClient *peer;     /* borrowed; NULL = none */
    NetChain *out;       /* owned: from this client to its peer; NULL without peer */
    GPtrArray *filters;  /* borrowed NetFilter *, head to tail */
    char *info_text;     /* owned: INFO of docs/reference-text.rst, "Text of info network" */
    bool link_down;      /* by set_link */
    bool disconnected;   /* by the back end itself: no connection at present */
    bool wants_stopped;  /* its peer is to be read while the VM is stopped */
    uint64_t hold_size;  /* limit of held frames in either direction, in bytes; 0 = unset */
    bool polled;         /* last argument of read_poll */
    bool is_rewired;     /* its chains are new: the filters are still to be put in */
    NetTurnItem changed; /* due: to be decided about */
    NetTurnItem tell;    /* due: read_poll is to be called */
    NetDrops drops;      /* frames that entered no chain */
    uint64_t n_read_errors;   /* malformed streams, see net_client_count_malformed() */
    uint64_t n_truncated;     /* datagrams cut to NET_FRAME_MAX */
    NetHoldLimit hold_limit;
};

/**
 * net_client_new: make a client and put it into the list
 * @id: copied; for netdevs unique
 *
 * The instance is zeroed behind its NetClient. Returns: owned by the net core.
 */
NetClient *net_client_new(const NetClientInfo *info, const char *id);

/** net_client_delete: filters first, then the link, then the client itself. */
void net_client_delete(NetClient *nc);

/** net_netdev_find, net_client_find: a netdev, or any client, by its id. Borrowed; NULL = none. */
NetClient *net_netdev_find(const char *id);
NetClient *net_client_find(const char *name);

/** net_client_foreach: in order of creation; @func may delete the client it is given. */
void net_client_foreach(void (*func)(NetClient *nc, void *opaque), void *opaque);

/** net_client_noun: its noun in messages: "netdev" or "export". */
static inline const char *net_client_noun(const NetClient *nc)
{
    return nc->info->is_netdev ? "netdev" : "export";
}

/** net_client_connect: make @a and @b peers; neither has one. */
void net_client_connect(NetClient *a, NetClient *b);

/** net_client_disconnect: part @nc and its peer; frames held on the link are lost. */
void net_client_disconnect(NetClient *nc);

/**
 * net_client_send: frames that came from the outside start on their way to the peer
 *
 * All of them are taken: delivered, consumed, held or dropped by counter. The net core calls
 * read_poll, perhaps from inside, to stop or start reading; send frames of the same read all the
 * same.
 */
void net_client_send(NetClient *nc, const NetFrame *frames, size_t n);

/**
 * net_client_reads_once: whether nobody on the way of what @nc sends now reads a byte of it twice
 *
 * If so, frames without a virtio-net header may be in memory that others change meanwhile.
 */
bool net_client_reads_once(const NetClient *nc);

/** net_client_can_send: false while a source that cannot be stopped should drop (overflow). */
bool net_client_can_send(const NetClient *nc);

/** net_client_drop: count a frame from the outside that starts on no way. */
void net_client_drop(NetClient *nc, uint64_t frames, uint64_t bytes, NetDropReason reason);

/** net_client_ready: @receive has room again; frames held for this client run, now or later. */
void net_client_ready(NetClient *nc);

/** net_client_drop_rx: @receive took @frames and had to drop them. */
void net_client_drop_rx(NetClient *nc, const NetFrame *frames, size_t n, NetDropReason reason);

/**
 * net_client_drop_held: forget what waits for this client; it is not coming any more
 *
 * Frames that wait for a filter on the way stay. Not from inside a run of that chain.
 */
void net_client_drop_held(NetClient *nc, NetDropReason reason);

/** What the link of a client has counted, seen from the client; all 0 without a peer. */
typedef struct NetClientCounts {
    NetCount to;         /* the client has taken them */
    NetCount to_held;    /* they wait for the client */
    bool to_is_full;     /* what waits on the way to it takes all the memory that it may */
    NetDrops to_dropped; /* the client has taken and dropped them */
    NetCount from;       /* they came from the client and started on their way */
    NetCount from_held;  /* they wait anywhere on it */
} NetClientCounts;

/** net_client_get_counts: @counts: (out) all 0 without a peer. */
void net_client_get_counts(const NetClient *nc, NetClientCounts *counts);

/** net_client_begin_query: the calls that follow read the kernel's counters anew. */
void net_client_begin_query(void);

/** net_client_kernel_dropped: as NetClientInfo.kernel_dropped; false where there is none. */
bool net_client_kernel_dropped(NetClient *nc, uint64_t *frames);

/**
 * net_client_return: @frames that @receive took come back, in front of the frames held for it
 *
 * Without a peer they are dropped, and counted at this client.
 */
void net_client_return(NetClient *nc, const NetFrame *frames, size_t n);

/**
 * net_client_take_held: what waits for this client, and for no filter on the way, is now its own
 * @hold: (out) the frames, behind what is there; to the chain they are delivered
 *
 * Nothing, where an active filter takes what waits for the client. Not from inside a run.
 */
void net_client_take_held(NetClient *nc, NetHold *hold);

/** net_client_return_held: the opposite, as net_client_return(); @hold is empty afterwards. */
void net_client_return_held(NetClient *nc, NetHold *hold);

/** net_client_set_info: printf into info_text. */
void net_client_set_info(NetClient *nc, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/**
 * net_client_set_connected: the back end gained or lost its connection
 *
 * Frames toward a client that does not take them while it is not connected are held as while
 * the VM is stopped: up to the hold limit, then their source is no longer read.
 */
void net_client_set_connected(NetClient *nc, bool connected);

/** net_client_set_wants_stopped: whether it asks for its peer to be read in a stopped VM. */
void net_client_set_wants_stopped(NetClient *nc, bool wants);

/** net_client_set_hold_size: how much either direction may hold, in bytes; 0 = no wish. */
void net_client_set_hold_size(NetClient *nc, uint64_t bytes);

/** net_client_changed: a state of its link has changed: decide filters and limits anew, and run. */
void net_client_changed(NetClient *nc);

/** net_client_stopped_readers: how many filters, and its peer, ask for it in a stopped VM. */
guint net_client_stopped_readers(const NetClient *nc);

/** net_client_set_link: by set_link; a netdev takes the link of its NIC with it. */
void net_client_set_link(NetClient *nc, bool up);

/** net_init: listen to the run state; once at start-up. net_cleanup: delete all clients. */
void net_init(void);
void net_cleanup(void);

#endif
