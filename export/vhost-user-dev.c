/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the messages of a vhost-user front-end do to the device. */

/*
 * Each request is one function, found in a table. What it refuses is told to a front-end that
 * asked for an acknowledgement; to another it cannot be told, and the connection ends, as the two
 * would not agree on the device's state any more.
 */

#include "export/vhost-user-dev.h"

#include <inttypes.h>
#include <string.h>

#include "export/nic.h"
#include "export/vhost-user-data.h"
#include "export/vhost-user-poll.h"
#include "export/vhost-user-ring.h"
#include "util/error.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/trace.h"

TRACE_POINT(vhost_user_message);
TRACE_POINT(vhost_user_features);

/* What is offered: nothing that is not meant, as front-ends take whatever they know. */
#define DEV_PROTOCOL_FEATURES                                                                  \
    (VHOST_USER_PROTOCOL_F_MQ | VHOST_USER_PROTOCOL_F_LOG_SHMFD |                             \
     VHOST_USER_PROTOCOL_F_RARP | VHOST_USER_PROTOCOL_F_REPLY_ACK |                           \
     VHOST_USER_PROTOCOL_F_NET_MTU | VHOST_USER_PROTOCOL_F_RESET_DEVICE |                      \
     VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS | VHOST_USER_PROTOCOL_F_STATUS)

#define DEV_FEATURES                                                                           \
    (VIRTIO_NET_F_CSUM | VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_MTU |                          \
     VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_GUEST_TSO6 | VIRTIO_NET_F_HOST_TSO4 |              \
     VIRTIO_NET_F_HOST_TSO6 | VIRTIO_NET_F_MRG_RXBUF | VIRTIO_NET_F_GUEST_ANNOUNCE |           \
     VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX | VHOST_USER_F_PROTOCOL_FEATURES |            \
     VIRTIO_F_VERSION_1 | VIRTIO_F_RING_PACKED | VIRTIO_F_IN_ORDER | VHOST_F_LOG_ALL |         \
     VIRTIO_NET_F_GUEST_USO4 | VIRTIO_NET_F_GUEST_USO6 | VIRTIO_NET_F_HOST_USO)

/* Ethernet's least and IP's largest packet. */
#define MTU_MIN 68u
#define MTU_MAX 65535u

static unsigned dev_n_rings(const VhostUserDev *dev)
{
    return 2 * dev->n_pairs;
}

static uint64_t dev_features(const VhostUserDev *dev)
{
    return DEV_FEATURES | (dev->n_pairs > 1 ? VIRTIO_NET_F_MQ : 0);
}

static uint64_t dev_protocol_features(const VhostUserDev *dev)
{
    return DEV_PROTOCOL_FEATURES |
           (dev->offers_state ? VHOST_USER_PROTOCOL_F_DEVICE_STATE : 0) |
           (dev->offers_pagefault ? VHOST_USER_PROTOCOL_F_PAGEFAULT : 0);
}

bool vhost_user_dev_runs(const VhostUserDev *dev)
{
    for (unsigned i = 0; i < dev_n_rings(dev); i++) {
        if (dev->rings[i].started) {
            return true;
        }
    }
    return false;
}

/* NULL with @error set if there is none of that number. */
static VhostUserRing *dev_ring(VhostUserDev *dev, uint64_t index, GError **error)
{
    if (index < dev_n_rings(dev)) {
        return &dev->rings[index];
    }
    error_set(error, "there is no ring %" PRIu64 " with queues=%u: give the export as many queues "
              "as the VM's netdev has", index, dev->n_pairs);
    return NULL;
}

/* One message for each kind of request, whatever a front-end varies in it. */
static void dev_complain(VhostUserDev *dev, uint32_t request, const GError *error)
{
    const char *name = vhost_user_name(request);

    log_limited_error(dev->source, name ? name : "unknown", "refused to the guest's VM: %s",
                      error->message);
}

static void dev_stop_rings(VhostUserDev *dev)
{
    for (unsigned i = 0; i < dev_n_rings(dev); i++) {
        vhost_user_ring_stop(&dev->rings[i]);
    }
}

/* --- Features ---------------------------------------------------------------------------- */

static bool dev_get_features(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    msg->u.u64 = dev_features(dev);
    return true;
}

