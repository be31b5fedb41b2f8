/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fetches pages of a guest's memory, while a postcopy migration brings them, in threads. */

/*
 * After the switch of a postcopy migration the guest runs here, and most of its memory is still on
 * the other host. Who touches a page that has not come has to wait for it, for as long as a network
 * takes, or for ever if the migration is interrupted. The loop serves others, too, so it must never
 * wait. Therefore each region is mapped twice:
 *
 *   loop ──────────► mapping for use ──┐
 *                                      ├── the file that the VM shares
 *   fetchers ──────► watched mapping ──┘
 *
 * A userfaultfd watches the second one, and only the fetchers, a few threads, touch it. The loop
 * looks into a bit map before it touches a page; a page whose bit is not set it has a fetcher read,
 * and does something else. The fetcher waits: its fault goes to the VM, which has the page brought
 * and wakes it. Then the loop hears of it by an eventfd, and sets the bit.
 *
 * In the first mapping a page that is missing would be one of zeros, without any wait. So a VM that
 * takes pages away behind our back harms its own guest, and nobody else.
 *
 * Who ends this does not wait either: other memory takes the place of the watched mapping, and the
 * fetchers that wait are woken up to it.
 */

#include "export/vring-pages.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "util/error.h"
#include "util/fd.h"
#include "util/fd-watch.h"
#include "util/trace.h"

TRACE_POINT(vring_pages_fetch);

/* As many pages can be on their way at once. */
#define FETCHERS 4u

/* And so many are asked for at once: a guest may have buffers as long as its memory. */
#define ASKED_MAX 64u

#define WORD_BITS (8 * sizeof(gulong))

/** A region that is mapped a second time. */
typedef struct PagesRegion {
    const uint8_t *map;   /* borrowed: for use */
    size_t size;
    uint8_t *watched;     /* owned: @size bytes of the same file */
    size_t page_size;
    gulong *here;         /* owned: a bit for each page; of the loop, as is the next */
    gulong *asked;        /* owned */
    bool is_registered;
} PagesRegion;

/** A page to fetch. */
typedef struct PagesJob {
    PagesRegion *region;  /* borrowed; stays until all fetchers have ended */
    size_t page;
} PagesJob;

struct VringPages {
    VringPagesFunc *arrived;
    void *opaque;
    int uffd;             /* owned */
    int event_fd;         /* owned: to be read when @done has something */
    FdWatch *watch;       /* owned: of @event_fd */
    GPtrArray *regions;   /* owned */
    GPtrArray *removed;   /* owned: regions that jobs may still have */
    GThread *fetchers[FETCHERS]; /* owned; NULL = not started */
    GAsyncQueue *jobs;    /* owned PagesJob; last_job = the end */
    GAsyncQueue *done;    /* owned PagesJob */
    uint64_t n_asked, n_come;
};

static PagesJob last_job;

/* --- The kernel's part ------------------------------------------------------------------- */

/* Only faults of programs, not of the kernel, are of interest: that needs no privilege. */
static int pages_open_uffd(void)
{
    struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_MISSING_SHMEM };
    int flags = O_CLOEXEC | O_NONBLOCK;
    auto_fd int fd = (int)syscall(SYS_userfaultfd, flags | UFFD_USER_MODE_ONLY);

    if (fd < 0 && errno == EINVAL) {
        fd = (int)syscall(SYS_userfaultfd, flags); /* before Linux 5.11 */
    }
    if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0) {
        return -1;
    }
    return fd_steal(&fd);
}

bool vring_pages_are_possible(void)
{
    auto_fd int fd = pages_open_uffd();

    return fd >= 0;
}

/* --- Fetchers ---------------------------------------------------------------------------- */

/* What the thread touches at the moment; read by a handler of signals. */
static _Thread_local uint8_t *volatile touched;
static _Thread_local volatile size_t touched_size;

