/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of the vhost-user protocol: their form, reading, checking and answering. */

#ifndef EXPORT_VHOST_USER_MSG_H
#define EXPORT_VHOST_USER_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>

/** Most regions in a memory table, and so most descriptors with a message. */
#define VHOST_USER_REGIONS_MAX 8u
#define VHOST_USER_FDS_MAX VHOST_USER_REGIONS_MAX

/** Requests that are known here (vhost-user protocol, "Front-end message types"). */
typedef enum VhostUserRequest {
    VHOST_USER_GET_FEATURES = 1,
    VHOST_USER_SET_FEATURES = 2,
    VHOST_USER_SET_OWNER = 3,
    VHOST_USER_RESET_OWNER = 4,
    VHOST_USER_SET_MEM_TABLE = 5,
    VHOST_USER_SET_LOG_BASE = 6,
    VHOST_USER_SET_VRING_NUM = 8,
    VHOST_USER_SET_VRING_ADDR = 9,
    VHOST_USER_SET_VRING_BASE = 10,
    VHOST_USER_GET_VRING_BASE = 11,
    VHOST_USER_SET_VRING_KICK = 12,
    VHOST_USER_SET_VRING_CALL = 13,
    VHOST_USER_SET_VRING_ERR = 14,
    VHOST_USER_GET_PROTOCOL_FEATURES = 15,
    VHOST_USER_SET_PROTOCOL_FEATURES = 16,
    VHOST_USER_GET_QUEUE_NUM = 17,
    VHOST_USER_SET_VRING_ENABLE = 18,
    VHOST_USER_SEND_RARP = 19,
    VHOST_USER_NET_SET_MTU = 20,
    VHOST_USER_POSTCOPY_ADVISE = 28,
    VHOST_USER_POSTCOPY_LISTEN = 29,
    VHOST_USER_POSTCOPY_END = 30,
    VHOST_USER_RESET_DEVICE = 34,
    VHOST_USER_GET_MAX_MEM_SLOTS = 36,
    VHOST_USER_ADD_MEM_REG = 37,
    VHOST_USER_REM_MEM_REG = 38,
    VHOST_USER_SET_STATUS = 39,
    VHOST_USER_GET_STATUS = 40,
    VHOST_USER_SET_DEVICE_STATE_FD = 42,
    VHOST_USER_CHECK_DEVICE_STATE = 43,
    VHOST_USER__MAX,
} VhostUserRequest;

/** Header flags. */
#define VHOST_USER_VERSION 1u
#define VHOST_USER_VERSION_MASK 3u
#define VHOST_USER_REPLY 4u
#define VHOST_USER_NEED_REPLY 8u

/** In the number that comes with a descriptor: the ring, and whether there is none. */
#define VHOST_USER_RING_MASK 0xffu
#define VHOST_USER_NO_FD 0x100u

typedef struct VhostUserHeader {
    uint32_t request;
    uint32_t flags;
    uint32_t size; /* of the payload */
} VhostUserHeader;

typedef struct VhostUserState {
    uint32_t index;
    uint32_t num;
} VhostUserState;

typedef struct VhostUserAddr {
    uint32_t index;
    uint32_t flags;
    uint64_t desc;
    uint64_t used;
    uint64_t avail;
    uint64_t log;
} VhostUserAddr;

typedef struct VhostUserRegion {
    uint64_t guest_addr;
    uint64_t size;
    uint64_t user_addr;
    uint64_t mmap_offset;
} VhostUserRegion;

typedef struct VhostUserTable {
    uint32_t n;
    uint32_t padding;
    VhostUserRegion regions[VHOST_USER_REGIONS_MAX];
} VhostUserTable;

typedef struct VhostUserOneRegion {
    uint64_t padding;
    VhostUserRegion region;
} VhostUserOneRegion;

typedef struct VhostUserLog {
    uint64_t size;
    uint64_t offset;
} VhostUserLog;

typedef struct VhostUserStateFd {
    uint32_t direction;
    uint32_t phase;
} VhostUserStateFd;

/** Directions and phases of a device's state. */
#define VHOST_USER_STATE_SAVE 0u
#define VHOST_USER_STATE_LOAD 1u
#define VHOST_USER_STATE_STOPPED 0u

/** The answer to SET_DEVICE_STATE_FD: an error in the low bits, and whether we give none back. */
#define VHOST_USER_STATE_FAILED 1u
#define VHOST_USER_STATE_NO_FD 0x100u

/** In the flags of an address: what is written to the used ring is to be logged. */
#define VHOST_USER_ADDR_LOG 1u

/** How a message is answered that has been dealt with. */
typedef enum VhostUserAnswer {
    VHOST_USER_ANSWER_USUAL,  /* as requests of its kind are */
    VHOST_USER_ANSWER_ITSELF, /* with its payload as it is now, and @answer_fd */
    VHOST_USER_ANSWER_NONE,   /* not even if it was asked for */
} VhostUserAnswer;

/** A message; in the order of the host's bytes, as on the wire. */
typedef struct VhostUserMsg {
    VhostUserHeader header;
    union {
        uint64_t u64;
        VhostUserState state;
        VhostUserAddr addr;
        VhostUserTable table;
        VhostUserOneRegion one;
        VhostUserLog log;
        VhostUserStateFd state_fd;
    } u;
    int fds[VHOST_USER_FDS_MAX]; /* owned, unless taken: then -1 */
    size_t n_fds;
    VhostUserAnswer answer;      /* set by what deals with it */
    int answer_fd;               /* borrowed; -1 = none; only with ANSWER_ITSELF */
} VhostUserMsg;

/** A message that is coming in; zeroed = none has begun. */
typedef struct VhostUserReader {
    VhostUserMsg msg;
    size_t n_read;  /* of header and payload */
} VhostUserReader;

/** What vhost_user_read() found. */
typedef enum VhostUserRead {
    VHOST_USER_READ_WAIT,    /* the rest has not come yet */
    VHOST_USER_READ_MSG,     /* a message is complete */
    VHOST_USER_READ_CLOSED,  /* the front-end has gone */
    VHOST_USER_READ_BAD,     /* @error is set: the connection is of no use any more */
} VhostUserRead;

/**
 * vhost_user_read: read on, without waiting
 *
 * A complete message in @reader->msg is of the form that its request has; of a request that is
 * not known the payload is skipped. Call vhost_user_reader_clear() before the next.
 */
VhostUserRead vhost_user_read(VhostUserReader *reader, int fd, GError **error);

/** vhost_user_reader_clear: close what came and was not taken. */
void vhost_user_reader_clear(VhostUserReader *reader);

/** vhost_user_take_fd: descriptor number @i of a message. Returns: owned; -1 = there is none. */
int vhost_user_take_fd(VhostUserMsg *msg, size_t i);

/** vhost_user_name: of a request, for messages; borrowed. NULL = it is not known. */
const char *vhost_user_name(uint32_t request);

/** vhost_user_always_replies: whether a request has an answer of its own. */
bool vhost_user_always_replies(uint32_t request);

/** vhost_user_reply: send @size bytes of @payload as the answer. Returns: false = it failed. */
bool vhost_user_reply(int fd, uint32_t request, const void *payload, size_t size);

/** vhost_user_reply_with: the same, with a descriptor. @sent_fd: borrowed; -1 = none. */
bool vhost_user_reply_with(int fd, uint32_t request, const void *payload, size_t size,
                           int sent_fd);

#endif