/* Front-ends may have bits of the control queue in it, which is no business of ours. */
static bool dev_set_features(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    TRACE(vhost_user_features, "export '%s': 0x%" PRIx64 " of 0x%" PRIx64, dev->nc->id,
          msg->u.u64, dev_features(dev));
    dev->features = msg->u.u64 & dev_features(dev);
    for (unsigned i = 0; i < dev_n_rings(dev); i++) {
        dev->rings[i].enabled |= !(dev->features & VHOST_USER_F_PROTOCOL_FEATURES);
    }
    return true;
}

static bool dev_get_protocol_features(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    msg->u.u64 = dev_protocol_features(dev);
    return true;
}

static bool dev_set_protocol_features(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    dev->protocol_features = msg->u.u64 & dev_protocol_features(dev);
    return true;
}

static bool dev_get_queue_num(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    msg->u.u64 = dev->n_pairs;
    return true;
}

/* SET_OWNER begins a session, which the connection has done; RESET_OWNER is of no use any more. */
static bool dev_ignore(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    return true;
}

static bool dev_set_mtu(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    if (msg->u.u64 < MTU_MIN || msg->u.u64 > MTU_MAX) {
        return error_set(error, "an MTU of %" PRIu64 ", which is not from %u to %u", msg->u.u64,
                         MTU_MIN, MTU_MAX);
    }
    dev->mtu = (uint16_t)msg->u.u64;
    return true;
}

static bool dev_get_status(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    msg->u.u64 = dev->status;
    return true;
}

/* Status 0 is a reset. */
static bool dev_set_status(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    dev->status = (uint8_t)msg->u.u64;
    if (dev->status == 0) {
        dev_stop_rings(dev);
    }
    return true;
}

static bool dev_reset(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    for (unsigned i = 0; i < dev_n_rings(dev); i++) {
        vhost_user_ring_reset(&dev->rings[i]);
    }
    dev->features = 0;
    dev->status = 0;
    return true;
}

/* The guest does not announce itself where it is now: we do. */
/* A source that cannot be told to wait: what is beyond the limit is dropped. */
static bool dev_send_rarp(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    uint8_t data[NIC_ANNOUNCE_LEN];
    uint8_t mac[6];

    memcpy(mac, &msg->u.u64, sizeof(mac));
    if (!net_client_can_send(dev->nc)) {
        net_client_drop(dev->nc, 1, sizeof(data), NET_DROP_REASON_OVERFLOW);
        return true;
    }
    nic_announce_make_frame(data, mac);
    net_client_send(dev->nc, &(NetFrame) { .data = data, .len = sizeof(data) }, 1);
    return true;
}

/* --- Memory ------------------------------------------------------------------------------ */

static bool mem_add(VringMemory *mem, const VhostUserRegion *region, int fd, GError **error)
{
    VringRegionSpec spec = {
        .guest_addr = region->guest_addr,
        .size = region->size,
        .user_addr = region->user_addr,
        .mmap_offset = region->mmap_offset,
    };

    if (fd < 0) {
        return error_set(error, "memory region without a descriptor: the VM's memory must be "
                         "shared: memory-backend-memfd,share=on");
    }
    return vring_memory_add(mem, &spec, fd, error);
}

static void dev_move_rings(VhostUserDev *dev)
{
    for (unsigned i = 0; i < dev_n_rings(dev); i++) {
        vhost_user_ring_move(&dev->rings[i]);
    }
}

static VringMemory *dev_new_memory(const VhostUserDev *dev)
{
    VringMemory *mem = vring_memory_new();

    if (dev->postcopy.is_listening) {
        vring_memory_set_pages(mem, dev->postcopy.pages);
    }
    return mem;
}

/* Whether there is a region in a message that has room for one. */
static bool dev_check_region(const VhostUserMsg *msg, GError **error)
{
    return msg->header.size == sizeof(msg->u.one) ||
           error_set(error, "%u bytes without postcopy", msg->header.size);
}

/* From the loop, and when the front-end is ready: rings may be able to start, or to go on. */
static void dev_pages_arrived(void *opaque)
{
    VhostUserDev *dev = opaque;

    for (unsigned i = 0; i < dev_n_rings(dev); i++) {
        if (dev->rings[i].starts) {
            vhost_user_ring_start(&dev->rings[i]);
        }
    }
    vhost_user_dev_find_targets(dev);
    dev->ops->changed(dev);
    vhost_user_dev_look_again(dev);
}

static bool dev_pages_ready(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    if (!vhost_user_postcopy_ready(&dev->postcopy, msg, error)) {
        return false;
    }
    dev_pages_arrived(dev);
    return true;
}

