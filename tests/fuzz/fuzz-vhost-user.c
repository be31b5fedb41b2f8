/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzzes a vhost-user device: messages, memory and frames in any order, and frames add up. */

#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "export/vhost-user-data.h"
#include "export/vhost-user-dev.h"
#include "net/client.h"
#include "util/fd.h"

#define MEM_SIZE 16384u
#define GUEST_BASE UINT64_C(0x10000)
#define USER_BASE UINT64_C(0x7f0000000000)

/** A device with nobody behind it, and the front-end's end of the socket. */
typedef struct FuzzDev {
    NetClient nc;
    VhostUserDev dev;
    int fds[2];
    int mem_fd;
    uint8_t *mem;
} FuzzDev;

static const NetClientInfo fuzz_info = {
    .type = NET_CLIENT_DRIVER_NIC,
    .size = sizeof(FuzzDev),
};

static void fuzz_changed(VhostUserDev *dev)
{
}

static const VhostUserDevOps fuzz_ops = { .changed = fuzz_changed, .failed = fuzz_changed };

/* The descriptor that goes with a message: memory, an eventfd, or something else. */
static int fuzz_fd(const FuzzDev *fuzz, uint8_t kind)
{
    switch (kind & 3) {
    case 0:
        return -1;
    case 1:
        return fcntl(fuzz->mem_fd, F_DUPFD_CLOEXEC, 0);
    case 2:
        return eventfd(1, EFD_CLOEXEC);
    default:
        return open("/dev/null", O_RDWR | O_CLOEXEC);
    }
}

/* A pipe with a part of the input in it, which may be a state; nobody writes more. */
static int fuzz_pipe(const uint8_t **data, size_t *len)
{
    size_t n = fuzz_take_byte(data, len);
    int fds[2];

    g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
    for (size_t i = 0; i < n && *len > 0; i++) {
        uint8_t byte = fuzz_take_byte(data, len);

        g_assert_cmpint(write(fds[1], &byte, 1), ==, 1);
    }
    fd_close(&fds[1]);
    return fds[0];
}

