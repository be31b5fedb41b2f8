/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A proxy between two unix sockets that cuts, holds and slices what it forwards, on purpose. */

#include "cutting-proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <glib.h>

#include "sockets.h"

/** Bytes that go one way. */
typedef struct ProxyWay {
    int from; /* borrowed */
    int to;
    uint8_t data[65536];
    size_t len;
} ProxyWay;

struct CuttingProxy {
    GThread *thread;
    char *to;
    int listen_fd;
    int wake[2]; /* a byte in it: look at what has been asked for */
    ProxyWay ways[2];
    int fds[2];  /* -1 = no connection */

    GMutex lock; /* for all below */
    bool is_ending;
    unsigned chunk;
    unsigned held;
    unsigned n_left;
    uint32_t cut_after[CUTTING_PROXY_MAX_CUTS];
    uint64_t n_forwarded;
    unsigned n_cuts;
};

/* --- The thread -------------------------------------------------------------------------- */

static void proxy_disconnect(CuttingProxy *proxy)
{
    for (int i = 0; i < 2; i++) {
        sock_close(&proxy->fds[i]);
        proxy->ways[i].len = 0;
    }
}

static void proxy_connect(CuttingProxy *proxy)
{
    int fd = accept4(proxy->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) {
        return;
    }
    proxy->fds[0] = fd;
    proxy->fds[1] = sock_connect_unix(proxy->to);
    for (int i = 0; i < 2; i++) {
        g_assert_cmpint(fcntl(proxy->fds[i], F_SETFL, O_NONBLOCK), ==, 0);
        proxy->ways[i].from = proxy->fds[i];
        proxy->ways[i].to = proxy->fds[1 - i];
    }
}

/* How much may be read for way @i now. */
static size_t proxy_allowed(CuttingProxy *proxy, int i)
{
    size_t n = 0;

    g_mutex_lock(&proxy->lock);
    if (!(proxy->held & (1u << i)) && proxy->ways[i].len == 0) {
        n = MIN(proxy->chunk, sizeof(proxy->ways[i].data));
        if (proxy->n_left > 0) {
            n = MIN(n, proxy->cut_after[proxy->n_left - 1] + 1 - proxy->n_forwarded);
        }
    }
    g_mutex_unlock(&proxy->lock);
    return n;
}

/* Returns: whether the connection is to be cut now. */
static bool proxy_count(CuttingProxy *proxy, size_t n)
{
    bool cut;

    g_mutex_lock(&proxy->lock);
    proxy->n_forwarded += n;
    cut = proxy->n_left > 0 && proxy->n_forwarded > proxy->cut_after[proxy->n_left - 1];
    if (cut) {
        proxy->n_left--;
        proxy->n_cuts++;
        proxy->n_forwarded = 0;
    }
    g_mutex_unlock(&proxy->lock);
    return cut;
}

/* Returns: false when the connection is over. */
static bool way_forward(CuttingProxy *proxy, ProxyWay *way, size_t allowed)
{
    ssize_t n;

    if (allowed > 0) {
        n = recv(way->from, way->data, allowed, 0);
        if (n <= 0) {
            return n < 0 && errno == EAGAIN;
        }
        way->len = (size_t)n;
    }
    if (way->len == 0) {
        return true;
    }
    n = send(way->to, way->data, way->len, MSG_NOSIGNAL);
    if (n < 0) {
        return errno == EAGAIN;
    }
    way->len -= (size_t)n;
    memmove(way->data, way->data + n, way->len);
    return !proxy_count(proxy, (size_t)n);
}

