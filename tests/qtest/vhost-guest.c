/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A vhost-user front-end with a guest behind it: shared memory, rings, a virtio-net driver. */

#include "vhost-guest.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "frames.h"
#include "sockets.h"

#define HDR_LEN 12u

/* Each ring has as much memory for itself: ring areas, then tables, then buffers. */
#define RING_SPAN (VG_MEM_SIZE / VG_RINGS_MAX)
#define RING_AVAIL 0x8000u
#define RING_USED 0x10000u
#define RING_TABLES 0x20000u
#define RING_BUFFERS 0x40000u

#define DESC_NEXT 1u
#define DESC_WRITE 2u
#define DESC_INDIRECT 4u
#define DESC_AVAIL 0x80u
#define DESC_USED 0x8000u

/* --- Messages ---------------------------------------------------------------------------- */

void vu_send(int fd, uint32_t request, uint32_t flags, const void *payload, size_t size,
             const int *fds, size_t n_fds)
{
    uint32_t header[3] = { request, 1 | flags, (uint32_t)size };
    char control[CMSG_SPACE(sizeof(int) * 16)] = { 0 };
    struct iovec iov[] = { { header, sizeof(header) }, { (void *)payload, size } };
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

    if (n_fds > 0) {
        struct cmsghdr *cmsg;

        msg.msg_control = control;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        cmsg = CMSG_FIRSTHDR(&msg);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
        memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * n_fds);
    }
    wait_fd(fd, POLLOUT, "room for a message");
    g_assert_cmpint(sendmsg(fd, &msg, MSG_NOSIGNAL), ==, (ssize_t)(sizeof(header) + size));
}

void vu_receive(int fd, uint32_t request, void *payload, size_t size)
{
    uint32_t header[3];

    sock_read(fd, header, sizeof(header));
    g_assert_cmpuint(header[0], ==, request);
    g_assert_cmphex(header[1], ==, 5);
    g_assert_cmpuint(header[2], ==, size);
    sock_read(fd, payload, size);
}

int vu_receive_fd(int fd, uint32_t request)
{
    uint32_t header[3];
    char control[CMSG_SPACE(sizeof(int))] = { 0 };
    struct iovec iov = { header, sizeof(header) };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control),
    };
    struct cmsghdr *cmsg;
    int received;

    wait_fd(fd, POLLIN, "an answer with a descriptor");
    g_assert_cmpint(recvmsg(fd, &msg, MSG_CMSG_CLOEXEC), ==, sizeof(header));
    g_assert_cmpuint(header[0], ==, request);
    g_assert_cmphex(header[1], ==, 5);
    g_assert_cmpuint(header[2], ==, 0);
    cmsg = CMSG_FIRSTHDR(&msg);
    g_assert_nonnull(cmsg);
    g_assert_cmpint(cmsg->cmsg_type, ==, SCM_RIGHTS);
    memcpy(&received, CMSG_DATA(cmsg), sizeof(received));
    return received;
}

uint64_t vu_ask(int fd, uint32_t request)
{
    uint64_t value;

    vu_send(fd, request, 0, NULL, 0, NULL, 0);
    vu_receive(fd, request, &value, sizeof(value));
    return value;
}

uint64_t vu_acked(int fd, uint32_t request, const void *payload, size_t size, const int *fds,
                  size_t n_fds)
{
    uint64_t value;

    vu_send(fd, request, VU_NEED_REPLY, payload, size, fds, n_fds);
    vu_receive(fd, request, &value, sizeof(value));
    return value;
}

void vu_send_u64(int fd, uint32_t request, uint64_t value)
{
    vu_send(fd, request, 0, &value, sizeof(value), NULL, 0);
}

void vu_send_state(int fd, uint32_t request, uint32_t index, uint32_t num)
{
    uint32_t state[2] = { index, num };

    vu_send(fd, request, 0, state, sizeof(state), NULL, 0);
}

void vu_sync(int fd)
{
    vu_ask(fd, VU_GET_FEATURES);
}

/* --- The guest --------------------------------------------------------------------------- */

