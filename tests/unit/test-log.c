/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of the log: no message waits for its reader, and what peers cause is limited. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <glib.h>

#include "util/log.h"

/** stderr leads to what a test reads. */
typedef struct Redirect {
    int saved;
    int read_fd;
    GString *text; /* read so far */
} Redirect;

static void redirect_begin(Redirect *redirect, bool is_socket)
{
    int fds[2];
    int rc = is_socket ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds)
                       : pipe2(fds, O_CLOEXEC);

    g_assert_cmpint(rc, ==, 0);
    redirect->saved = dup(STDERR_FILENO);
    redirect->read_fd = fds[0];
    redirect->text = g_string_new(NULL);
    g_assert_cmpint(dup2(fds[1], STDERR_FILENO), ==, STDERR_FILENO);
    close(fds[1]);
    log_init("/usr/bin/prog");
}

/* Read what is there, and let the log write what has waited, until nothing moves. */
static void redirect_read(Redirect *redirect)
{
    char buf[65536];
    ssize_t n;

    fcntl(redirect->read_fd, F_SETFL, O_NONBLOCK);
    do {
        n = read(redirect->read_fd, buf, sizeof(buf));
        g_string_append_len(redirect->text, buf, MAX(n, 0));
    } while (g_main_context_iteration(NULL, FALSE) || n > 0);
}

static void redirect_end(Redirect *redirect)
{
    g_assert_cmpint(dup2(redirect->saved, STDERR_FILENO), ==, STDERR_FILENO);
    close(redirect->saved);
    close(redirect->read_fd);
    g_string_free(redirect->text, TRUE);
}

static size_t count_of(const char *text, const char *part)
{
    g_auto(GStrv) parts = g_strsplit(text, part, -1);

    return g_strv_length(parts) - 1;
}

static void test_limit_is_per_source_and_topic(void)
{
    Redirect redirect;

    redirect_begin(&redirect, false);
    for (int i = 0; i < 5; i++) {
        log_limited_error("netdev 'a'", "torn", "torn %d", i);
        log_limited_error("netdev 'b'", "torn", "torn %d", i);
        log_limited_warning("netdev 'a'", "long", "long %d", i);
    }
    redirect_read(&redirect);
    g_assert_cmpstr(redirect.text->str, ==, "prog: netdev 'a': torn 0\n"
                                            "prog: netdev 'b': torn 0\n"
                                            "prog: warning: netdev 'a': long 0\n");
    log_cleanup();
    redirect_read(&redirect);
    g_assert_cmpuint(count_of(redirect.text->str, " (suppressed since then: 4 more)\n"), ==, 3);
    redirect_end(&redirect);
}

static void log_topics(const char *source, int n)
{
    for (int i = 0; i < n; i++) {
        g_autofree char *topic = g_strdup_printf("%d", i);

        log_limited_error(source, topic, "%s", topic);
    }
}

/* Words that a peer chooses make neither memory nor lines without end, and silence no other. */
static void test_limit_of_topics(void)
{
    Redirect redirect;

    redirect_begin(&redirect, false);
    log_topics("peer", 5000);
    log_topics("other", 1);
    log_cleanup();
    redirect_read(&redirect);
    g_assert_cmpuint(count_of(redirect.text->str, "peer: "), ==, 32);
    g_assert_cmpuint(count_of(redirect.text->str, "other: "), ==, 1);
    g_assert_nonnull(strstr(redirect.text->str,
                            "prog: warning: suppressed: 4968 messages of still other kinds\n"));
    redirect_end(&redirect);
}

static void test_limit_of_sources(void)
{
    Redirect redirect;

    redirect_begin(&redirect, false);
    for (int i = 0; i < 100; i++) {
        g_autofree char *source = g_strdup_printf("peer-%d", i);

        log_topics(source, 20);
    }
    log_cleanup();
    redirect_read(&redirect);
    g_assert_cmpuint(count_of(redirect.text->str, ": peer-"), ==, 1024);
    g_assert_nonnull(strstr(redirect.text->str,
                            "prog: warning: suppressed: 976 messages of still other kinds\n"));
    redirect_end(&redirect);
}

/* 10,000 lines of 100 bytes are more than any pipe and the log's own memory hold. */
static void check_unread(bool is_socket)
{
    g_autofree char *filler = g_strnfill(94, 'x');
    Redirect redirect;
    size_t n_written, n_lost = 0;
    char *lost;

    redirect_begin(&redirect, is_socket);
    for (int i = 0; i < 10000; i++) {
        log_error("%s", filler);
    }
    redirect_read(&redirect);
    log_error("heard again");
    redirect_read(&redirect);
    n_written = count_of(redirect.text->str, filler);
    lost = strstr(redirect.text->str, "could not be written: ");
    g_assert_nonnull(lost);
    n_lost = strtoul(lost + strlen("could not be written: "), NULL, 10);
    g_assert_cmpuint(n_written + n_lost, ==, 10000);
    g_assert_cmpuint(n_written, >, 1000);
    g_assert_true(g_str_has_suffix(redirect.text->str, "\nprog: heard again\n"));
    g_assert_cmpint(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, ==, 0);
    log_cleanup();
    redirect_end(&redirect);
}

static void test_unread_pipe(void)
{
    check_unread(false);
}

static void test_unread_socket(void)
{
    check_unread(true);
}

/* The end of the process waits for a reader, but not for ever. */
static void test_cleanup_with_unread_pipe(void)
{
    g_autofree char *filler = g_strnfill(94, 'x');
    Redirect redirect;

    redirect_begin(&redirect, false);
    for (int i = 0; i < 2000; i++) {
        log_error("%s", filler);
    }
    log_cleanup();
    redirect_end(&redirect);
}

static void test_reader_that_has_gone(void)
{
    Redirect redirect;

    redirect_begin(&redirect, false);
    close(redirect.read_fd);
    redirect.read_fd = -1;
    log_error("into the void");
    log_error("into the void");
    log_cleanup();
    redirect_end(&redirect);
}

static void test_from_a_signal(void)
{
    const char *const parts[] = { "the call ", "%s", " is not allowed" };
    Redirect redirect;

    redirect_begin(&redirect, false);
    log_error_from_signal(parts, G_N_ELEMENTS(parts));
    redirect_read(&redirect);
    g_assert_cmpstr(redirect.text->str, ==, "prog: the call %s is not allowed\n");
    log_cleanup();
    redirect_end(&redirect);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN);
    g_test_add_func("/log/limit-per-source-and-topic", test_limit_is_per_source_and_topic);
    g_test_add_func("/log/limit-of-topics", test_limit_of_topics);
    g_test_add_func("/log/limit-of-sources", test_limit_of_sources);
    g_test_add_func("/log/unread-pipe", test_unread_pipe);
    g_test_add_func("/log/unread-socket", test_unread_socket);
    g_test_add_func("/log/cleanup-with-unread-pipe", test_cleanup_with_unread_pipe);
    g_test_add_func("/log/reader-gone", test_reader_that_has_gone);
    g_test_add_func("/log/from-a-signal", test_from_a_signal);
    return g_test_run();
}