static bool dev_postcopy_advise(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    if (!(dev->protocol_features & VHOST_USER_PROTOCOL_F_PAGEFAULT)) {
        return error_set(error, "without the protocol's feature");
    }
    return vhost_user_postcopy_advise(&dev->postcopy, msg, dev_pages_arrived, dev, error);
}

static bool dev_postcopy_listen(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    g_autoptr(GError) refusal = NULL;
    bool done = vhost_user_postcopy_listen(&dev->postcopy, dev->mem, &refusal);

    if (!done) {
        g_prefix_error(&refusal, "POSTCOPY_LISTEN: ");
        dev_complain(dev, VHOST_USER_POSTCOPY_LISTEN, refusal);
    }
    msg->u.u64 = done ? 0 : 1;
    return true;
}

static bool dev_postcopy_end(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    vhost_user_postcopy_end(&dev->postcopy, dev->mem);
    dev_pages_arrived(dev);
    msg->u.u64 = 0;
    return true;
}

static bool dev_set_mem_table(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    VringMemory *before = dev->mem;
    VringMemory *mem;

    if (vhost_user_postcopy_is_ready(&dev->postcopy, msg)) {
        return dev_pages_ready(dev, msg, error);
    }
    mem = dev_new_memory(dev);
    for (uint32_t i = 0; i < msg->u.table.n; i++) {
        VhostUserRegion *region = &msg->u.table.regions[i];

        if (!mem_add(mem, region, msg->fds[i], error)) {
            vring_memory_free(mem);
            return false;
        }
        vhost_user_postcopy_answer_region(&dev->postcopy, msg, region, mem);
    }
    dev->mem = mem;
    dev_move_rings(dev);
    vring_memory_free(before);
    return true;
}

static bool dev_get_max_mem_slots(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    msg->u.u64 = VRING_REGIONS_MAX;
    return true;
}

static bool dev_add_mem_reg(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    VhostUserRegion *region = &msg->u.one.region;

    if (vhost_user_postcopy_is_ready(&dev->postcopy, msg)) {
        return dev_pages_ready(dev, msg, error);
    }
    if (!dev_check_region(msg, error) ||
        !mem_add(dev->mem, region, msg->n_fds > 0 ? msg->fds[0] : -1, error)) {
        return false;
    }
    vhost_user_postcopy_answer_region(&dev->postcopy, msg, region, dev->mem);
    return true;
}

/* Rings in it are broken from now on; others stay where they are. */
static bool dev_rem_mem_reg(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    const VhostUserRegion *region = &msg->u.one.region;
    VringRegionSpec spec = {
        .guest_addr = region->guest_addr, .size = region->size, .user_addr = region->user_addr,
    };

    if (vhost_user_postcopy_is_ready(&dev->postcopy, msg)) {
        return dev_pages_ready(dev, msg, error);
    }
    if (!dev_check_region(msg, error)) {
        return false;
    }
    if (!vring_memory_remove(dev->mem, &spec)) {
        return error_set(error, "there is no memory region of %" PRIu64 " bytes at 0x%" PRIx64,
                         region->size, region->guest_addr);
    }
    dev_move_rings(dev);
    return true;
}

/* A larger one may take the place of the first, which is not used any more behind the answer. */
static bool dev_set_log_base(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    VringLog *log;

    if (!(dev->protocol_features & VHOST_USER_PROTOCOL_F_LOG_SHMFD) || msg->n_fds == 0) {
        return error_set(error, "a log without a descriptor");
    }
    log = vring_log_new(msg->fds[0], msg->u.log.size, msg->u.log.offset, error);
    if (!log) {
        return false;
    }
    vring_log_free(dev->log);
    dev->log = log;
    for (unsigned i = 0; i < dev_n_rings(dev); i++) {
        vhost_user_ring_update_log(&dev->rings[i]);
    }
    msg->u.u64 = 0;
    return true;
}

/* --- Rings ------------------------------------------------------------------------------- */

/* What the next start takes, only between a stop and a start. */
static VhostUserRing *dev_stopped_ring(VhostUserDev *dev, uint32_t index, GError **error)
{
    VhostUserRing *ring = dev_ring(dev, index, error);

    if (ring && ring->started) {
        error_set(error, "ring %u runs", index);
        return NULL;
    }
    return ring;
}

static bool dev_set_vring_num(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    VhostUserRing *ring = dev_stopped_ring(dev, msg->u.state.index, error);

    if (ring && (msg->u.state.num == 0 || msg->u.state.num > VRING_SIZE_MAX)) {
        return error_set(error, "ring %u of %u entries", ring->index, msg->u.state.num);
    }
    if (ring) {
        ring->num = msg->u.state.num;
    }
    return ring;
}

