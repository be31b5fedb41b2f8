/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The yardstick: a bare loop of read and write between the sockets that a program would serve. */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * usage: bench-relay IN:OUT[:COPY]...
 *
 * What is read from the socket IN is written to OUT, and to COPY. It looks at no byte. One
 * read is one write, so datagrams stay whole. It ends with the first IN that ends.
 */

#define BUF_BYTES (256u << 10)
#define EVENTS_MAX 64

typedef struct Link {
    int in;
    int out;
    int copy;                    /* -1: none */
} Link;

static uint8_t buf[BUF_BYTES];

static bool relay_write(int fd, const uint8_t *data, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = write(fd, data + at, len - at);

        if (n < 0 && errno != EINTR) {
            return false;
        }
        at += n > 0 ? n : 0;
    }
    return true;
}

/* Returns: false at the end. */
static bool relay_pass(const Link *link)
{
    ssize_t n = read(link->in, buf, sizeof(buf));

    if (n <= 0) {
        return n < 0 && errno == EINTR;
    }
    return relay_write(link->out, buf, n) && (link->copy < 0 || relay_write(link->copy, buf, n));
}

/* Many links: whoever is readable. */
static int relay_run_many(Link *links, int n_links)
{
    struct epoll_event events[EVENTS_MAX];
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

    for (int i = 0; i < n_links; i++) {
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = &links[i] };

        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, links[i].in, &event) < 0) {
            perror("bench-relay: epoll_ctl");
            return 1;
        }
    }
    for (;;) {
        int n = epoll_wait(epoll_fd, events, EVENTS_MAX, -1);

        for (int i = 0; i < n; i++) {
            if (!relay_pass(events[i].data.ptr)) {
                return 0;
            }
        }
    }
}

int main(int argc, char **argv)
{
    int n_links = argc - 1;
    Link *links = calloc(argc, sizeof(*links));

    for (int i = 0; i < n_links; i++) {
        links[i].copy = -1;
        if (sscanf(argv[i + 1], "%d:%d:%d", &links[i].in, &links[i].out, &links[i].copy) < 2) {
            fprintf(stderr, "usage: bench-relay IN:OUT[:COPY]...\n");
            return 1;
        }
    }
    if (n_links > 1) {
        return relay_run_many(links, n_links);
    }
    while (n_links && relay_pass(&links[0])) {
    }
    return 0;
}
