/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of character devices share: a recording user, waiting, QMP commands. */

#ifndef TESTS_UNIT_CHAR_TEST_H
#define TESTS_UNIT_CHAR_TEST_H

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "chardev/char.h"
#include "qapi/json.h"
#include "qapi/qapi.h"
#include "qapi/qapi-types.h"
#include "util/fd-store.h"
#include "util/log.h"

#define CHAR_TEST_DEADLINE_S 10

/** A user of a chardev that remembers what happened. */
typedef struct TestUser {
    CharFrontend fe;
    GByteArray *got; /* owned */
    size_t wanted;   /* taken off as bytes come */
    unsigned n_opened;
    unsigned n_closed;
    unsigned n_breaks;
    unsigned n_ready;
    unsigned n_mux_in;
    unsigned n_mux_out;
    bool detach_when_read;
    bool detach_when_closed;
    int fd; /* taken with the last read; -1 = none */
} TestUser;

static inline size_t test_user_read_wanted(void *opaque)
{
    return ((TestUser *)opaque)->wanted;
}

static inline void test_user_read(const uint8_t *data, size_t len, void *opaque)
{
    TestUser *user = opaque;

    g_assert_cmpuint(len, >, 0);
    g_assert_cmpuint(len, <=, user->wanted);
    user->wanted -= len;
    g_byte_array_append(user->got, data, len);
    user->fd = char_frontend_take_fd(&user->fe);
    if (user->detach_when_read) {
        char_frontend_detach(&user->fe);
    }
}

static inline void test_user_write_ready(void *opaque)
{
    ((TestUser *)opaque)->n_ready++;
}

static inline void test_user_event(CharEvent event, void *opaque)
{
    TestUser *user = opaque;

    switch (event) {
    case CHAR_EVENT_OPENED:
        user->n_opened++;
        break;
    case CHAR_EVENT_CLOSED:
        user->n_closed++;
        if (user->detach_when_closed) {
            char_frontend_detach(&user->fe);
        }
        break;
    case CHAR_EVENT_BREAK:
        user->n_breaks++;
        break;
    case CHAR_EVENT_MUX_IN:
        user->n_mux_in++;
        break;
    case CHAR_EVENT_MUX_OUT:
        user->n_mux_out++;
        break;
    }
}

static const CharFrontendOps test_reader_ops = {
    .read_wanted = test_user_read_wanted,
    .read = test_user_read,
    .write_ready = test_user_write_ready,
    .event = test_user_event,
};

static const CharFrontendOps test_writer_ops = {
    .write_ready = test_user_write_ready,
    .event = test_user_event,
};

static inline void test_user_attach(TestUser *user, Chardev *chr, const CharFrontendOps *ops)
{
    GError *error = NULL;

    user->got = user->got ? user->got : g_byte_array_new();
    user->fd = -1;
    g_assert_true(char_frontend_attach(&user->fe, chr, ops, user, &error));
    g_assert_no_error(error);
}

static inline void test_user_clear(TestUser *user)
{
    char_frontend_detach(&user->fe);
    g_clear_pointer(&user->got, g_byte_array_unref);
}

static inline void test_user_want(TestUser *user, size_t wanted)
{
    user->wanted = wanted;
    char_frontend_accept_input(&user->fe);
}

static inline bool test_user_got(const TestUser *user, const char *text)
{
    return user->got->len == strlen(text) && memcmp(user->got->data, text, strlen(text)) == 0;
}

static inline ssize_t test_user_write(TestUser *user, const char *text)
{
    struct iovec iov = { .iov_base = (char *)text, .iov_len = strlen(text) };

    return char_frontend_writev(&user->fe, &iov, 1);
}

static inline gboolean test_deadline(gpointer opaque)
{
    g_error("nothing happened within %d s", CHAR_TEST_DEADLINE_S);
    return G_SOURCE_REMOVE;
}

/** Run the loop until @condition holds. */
#define WAIT_UNTIL(condition)                                                          \
    do {                                                                               \
        guint deadline_ = g_timeout_add_seconds(CHAR_TEST_DEADLINE_S, test_deadline, NULL); \
                                                                                       \
        while (!(condition)) {                                                         \
            g_main_context_iteration(NULL, TRUE);                                      \
        }                                                                              \
        g_source_remove(deadline_);                                                    \
    } while (0)

/** Run all that can happen without anything new from outside. Returns: how many rounds. */
static inline unsigned test_settle(void)
{
    unsigned n_rounds = 0;

    while (g_main_context_iteration(NULL, FALSE) && n_rounds < 1000) {
        n_rounds++;
    }
    return n_rounds;
}