static bool addr_is_same(const VhostUserRing *ring, const VhostUserAddr *addr)
{
    return ring->desc == addr->desc && ring->avail == addr->avail && ring->used == addr->used;
}

/* While a ring runs only the log may change. */
static bool dev_set_vring_addr(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    const VhostUserAddr *addr = &msg->u.addr;
    VhostUserRing *ring = dev_ring(dev, addr->index, error);

    if (!ring) {
        return false;
    }
    if (addr->flags & ~VHOST_USER_ADDR_LOG) {
        return error_set(error, "ring %u with flags 0x%x, which are not known", ring->index,
                         addr->flags);
    }
    if (ring->started && !addr_is_same(ring, addr)) {
        return error_set(error, "ring %u runs", ring->index);
    }
    ring->desc = addr->desc;
    ring->avail = addr->avail;
    ring->used = addr->used;
    ring->logs = addr->flags & VHOST_USER_ADDR_LOG;
    ring->log = addr->log;
    vhost_user_ring_update_log(ring);
    return true;
}

static bool dev_set_vring_base(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    VhostUserRing *ring = dev_stopped_ring(dev, msg->u.state.index, error);

    if (ring) {
        ring->base = msg->u.state.num;
    }
    return ring;
}

/* What the guest has sent so far goes out before: a driver that resets its device expects that. */
static bool dev_get_vring_base(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    VhostUserRing *ring = dev_ring(dev, msg->u.state.index, error);

    if (!ring) {
        return false;
    }
    vhost_user_ring_drain(ring);
    vhost_user_ring_stop(ring);
    msg->u.state.num = ring->base;
    return true;
}

/* The descriptor that a message brings, or does not. */
static bool dev_ring_fd(VhostUserDev *dev, VhostUserMsg *msg, VhostUserRing **ring, int *fd,
                        GError **error)
{
    bool has_fd = !(msg->u.u64 & VHOST_USER_NO_FD);

    *ring = dev_ring(dev, msg->u.u64 & VHOST_USER_RING_MASK, error);
    if (!*ring) {
        return false;
    }
    if (has_fd != (msg->n_fds > 0)) {
        return error_set(error, "ring %u: a descriptor is missing, or one too many",
                         (*ring)->index);
    }
    *fd = vhost_user_take_fd(msg, 0);
    return true;
}

static bool dev_set_vring_kick(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    VhostUserRing *ring;
    int fd = -1;

    if (!dev_ring_fd(dev, msg, &ring, &fd, error) ||
        !vhost_user_ring_set_kick(ring, fd, error)) {
        return false;
    }
    if (ring->started) {
        vhost_user_ring_update_watch(ring);
    } else {
        vhost_user_ring_start(ring);
    }
    vhost_user_dev_look_again(dev);
    return true;
}

static bool dev_set_vring_call(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    VhostUserRing *ring;
    int fd = -1;

    return dev_ring_fd(dev, msg, &ring, &fd, error) && vhost_user_ring_set_call(ring, fd, error);
}

static bool dev_set_vring_err(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    VhostUserRing *ring;
    int fd = -1;

    return dev_ring_fd(dev, msg, &ring, &fd, error) && vhost_user_ring_set_err(ring, fd, error);
}

static bool dev_set_vring_enable(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    VhostUserRing *ring = dev_ring(dev, msg->u.state.index, error);

    if (ring && msg->u.state.num > 1) {
        return error_set(error, "ring %u enabled with %u", ring->index, msg->u.state.num);
    }
    if (ring) {
        ring->enabled = msg->u.state.num == 1;
    }
    return ring;
}

/* --- The state in a migration ------------------------------------------------------------ */

static bool dev_begin_transfer(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    uint32_t direction = msg->u.state_fd.direction;

    if (!(dev->protocol_features & VHOST_USER_PROTOCOL_F_DEVICE_STATE) || msg->n_fds == 0) {
        return error_set(error, "without the protocol's feature, or without a descriptor");
    }
    if (direction > VHOST_USER_STATE_LOAD ||
        msg->u.state_fd.phase != VHOST_USER_STATE_STOPPED) {
        return error_set(error, "direction %u in phase %u, which is not known", direction,
                         msg->u.state_fd.phase);
    }
    if (vhost_user_dev_runs(dev)) {
        return error_set(error, "the rings run");
    }
    return direction == VHOST_USER_STATE_SAVE
           ? vhost_user_transfer_save(&dev->transfer, vhost_user_take_fd(msg, 0), error)
           : vhost_user_transfer_load(&dev->transfer, vhost_user_take_fd(msg, 0), error);
}

