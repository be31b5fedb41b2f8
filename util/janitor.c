/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A helper that keeps the rights which the process gives up, to remove its files at the end. */

/*
 * The helper distrusts the daemon, which may be under a guest's control by then. Its list of files
 * is complete before the rights are given up, and the only request afterwards is to remove one of
 * them now. Each is known by two descriptors that only the helper has: its folder, so that no
 * process can make the path lead elsewhere, and the file itself, so that its inode number is not
 * used again. A name in that folder is removed only while it leads to that very file.
 *
 * Between that look and the removal another process with the same rights could still put a file of
 * its own there: the system has no call that removes a name by its file.
 */

#include "util/janitor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdint.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/detached.h"
#include "util/error.h"
#include "util/fd.h"
#include "util/rights.h"

#define JANITOR_ANSWER_MS 1000

/** A file as it was registered, and how the helper finds it. */
typedef struct JanitorFile {
    char *path; /* owned */
    char *name; /* owned: last component */
    dev_t dev;
    ino_t ino;
    mode_t type;
    int dir_fd;  /* the helper's; -1 = the file was not there any more, or has been removed */
    int file_fd; /* the helper's */
    int lock_fd; /* the helper's, of a regular file; else -1 */
} JanitorFile;

static struct {
    GPtrArray *files; /* owned: entry N is element N - 1; NULL = removed */
    bool is_complete;  /* nothing can be added any more */
    int fd;           /* to the helper; in the helper, to the process; -1 = there is none */
    bool is_silent;   /* the helper has not answered in time: it is asked no more */
    int process_fd;   /* the helper's pidfd of the process; -1 = the kernel has none */
} janitor = { .fd = -1, .process_fd = -1 };

static void janitor_file_free(gpointer opaque)
{
    JanitorFile *file = opaque;

    if (file) {
        g_free(file->path);
        g_free(file->name);
        g_free(file);
    }
}

JanitorEntry janitor_add(const char *path, const struct stat *st)
{
    JanitorFile *file;

    if (janitor.is_complete) {
        return 0;
    }
    if (!janitor.files) {
        janitor.files = g_ptr_array_new_with_free_func(janitor_file_free);
    }
    file = g_new0(JanitorFile, 1);
    file->path = g_strdup(path);
    file->name = g_path_get_basename(path);
    file->dev = st->st_dev;
    file->ino = st->st_ino;
    file->type = st->st_mode & S_IFMT;
    file->dir_fd = file->file_fd = file->lock_fd = -1;
    g_ptr_array_add(janitor.files, file);
    return janitor.files->len;
}

static bool janitor_is_file(const JanitorFile *file, const struct stat *st)
{
    return st->st_dev == file->dev && st->st_ino == file->ino &&
           (st->st_mode & S_IFMT) == file->type;
}

/* --- The helper: no memory is allocated here, as other threads may have had the heap locked -- */

/* Returns: whether the file is gone, or not ours any more. */
static bool janitor_unlink(JanitorFile *file)
{
    struct stat st;

    if (file->dir_fd < 0 ||
        fstatat(file->dir_fd, file->name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        !janitor_is_file(file, &st)) {
        return true;
    }
    if (unlinkat(file->dir_fd, file->name, 0) < 0) {
        return false;
    }
    file->dir_fd = -1;
    return true;
}

/* The process had it locked: a process that has locked it since then goes on using it. */
static void janitor_unlink_left(JanitorFile *file)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

    if (file->lock_fd < 0 || fcntl(file->lock_fd, F_OFD_SETLK, &lock) == 0) {
        janitor_unlink(file);
    }
}

/* Only when the process is gone are all its descriptors closed, and its locks with them. */
static void janitor_await_end(void)
{
    struct pollfd pfd = { .fd = janitor.process_fd, .events = POLLIN };

    while (pfd.fd >= 0 && poll(&pfd, 1, -1) < 0 && errno == EINTR) {
    }
}

static bool janitor_serve_one(uint32_t entry)
{
    JanitorFile *file = entry > 0 && entry <= janitor.files->len
                        ? g_ptr_array_index(janitor.files, entry - 1) : NULL;

    return file && janitor_unlink(file);
}

