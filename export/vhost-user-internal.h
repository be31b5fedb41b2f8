/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A vhost-user device and its rings, for the files that work them. */

#ifndef EXPORT_VHOST_USER_INTERNAL_H
#define EXPORT_VHOST_USER_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include "export/vhost-user-postcopy.h"
#include "export/vhost-user-transfer.h"
#include "export/vring.h"
#include "net/client.h"
#include "util/clock.h"
#include "util/fd-watch.h"

/** Most queue pairs: messages have eight bits for the number of a ring. */
#define VHOST_USER_PAIRS_MAX 128u

/* Features of the device (virtio 1.2, 5.1.3 and 6), and one of the protocol. */
#define VIRTIO_NET_F_CSUM (UINT64_C(1) << 0)
#define VIRTIO_NET_F_GUEST_CSUM (UINT64_C(1) << 1)
#define VIRTIO_NET_F_MTU (UINT64_C(1) << 3)
#define VIRTIO_NET_F_GUEST_TSO4 (UINT64_C(1) << 7)
#define VIRTIO_NET_F_GUEST_TSO6 (UINT64_C(1) << 8)
#define VIRTIO_NET_F_HOST_TSO4 (UINT64_C(1) << 11)
#define VIRTIO_NET_F_HOST_TSO6 (UINT64_C(1) << 12)
#define VIRTIO_NET_F_MRG_RXBUF (UINT64_C(1) << 15)
#define VIRTIO_NET_F_GUEST_ANNOUNCE (UINT64_C(1) << 21)
#define VIRTIO_NET_F_MQ (UINT64_C(1) << 22)
#define VHOST_F_LOG_ALL (UINT64_C(1) << 26)
#define VIRTIO_F_INDIRECT_DESC (UINT64_C(1) << 28)
#define VIRTIO_F_EVENT_IDX (UINT64_C(1) << 29)
#define VHOST_USER_F_PROTOCOL_FEATURES (UINT64_C(1) << 30)
#define VIRTIO_F_VERSION_1 (UINT64_C(1) << 32)
#define VIRTIO_F_RING_PACKED (UINT64_C(1) << 34)
#define VIRTIO_F_IN_ORDER (UINT64_C(1) << 35)
#define VIRTIO_NET_F_GUEST_USO4 (UINT64_C(1) << 54)
#define VIRTIO_NET_F_GUEST_USO6 (UINT64_C(1) << 55)
#define VIRTIO_NET_F_HOST_USO (UINT64_C(1) << 56)

/* Features of the protocol (vhost-user protocol, "Protocol features"). */
#define VHOST_USER_PROTOCOL_F_MQ (UINT64_C(1) << 0)
#define VHOST_USER_PROTOCOL_F_LOG_SHMFD (UINT64_C(1) << 1)
#define VHOST_USER_PROTOCOL_F_RARP (UINT64_C(1) << 2)
#define VHOST_USER_PROTOCOL_F_REPLY_ACK (UINT64_C(1) << 3)
#define VHOST_USER_PROTOCOL_F_NET_MTU (UINT64_C(1) << 4)
#define VHOST_USER_PROTOCOL_F_PAGEFAULT (UINT64_C(1) << 8)
#define VHOST_USER_PROTOCOL_F_RESET_DEVICE (UINT64_C(1) << 13)
#define VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS (UINT64_C(1) << 15)
#define VHOST_USER_PROTOCOL_F_STATUS (UINT64_C(1) << 16)
#define VHOST_USER_PROTOCOL_F_DEVICE_STATE (UINT64_C(1) << 19)

typedef struct VhostUserDev VhostUserDev;

/** One ring: number 2k brings frames to the guest, 2k + 1 from it. */
typedef struct VhostUserRing {
    VhostUserDev *dev;     /* back pointer */
    unsigned index;
    uint32_t num;          /* this and what follows: as set, for the next start */
    uint32_t base;
    uint64_t desc, avail, used;
    bool logs;             /* what is written to it is logged, as if at @log */
    uint64_t log;
    int kick_fd;           /* owned; -1 = none: it is looked at now and then */
    int call_fd;           /* owned; -1 = the guest is not notified */
    int err_fd;            /* owned; -1 = none */
    FdWatch *kick;         /* owned; NULL = without @kick_fd */
    bool starts;           /* it will be @started when its memory has come, in postcopy */
    bool started;
    bool resumed;          /* where it had stopped: its driver is the same as before */
    bool enabled;
    bool wants_buffers;    /* to the guest: frames wait for buffers */
    bool owes_call;        /* the guest is to be notified, when there is @call_fd and it is time */
    int64_t called_ns;     /* when it was notified last */
    bool has_stopped;      /* with @last */
    VringSetup last;
    uint32_t last_base;
    Vring vring;           /* zeroed unless @started */
} VhostUserRing;

/** What the owner of a device is told; constant. */
typedef struct VhostUserDevOps {
    /** @n_targets or vhost_user_dev_runs() may have changed; also from a chain's run. */
    void (*changed)(VhostUserDev *dev);
    /** The memory is lost. From inside anything: the connection is to be ended from the loop. */
    void (*failed)(VhostUserDev *dev);
} VhostUserDevOps;

/** Embedded in the export. */
struct VhostUserDev {
    NetClient *nc;               /* back pointer: the export */
    const char *source;          /* borrowed: of messages */
    const VhostUserDevOps *ops;
    void (*kicked)(VhostUserRing *ring); /* a kick has come, or a ring is to be looked at */
    unsigned n_pairs;
    VhostUserRing *rings;        /* owned: 2 * @n_pairs */
    VringMemory *mem;            /* owned; NULL = no front-end */
    VringLog *log;               /* owned; NULL = none */
    uint64_t features;           /* that the guest took */
    uint64_t protocol_features;  /* that the front-end took */
    bool offers_state;           /* the protocol's feature DEVICE_STATE */
    VhostUserTransfer transfer;
    bool offers_pagefault;       /* the protocol's feature PAGEFAULT */
    VhostUserPostcopy postcopy;
    uint8_t status;              /* as it was set */
    uint16_t mtu;                /* as it was set; 0 = not */
    uint16_t *targets;           /* owned: rings that frames toward the guest can go to */
    size_t n_targets;
    Timer *again;                /* owned: looks at the rings from the loop */
    int64_t poll_ns;             /* how long rings are polled that brought many frames; 0 = not */
    int64_t busy_since_ns;       /* when a pass moved many frames last */
    bool has_failed;
};

static inline bool vhost_user_ring_to_guest(const VhostUserRing *ring)
{
    return ring->index % 2 == 0;
}

/** vhost_user_ring_works: it is started, and not broken. */
static inline bool vhost_user_ring_works(const VhostUserRing *ring)
{
    return ring->started && !ring->vring.fault;
}

#endif