static void ring_init(VhostGuest *guest, unsigned index)
{
    VhostGuestRing *ring = &guest->rings[index];
    uint64_t at = index * RING_SPAN;
    unsigned num = guest->options.num ? guest->options.num : 64;

    *ring = (VhostGuestRing) {
        .index = index, .num = num,
        .desc = at, .avail = at + RING_AVAIL, .used = at + RING_USED, .tables = at + RING_TABLES,
        .buffers = at + RING_BUFFERS,
        .n_parts = guest->options.n_parts ? guest->options.n_parts : 1,
        .packed = guest->features & VN_F_PACKED,
        .indirect = guest->features & VN_F_INDIRECT,
        .event_idx = guest->features & VN_F_EVENT_IDX,
        .wrap = true, .used_wrap = true,
        .kick_fd = -1, .call_fd = -1, .err_fd = -1,
    };
    ring->n_buffers = ring->indirect ? num : num / ring->n_parts;
    ring->n_free = ring->n_buffers;
    ring->base = ring->packed ? 0x80008000 : 0;
    memset(guest->mem + at, 0, RING_SPAN);
}

VhostGuest *vhost_guest_new(const VhostGuestOptions *options)
{
    VhostGuest *guest = g_new0(VhostGuest, 1);

    guest->options = options ? *options : (VhostGuestOptions) { 0 };
    guest->n_rings = 2 * (guest->options.n_pairs ? guest->options.n_pairs : 1);
    g_assert_cmpuint(guest->n_rings, <=, VG_RINGS_MAX);
    guest->fd = -1;
    guest->uffd = -1;
    guest->mem_fd = memfd_create("guest", MFD_CLOEXEC);
    g_assert_cmpint(ftruncate(guest->mem_fd, VG_MEM_SIZE), ==, 0);
    guest->mem = mmap(NULL, VG_MEM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, guest->mem_fd, 0);
    g_assert_true(guest->mem != MAP_FAILED);
    for (unsigned i = 0; i < VG_RINGS_MAX; i++) {
        guest->rings[i].kick_fd = guest->rings[i].call_fd = guest->rings[i].err_fd = -1;
    }
    return guest;
}

static void ring_close(VhostGuestRing *ring)
{
    sock_close(&ring->kick_fd);
    sock_close(&ring->call_fd);
    sock_close(&ring->err_fd);
    ring->runs = false;
}

void vhost_guest_disconnect(VhostGuest *guest)
{
    sock_close(&guest->fd);
    sock_close(&guest->uffd);
    for (unsigned i = 0; i < guest->n_rings; i++) {
        ring_close(&guest->rings[i]);
    }
}

void vhost_guest_free(VhostGuest *guest)
{
    vhost_guest_disconnect(guest);
    munmap(guest->mem, VG_MEM_SIZE);
    sock_close(&guest->mem_fd);
    g_free(guest);
}

void vhost_guest_reset(VhostGuest *guest)
{
    for (unsigned i = 0; i < guest->n_rings; i++) {
        ring_close(&guest->rings[i]);
        ring_init(guest, i);
    }
}

/* Two regions, so that what spans both is seen: the second half is not next to the first. */
void vhost_guest_share(VhostGuest *guest)
{
    struct { uint64_t padding; uint64_t region[4]; } one = {
        0, { VG_GUEST_BASE, VG_MEM_SIZE, VG_USER_BASE, 0 },
    };
    struct { uint32_t n, padding; uint64_t region[4]; } table = {
        1, 0, { VG_GUEST_BASE, VG_MEM_SIZE, VG_USER_BASE, 0 },
    };

    if (guest->options.mem_slots) {
        g_assert_cmpuint(vu_ask(guest->fd, VU_GET_MAX_MEM_SLOTS), >=, 32);
    }
    if (guest->options.mem_slots && guest->options.postcopy) {
        vu_send(guest->fd, VU_ADD_MEM_REG, VU_NEED_REPLY, &one, sizeof(one), &guest->mem_fd, 1);
        vu_receive(guest->fd, VU_ADD_MEM_REG, &one, sizeof(one));
        guest->fault_base = one.region[2];
    } else if (guest->options.mem_slots) {
        g_assert_cmpuint(vu_acked(guest->fd, VU_ADD_MEM_REG, &one, sizeof(one), &guest->mem_fd, 1),
                         ==, 0);
    } else {
        vu_send(guest->fd, VU_SET_MEM_TABLE, 0, &table, sizeof(table), &guest->mem_fd, 1);
        if (guest->options.postcopy) {
            vu_receive(guest->fd, VU_SET_MEM_TABLE, &table, sizeof(table));
            guest->fault_base = table.region[2];
        }
    }
}