/* Both have an answer, which says whether they went well. */
static bool dev_set_device_state_fd(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    g_autoptr(GError) refusal = NULL;
    bool done = dev_begin_transfer(dev, msg, &refusal);

    if (!done) {
        g_prefix_error(&refusal, "SET_DEVICE_STATE_FD: ");
        dev_complain(dev, VHOST_USER_SET_DEVICE_STATE_FD, refusal);
    }
    msg->u.u64 = VHOST_USER_STATE_NO_FD | (done ? 0 : VHOST_USER_STATE_FAILED);
    return true;
}

static bool dev_check_device_state(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    g_autoptr(GError) refusal = NULL;
    bool done = vhost_user_transfer_check(&dev->transfer, &refusal);

    if (!done) {
        g_prefix_error(&refusal, "CHECK_DEVICE_STATE: ");
        dev_complain(dev, VHOST_USER_CHECK_DEVICE_STATE, refusal);
    }
    msg->u.u64 = done ? 0 : 1;
    return true;
}

/* --- Messages ---------------------------------------------------------------------------- */

/** What a request does; the answer, if it has one, takes the place of its payload. */
typedef bool DevHandler(VhostUserDev *dev, VhostUserMsg *msg, GError **error);

static DevHandler *const handlers[VHOST_USER__MAX] = {
    [VHOST_USER_GET_FEATURES] = dev_get_features,
    [VHOST_USER_SET_FEATURES] = dev_set_features,
    [VHOST_USER_SET_OWNER] = dev_ignore,
    [VHOST_USER_RESET_OWNER] = dev_ignore,
    [VHOST_USER_SET_MEM_TABLE] = dev_set_mem_table,
    [VHOST_USER_SET_LOG_BASE] = dev_set_log_base,
    [VHOST_USER_SET_VRING_NUM] = dev_set_vring_num,
    [VHOST_USER_SET_VRING_ADDR] = dev_set_vring_addr,
    [VHOST_USER_SET_VRING_BASE] = dev_set_vring_base,
    [VHOST_USER_GET_VRING_BASE] = dev_get_vring_base,
    [VHOST_USER_SET_VRING_KICK] = dev_set_vring_kick,
    [VHOST_USER_SET_VRING_CALL] = dev_set_vring_call,
    [VHOST_USER_SET_VRING_ERR] = dev_set_vring_err,
    [VHOST_USER_GET_PROTOCOL_FEATURES] = dev_get_protocol_features,
    [VHOST_USER_SET_PROTOCOL_FEATURES] = dev_set_protocol_features,
    [VHOST_USER_GET_QUEUE_NUM] = dev_get_queue_num,
    [VHOST_USER_SET_VRING_ENABLE] = dev_set_vring_enable,
    [VHOST_USER_SEND_RARP] = dev_send_rarp,
    [VHOST_USER_NET_SET_MTU] = dev_set_mtu,
    [VHOST_USER_POSTCOPY_ADVISE] = dev_postcopy_advise,
    [VHOST_USER_POSTCOPY_LISTEN] = dev_postcopy_listen,
    [VHOST_USER_POSTCOPY_END] = dev_postcopy_end,
    [VHOST_USER_RESET_DEVICE] = dev_reset,
    [VHOST_USER_GET_MAX_MEM_SLOTS] = dev_get_max_mem_slots,
    [VHOST_USER_ADD_MEM_REG] = dev_add_mem_reg,
    [VHOST_USER_REM_MEM_REG] = dev_rem_mem_reg,
    [VHOST_USER_SET_STATUS] = dev_set_status,
    [VHOST_USER_GET_STATUS] = dev_get_status,
    [VHOST_USER_SET_DEVICE_STATE_FD] = dev_set_device_state_fd,
    [VHOST_USER_CHECK_DEVICE_STATE] = dev_check_device_state,
};

/* Returns: false with @error set by the request; or it is not known. */
static bool dev_do(VhostUserDev *dev, VhostUserMsg *msg, GError **error)
{
    uint32_t request = msg->header.request;
    const char *name = vhost_user_name(request);

    TRACE(vhost_user_message, "export '%s': %s (%u), flags 0x%x, %u bytes, %zu descriptors",
          dev->nc->id, name ? name : "unknown", request, msg->header.flags, msg->header.size,
          msg->n_fds);
    if (!name) {
        return error_set(error, "request %u is not known", request);
    }
    if (!handlers[request](dev, msg, error)) {
        g_prefix_error(error, "%s: ", name);
        return false;
    }
    return true;
}

