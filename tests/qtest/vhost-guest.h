/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A vhost-user front-end with a guest behind it: shared memory, rings, a virtio-net driver. */

#ifndef TESTS_QTEST_VHOST_GUEST_H
#define TESTS_QTEST_VHOST_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>

/* Requests, by the names that the vhost-user protocol has for them. */
enum {
    VU_GET_FEATURES = 1, VU_SET_FEATURES = 2, VU_SET_OWNER = 3, VU_RESET_OWNER = 4,
    VU_SET_MEM_TABLE = 5, VU_SET_LOG_BASE = 6, VU_SET_VRING_NUM = 8, VU_SET_VRING_ADDR = 9,
    VU_SET_VRING_BASE = 10,
    VU_GET_VRING_BASE = 11, VU_SET_VRING_KICK = 12, VU_SET_VRING_CALL = 13,
    VU_SET_VRING_ERR = 14, VU_GET_PROTOCOL_FEATURES = 15, VU_SET_PROTOCOL_FEATURES = 16,
    VU_GET_QUEUE_NUM = 17, VU_SET_VRING_ENABLE = 18, VU_SEND_RARP = 19, VU_NET_SET_MTU = 20,
    VU_POSTCOPY_ADVISE = 28, VU_POSTCOPY_LISTEN = 29, VU_POSTCOPY_END = 30,
    VU_RESET_DEVICE = 34, VU_GET_MAX_MEM_SLOTS = 36, VU_ADD_MEM_REG = 37, VU_REM_MEM_REG = 38,
    VU_SET_STATUS = 39, VU_GET_STATUS = 40, VU_SET_DEVICE_STATE_FD = 42,
    VU_CHECK_DEVICE_STATE = 43,
};

/* Of the protocol's features. */
#define VU_PF_PAGEFAULT (UINT64_C(1) << 8)

#define VU_NEED_REPLY 8u
#define VU_NO_FD 0x100u

/* Features by their bits (virtio 1.2, 5.1.3 and 6). */
#define VN_F_CSUM (UINT64_C(1) << 0)
#define VN_F_GUEST_CSUM (UINT64_C(1) << 1)
#define VN_F_GUEST_TSO4 (UINT64_C(1) << 7)
#define VN_F_HOST_TSO4 (UINT64_C(1) << 11)
#define VN_F_MRG_RXBUF (UINT64_C(1) << 15)
#define VU_F_LOG_ALL (UINT64_C(1) << 26)
#define VN_F_MQ (UINT64_C(1) << 22)
#define VN_F_INDIRECT (UINT64_C(1) << 28)
#define VN_F_EVENT_IDX (UINT64_C(1) << 29)
#define VU_F_PROTOCOL (UINT64_C(1) << 30)
#define VN_F_VERSION_1 (UINT64_C(1) << 32)
#define VN_F_PACKED (UINT64_C(1) << 34)
#define VN_F_IN_ORDER (UINT64_C(1) << 35)
#define VN_F_GUEST_USO ((UINT64_C(1) << 54) | (UINT64_C(1) << 55))
#define VN_F_HOST_USO (UINT64_C(1) << 56)

/* Where the guest sees its memory, and where its VM does: not the same, on purpose. */
#define VG_GUEST_BASE UINT64_C(0x40000000)
#define VG_USER_BASE UINT64_C(0x7f1200000000)
#define VG_MEM_SIZE (UINT64_C(16) << 20)
#define VG_RINGS_MAX 8u

/** How the driver behaves. */
typedef struct VhostGuestOptions {
    uint64_t features;     /* beside VERSION_1 and the protocol's bit, as far as offered */
    unsigned n_pairs;      /* 0 = 1 */
    unsigned num;          /* entries of each ring; 0 = 64 */
    unsigned n_parts;      /* descriptors of a buffer; 0 = 1 */
    unsigned buffer_size;  /* of a buffer toward the guest, header included; 0 = 2048 */
    bool mem_slots;        /* share memory with ADD_MEM_REG */
    bool postcopy;         /* share memory without its contents: see vhost-pages.h */
    bool no_protocol;      /* do not take the protocol's features: rings are enabled at once */
} VhostGuestOptions;

/** A ring as its driver sees it. */
typedef struct VhostGuestRing {
    unsigned index;
    uint32_t num;
    uint64_t desc, avail, used, tables, buffers; /* offsets into the memory */
    unsigned n_buffers;
    unsigned n_parts;
    bool packed, indirect, event_idx;
    uint16_t next;       /* split: available index; packed: entry */
    bool wrap;
    uint16_t next_used;
    bool used_wrap;
    unsigned first_free; /* buffers are used in order, and come back in order */
    unsigned n_free;
    uint32_t base;       /* to start with */
    int kick_fd, call_fd, err_fd;
    bool runs;
} VhostGuestRing;

