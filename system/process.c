/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Background, pid file and rights of the process. */

#include "system/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "system/process-internal.h"
#include "util/error.h"
#include "util/fd.h"
#include "util/janitor.h"
#include "util/log.h"
#include "util/output-file.h"
#include "util/reopen.h"
#include "util/syslog.h"
#include "util/trace.h"

#define PROCESS_DAEMON_UMASK 027

static struct {
    pid_t parent;          /* as it was at the start */
    bool exits_with_parent;
    bool is_confined;      /* behind a chroot: no descriptor may lead out of it */
    char *guest_name;      /* owned */
    Accelerator accelerator;
    int ready_fd;          /* of a daemon: where its parent waits; -1 = none */
    int null_fd;           /* of a daemon: /dev/null, opened before any chroot */
    int syslog_error;      /* why there is none */
    Syslog syslog;         /* of a daemon: likewise; not open where there is none */
    ReopenHook *reopen;    /* owned; of a daemon: there from when it is ready */
    int pidfile_fd;        /* keeps the lock */
    int pidfile_dir_fd;    /* so that a relative name still leads there; -1 behind a chroot */
    char *pidfile_name;    /* owned: last component */
    JanitorEntry pidfile_entry;
    int home_fd;           /* of a daemon: the working directory that it was started in */
} process = {
    .ready_fd = -1, .null_fd = -1, .pidfile_fd = -1, .pidfile_dir_fd = -1, .home_fd = -1,
};

void process_init(void)
{
    process.parent = getppid();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file at its limit (ulimit -f) is an error of that file */
}

/* If the file cannot be removed, it no longer has a pid. */
static void process_remove_pidfile(void)
{
    if (!janitor_remove(process.pidfile_entry) && process.pidfile_fd >= 0 &&
        (process.pidfile_dir_fd < 0 ||
         unlinkat(process.pidfile_dir_fd, process.pidfile_name, 0) < 0)) {
        if (ftruncate(process.pidfile_fd, 0) < 0) {
            /* the lock goes all the same, and that is what counts */
        }
    }
    fd_close(&process.pidfile_fd);
    fd_close(&process.pidfile_dir_fd);
    g_clear_pointer(&process.pidfile_name, g_free);
}

void process_cleanup(void)
{
    process_release_signals();
    process_remove_pidfile();
    janitor_cleanup();
    g_clear_pointer(&process.reopen, reopen_remove);
    syslog_close(&process.syslog);
    fd_close(&process.ready_fd);
    fd_close(&process.null_fd);
    fd_close(&process.home_fd);
    g_clear_pointer(&process.guest_name, g_free);
}

void process_go_home(void)
{
    if (process.home_fd >= 0 && fchdir(process.home_fd) < 0) {
        /* relative names cannot be removed then; nothing depends on it */
    }
}

void process_set_guest_name(const char *name)
{
    g_free(process.guest_name);
    process.guest_name = g_strdup(name);
}

const char *process_guest_name(void)
{
    return process.guest_name;
}

void process_set_thread_name(const char *name)
{
    prctl(PR_SET_NAME, name);
}

void process_set_accelerator(Accelerator accelerator)
{
    process.accelerator = accelerator;
}

Accelerator process_accelerator(void)
{
    return process.accelerator;
}

/* --- -daemonize -------------------------------------------------------------------------- */

/* The child writes one byte when it is ready; an end of file without it means that it failed. */
static int process_wait_ready(pid_t child, int fd)
{
    char byte;
    ssize_t n;

    do {
        n = read(fd, &byte, 1);
    } while (n < 0 && errno == EINTR);
    if (n == 1) {
        return EXIT_SUCCESS;
    }
    waitpid(child, NULL, 0);
    return EXIT_FAILURE;
}