void vhost_guest_ready(VhostGuest *guest)
{
    uint64_t well = 0;

    vu_send(guest->fd, guest->options.mem_slots ? VU_ADD_MEM_REG : VU_SET_MEM_TABLE, 0, &well,
            sizeof(well), NULL, 0);
}

/* The memory that follows is shared without its contents. */
static void begin_postcopy(VhostGuest *guest)
{
    vu_send(guest->fd, VU_POSTCOPY_ADVISE, 0, NULL, 0, NULL, 0);
    guest->uffd = vu_receive_fd(guest->fd, VU_POSTCOPY_ADVISE);
    g_assert_cmpuint(vu_acked(guest->fd, VU_POSTCOPY_LISTEN, NULL, 0, NULL, 0), ==, 0);
}

void vhost_guest_connect(VhostGuest *guest, int fd)
{
    bool first = guest->features == 0;

    guest->fd = fd;
    guest->offered = vu_ask(fd, VU_GET_FEATURES);
    g_assert_true(guest->offered & VU_F_PROTOCOL);
    guest->features = (guest->options.features | VN_F_VERSION_1) & guest->offered;
    if (!guest->options.no_protocol) {
        guest->features |= VU_F_PROTOCOL;
        guest->protocol_features = vu_ask(fd, VU_GET_PROTOCOL_FEATURES);
        vu_send_u64(fd, VU_SET_PROTOCOL_FEATURES, guest->protocol_features);
        g_assert_cmpuint(vu_ask(fd, VU_GET_QUEUE_NUM), >=, guest->n_rings / 2);
    }
    vu_send(fd, VU_SET_OWNER, 0, NULL, 0, NULL, 0);
    vu_send_u64(fd, VU_SET_FEATURES, guest->features);
    if (guest->options.postcopy) {
        begin_postcopy(guest);
    }
    vhost_guest_share(guest);
    for (unsigned i = 0; first && i < guest->n_rings; i++) {
        ring_init(guest, i);
    }
}

/* --- Start and stop ---------------------------------------------------------------------- */

static void send_ring_fd(VhostGuest *guest, uint32_t request, unsigned index, int fd)
{
    uint64_t word = index;

    vu_send(guest->fd, request, 0, &word, sizeof(word), &fd, 1);
}

static void send_ring_addr(VhostGuest *guest, const VhostGuestRing *ring, uint32_t flags)
{
    struct { uint32_t index, flags; uint64_t desc, used, avail, log; } addr = {
        ring->index, flags, VG_USER_BASE + ring->desc, VG_USER_BASE + ring->used,
        VG_USER_BASE + ring->avail, flags ? VG_GUEST_BASE + ring->used : 0,
    };

    vu_send(guest->fd, VU_SET_VRING_ADDR, 0, &addr, sizeof(addr), NULL, 0);
}

void vhost_guest_set_log(VhostGuest *guest, int log_fd)
{
    uint64_t log[2] = { VG_LOG_SIZE, 0 };
    uint64_t features = guest->features | (log_fd >= 0 ? VU_F_LOG_ALL : 0);
    uint64_t answer;

    if (log_fd >= 0) {
        vu_send(guest->fd, VU_SET_LOG_BASE, 0, log, sizeof(log), &log_fd, 1);
        vu_receive(guest->fd, VU_SET_LOG_BASE, &answer, sizeof(answer));
        g_assert_cmpuint(answer, ==, 0);
    }
    vu_send_u64(guest->fd, VU_SET_FEATURES, features);
    for (unsigned i = 0; i < guest->n_rings; i++) {
        send_ring_addr(guest, &guest->rings[i], log_fd >= 0);
    }
    vu_sync(guest->fd);
}