typedef struct VhostGuest {
    VhostGuestOptions options;
    int fd;              /* owned: the connection; -1 = none */
    int mem_fd;
    uint8_t *mem;
    uint64_t offered, features, protocol_features;
    int uffd;             /* owned: of the program; -1 = none */
    uint64_t fault_base;  /* where it hears of faults of the first byte */
    VhostGuestRing rings[VG_RINGS_MAX];
    unsigned n_rings;
} VhostGuest;

/** vhost_guest_new: not connected. @options: borrowed; NULL = defaults. */
VhostGuest *vhost_guest_new(const VhostGuestOptions *options);
void vhost_guest_free(VhostGuest *guest);

/** vhost_guest_connect: @fd is taken; negotiate, share memory. */
void vhost_guest_connect(VhostGuest *guest, int fd);

/** vhost_guest_share: share the memory (once more), as the options say. */
void vhost_guest_share(VhostGuest *guest);

/** vhost_guest_ready: after the former in postcopy: its pages can be brought. */
void vhost_guest_ready(VhostGuest *guest);

/** vhost_guest_disconnect: as if its VM had died; memory and rings stay as they are. */
void vhost_guest_disconnect(VhostGuest *guest);

/** vhost_guest_reset: the driver begins anew. Not connected, or no ring runs. */
void vhost_guest_reset(VhostGuest *guest);

/**
 * vhost_guest_set_log: as at the start and at the end of a migration, while rings run
 * @log_fd: VG_LOG_SIZE bytes; -1 = log no more
 */
void vhost_guest_set_log(VhostGuest *guest, int log_fd);

/** A bit for each page up to the end of the guest's memory. */
#define VG_LOG_SIZE ((VG_GUEST_BASE + VG_MEM_SIZE) / 4096 / 8)

/** vhost_guest_start, _stop: all rings; a stop is GET_VRING_BASE, whose answers are kept. */
void vhost_guest_start(VhostGuest *guest);
void vhost_guest_stop(VhostGuest *guest);
void vhost_guest_start_ring(VhostGuest *guest, unsigned index);
uint32_t vhost_guest_stop_ring(VhostGuest *guest, unsigned index);

/** vhost_guest_resume_from_used: set the base as after a back-end's death: from the used ring. */
void vhost_guest_resume_from_used(VhostGuest *guest);

/** vhost_guest_post: give the device all free buffers of the ring. Returns: how many. */
unsigned vhost_guest_post(VhostGuest *guest, unsigned index);
unsigned vhost_guest_post_some(VhostGuest *guest, unsigned index, unsigned n);

/**
 * vhost_guest_try_receive: the next frame from ring @index, without waiting
 * @header: (out) 12 bytes. @buf: FRAME_MAX bytes
 * Returns: its length; 0 = none is there.
 */
size_t vhost_guest_try_receive(VhostGuest *guest, unsigned index, uint8_t *header, uint8_t *buf);

/** vhost_guest_receive: the same, waiting under a deadline for the device's call. */
size_t vhost_guest_receive(VhostGuest *guest, unsigned index, uint8_t *header, uint8_t *buf);

/** vhost_guest_expect: @n whole frames, numbered from @first, in order; buffers are renewed. */
void vhost_guest_expect(VhostGuest *guest, unsigned index, uint32_t first, uint32_t n);

/** vhost_guest_queue: put a frame into ring @index, without a kick; waits for a free buffer. */
void vhost_guest_queue(VhostGuest *guest, unsigned index, const uint8_t *header,
                       const void *frame, size_t len);

/** vhost_guest_kick: notify the device if it wants that. Returns: whether it did. */
bool vhost_guest_kick(VhostGuest *guest, unsigned index);

/** vhost_guest_send: @n frames numbered from @first. */
void vhost_guest_send(VhostGuest *guest, unsigned index, uint32_t first, uint32_t n);

/** vhost_guest_reap: take back the buffers that the device has used. Returns: how many. */
unsigned vhost_guest_reap(VhostGuest *guest, unsigned index);

/* --- Messages ---------------------------------------------------------------------------- */

/** vu_send: one message. @fds: @n_fds of them, may be NULL. */
void vu_send(int fd, uint32_t request, uint32_t flags, const void *payload, size_t size,
             const int *fds, size_t n_fds);

/** vu_receive: the answer to @request, of exactly @size bytes. */
void vu_receive(int fd, uint32_t request, void *payload, size_t size);

/** vu_receive_fd: the answer to @request, which is a descriptor and nothing else. Owned. */
int vu_receive_fd(int fd, uint32_t request);

/** vu_ask: a request without payload. Returns: the number it is answered with. */
uint64_t vu_ask(int fd, uint32_t request);

/** vu_acked: send with need_reply. Returns: the number it is acknowledged with. */
uint64_t vu_acked(int fd, uint32_t request, const void *payload, size_t size, const int *fds,
                  size_t n_fds);

void vu_send_u64(int fd, uint32_t request, uint64_t value);
void vu_send_state(int fd, uint32_t request, uint32_t index, uint32_t num);

/** vu_sync: all that was sent has been dealt with. */
void vu_sync(int fd);

#endif