int process_daemonize(int *status, GError **error)
{
    auto_fd int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    int pipe_fds[2];
    pid_t child;

    if (null_fd < 0) {
        error_set_errno(error, errno, "cannot open /dev/null");
        return -1;
    }
    if (pipe2(pipe_fds, O_CLOEXEC) < 0) {
        error_set_errno(error, errno, "cannot create a pipe");
        return -1;
    }
    child = fork();
    if (child < 0) {
        error_set_errno(error, errno, "cannot fork");
        close(pipe_fds[0]);
        close(pipe_fds[1]);
        return -1;
    }
    if (child > 0) {
        close(pipe_fds[1]);
        *status = process_wait_ready(child, pipe_fds[0]);
        close(pipe_fds[0]);
        return 1;
    }
    close(pipe_fds[0]);
    process.ready_fd = pipe_fds[1];
    process.null_fd = fd_steal(&null_fd);
    if (!syslog_connect(&process.syslog, SYSLOG_PATH)) {
        process.syslog_error = errno;
    }
    setsid();
    umask(PROCESS_DAEMON_UMASK);
    return 0;
}

/* The log file is another one: what goes to standard error goes there. */
static void process_reopen(void *opaque)
{
    int log_fd = trace_log_fd();

    if (log_fd >= 0) {
        dup2(log_fd, STDERR_FILENO);
        log_reopen();
    }
}

/* From now on nobody sees standard error, unless it is the log file. */
static void process_redirect_messages(int log_fd)
{
    if (log_fd < 0 && process.syslog.path) {
        log_to_syslog(process.syslog);
        process.syslog = (Syslog) { .path = NULL };
    } else {
        syslog_close(&process.syslog);
        log_reopen();
    }
    process.reopen = reopen_add(process_reopen, NULL);
}

bool process_daemon_fds(int log_fd, int fds[3])
{
    fds[STDIN_FILENO] = fds[STDOUT_FILENO] = process.null_fd;
    fds[STDERR_FILENO] = log_fd >= 0 ? log_fd : process.null_fd;
    return process.ready_fd >= 0;
}

void process_daemon_ready(int log_fd)
{
    int fds[3];
    ssize_t n;

    if (!process_daemon_fds(log_fd, fds)) {
        return;
    }
    if (!process.is_confined) {
        process.home_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    }
    if (chdir("/") < 0) {
        return; /* the parent hears of it by the end of file that follows */
    }
    if (log_fd < 0 && !process.syslog.path) {
        log_warning("messages of the daemon will be lost: there is no -D, and the system's log "
                    "(%s) cannot be reached: %s", SYSLOG_PATH, g_strerror(process.syslog_error));
    }
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        dup2(fds[fd], fd);
    }
    process_redirect_messages(log_fd);
    fd_close(&process.null_fd);
    do {
        n = write(process.ready_fd, "", 1);
    } while (n < 0 && errno == EINTR);
    fd_close(&process.ready_fd);
}

/* --- -pidfile ---------------------------------------------------------------------------- */

/* Whether @fd is still the file that @name leads to: its owner may just have removed it. */
static bool process_pidfile_is_current(int dir_fd, const char *name, int fd)
{
    struct stat by_fd, by_name;

    return fstat(fd, &by_fd) == 0 && fstatat(dir_fd, name, &by_name, 0) == 0 &&
           by_fd.st_dev == by_name.st_dev && by_fd.st_ino == by_name.st_ino;
}

/* A symbolic link is not followed: its maker could choose which file is emptied. */
static int process_open_pidfile(int dir_fd, const char *name, bool *is_new)
{
    int flags = O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW;
    int fd;

    do {
        fd = openat(dir_fd, name, flags | O_CREAT | O_EXCL, OUTPUT_FILE_MODE);
        *is_new = fd >= 0;
        if (fd >= 0 || errno != EEXIST) {
            return fd;
        }
        fd = openat(dir_fd, name, flags);
    } while (fd < 0 && errno == ENOENT); /* it went between two looks */
    return fd;
}

/* @is_new: (out) the file is of our making. */
static int process_lock_pidfile(int dir_fd, const char *name, const char *path, bool *is_new,
                                GError **error)
{
    for (;;) {
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        auto_fd int fd = process_open_pidfile(dir_fd, name, is_new);

        if (fd < 0) {
            error_set(error, "cannot create PID file: Could not create '%s': %s", path,
                      output_file_strerror(path, errno));
            return -1;
        }
        if (fcntl(fd, F_OFD_SETLK, &lock) < 0) {
            error_set_errno(error, errno, "cannot create PID file: Cannot lock pid file");
            return -1;
        }
        if (process_pidfile_is_current(dir_fd, name, fd)) {
            return fd_steal(&fd);
        }
    }
}