void vhost_guest_start_ring(VhostGuest *guest, unsigned index)
{
    VhostGuestRing *ring = &guest->rings[index];

    ring_close(ring);
    ring->kick_fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    ring->call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ring->err_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    send_ring_fd(guest, VU_SET_VRING_ERR, index, ring->err_fd);
    vu_send_state(guest->fd, VU_SET_VRING_NUM, index, ring->num);
    vu_send_state(guest->fd, VU_SET_VRING_BASE, index, ring->base);
    send_ring_addr(guest, ring, 0);
    send_ring_fd(guest, VU_SET_VRING_KICK, index, ring->kick_fd);
    send_ring_fd(guest, VU_SET_VRING_CALL, index, ring->call_fd);
    ring->runs = true;
}

void vhost_guest_start(VhostGuest *guest)
{
    for (unsigned i = 0; i < guest->n_rings; i++) {
        vhost_guest_start_ring(guest, i);
        if (!guest->options.no_protocol) {
            vu_send_state(guest->fd, VU_SET_VRING_ENABLE, i, 1);
        }
    }
    vu_sync(guest->fd);
}

uint32_t vhost_guest_stop_ring(VhostGuest *guest, unsigned index)
{
    uint32_t state[2];

    vu_send_state(guest->fd, VU_GET_VRING_BASE, index, 0);
    vu_receive(guest->fd, VU_GET_VRING_BASE, state, sizeof(state));
    g_assert_cmpuint(state[0], ==, index);
    ring_close(&guest->rings[index]);
    guest->rings[index].base = state[1];
    return state[1];
}

void vhost_guest_stop(VhostGuest *guest)
{
    for (unsigned i = 0; i < guest->n_rings; i++) {
        vhost_guest_stop_ring(guest, i);
    }
}

static uint16_t load16(const VhostGuest *guest, uint64_t at)
{
    return __atomic_load_n((const uint16_t *)(const void *)(guest->mem + at), __ATOMIC_ACQUIRE);
}

static void store16(VhostGuest *guest, uint64_t at, unsigned value)
{
    __atomic_store_n((uint16_t *)(void *)(guest->mem + at), (uint16_t)value, __ATOMIC_RELEASE);
}

static void store_desc(VhostGuest *guest, uint64_t at, uint64_t addr, uint32_t len, unsigned low,
                       unsigned high)
{
    uint16_t low16 = (uint16_t)low;

    memcpy(guest->mem + at, &addr, sizeof(addr));
    memcpy(guest->mem + at + 8, &len, sizeof(len));
    memcpy(guest->mem + at + 12, &low16, sizeof(low16));
    store16(guest, at + 14, high);
}

void vhost_guest_resume_from_used(VhostGuest *guest)
{
    for (unsigned i = 0; i < guest->n_rings; i++) {
        VhostGuestRing *ring = &guest->rings[i];

        g_assert_false(ring->packed);
        ring->base = load16(guest, ring->used + 2);
    }
}

/* --- Buffers ----------------------------------------------------------------------------- */

static unsigned buffer_span(const VhostGuest *guest)
{
    return MAX(guest->options.buffer_size, 2048);
}

static uint64_t buffer_at(const VhostGuest *guest, const VhostGuestRing *ring, unsigned buffer)
{
    return ring->buffers + (uint64_t)buffer * buffer_span(guest);
}

/* Length and place of part @i of a buffer of @len bytes: the first is odd on purpose. */
static uint32_t part_len(const VhostGuestRing *ring, size_t len, unsigned i)
{
    uint32_t first = ring->n_parts > 1 ? 7 : (uint32_t)len;

    if (i + 1 < ring->n_parts) {
        return first;
    }
    return (uint32_t)len - first * (ring->n_parts - 1);
}

