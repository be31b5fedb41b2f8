/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads messages of the vhost-user protocol, checks their form, and answers them. */

#include "export/vhost-user-msg.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/error.h"
#include "util/fd.h"

static_assert(sizeof(VhostUserHeader) == 12, "as on the wire");
static_assert(sizeof(VhostUserState) == 8, "as on the wire");
static_assert(sizeof(VhostUserAddr) == 40, "as on the wire");
static_assert(sizeof(VhostUserRegion) == 32, "as on the wire");
static_assert(sizeof(VhostUserTable) == 8 + 8 * 32, "as on the wire");
static_assert(sizeof(VhostUserLog) == 16, "as on the wire");
static_assert(sizeof(VhostUserOneRegion) == 40, "as on the wire");
static_assert(sizeof(VhostUserStateFd) == 8, "as on the wire");

/* Longest payload of a request that is not known here. */
#define UNKNOWN_SIZE_MAX 4096u

/** The form of a request. */
typedef struct VhostUserForm {
    const char *name;
    uint16_t size_min; /* of the payload */
    uint16_t size_max;
    uint8_t n_fds_max;
    bool replies;      /* it has an answer of its own */
} VhostUserForm;

#define FORM_NONE 0, 0
#define FORM_U64 8, 8
#define FORM_STATE sizeof(VhostUserState), sizeof(VhostUserState)

static const VhostUserForm forms[VHOST_USER__MAX] = {
    [VHOST_USER_GET_FEATURES] = { "GET_FEATURES", FORM_NONE, 0, true },
    [VHOST_USER_SET_FEATURES] = { "SET_FEATURES", FORM_U64, 0, false },
    [VHOST_USER_SET_OWNER] = { "SET_OWNER", FORM_NONE, 0, false },
    [VHOST_USER_RESET_OWNER] = { "RESET_OWNER", FORM_NONE, 0, false },
    [VHOST_USER_SET_MEM_TABLE] = { "SET_MEM_TABLE", 8, sizeof(VhostUserTable),
                                   VHOST_USER_REGIONS_MAX, false },
    [VHOST_USER_SET_LOG_BASE] = { "SET_LOG_BASE", sizeof(VhostUserLog), sizeof(VhostUserLog), 1,
                                  true },
    [VHOST_USER_SET_VRING_NUM] = { "SET_VRING_NUM", FORM_STATE, 0, false },
    [VHOST_USER_SET_VRING_ADDR] = { "SET_VRING_ADDR", sizeof(VhostUserAddr),
                                    sizeof(VhostUserAddr), 0, false },
    [VHOST_USER_SET_VRING_BASE] = { "SET_VRING_BASE", FORM_STATE, 0, false },
    [VHOST_USER_GET_VRING_BASE] = { "GET_VRING_BASE", FORM_STATE, 0, true },
    [VHOST_USER_SET_VRING_KICK] = { "SET_VRING_KICK", FORM_U64, 1, false },
    [VHOST_USER_SET_VRING_CALL] = { "SET_VRING_CALL", FORM_U64, 1, false },
    [VHOST_USER_SET_VRING_ERR] = { "SET_VRING_ERR", FORM_U64, 1, false },
    [VHOST_USER_GET_PROTOCOL_FEATURES] = { "GET_PROTOCOL_FEATURES", FORM_NONE, 0, true },
    [VHOST_USER_SET_PROTOCOL_FEATURES] = { "SET_PROTOCOL_FEATURES", FORM_U64, 0, false },
    [VHOST_USER_GET_QUEUE_NUM] = { "GET_QUEUE_NUM", FORM_NONE, 0, true },
    [VHOST_USER_SET_VRING_ENABLE] = { "SET_VRING_ENABLE", FORM_STATE, 0, false },
    [VHOST_USER_SEND_RARP] = { "SEND_RARP", FORM_U64, 0, false },
    [VHOST_USER_NET_SET_MTU] = { "NET_SET_MTU", FORM_U64, 0, false },
    [VHOST_USER_POSTCOPY_ADVISE] = { "POSTCOPY_ADVISE", FORM_NONE, 0, true },
    [VHOST_USER_POSTCOPY_LISTEN] = { "POSTCOPY_LISTEN", FORM_NONE, 0, true },
    [VHOST_USER_POSTCOPY_END] = { "POSTCOPY_END", FORM_NONE, 0, true },
    [VHOST_USER_RESET_DEVICE] = { "RESET_DEVICE", FORM_NONE, 0, false },
    [VHOST_USER_GET_MAX_MEM_SLOTS] = { "GET_MAX_MEM_SLOTS", FORM_NONE, 0, true },
    [VHOST_USER_ADD_MEM_REG] = { "ADD_MEM_REG", 8, sizeof(VhostUserOneRegion), 1, false },
    [VHOST_USER_REM_MEM_REG] = { "REM_MEM_REG", 8, sizeof(VhostUserOneRegion), 1, false },
    [VHOST_USER_SET_STATUS] = { "SET_STATUS", FORM_U64, 0, false },
    [VHOST_USER_GET_STATUS] = { "GET_STATUS", FORM_NONE, 0, true },
    [VHOST_USER_SET_DEVICE_STATE_FD] = { "SET_DEVICE_STATE_FD", sizeof(VhostUserStateFd),
                                         sizeof(VhostUserStateFd), 1, true },
    [VHOST_USER_CHECK_DEVICE_STATE] = { "CHECK_DEVICE_STATE", FORM_NONE, 0, true },
};

