/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Postcopy: what a vhost-user front-end and we tell each other about memory that is yet to come. */

/*
 * The front-end asks for a userfaultfd (POSTCOPY_ADVISE) and, before the guest's devices start,
 * says that it listens to it (POSTCOPY_LISTEN). Then each message that shares memory goes three
 * ways: we map the regions and answer where; the front-end notes that, so that it understands
 * faults, and says so in a message of the same kind with nothing but a zero; now the memory may be
 * asked for. vring-pages.c does that. POSTCOPY_END comes when all memory is here.
 */

#include "export/vhost-user-postcopy.h"

#include <inttypes.h>

#include "util/error.h"

bool vhost_user_postcopy_advise(VhostUserPostcopy *postcopy, VhostUserMsg *msg,
                                VringPagesFunc *arrived, void *opaque, GError **error)
{
    VringPages *pages;

    if (postcopy->is_listening) {
        return error_set(error, "the front-end listens to a userfaultfd already");
    }
    pages = vring_pages_new(arrived, opaque, error);
    if (!pages) {
        return false;
    }
    vring_pages_free(postcopy->pages);
    postcopy->pages = pages;
    msg->answer = VHOST_USER_ANSWER_ITSELF;
    msg->answer_fd = vring_pages_fd(pages);
    return true;
}

bool vhost_user_postcopy_listen(VhostUserPostcopy *postcopy, VringMemory *mem, GError **error)
{
    if (postcopy->is_listening) {
        return true;
    }
    if (!postcopy->pages) {
        return error_set(error, "there is no userfaultfd to listen to");
    }
    if (vring_memory_n_regions(mem) > 0) {
        return error_set(error, "there are %zu memory regions already",
                         vring_memory_n_regions(mem));
    }
    postcopy->is_listening = true;
    postcopy->has_been = true;
    vring_memory_set_pages(mem, postcopy->pages);
    return true;
}

void vhost_user_postcopy_end(VhostUserPostcopy *postcopy, VringMemory *mem)
{
    uint64_t awaited;

    if (postcopy->is_listening) {
        vring_pages_count(postcopy->pages, &awaited, &postcopy->n_come);
    }
    vring_memory_set_pages(mem, NULL);
    g_clear_pointer(&postcopy->pages, vring_pages_free);
    postcopy->is_listening = false;
}

void vhost_user_postcopy_clear(VhostUserPostcopy *postcopy, VringMemory *mem)
{
    if (mem) {
        vhost_user_postcopy_end(postcopy, mem);
    }
    *postcopy = (VhostUserPostcopy) { 0 };
}

/* A table of no regions has the same bytes, and would be of no use here. */
bool vhost_user_postcopy_is_ready(const VhostUserPostcopy *postcopy, const VhostUserMsg *msg)
{
    return postcopy->is_listening && msg->header.size == sizeof(msg->u.u64);
}

bool vhost_user_postcopy_ready(VhostUserPostcopy *postcopy, VhostUserMsg *msg, GError **error)
{
    msg->answer = VHOST_USER_ANSWER_NONE;
    if (msg->u.u64 != 0) {
        return error_set(error, "the front-end cannot bring the memory: error %" PRIu64,
                         msg->u.u64);
    }
    return vring_pages_register(postcopy->pages, error);
}

void vhost_user_postcopy_answer_region(const VhostUserPostcopy *postcopy, VhostUserMsg *msg,
                                       VhostUserRegion *region, VringMemory *mem)
{
    if (postcopy->is_listening) {
        region->user_addr = vring_memory_fault_addr(mem, region->user_addr);
        msg->answer = VHOST_USER_ANSWER_ITSELF;
        msg->answer_fd = -1;
    }
}

NetExportPostcopyInfo *vhost_user_postcopy_info(const VhostUserPostcopy *postcopy)
{
    NetExportPostcopyInfo *info;

    if (!postcopy->has_been) {
        return NULL;
    }
    info = g_new0(NetExportPostcopyInfo, 1);
    info->active = postcopy->is_listening;
    info->come = postcopy->n_come;
    if (info->active) {
        vring_pages_count(postcopy->pages, &info->awaited, &info->come);
    }
    return info;
}