static unsigned split_flags(const VhostGuestRing *ring, unsigned i, bool write)
{
    return (i + 1 < ring->n_parts ? DESC_NEXT : 0) | (write ? DESC_WRITE : 0);
}

/* The descriptors of a buffer in the table at @at, linked as in a split ring. */
static void write_table(VhostGuest *guest, VhostGuestRing *ring, uint64_t at, unsigned first,
                        unsigned buffer, size_t len, bool write)
{
    uint64_t addr = VG_GUEST_BASE + buffer_at(guest, ring, buffer);

    for (unsigned i = 0; i < ring->n_parts; i++) {
        store_desc(guest, at + (first + i) * 16, addr, part_len(ring, len, i),
                   split_flags(ring, i, write), first + i + 1);
        addr += part_len(ring, len, i);
    }
}

static void post_split(VhostGuest *guest, VhostGuestRing *ring, unsigned buffer, size_t len,
                       bool write)
{
    unsigned head = ring->indirect ? buffer : buffer * ring->n_parts;
    uint64_t table = ring->tables + buffer * 16 * ring->n_parts;

    if (ring->indirect) {
        write_table(guest, ring, table, 0, buffer, len, write);
        store_desc(guest, ring->desc + head * 16, VG_GUEST_BASE + table, 16 * ring->n_parts,
                   DESC_INDIRECT, 0);
    } else {
        write_table(guest, ring, ring->desc, head, buffer, len, write);
    }
    store16(guest, ring->avail + 4 + 2 * (ring->next % ring->num), head);
    ring->next++;
    store16(guest, ring->avail + 2, ring->next);
}

static unsigned packed_flags(const VhostGuestRing *ring)
{
    return ring->wrap ? DESC_AVAIL : DESC_USED;
}

static void packed_step(const VhostGuestRing *ring, uint16_t *next, bool *wrap, unsigned n)
{
    *next += n;
    if (*next >= ring->num) {
        *next -= ring->num;
        *wrap = !*wrap;
    }
}

/* The first descriptor's flags come last. */
static void post_packed(VhostGuest *guest, VhostGuestRing *ring, unsigned buffer, size_t len,
                        bool write)
{
    uint64_t addr = VG_GUEST_BASE + buffer_at(guest, ring, buffer);
    uint64_t table = ring->tables + buffer * 16 * ring->n_parts;
    uint64_t first = ring->desc + ring->next * 16;
    unsigned first_flags = packed_flags(ring);

    if (ring->indirect) {
        write_table(guest, ring, table, 0, buffer, len, write);
        for (unsigned i = 0; i < ring->n_parts; i++) {
            store16(guest, table + i * 16 + 14, write ? DESC_WRITE : 0);
        }
        store_desc(guest, first, VG_GUEST_BASE + table, 16 * ring->n_parts, buffer,
                   load16(guest, first + 14));
        store16(guest, first + 14, first_flags | DESC_INDIRECT);
        packed_step(ring, &ring->next, &ring->wrap, 1);
        return;
    }
    for (unsigned i = 0; i < ring->n_parts; i++) {
        unsigned flags = packed_flags(ring) | split_flags(ring, i, write);

        first_flags = i == 0 ? flags : first_flags;
        store_desc(guest, ring->desc + ring->next * 16, addr, part_len(ring, len, i), buffer,
                   i == 0 ? load16(guest, first + 14) : flags);
        addr += part_len(ring, len, i);
        packed_step(ring, &ring->next, &ring->wrap, 1);
    }
    store16(guest, first + 14, first_flags);
}

static void post_buffer(VhostGuest *guest, VhostGuestRing *ring, size_t len, bool write)
{
    unsigned buffer = ring->first_free;

    g_assert_cmpuint(ring->n_free, >, 0);
    ring->first_free = (buffer + 1) % ring->n_buffers;
    ring->n_free--;
    if (ring->packed) {
        post_packed(guest, ring, buffer, len, write);
    } else {
        post_split(guest, ring, buffer, len, write);
    }
}