/* The answer of the request itself. */
static bool dev_answer(VhostUserMsg *msg, int fd)
{
    size_t size = msg->header.request == VHOST_USER_GET_VRING_BASE ? sizeof(msg->u.state)
                                                                   : sizeof(msg->u.u64);

    if (msg->answer == VHOST_USER_ANSWER_ITSELF) {
        return vhost_user_reply_with(fd, msg->header.request, &msg->u, msg->header.size,
                                     msg->answer_fd);
    }
    return vhost_user_reply(fd, msg->header.request, &msg->u, size);
}

static bool dev_acknowledge(uint32_t request, int fd, bool done)
{
    uint64_t status = done ? 0 : 1;

    return vhost_user_reply(fd, request, &status, sizeof(status));
}

bool vhost_user_dev_handle(VhostUserDev *dev, VhostUserMsg *msg, int fd, GError **error)
{
    uint32_t request = msg->header.request;
    bool acknowledges = dev->protocol_features & VHOST_USER_PROTOCOL_F_REPLY_ACK &&
                        msg->header.flags & VHOST_USER_NEED_REPLY &&
                        !vhost_user_always_replies(request);
    g_autoptr(GError) refusal = NULL;
    bool done = dev_do(dev, msg, &refusal);
    bool sent = true;

    if (done && (vhost_user_always_replies(request) || msg->answer == VHOST_USER_ANSWER_ITSELF)) {
        sent = dev_answer(msg, fd);
    } else if (acknowledges && !(done && msg->answer == VHOST_USER_ANSWER_NONE)) {
        sent = dev_acknowledge(request, fd, done);
    } else if (!done && vhost_user_name(request)) {
        g_propagate_error(error, g_steal_pointer(&refusal));
        return false;
    }
    if (refusal) {
        dev_complain(dev, request, refusal);
    }
    vhost_user_dev_find_targets(dev);
    dev->ops->changed(dev);
    return sent || error_set(error, "the answer to %s cannot be sent", vhost_user_name(request));
}

/* --- Life -------------------------------------------------------------------------------- */

void vhost_user_dev_open(VhostUserDev *dev)
{
    dev->mem = vring_memory_new();
    dev->offers_pagefault = vring_pages_are_possible();
    dev->has_failed = false;
}

void vhost_user_dev_close(VhostUserDev *dev)
{
    for (unsigned i = 0; i < dev_n_rings(dev); i++) {
        vhost_user_ring_reset(&dev->rings[i]);
    }
    vhost_user_postcopy_clear(&dev->postcopy, dev->mem);
    g_clear_pointer(&dev->mem, vring_memory_free);
    g_clear_pointer(&dev->log, vring_log_free);
    dev->features = 0;
    dev->protocol_features = 0;
    dev->status = 0;
    dev->mtu = 0;
    vhost_user_dev_find_targets(dev);
    dev->ops->changed(dev);
    vhost_user_transfer_closed(&dev->transfer);
}

void vhost_user_dev_init(VhostUserDev *dev, NetClient *nc, const char *source,
                         const VhostUserDevOps *ops, unsigned n_pairs)
{
    dev->nc = nc;
    dev->source = source;
    dev->ops = ops;
    dev->kicked = vhost_user_ring_kicked;
    dev->n_pairs = n_pairs;
    dev->rings = g_new(VhostUserRing, dev_n_rings(dev));
    for (unsigned i = 0; i < dev_n_rings(dev); i++) {
        vhost_user_ring_init(&dev->rings[i], dev, i);
    }
    dev->targets = g_new(uint16_t, n_pairs);
    vhost_user_transfer_init(&dev->transfer, nc, source);
    dev->again = timer_new(CLOCK_TYPE_REALTIME, vhost_user_dev_look, dev);
}

void vhost_user_dev_clear(VhostUserDev *dev)
{
    if (!dev->rings) {
        return;
    }
    for (unsigned i = 0; i < dev_n_rings(dev); i++) {
        vhost_user_ring_reset(&dev->rings[i]);
    }
    vhost_user_transfer_clear(&dev->transfer);
    vhost_user_postcopy_clear(&dev->postcopy, dev->mem);
    vring_memory_free(dev->mem);
    vring_log_free(dev->log);
    timer_free(dev->again);
    g_free(dev->targets);
    g_free(dev->rings);
}
