/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of listening sockets in a process that is out of descriptors. */

#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "io/socket-address.h"
#include "io/socket-listener.h"
#include "qapi/qapi-types.h"
#include "util/fd.h"
#include "loop.h"

/*
 *   client ──► queue of the listening socket ──► SocketListener ──► Host
 *                                        no descriptor: stays queued
 */

#define PAUSES_MS 350 /* room for three tries */

typedef struct Host {
    SocketListener *listener;
    int client;
    int accepted; /* -1 = none yet */
    bool free_it; /* in the callback */
} Host;

static void host_take(int fd, void *opaque)
{
    Host *host = opaque;

    g_assert_cmpint(host->accepted, ==, -1);
    host->accepted = fd;
    if (host->free_it) {
        g_clear_pointer(&host->listener, socket_listener_free);
    }
}

static void host_init(Host *host)
{
    InetSocketAddress inet = { .host = (char *)"127.0.0.1", .port = (char *)"0" };
    SocketAddress addr = { .type = SOCKET_ADDRESS_TYPE_INET, .u.inet = inet };
    g_autoptr(SocketAddress) bound = NULL;

    *host = (Host) { .accepted = -1 };
    host->listener = socket_listener_open(&addr, 1, host_take, host, NULL);
    bound = socket_address_local(socket_listener_fd(host->listener), NULL);
    host->client = socket_connect(bound, NULL);
    g_assert_cmpint(host->client, >=, 0);
}

static void host_clear(Host *host)
{
    socket_listener_free(host->listener);
    fd_close(&host->client);
    fd_close(&host->accepted);
}

/* From now on no descriptor can be opened. Returns: the limit before. */
static struct rlimit forbid_descriptors(void)
{
    struct rlimit before, none;
    int lowest = dup(STDIN_FILENO);

    g_assert_cmpint(lowest, >=, 0);
    close(lowest);
    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &before), ==, 0);
    none = before;
    none.rlim_cur = (rlim_t)lowest;
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &none), ==, 0);
    return before;
}

static gboolean note_passed(gpointer opaque)
{
    *(bool *)opaque = true;
    return G_SOURCE_REMOVE;
}

/* Returns: how often the loop woke up in that time. */
static unsigned count_turns(guint ms)
{
    unsigned n = 0;
    bool passed = false;

    g_timeout_add(ms, note_passed, &passed);
    while (!passed) {
        g_main_context_iteration(NULL, TRUE);
        n++;
    }
    return n;
}

/* The client waits, the loop does not spin, one warning is enough. */
static void test_out_of_descriptors(void)
{
    struct rlimit before;
    int saved, log;
    Host host;
    char *path = NULL;
    g_autofree char *text = NULL;
    unsigned turns;

    host_init(&host);
    saved = dup(STDERR_FILENO);
    log = g_file_open_tmp("qnd-listener-XXXXXX", &path, NULL);
    dup2(log, STDERR_FILENO);
    socket_listener_set_active(host.listener, true);
    before = forbid_descriptors();
    turns = count_turns(PAUSES_MS);
    setrlimit(RLIMIT_NOFILE, &before);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(log);

    g_assert_cmpuint(turns, <, 20);
    g_assert_cmpint(host.accepted, ==, -1);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_nonnull(strstr(text, "cannot accept a connection: Too many open files\n"));
    g_assert_true(strstr(text, "cannot accept") == g_strrstr(text, "cannot accept"));
    LOOP_UNTIL(host.accepted >= 0);
    host_clear(&host);
    g_unlink(path);
    g_free(path);
}

/* Switched off and on during the pause. */
static void test_switched_off_in_the_pause(void)
{
    struct rlimit before;
    Host host;

    host_init(&host);
    socket_listener_set_active(host.listener, true);
    before = forbid_descriptors();
    count_turns(20);
    setrlimit(RLIMIT_NOFILE, &before);
    socket_listener_set_active(host.listener, false);
    count_turns(PAUSES_MS);
    g_assert_cmpint(host.accepted, ==, -1);
    socket_listener_set_active(host.listener, true);
    LOOP_UNTIL(host.accepted >= 0);
    host_clear(&host);
}

static void test_freed_in_its_callback(void)
{
    Host host;

    host_init(&host);
    host.free_it = true;
    socket_listener_set_active(host.listener, true);
    LOOP_UNTIL(host.accepted >= 0);
    g_assert_null(host.listener);
    host_clear(&host);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/socket-listener/out-of-descriptors", test_out_of_descriptors);
    g_test_add_func("/socket-listener/switched-off-in-the-pause", test_switched_off_in_the_pause);
    g_test_add_func("/socket-listener/freed-in-its-callback", test_freed_in_its_callback);
    return g_test_run();
}