/* A file without a pid is of no use. */
static void process_undo_pidfile(int dir_fd, const char *name, int fd, bool is_new)
{
    int saved = errno;

    if (is_new) {
        unlinkat(dir_fd, name, 0);
    } else if (ftruncate(fd, 0) < 0) {
        /* it is as it was */
    }
    errno = saved;
}

bool process_create_pidfile(const char *path, GError **error)
{
    g_autofree char *dir = g_path_get_dirname(path);
    g_autofree char *name = g_path_get_basename(path);
    g_autofree char *text = g_strdup_printf("%ld\n", (long)getpid());
    auto_fd int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    auto_fd int fd = -1;
    struct stat st;
    bool is_new;

    if (dir_fd < 0) {
        return error_set_errno(error, errno, "cannot create PID file: Could not create '%s'",
                               path);
    }
    fd = process_lock_pidfile(dir_fd, name, path, &is_new, error);
    if (fd < 0) {
        return false;
    }
    if (ftruncate(fd, 0) < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
        process_undo_pidfile(dir_fd, name, fd, is_new);
        return error_set_errno(error, errno, "cannot create PID file: Could not write '%s'",
                               path);
    }
    if (fstat(fd, &st) == 0) {
        process.pidfile_entry = janitor_add(path, &st);
    }
    process.pidfile_fd = fd_steal(&fd);
    process.pidfile_dir_fd = fd_steal(&dir_fd);
    process.pidfile_name = g_steal_pointer(&name);
    return true;
}

/* --- -run-with --------------------------------------------------------------------------- */

void process_exit_with_parent(void)
{
    process.exits_with_parent = true;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != process.parent) {
        raise(SIGTERM); /* it ended before it could be watched */
    }
}

static ProcessUser *process_user_from_entry(const struct passwd *entry)
{
    ProcessUser *user = g_new0(ProcessUser, 1);

    user->uid = entry->pw_uid;
    user->gid = entry->pw_gid;
    getgrouplist(entry->pw_name, entry->pw_gid, NULL, &user->n_groups);
    user->groups = g_new0(gid_t, user->n_groups);
    if (getgrouplist(entry->pw_name, entry->pw_gid, user->groups, &user->n_groups) < 0) {
        user->n_groups = 0;
    }
    return user;
}

/* The groups are looked up at once: behind a chroot there may be nowhere to look. */
ProcessUser *process_user_find(const char *text)
{
    const struct passwd *entry = getpwnam(text);
    const char *colon = strchr(text, ':');
    g_autofree char *uid_text = NULL;
    guint64 uid, gid;
    ProcessUser *user;

    if (entry) {
        return process_user_from_entry(entry);
    }
    if (!colon) {
        return NULL;
    }
    uid_text = g_strndup(text, colon - text);
    if (!g_ascii_string_to_unsigned(uid_text, 10, 0, UINT32_MAX - 1, &uid, NULL) ||
        !g_ascii_string_to_unsigned(colon + 1, 10, 0, UINT32_MAX - 1, &gid, NULL)) {
        return NULL;
    }
    user = g_new0(ProcessUser, 1);
    user->uid = uid;
    user->gid = gid;
    return user;
}

void process_user_free(ProcessUser *user)
{
    if (user) {
        g_free(user->groups);
        g_free(user);
    }
}

bool process_confine(const char *root, const ProcessUser *user, GError **error)
{
    if (!root && !user) {
        janitor_cleanup(); /* all that is made now can be removed without one */
        return true;
    }
    if (!janitor_start(error)) {
        return false;
    }
    if (root) {
        if (chroot(root) < 0 || chdir("/") < 0) {
            return error_set(error, "chroot failed");
        }
        process.is_confined = true;
        fd_close(&process.pidfile_dir_fd);
    }
    if (!user) {
        return true;
    }
    if (setgroups(user->n_groups, user->groups) < 0 || setgid(user->gid) < 0 ||
        setuid(user->uid) < 0) {
        return error_set_errno(error, errno, "cannot become user %u, group %u",
                               (unsigned)user->uid, (unsigned)user->gid);
    }
    if (process.exits_with_parent) {
        process_exit_with_parent(); /* the kernel forgets it when the user changes */
    }
    return true;
}