static void janitor_serve(void)
{
    uint32_t entry;

    while (recv(janitor.fd, &entry, sizeof(entry), 0) == sizeof(entry)) {
        uint8_t is_done = janitor_serve_one(entry);

        send(janitor.fd, &is_done, sizeof(is_done), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
}

/* To remove what is in others' folders takes two capabilities; no other is kept. */
static void janitor_drop_rights(void)
{
    rights_keep_only(RIGHT(CAP_DAC_OVERRIDE) | RIGHT(CAP_FOWNER));
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static void janitor_run(void *opaque)
{
    janitor.fd = *(int *)opaque;
    setsid();
    if (chdir("/") < 0) {
        /* the folder that the process was started in stays in use, no more */
    }
    prctl(PR_SET_NAME, "janitor");
    janitor_drop_rights();
    janitor_serve();
    janitor_await_end();
    for (guint i = 0; i < janitor.files->len; i++) {
        JanitorFile *file = g_ptr_array_index(janitor.files, i);

        if (file) {
            janitor_unlink_left(file);
        }
    }
}

/* --- The process ------------------------------------------------------------------------- */

static void janitor_close_file(JanitorFile *file)
{
    fd_close(&file->dir_fd);
    fd_close(&file->file_fd);
    fd_close(&file->lock_fd);
}

/* Returns: whether the file is still there, and can be found by the helper. */
static bool janitor_open_file(JanitorFile *file)
{
    g_autofree char *dir = g_path_get_dirname(file->path);
    struct stat st;

    file->dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    file->file_fd = openat(file->dir_fd, file->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (file->file_fd < 0 || fstat(file->file_fd, &st) < 0 || !janitor_is_file(file, &st)) {
        return false;
    }
    if (file->type == S_IFREG) {
        file->lock_fd = openat(file->dir_fd, file->name,
                               O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        return file->lock_fd >= 0;
    }
    return true;
}

static int janitor_compare_fds(gconstpointer a, gconstpointer b)
{
    return *(const int *)a - *(const int *)b;
}

/* Open what the helper needs. @kept: those descriptors. */
static void janitor_open_files(GArray *kept)
{
    for (guint i = 0; janitor.files && i < janitor.files->len; i++) {
        JanitorFile *file = g_ptr_array_index(janitor.files, i);

        if (!file) {
            continue;
        }
        if (!janitor_open_file(file)) {
            janitor_close_file(file);
            continue;
        }
        g_array_append_val(kept, file->dir_fd);
        g_array_append_val(kept, file->file_fd);
        if (file->lock_fd >= 0) {
            g_array_append_val(kept, file->lock_fd);
        }
    }
}

static void janitor_close_files(void)
{
    for (guint i = 0; janitor.files && i < janitor.files->len; i++) {
        JanitorFile *file = g_ptr_array_index(janitor.files, i);

        if (file) {
            janitor_close_file(file);
        }
    }
}

bool janitor_start(GError **error)
{
    g_autoptr(GArray) kept = g_array_new(FALSE, FALSE, sizeof(int));
    int fds[2];
    int err;

    janitor.is_complete = true;
    if (!janitor.files || janitor.files->len == 0) {
        return true;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
        return error_set_errno(error, errno, "cannot create a socket pair");
    }
    janitor.process_fd = pidfd_open(getpid(), 0);
    if (janitor.process_fd >= 0) {
        g_array_append_val(kept, janitor.process_fd);
    }
    g_array_append_val(kept, fds[1]);
    janitor_open_files(kept);
    g_array_sort(kept, janitor_compare_fds);
    err = detached_start((const int *)kept->data, kept->len, janitor_run, &fds[1]);
    close(fds[1]);
    fd_close(&janitor.process_fd);
    janitor_close_files();
    if (err != 0) {
        close(fds[0]);
        return error_set_errno(error, err, "cannot fork");
    }
    janitor.fd = fds[0];
    return true;
}

/* Returns: whether the answer is that it is done. A helper that is slow does it without one. */
static bool janitor_ask(uint32_t entry)
{
    struct pollfd pfd = { .fd = janitor.fd, .events = POLLIN };
    uint8_t is_done = 0;
    int n;

    if (send(janitor.fd, &entry, sizeof(entry), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        return false;
    }
    do {
        n = poll(&pfd, 1, JANITOR_ANSWER_MS);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) {
        janitor.is_silent = true; /* an answer that comes now would be taken for the next one */
        return false;
    }
    return recv(janitor.fd, &is_done, sizeof(is_done), MSG_DONTWAIT) == 1 && is_done;
}

bool janitor_remove(JanitorEntry entry)
{
    if (entry == 0 || !janitor.files) {
        return false;
    }
    if (!janitor.is_complete) {
        g_clear_pointer(&g_ptr_array_index(janitor.files, entry - 1), janitor_file_free);
        return false;
    }
    return janitor.fd >= 0 && !janitor.is_silent && janitor_ask(entry);
}

void janitor_cleanup(void)
{
    janitor.is_complete = true;
    fd_close(&janitor.fd);
    g_clear_pointer(&janitor.files, g_ptr_array_unref);
}