/* NULL = not known. */
static const VhostUserForm *form_of(uint32_t request)
{
    return request < VHOST_USER__MAX && forms[request].name ? &forms[request] : NULL;
}

const char *vhost_user_name(uint32_t request)
{
    const VhostUserForm *form = form_of(request);

    return form ? form->name : NULL;
}

bool vhost_user_always_replies(uint32_t request)
{
    const VhostUserForm *form = form_of(request);

    return form && form->replies;
}

/* --- Reading ----------------------------------------------------------------------------- */

void vhost_user_reader_clear(VhostUserReader *reader)
{
    for (size_t i = 0; i < reader->msg.n_fds; i++) {
        fd_close(&reader->msg.fds[i]);
    }
    reader->msg.n_fds = 0;
    reader->msg.answer = VHOST_USER_ANSWER_USUAL;
    reader->n_read = 0;
}

int vhost_user_take_fd(VhostUserMsg *msg, size_t i)
{
    return i < msg->n_fds ? fd_steal(&msg->fds[i]) : -1;
}

/* Takes the descriptors of one read. Returns: false = there are more than any message has. */
static bool read_take_fds(VhostUserMsg *msg, struct msghdr *hdr)
{
    bool fits = !(hdr->msg_flags & MSG_CTRUNC);

    for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(hdr); cmsg; cmsg = CMSG_NXTHDR(hdr, cmsg)) {
        size_t n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        for (size_t i = 0; i < n; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(fd));
            if (msg->n_fds < VHOST_USER_FDS_MAX) {
                msg->fds[msg->n_fds++] = fd;
            } else {
                fd_close(&fd);
                fits = false;
            }
        }
    }
    return fits;
}

/* Returns: as recvmsg(), or -1 with errno EMSGSIZE when too many descriptors came. */
static ssize_t read_some(VhostUserMsg *msg, int fd, void *to, size_t len)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int) * VHOST_USER_FDS_MAX)];
        struct cmsghdr align;
    } control;
    struct iovec iov = { to, len };
    struct msghdr hdr = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes),
    };
    ssize_t n;

    do {
        n = recvmsg(fd, &hdr, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n >= 0 && !read_take_fds(msg, &hdr)) {
        errno = EMSGSIZE;
        return -1;
    }
    return n;
}

static bool read_check_header(const VhostUserMsg *msg, GError **error)
{
    const VhostUserHeader *header = &msg->header;
    const VhostUserForm *form = form_of(header->request);

    if ((header->flags & VHOST_USER_VERSION_MASK) != VHOST_USER_VERSION ||
        header->flags & VHOST_USER_REPLY) {
        return error_set(error, "message with flags 0x%x, which no request has", header->flags);
    }
    if (!form) {
        return header->size <= UNKNOWN_SIZE_MAX ||
               error_set(error, "request %u of %u bytes, which is not known", header->request,
                         header->size);
    }
    if (header->size < form->size_min || header->size > form->size_max) {
        return error_set(error, "%s of %u bytes", form->name, header->size);
    }
    return true;
}