static void proxy_turn(CuttingProxy *proxy)
{
    struct pollfd polls[4] = { { .fd = proxy->wake[0], .events = POLLIN } };
    size_t allowed[2] = { 0, 0 };
    char byte;

    if (proxy->fds[0] < 0) {
        polls[1] = (struct pollfd) { .fd = proxy->listen_fd, .events = POLLIN };
        polls[2].fd = -1;
    } else {
        for (int i = 0; i < 2; i++) {
            allowed[i] = proxy_allowed(proxy, i);
            polls[1 + i].fd = allowed[i] > 0 ? proxy->fds[i] : -1;
            polls[1 + i].events = POLLIN;
        }
    }
    polls[3].fd = proxy->ways[0].len > 0 ? proxy->fds[1]
                  : proxy->ways[1].len > 0 ? proxy->fds[0] : -1;
    polls[3].events = POLLOUT;
    g_assert_cmpint(poll(polls, G_N_ELEMENTS(polls), -1), >, 0);
    if (polls[0].revents) {
        g_assert_cmpint(read(proxy->wake[0], &byte, 1), ==, 1);
    } else if (proxy->fds[0] < 0) {
        proxy_connect(proxy);
    } else if (!way_forward(proxy, &proxy->ways[0], allowed[0]) ||
               !way_forward(proxy, &proxy->ways[1], allowed[1])) {
        proxy_disconnect(proxy);
    }
}

static bool proxy_is_ending(CuttingProxy *proxy)
{
    bool is_ending;

    g_mutex_lock(&proxy->lock);
    is_ending = proxy->is_ending;
    g_mutex_unlock(&proxy->lock);
    return is_ending;
}

static void *proxy_main(void *opaque)
{
    CuttingProxy *proxy = opaque;

    while (!proxy_is_ending(proxy)) {
        proxy_turn(proxy);
    }
    proxy_disconnect(proxy);
    return NULL;
}

/* --- The test's side --------------------------------------------------------------------- */

static void proxy_wake(CuttingProxy *proxy)
{
    g_mutex_unlock(&proxy->lock);
    g_assert_cmpint(write(proxy->wake[1], "", 1), ==, 1);
}

CuttingProxy *cutting_proxy_new(const char *from, const char *to)
{
    CuttingProxy *proxy = g_new0(CuttingProxy, 1);

    proxy->to = g_strdup(to);
    proxy->listen_fd = sock_listen_unix(from);
    proxy->fds[0] = -1;
    proxy->fds[1] = -1;
    proxy->chunk = UINT32_MAX;
    g_assert_cmpint(pipe2(proxy->wake, O_CLOEXEC), ==, 0);
    g_mutex_init(&proxy->lock);
    proxy->thread = g_thread_new("proxy", proxy_main, proxy);
    return proxy;
}

void cutting_proxy_free(CuttingProxy *proxy)
{
    g_mutex_lock(&proxy->lock);
    proxy->is_ending = true;
    proxy_wake(proxy);
    g_thread_join(proxy->thread);
    g_mutex_clear(&proxy->lock);
    sock_close(&proxy->listen_fd);
    sock_close(&proxy->wake[0]);
    sock_close(&proxy->wake[1]);
    g_free(proxy->to);
    g_free(proxy);
}

void cutting_proxy_disturb(CuttingProxy *proxy, unsigned chunk, unsigned n_cuts,
                           const uint32_t *cut_after)
{
    g_assert_cmpuint(n_cuts, <=, CUTTING_PROXY_MAX_CUTS);
    g_mutex_lock(&proxy->lock);
    proxy->chunk = chunk;
    proxy->n_left = n_cuts;
    proxy->n_forwarded = 0;
    for (unsigned i = 0; i < n_cuts; i++) {
        proxy->cut_after[i] = cut_after[i];
    }
    proxy_wake(proxy);
}

void cutting_proxy_hold(CuttingProxy *proxy, unsigned directions)
{
    g_mutex_lock(&proxy->lock);
    proxy->held = directions;
    proxy_wake(proxy);
}

unsigned cutting_proxy_n_cuts(CuttingProxy *proxy)
{
    unsigned n;

    g_mutex_lock(&proxy->lock);
    n = proxy->n_cuts;
    g_mutex_unlock(&proxy->lock);
    return n;
}