unsigned vhost_guest_post_some(VhostGuest *guest, unsigned index, unsigned n)
{
    VhostGuestRing *ring = &guest->rings[index];
    unsigned posted = 0;

    while (posted < n && ring->n_free > 0) {
        post_buffer(guest, ring, guest->options.buffer_size ? guest->options.buffer_size : 2048,
                    true);
        posted++;
    }
    if (posted > 0) {
        vhost_guest_kick(guest, index);
    }
    return posted;
}

unsigned vhost_guest_post(VhostGuest *guest, unsigned index)
{
    return vhost_guest_post_some(guest, index, guest->rings[index].n_free);
}

/* --- Notifications ----------------------------------------------------------------------- */

/* Whether the device wants to be told; in this test's rings a spurious kick does no harm. */
static bool device_wants_kick(const VhostGuest *guest, const VhostGuestRing *ring)
{
    uint16_t flags;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (ring->packed) {
        flags = load16(guest, ring->used + 2);
        return flags != 1;
    }
    return ring->event_idx || !(load16(guest, ring->used) & 1);
}

/* With an event index: only if the index that the device named was just passed. */
static bool device_named_index(const VhostGuest *guest, VhostGuestRing *ring, unsigned n)
{
    uint16_t event = load16(guest, ring->used + 4 + 8 * ring->num);

    return (uint16_t)(ring->next - event - 1) < n;
}

bool vhost_guest_kick(VhostGuest *guest, unsigned index)
{
    VhostGuestRing *ring = &guest->rings[index];
    uint64_t one = 1;

    if (ring->kick_fd < 0 || !device_wants_kick(guest, ring)) {
        return false;
    }
    if (ring->event_idx && !ring->packed && !device_named_index(guest, ring, ring->num)) {
        return false;
    }
    g_assert_cmpint(write(ring->kick_fd, &one, sizeof(one)), ==, sizeof(one));
    return true;
}

