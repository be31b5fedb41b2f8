/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages to the system's log: their form, and what happens while it takes none. */

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "util/fd.h"
#include "util/syslog.h"

/* A folder that is removed at the end. */
static char *folder;
static char *path;

static int log_listen(void)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    g_strlcpy(sun.sun_path, path, sizeof(sun.sun_path));
    unlink(path);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), ==, 0);
    return fd;
}

/* The next message, behind its time; NULL = there is none. Owned. */
static char *log_next(int fd, const char *priority)
{
    char message[512];
    ssize_t n = recv(fd, message, sizeof(message) - 1, 0);

    if (n < 0) {
        return NULL;
    }
    message[n] = '\0';
    g_assert_true(g_str_has_prefix(message, priority));
    return g_strdup(message + strlen(priority) + strlen("Nov 30 11:27:01 "));
}

static void expect(int fd, const char *priority, const char *text)
{
    g_autofree char *message = log_next(fd, priority);
    g_autofree char *want = g_strdup_printf("prog[%ld]: %s", (long)getpid(), text);

    g_assert_cmpstr(message, ==, want);
}

static void test_form(void)
{
    auto_fd int fd = log_listen();
    Syslog log;

    g_assert_true(syslog_connect(&log, path));
    syslog_send(&log, SYSLOG_SEVERITY_ERROR, "prog", "an error");
    syslog_send(&log, SYSLOG_SEVERITY_WARNING, "prog", "warning: 100 %s");
    syslog_send(&log, SYSLOG_SEVERITY_INFO, "prog", "info: \xc3\xa4");
    expect(fd, "<27>", "an error");
    expect(fd, "<28>", "warning: 100 %s");
    expect(fd, "<30>", "info: \xc3\xa4");
    syslog_close(&log);
}

static void expect_from_signal(int fd, const Syslog *log, const char *start)
{
    const struct iovec iov[] = { { (char *)start, strlen(start) }, { (char *)"a ", 2 },
                                 { (char *)"word", 4 } };
    g_autofree char *want = g_strconcat(start, "a word", NULL);
    char message[64] = "";

    syslog_send_from_signal(log, iov, G_N_ELEMENTS(iov));
    g_assert_cmpint(recv(fd, message, sizeof(message) - 1, 0), >, 0);
    g_assert_cmpstr(message, ==, want);
}

/* The second goes to a log that was started anew meanwhile. */
static void test_from_a_signal(void)
{
    g_autofree char *want = g_strdup_printf("<27>prog[%ld]: ", (long)getpid());
    int before = log_listen();
    auto_fd int fd = -1;
    char start[64];
    Syslog log;

    syslog_signal_start(start, sizeof(start), SYSLOG_SEVERITY_ERROR, "prog");
    g_assert_cmpstr(start, ==, want);
    g_assert_true(syslog_connect(&log, path));
    expect_from_signal(before, &log, start);
    close(before);
    fd = log_listen();
    expect_from_signal(fd, &log, start);
    syslog_close(&log);
}

static void test_nobody_listens(void)
{
    Syslog log;

    unlink(path);
    g_assert_false(syslog_connect(&log, path));
    g_assert_null(log.path);
    syslog_close(&log);
}

/* While its queue is full messages are lost, and the next that is taken follows their number. */
static void test_full(void)
{
    auto_fd int fd = log_listen();
    unsigned n_sent = 0;
    unsigned n_taken = 0;
    Syslog log;

    g_assert_true(syslog_connect(&log, path));
    while (log.n_lost < 3) {
        syslog_send(&log, SYSLOG_SEVERITY_INFO, "prog", "many");
        n_sent++;
    }
    for (char *message; (message = log_next(fd, "<30>")); n_taken++) {
        g_free(message);
    }
    g_assert_cmpuint(n_taken, ==, n_sent - 3);
    syslog_send(&log, SYSLOG_SEVERITY_INFO, "prog", "again");
    expect(fd, "<28>", "lost here, as the system's log did not take them: 3 messages");
    expect(fd, "<30>", "again");
    syslog_close(&log);
}

/* The log is started anew, and listens on another socket by the same name. */
static void test_started_anew(void)
{
    int before = log_listen();
    auto_fd int fd = -1;
    Syslog log;

    g_assert_true(syslog_connect(&log, path));
    close(before);
    syslog_send(&log, SYSLOG_SEVERITY_INFO, "prog", "nobody hears that");
    fd = log_listen();
    syslog_send(&log, SYSLOG_SEVERITY_INFO, "prog", "again");
    expect(fd, "<28>", "lost here, as the system's log did not take them: 1 messages");
    expect(fd, "<30>", "again");
    syslog_close(&log);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("qnd-syslog-XXXXXX", NULL);
    path = g_build_filename(folder, "log", NULL);
    g_test_add_func("/syslog/form", test_form);
    g_test_add_func("/syslog/from-a-signal", test_from_a_signal);
    g_test_add_func("/syslog/nobody-listens", test_nobody_listens);
    g_test_add_func("/syslog/full", test_full);
    g_test_add_func("/syslog/started-anew", test_started_anew);
    status = g_test_run();
    unlink(path);
    g_rmdir(folder);
    g_free(path);
    g_free(folder);
    return status;
}
