/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Brings the memory of a guest page by page, as its VM does in a postcopy migration. */

#include "vhost-pages.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sockets.h"

#define PAGE 4096u
#define N_PAGES (VG_MEM_SIZE / PAGE)

struct VhostPages {
    VhostGuest *guest;
    uint8_t *copy;       /* owned: what the memory has */
    int own;             /* owned: hears of what the guest misses */
    int wake_fd;         /* owned: the thread is to look at the next three */
    int asked_fd;        /* owned: readable as many times as the program has asked */
    gint withholds, ends, n_asked;
    GArray *withheld;    /* owned uint64_t: of the thread */
    GThread *thread;
};

static int open_uffd(void)
{
    struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_MISSING_SHMEM };
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);

    if (fd >= 0 && ioctl(fd, UFFDIO_API, &api) < 0) {
        sock_close(&fd);
    }
    return fd;
}

bool vhost_pages_are_possible(void)
{
    int fd = open_uffd();
    bool possible = fd >= 0;

    sock_close(&fd);
    return possible;
}

static void wake(int uffd, uint64_t at)
{
    struct uffdio_range range = { at, PAGE };

    g_assert_cmpint(ioctl(uffd, UFFDIO_WAKE, &range), ==, 0);
}

/* For both, as one may wait for what the other got. */
static void bring(VhostPages *pages, uint64_t offset)
{
    struct uffdio_copy copy = {
        .dst = (uintptr_t)pages->guest->mem + offset, .src = (uintptr_t)pages->copy + offset,
        .len = PAGE,
    };

    if (ioctl(pages->own, UFFDIO_COPY, &copy) < 0) {
        g_assert_cmpint(errno, ==, EEXIST);
        wake(pages->own, copy.dst);
    }
    if (pages->guest->uffd >= 0) {
        wake(pages->guest->uffd, pages->guest->fault_base + offset);
    }
}

/* Returns: whether there was a fault; @at: its page. */
static bool read_fault(int uffd, uint64_t *at)
{
    struct uffd_msg msg;

    if (read(uffd, &msg, sizeof(msg)) != sizeof(msg)) {
        return false;
    }
    g_assert_cmpint(msg.event, ==, UFFD_EVENT_PAGEFAULT);
    *at = msg.arg.pagefault.address / PAGE * PAGE;
    return true;
}

static void serve_program(VhostPages *pages)
{
    uint64_t at;

    while (pages->guest->uffd >= 0 && read_fault(pages->guest->uffd, &at)) {
        uint64_t offset = at - pages->guest->fault_base;

        g_assert_cmpuint(offset, <, VG_MEM_SIZE);
        g_array_append_val(pages->withheld, offset);
        g_atomic_int_inc(&pages->n_asked);
        eventfd_write(pages->asked_fd, 1);
    }
    for (guint i = 0; !g_atomic_int_get(&pages->withholds) && i < pages->withheld->len; i++) {
        bring(pages, g_array_index(pages->withheld, uint64_t, i));
    }
    if (!g_atomic_int_get(&pages->withholds)) {
        g_array_set_size(pages->withheld, 0);
    }
}

static void serve_guest(VhostPages *pages)
{
    uint64_t at;

    while (read_fault(pages->own, &at)) {
        bring(pages, at - (uintptr_t)pages->guest->mem);
    }
}

static gpointer serve(gpointer opaque)
{
    VhostPages *pages = opaque;
    eventfd_t count;

    while (!g_atomic_int_get(&pages->ends)) {
        struct pollfd fds[] = {
            { pages->own, POLLIN, 0 }, { pages->wake_fd, POLLIN, 0 },
            { pages->guest->uffd, POLLIN, 0 },
        };

        g_assert_cmpint(poll(fds, G_N_ELEMENTS(fds), -1), >, 0);
        eventfd_read(pages->wake_fd, &count);
        serve_guest(pages);
        serve_program(pages);
    }
    return NULL;
}

VhostPages *vhost_pages_new(VhostGuest *guest)
{
    VhostPages *pages = g_new0(VhostPages, 1);
    struct uffdio_register wanted = {
        .range = { (uintptr_t)guest->mem, VG_MEM_SIZE }, .mode = UFFDIO_REGISTER_MODE_MISSING,
    };

    pages->guest = guest;
    pages->copy = g_malloc(VG_MEM_SIZE);
    memcpy(pages->copy, guest->mem, VG_MEM_SIZE);
    pages->own = open_uffd();
    g_assert_cmpint(madvise(guest->mem, VG_MEM_SIZE, MADV_NOHUGEPAGE), ==, 0);
    g_assert_cmpint(fallocate(guest->mem_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                              VG_MEM_SIZE), ==, 0);
    g_assert_cmpint(ioctl(pages->own, UFFDIO_REGISTER, &wanted), ==, 0);
    pages->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pages->asked_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    pages->withheld = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    pages->thread = g_thread_new("pages", serve, pages);
    return pages;
}

static void wake_thread(VhostPages *pages)
{
    g_assert_cmpint(eventfd_write(pages->wake_fd, 1), ==, 0);
}

void vhost_pages_free(VhostPages *pages)
{
    g_atomic_int_set(&pages->ends, 1);
    wake_thread(pages);
    g_thread_join(pages->thread);
    sock_close(&pages->own);
    sock_close(&pages->wake_fd);
    sock_close(&pages->asked_fd);
    g_array_unref(pages->withheld);
    g_free(pages->copy);
    g_free(pages);
}

void vhost_pages_withhold(VhostPages *pages, bool withhold)
{
    g_atomic_int_set(&pages->withholds, withhold);
    wake_thread(pages);
}

unsigned vhost_pages_n_asked(const VhostPages *pages)
{
    return (unsigned)g_atomic_int_get(&pages->n_asked);
}

void vhost_pages_wait_asked(const VhostPages *pages, unsigned more_than)
{
    eventfd_t one;

    while (vhost_pages_n_asked(pages) <= more_than) {
        wait_fd(pages->asked_fd, POLLIN, "the program to ask for a page");
        eventfd_read(pages->asked_fd, &one);
    }
}

void vhost_pages_wake_all(VhostGuest *guest)
{
    struct uffdio_range range = { guest->fault_base, VG_MEM_SIZE };

    g_assert_cmpint(ioctl(guest->uffd, UFFDIO_WAKE, &range), ==, 0);
}

/* A touch is all that it needs. */
void vhost_pages_bring_all(VhostPages *pages)
{
    for (uint64_t i = 0; i < N_PAGES; i++) {
        (void)*(volatile uint8_t *)(pages->guest->mem + i * PAGE);
    }
}