bool vring_pages_mend(void)
{
    return touched && mmap(touched, touched_size, PROT_READ, MAP_FIXED | MAP_PRIVATE |
                           MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED;
}

static void fetch_page(const PagesJob *job)
{
    volatile const uint8_t *at = job->region->watched + job->page * job->region->page_size;

    touched_size = job->region->size;
    touched = job->region->watched;
    (void)*at;
    touched = NULL;
}

static gpointer fetcher_run(gpointer opaque)
{
    VringPages *pages = opaque;
    PagesJob *job;

    while ((job = g_async_queue_pop(pages->jobs)) != &last_job) {
        fetch_page(job);
        g_async_queue_push(pages->done, job);
        eventfd_write(pages->event_fd, 1);
    }
    return NULL;
}

/* Signals are for the loop, but for those that a thread brings upon itself. */
static bool pages_start_fetchers(VringPages *pages, GError **error)
{
    sigset_t others, before;
    bool started = true;

    sigfillset(&others);
    sigdelset(&others, SIGBUS);
    sigdelset(&others, SIGSEGV);
    sigdelset(&others, SIGSYS);
    pthread_sigmask(SIG_SETMASK, &others, &before);
    for (size_t i = 0; i < FETCHERS && started; i++) {
        if (!pages->fetchers[i]) {
            pages->fetchers[i] = g_thread_try_new("fetch", fetcher_run, pages, error);
        }
        started = pages->fetchers[i];
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static void pages_stop_fetchers(VringPages *pages)
{
    for (size_t i = 0; i < FETCHERS && pages->fetchers[i]; i++) {
        g_async_queue_push(pages->jobs, &last_job);
    }
    for (size_t i = 0; i < FETCHERS && pages->fetchers[i]; i++) {
        g_thread_join(pages->fetchers[i]);
    }
}

/* --- Pages ------------------------------------------------------------------------------- */

static bool bit_is_set(const gulong *bits, size_t i)
{
    return bits[i / WORD_BITS] >> (i % WORD_BITS) & 1;
}

static void bit_set(gulong *bits, size_t i)
{
    bits[i / WORD_BITS] |= 1ul << (i % WORD_BITS);
}

static PagesRegion *pages_find(const VringPages *pages, const uint8_t *at)
{
    for (guint i = 0; i < pages->regions->len; i++) {
        PagesRegion *region = pages->regions->pdata[i];

        if (at >= region->map && at < region->map + region->size) {
            return region;
        }
    }
    g_assert_not_reached();
}

static void pages_ask(VringPages *pages, PagesRegion *region, size_t page)
{
    PagesJob *job;

    if (!region->is_registered || bit_is_set(region->asked, page)) {
        return;
    }
    TRACE(vring_pages_fetch, "page %zu of %p", page, (const void *)region->map);
    bit_set(region->asked, page);
    job = g_new(PagesJob, 1);
    *job = (PagesJob) { region, page };
    g_async_queue_push(pages->jobs, job);
    pages->n_asked++;
}

/* The first page from @page on that has not come. */
static size_t region_next_missing(const PagesRegion *region, size_t page)
{
    while (bit_is_set(region->here, page)) {
        bool whole_word = page % WORD_BITS == 0 && region->here[page / WORD_BITS] == ~0ul;

        page += whole_word ? WORD_BITS : 1;
    }
    return page;
}

bool vring_pages_have(VringPages *pages, const uint8_t *at, size_t len)
{
    PagesRegion *region = pages_find(pages, at);
    size_t page = (size_t)(at - region->map) / region->page_size;
    size_t last = ((size_t)(at - region->map) + len - 1) / region->page_size;
    unsigned n_missing = 0;

    for (page = region_next_missing(region, page); page <= last && n_missing < ASKED_MAX;
         page = region_next_missing(region, page + 1)) {
        pages_ask(pages, region, page);
        n_missing++;
    }
    return n_missing == 0;
}

static void pages_event(int fd, FdEvents events, void *opaque)
{
    VringPages *pages = opaque;
    eventfd_t count;
    PagesJob *job;

    eventfd_read(fd, &count);
    while ((job = g_async_queue_try_pop(pages->done))) {
        bit_set(job->region->here, job->page);
        pages->n_come++;
        g_free(job);
    }
    pages->arrived(pages->opaque);
}

/* --- Regions ----------------------------------------------------------------------------- */

static size_t file_page_size(int fd)
{
    struct statfs fs;

    if (fstatfs(fd, &fs) == 0 && fs.f_type == HUGETLBFS_MAGIC) {
        return (size_t)fs.f_bsize;
    }
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* A huge page of which a part has come would be filled up with zeros. */
bool vring_pages_add(VringPages *pages, const VringPagesRegion *added, GError **error)
{
    size_t page_size = file_page_size(added->fd);
    size_t n_words = added->size / page_size / WORD_BITS + 2; /* the last bit is never set */
    uint8_t *watched = mmap(NULL, added->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
                            added->fd, added->offset);
    PagesRegion *region;

    if (watched == MAP_FAILED) {
        return error_set_errno(error, errno, "memory region cannot be mapped twice for postcopy");
    }
    madvise(watched, added->size, MADV_DONTDUMP);
    madvise(watched, added->size, MADV_NOHUGEPAGE);
    madvise((void *)added->map, added->size, MADV_NOHUGEPAGE);
    region = g_new(PagesRegion, 1);
    *region = (PagesRegion) {
        .map = added->map, .size = added->size, .watched = watched, .page_size = page_size,
        .here = g_new0(gulong, n_words), .asked = g_new0(gulong, n_words),
    };
    g_ptr_array_add(pages->regions, region);
    return true;
}

/* Other memory comes in its place, so that nobody waits for a page of it any more. */
static void region_let_go(VringPages *pages, PagesRegion *region)
{
    struct uffdio_range range = { (uintptr_t)region->watched, region->size };

    if (mmap(region->watched, region->size, PROT_READ,
             MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED) {
        ioctl(pages->uffd, UFFDIO_UNREGISTER, &range);
    }
    ioctl(pages->uffd, UFFDIO_WAKE, &range);
    g_ptr_array_add(pages->removed, region);
}

static void region_free(gpointer opaque)
{
    PagesRegion *region = opaque;

    munmap(region->watched, region->size);
    g_free(region->here);
    g_free(region->asked);
    g_free(region);
}

void vring_pages_remove(VringPages *pages, const uint8_t *map)
{
    PagesRegion *region = pages_find(pages, map);

    region_let_go(pages, region);
    g_ptr_array_remove_fast(pages->regions, region);
}

uint64_t vring_pages_fault_addr(const VringPages *pages, const uint8_t *at)
{
    const PagesRegion *region = pages_find(pages, at);

    return (uintptr_t)region->watched + (uint64_t)(at - region->map);
}

bool vring_pages_register(VringPages *pages, GError **error)
{
    for (guint i = 0; i < pages->regions->len; i++) {
        PagesRegion *region = pages->regions->pdata[i];
        struct uffdio_register wanted = {
            .range = { (uintptr_t)region->watched, region->size },
            .mode = UFFDIO_REGISTER_MODE_MISSING,
        };

        if (!region->is_registered && ioctl(pages->uffd, UFFDIO_REGISTER, &wanted) < 0) {
            return error_set_errno(error, errno, "memory of this kind cannot be waited for in a "
                                   "postcopy migration; memory-backend-memfd can");
        }
        region->is_registered = true;
    }
    return pages_start_fetchers(pages, error);
}

/* --- Life -------------------------------------------------------------------------------- */

VringPages *vring_pages_new(VringPagesFunc *arrived, void *opaque, GError **error)
{
    int uffd = pages_open_uffd();
    VringPages *pages;

    if (uffd < 0) {
        error_set_errno(error, errno, "the kernel refuses a userfaultfd");
        return NULL;
    }
    pages = g_new0(VringPages, 1);
    pages->arrived = arrived;
    pages->opaque = opaque;
    pages->uffd = uffd;
    pages->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (pages->event_fd < 0) {
        error_set_errno(error, errno, "the kernel refuses an eventfd");
        fd_close(&pages->uffd);
        g_free(pages);
        return NULL;
    }
    pages->watch = fd_watch_new(pages->event_fd, pages_event, pages);
    fd_watch_set(pages->watch, FD_EVENT_READ);
    pages->regions = g_ptr_array_new();
    pages->removed = g_ptr_array_new_with_free_func(region_free);
    pages->jobs = g_async_queue_new_full(NULL);
    pages->done = g_async_queue_new_full(g_free);
    return pages;
}

void vring_pages_count(const VringPages *pages, uint64_t *awaited, uint64_t *come)
{
    *awaited = pages->n_asked - pages->n_come;
    *come = pages->n_come;
}

int vring_pages_fd(const VringPages *pages)
{
    return pages->uffd;
}

void vring_pages_free(VringPages *pages)
{
    if (!pages) {
        return;
    }
    for (guint i = 0; i < pages->regions->len; i++) {
        region_let_go(pages, pages->regions->pdata[i]);
    }
    pages_stop_fetchers(pages);
    fd_watch_free(pages->watch);
    fd_close(&pages->event_fd);
    fd_close(&pages->uffd);
    g_async_queue_unref(pages->jobs);
    g_async_queue_unref(pages->done);
    g_ptr_array_unref(pages->regions);
    g_ptr_array_unref(pages->removed);
    g_free(pages);
}