static inline Chardev *test_char_new(const char *text)
{
    GError *error = NULL;
    Chardev *chr = char_new_from_opts(text, &error);

    g_assert_no_error(error);
    g_assert_nonnull(chr);
    return chr;
}

/** A chardev @id on one end of a socket pair. Returns: the other end. */
static inline int test_char_pair(const char *id, Chardev **chr)
{
    g_autofree char *text = NULL;
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    text = g_strdup_printf("socket,id=%s,fd=%d", id, fds[0]);
    *chr = test_char_new(text);
    return fds[1];
}

/**
 * Run QMP command @name; quotes in @args_text may be single ones.
 * Returns: what it returns, owned (NULL = {}), or NULL with @error.
 */
static inline json_object *test_qmp(const char *name, const char *args_text, GError **error)
{
    g_autofree char *text = g_strdup(args_text);
    json_object *raw = NULL;
    json_object *ret = NULL;
    const QapiCommand *command = NULL;
    void *args = NULL;

    for (size_t i = 0; i < qapi_n_commands; i++) {
        if (strcmp(qapi_commands[i].name, name) == 0) {
            command = &qapi_commands[i];
        }
    }
    g_assert_nonnull(command);
    g_assert_true(json_parse_text(g_strdelimit(text, "'", '"'), &raw, NULL));
    if (command->args) {
        args = qapi_from_json(command->args, raw, QAPI_INPUT_JSON, error);
    }
    if (args || !command->args) {
        command->invoke(args, raw, &ret, error);
        qapi_free(command->args, args);
    }
    json_object_put(raw);
    return ret;
}

static inline void test_qmp_fails(const char *name, const char *args_text, const char *want)
{
    g_autoptr(GError) error = NULL;

    json_object_put(test_qmp(name, args_text, &error));
    g_assert_nonnull(error);
    g_assert_cmpstr(error->message, ==, want);
}

static inline json_object *test_qmp_ok(const char *name, const char *args_text)
{
    g_autoptr(GError) error = NULL;
    json_object *ret = test_qmp(name, args_text, &error);

    g_assert_no_error(error);
    return ret;
}

/** The filename that query-chardev gives for @id. Owned. */
static inline char *test_filename(const char *id)
{
    json_object *list = test_qmp_ok("query-chardev", "{}");
    char *filename = NULL;

    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *info = json_object_array_get_idx(list, i);
        const char *label = json_object_get_string(json_object_object_get(info, "label"));

        if (strcmp(label, id) == 0) {
            filename = g_strdup(json_object_get_string(json_object_object_get(info,
                                                                              "filename")));
        }
    }
    json_object_put(list);
    return filename;
}

static inline void test_filename_is(const char *id, const char *want)
{
    g_autofree char *filename = test_filename(id);

    g_assert_cmpstr(filename, ==, want);
}

/** A new folder for sockets and files. Owned. */
static inline char *test_folder_new(void)
{
    char *folder = g_dir_make_tmp("qnd-char-XXXXXX", NULL);

    g_assert_nonnull(folder);
    return folder;
}

static inline void test_folder_free(char *folder)
{
    GDir *dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        g_unlink(path);
    }
    g_dir_close(dir);
    g_rmdir(folder);
    g_free(folder);
}

static inline int test_unix_connect(const char *path)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(sa.sun_path, path, sizeof(sa.sun_path));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), ==, 0);
    return fd;
}

static inline void test_send(int fd, const char *text)
{
    g_assert_cmpint(send(fd, text, strlen(text), MSG_NOSIGNAL), ==, (ssize_t)strlen(text));
}

/** Expect exactly @text from @fd, which blocks. */
static inline void test_expect(int fd, const char *text)
{
    g_autofree char *buffer = g_malloc0(strlen(text) + 1);
    size_t n_got = 0;

    while (n_got < strlen(text)) {
        ssize_t n_read = read(fd, buffer + n_got, strlen(text) - n_got);

        g_assert_cmpint(n_read, >, 0);
        n_got += (size_t)n_read;
    }
    g_assert_cmpstr(buffer, ==, text);
}

static inline void test_char_init(int *argc, char ***argv)
{
    signal(SIGPIPE, SIG_IGN);
    g_test_init(argc, argv, NULL);
    log_init("test");
}

/** A listening socket of the test's own at @path. */
static inline int test_listen_at(const char *path)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    g_strlcpy(sa.sun_path, path, sizeof(sa.sun_path));
    unlink(path);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), ==, 0);
    g_assert_cmpint(listen(fd, 4), ==, 0);
    return fd;
}

#endif