static void fuzz_send(const FuzzDev *fuzz, const uint32_t header[3], const uint8_t *payload,
                      int fd)
{
    char control[CMSG_SPACE(sizeof(int))] = { 0 };
    struct iovec iov[] = { { (void *)header, 12 }, { (void *)payload, header[2] } };
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

    if (fd >= 0) {
        struct cmsghdr *cmsg;

        msg.msg_control = control;
        msg.msg_controllen = sizeof(control);
        cmsg = CMSG_FIRSTHDR(&msg);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
    }
    sendmsg(fuzz->fds[1], &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Addresses of the input are small: what is likely to be meant by them is made of them here. */
static void fuzz_place(uint32_t request, uint8_t *payload, size_t size)
{
    uint64_t words[5];

    if (size < sizeof(words)) {
        return;
    }
    memcpy(words, payload, sizeof(words));
    if (request == VHOST_USER_SET_VRING_ADDR) {
        for (int i = 1; i < 4; i++) {
            words[i] = USER_BASE + (words[i] & 0xff) * 64;
        }
        words[0] &= 0x3;
    } else if (request == VHOST_USER_SET_MEM_TABLE || request == VHOST_USER_ADD_MEM_REG) {
        words[1] = GUEST_BASE + (words[1] & 1);
        words[2] = MEM_SIZE - (words[2] & 3);
        words[3] = USER_BASE;
        words[4] &= 1;
    }
    memcpy(payload, words, sizeof(words));
}

static bool fuzz_read_all(FuzzDev *fuzz)
{
    VhostUserReader reader = { 0 };
    bool goes_on = true;
    VhostUserRead found;

    do {
        g_autoptr(GError) error = NULL;

        found = vhost_user_read(&reader, fuzz->fds[0], &error);
        g_assert_true((found == VHOST_USER_READ_BAD) == (error != NULL));
        if (found == VHOST_USER_READ_MSG) {
            goes_on = vhost_user_dev_handle(&fuzz->dev, &reader.msg, fuzz->fds[0], &error);
            g_assert_true(goes_on == (error == NULL));
        }
        vhost_user_reader_clear(&reader);
    } while (goes_on && found == VHOST_USER_READ_MSG);
    return goes_on && found == VHOST_USER_READ_WAIT;
}

/* Returns: false when the connection ends. */
static bool fuzz_message(FuzzDev *fuzz, const uint8_t **data, size_t *len)
{
    uint8_t payload[64] = { 0 };
    uint32_t header[3];
    uint8_t kind;
    int fd;

    header[0] = fuzz_take_byte(data, len) & 63;
    kind = fuzz_take_byte(data, len);
    header[1] = kind >> 4 == 15 ? kind : 1u | (kind & 0x40 ? VHOST_USER_NEED_REPLY : 0);
    header[2] = fuzz_take_byte(data, len) % sizeof(payload);
    for (uint32_t i = 0; i < header[2] && *len > 0; i++) {
        payload[i] = fuzz_take_byte(data, len);
    }
    fuzz_place(header[0], payload, header[2]);
    fd = header[0] == VHOST_USER_SET_DEVICE_STATE_FD && kind & 1 ? fuzz_pipe(data, len)
                                                                  : fuzz_fd(fuzz, kind);
    fuzz_send(fuzz, header, payload, fd);
    fd_close(&fd);
    return fuzz_read_all(fuzz);
}

static void fuzz_answers(FuzzDev *fuzz)
{
    uint8_t buf[4096];

    while (recv(fuzz->fds[1], buf, sizeof(buf), MSG_DONTWAIT) > 0) {
        continue;
    }
}

/* A frame toward the guest, with or without a virtio-net header. */
static void fuzz_frame(FuzzDev *fuzz, const uint8_t **data, size_t *len)
{
    uint8_t bytes[60 + UINT8_MAX] = { 0 };
    NetFrame frame = { .data = bytes, .len = 60u + fuzz_take_byte(data, len) };
    uint64_t dropped;
    size_t done;

    for (int i = 0; i < 12; i++) {
        bytes[i] = fuzz_take_byte(data, len);
    }
    frame.vnet_hdr_len = bytes[11] & 1 ? 10 : 0;
    dropped = fuzz->nc.drops.by_reason[NET_DROP_REASON_TOO_LONG].frames;
    done = vhost_user_dev_send(&fuzz->dev, &frame, 1);
    g_assert_cmpuint(done, <=, 1);
    g_assert_true(done == 1 ||
                  fuzz->nc.drops.by_reason[NET_DROP_REASON_TOO_LONG].frames == dropped);
}

static void fuzz_memory(FuzzDev *fuzz, const uint8_t **data, size_t *len)
{
    size_t at = fuzz_take_byte(data, len) * 64u;
    size_t n = fuzz_take_byte(data, len) % 64;

    for (size_t i = 0; i < n && *len > 0; i++) {
        fuzz->mem[at + i] = fuzz_take_byte(data, len);
    }
}

static FuzzDev *fuzz_dev_new(void)
{
    FuzzDev *fuzz = (FuzzDev *)net_client_new(&fuzz_info, "e0");

    fuzz->nc.polled = true;
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fuzz->fds), ==, 0);
    fuzz->mem_fd = memfd_create("fuzz", MFD_CLOEXEC);
    g_assert_cmpint(ftruncate(fuzz->mem_fd, MEM_SIZE + 4096), ==, 0);
    fuzz->mem = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fuzz->mem_fd, 0);
    g_assert_true(fuzz->mem != MAP_FAILED);
    vhost_user_dev_init(&fuzz->dev, &fuzz->nc, "fuzz", &fuzz_ops, 1);
    fuzz->dev.offers_state = true;
    vhost_user_dev_open(&fuzz->dev);
    return fuzz;
}

static void fuzz_dev_free(FuzzDev *fuzz)
{
    vhost_user_dev_close(&fuzz->dev);
    vhost_user_dev_clear(&fuzz->dev);
    munmap(fuzz->mem, MEM_SIZE);
    fd_close(&fuzz->mem_fd);
    fd_close(&fuzz->fds[0]);
    fd_close(&fuzz->fds[1]);
    fuzz->nc.polled = false;
    net_client_delete(&fuzz->nc);
}

/* Each step: a byte that says what it is, then what it needs. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    FuzzDev *fuzz = fuzz_dev_new();
    bool goes_on = true;

    while (goes_on && len > 0) {
        switch (fuzz_take_byte(&data, &len) % 4) {
        case 0:
            goes_on = fuzz_message(fuzz, &data, &len);
            fuzz_answers(fuzz);
            break;
        case 1:
            fuzz_memory(fuzz, &data, &len);
            break;
        case 2:
            fuzz_frame(fuzz, &data, &len);
            break;
        case 3:
            vhost_user_dev_drain(&fuzz->dev, 100000);
            break;
        }
    }
    fuzz_dev_free(fuzz);
    return 0;
}