/* Ask for a call at the next used buffer. */
static void want_call(VhostGuest *guest, VhostGuestRing *ring)
{
    if (ring->packed) {
        store16(guest, ring->avail, ring->next_used | (ring->used_wrap ? 0x8000 : 0));
        store16(guest, ring->avail + 2, ring->event_idx ? 2 : 0);
    } else {
        store16(guest, ring->avail + 4 + 2 * ring->num, ring->next_used);
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* --- Used buffers ------------------------------------------------------------------------ */

/* Returns: whether there is one. Buffers come back in order. */
static bool take_used(VhostGuest *guest, VhostGuestRing *ring, unsigned *buffer, uint32_t *len)
{
    uint64_t at;
    uint32_t id;

    if (ring->packed) {
        uint16_t flags;

        at = ring->desc + ring->next_used * 16;
        flags = load16(guest, at + 14);
        if (!!(flags & DESC_AVAIL) != ring->used_wrap || !!(flags & DESC_USED) != ring->used_wrap ||
            ring->n_free == ring->n_buffers) {
            return false;
        }
        memcpy(len, guest->mem + at + 8, sizeof(*len));
        id = load16(guest, at + 12);
        packed_step(ring, &ring->next_used, &ring->used_wrap, ring->indirect ? 1 : ring->n_parts);
    } else {
        if (load16(guest, ring->used + 2) == ring->next_used) {
            return false;
        }
        at = ring->used + 4 + 8 * (ring->next_used % ring->num);
        memcpy(&id, guest->mem + at, sizeof(id));
        memcpy(len, guest->mem + at + 4, sizeof(*len));
        id /= ring->indirect ? 1 : ring->n_parts;
        ring->next_used++;
    }
    *buffer = (ring->first_free + ring->n_free) % ring->n_buffers;
    g_assert_cmpuint(id, ==, *buffer);
    ring->n_free++;
    return true;
}

unsigned vhost_guest_reap(VhostGuest *guest, unsigned index)
{
    unsigned n = 0;
    unsigned buffer;
    uint32_t len;

    while (take_used(guest, &guest->rings[index], &buffer, &len)) {
        g_assert_cmpuint(len, ==, 0);
        n++;
    }
    return n;
}

static void wait_call(VhostGuest *guest, VhostGuestRing *ring)
{
    uint64_t count;

    wait_fd(ring->call_fd, POLLIN, "the device's call");
    g_assert_cmpint(read(ring->call_fd, &count, sizeof(count)), ==, sizeof(count));
}

size_t vhost_guest_try_receive(VhostGuest *guest, unsigned index, uint8_t *header, uint8_t *buf)
{
    VhostGuestRing *ring = &guest->rings[index];
    unsigned buffer, n_buffers;
    uint32_t len;
    size_t total;

    if (!take_used(guest, ring, &buffer, &len)) {
        return 0;
    }
    g_assert_cmpuint(len, >, HDR_LEN);
    memcpy(header, guest->mem + buffer_at(guest, ring, buffer), HDR_LEN);
    total = len - HDR_LEN;
    memcpy(buf, guest->mem + buffer_at(guest, ring, buffer) + HDR_LEN, total);
    n_buffers = header[10] | header[11] << 8;
    g_assert_cmpuint(n_buffers, >=, 1);
    for (unsigned i = 1; i < n_buffers; i++) {
        /* All of a frame is published at once. */
        g_assert_true(take_used(guest, ring, &buffer, &len));
        memcpy(buf + total, guest->mem + buffer_at(guest, ring, buffer), len);
        total += len;
    }
    return total;
}

size_t vhost_guest_receive(VhostGuest *guest, unsigned index, uint8_t *header, uint8_t *buf)
{
    VhostGuestRing *ring = &guest->rings[index];

    for (;;) {
        size_t len = vhost_guest_try_receive(guest, index, header, buf);

        if (len > 0) {
            return len;
        }
        want_call(guest, ring);
        len = vhost_guest_try_receive(guest, index, header, buf);
        if (len > 0) {
            return len;
        }
        wait_call(guest, ring);
    }
}

void vhost_guest_expect(VhostGuest *guest, unsigned index, uint32_t first, uint32_t n)
{
    g_autofree uint8_t *buf = g_malloc(FRAME_MAX);
    uint8_t header[HDR_LEN];

    for (uint32_t i = 0; i < n; i++) {
        size_t len = vhost_guest_receive(guest, index, header, buf);
        uint8_t wanted[1514];
        uint32_t seq;

        if (!frame_check(buf, len, &seq) || seq != first + i ||
            len != frame_of_seq(wanted, seq)) {
            g_error("frame %u of %zu bytes where %u was expected", seq, len, first + i);
        }
        for (unsigned j = 0; j < 10; j++) {
            g_assert_cmpuint(header[j], ==, 0);
        }
        vhost_guest_post(guest, index);
    }
}

void vhost_guest_queue(VhostGuest *guest, unsigned index, const uint8_t *header,
                       const void *frame, size_t len)
{
    static const uint8_t idle[HDR_LEN];
    VhostGuestRing *ring = &guest->rings[index];
    uint8_t *at;

    vhost_guest_reap(guest, index);
    while (ring->n_free == 0) {
        want_call(guest, ring);
        vhost_guest_kick(guest, index);
        if (vhost_guest_reap(guest, index) == 0) {
            wait_call(guest, ring);
            vhost_guest_reap(guest, index);
        }
    }
    g_assert_cmpuint(HDR_LEN + len, <=, buffer_span(guest));
    at = guest->mem + buffer_at(guest, ring, ring->first_free);
    memcpy(at, header ? header : idle, HDR_LEN);
    memcpy(at + HDR_LEN, frame, len);
    post_buffer(guest, ring, HDR_LEN + len, false);
}

void vhost_guest_send(VhostGuest *guest, unsigned index, uint32_t first, uint32_t n)
{
    uint8_t frame[1514];

    for (uint32_t i = 0; i < n; i++) {
        vhost_guest_queue(guest, index, NULL, frame, frame_of_seq(frame, first + i));
        vhost_guest_kick(guest, index);
    }
}