static bool read_check_whole(const VhostUserMsg *msg, GError **error)
{
    const VhostUserForm *form = form_of(msg->header.request);

    if (form && msg->n_fds > form->n_fds_max) {
        return error_set(error, "%s with %zu descriptors", form->name, msg->n_fds);
    }
    if (msg->header.request == VHOST_USER_SET_MEM_TABLE &&
        (msg->u.table.n > VHOST_USER_REGIONS_MAX ||
         msg->header.size != 8 + msg->u.table.n * sizeof(VhostUserRegion) ||
         msg->n_fds != msg->u.table.n)) {
        return error_set(error, "SET_MEM_TABLE of %u bytes with %u regions and %zu descriptors",
                         msg->header.size, msg->u.table.n, msg->n_fds);
    }
    /* In postcopy a number may be all that is left to say about them. */
    if ((msg->header.request == VHOST_USER_ADD_MEM_REG ||
         msg->header.request == VHOST_USER_REM_MEM_REG) &&
        msg->header.size != sizeof(msg->u.one) &&
        (msg->header.size != sizeof(msg->u.u64) || msg->n_fds > 0)) {
        return error_set(error, "%s of %u bytes", form->name, msg->header.size);
    }
    return true;
}

/* Where the next bytes go, and how many. What nobody knows is read into @skipped. */
static uint8_t *read_place(VhostUserReader *reader, uint8_t *skipped, size_t *len)
{
    VhostUserMsg *msg = &reader->msg;
    size_t at = reader->n_read;

    if (at < sizeof(msg->header)) {
        *len = sizeof(msg->header) - at;
        return (uint8_t *)&msg->header + at;
    }
    at -= sizeof(msg->header);
    *len = msg->header.size - at;
    return form_of(msg->header.request) ? (uint8_t *)&msg->u + at : skipped;
}

static VhostUserRead read_failed(const VhostUserReader *reader, ssize_t n, GError **error)
{
    if (n < 0 && errno == EAGAIN) {
        return VHOST_USER_READ_WAIT;
    }
    if (n < 0 && errno == EMSGSIZE) {
        error_set(error, "message with more than %u descriptors", VHOST_USER_FDS_MAX);
        return VHOST_USER_READ_BAD;
    }
    if (n == 0 && reader->n_read > 0) {
        error_set(error, "end in the middle of a message");
        return VHOST_USER_READ_BAD;
    }
    return VHOST_USER_READ_CLOSED;
}

VhostUserRead vhost_user_read(VhostUserReader *reader, int fd, GError **error)
{
    VhostUserMsg *msg = &reader->msg;
    uint8_t skipped[UNKNOWN_SIZE_MAX];

    while (reader->n_read < sizeof(msg->header) ||
           reader->n_read < sizeof(msg->header) + msg->header.size) {
        size_t len;
        uint8_t *to = read_place(reader, skipped, &len);
        ssize_t n = read_some(msg, fd, to, len);

        if (n <= 0) {
            return read_failed(reader, n, error);
        }
        reader->n_read += (size_t)n;
        if (reader->n_read == sizeof(msg->header) && !read_check_header(msg, error)) {
            return VHOST_USER_READ_BAD;
        }
    }
    return read_check_whole(msg, error) ? VHOST_USER_READ_MSG : VHOST_USER_READ_BAD;
}

/* --- Answers ----------------------------------------------------------------------------- */

/* A front-end that reads none of its answers has no room for one more at some time: it fails. */
bool vhost_user_reply_with(int fd, uint32_t request, const void *payload, size_t size,
                           int sent_fd)
{
    VhostUserHeader header = {
        .request = request,
        .flags = VHOST_USER_VERSION | VHOST_USER_REPLY,
        .size = (uint32_t)size,
    };
    struct iovec iov[] = { { &header, sizeof(header) }, { (void *)payload, size } };
    struct msghdr hdr = { .msg_iov = iov, .msg_iovlen = G_N_ELEMENTS(iov) };
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = { .bytes = { 0 } };
    ssize_t n;

    if (sent_fd >= 0) {
        control.align.cmsg_level = SOL_SOCKET;
        control.align.cmsg_type = SCM_RIGHTS;
        control.align.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.align), &sent_fd, sizeof(int));
        hdr.msg_control = control.bytes;
        hdr.msg_controllen = sizeof(control.bytes);
    }
    do {
        n = sendmsg(fd, &hdr, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)(sizeof(header) + size);
}

bool vhost_user_reply(int fd, uint32_t request, const void *payload, size_t size)
{
    return vhost_user_reply_with(fd, request, payload, size, -1);
}
