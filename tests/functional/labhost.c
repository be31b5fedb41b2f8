/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs on the host side of the functional tests: steady streams to and from the test guest. */

#include "lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/*
 * usage: labhost send ADDRESS STREAM PER_SECOND COUNT
 *        labhost receive ADDRESS STREAM PER_SECOND COUNT FILE
 *        labhost echo ADDRESS BYTES_PER_SECOND
 *        labhost load ADDRESS MS
 *
 *   send     numbered datagrams into the guest, COUNT or fewer: until standard input ends. Ten
 *            times a second it prints "progress=N"
 *   receive  asks the guest for a numbered stream and counts it; FILE gets a record (struct
 *            Arrival) for each datagram. Ends with the last number, or when standard input ends
 *   echo     TCP: what the guest sends back is compared; until standard input ends, and all is
 *            back
 *   load     TCP: as much into the guest as goes, for MS
 *
 * Each prints "started" when it has begun, and at its end a line of NAME=NUMBER words.
 */

#define ECHO_PER_SECOND 200
#define PROGRESS_PER_SECOND 10
#define RECEIVE_BYTES (8 << 20)
/* An end of the world: the tests have their own limits. */
#define IDLE_MS 60000

typedef struct Arrival {
    uint32_t seq;
    uint32_t pad;
    int64_t real_us;             /* the kernel's time of arrival, real time */
} Arrival;

static void fail(const char *what)
{
    fprintf(stderr, "labhost: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void say_progress(uint32_t count)
{
    printf("progress=%u\n", count);
    fflush(stdout);
}

static void say_started(void)
{
    printf("started\n");
    fflush(stdout);
}

static struct sockaddr_in parse_address(const char *address, int port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };

    if (inet_pton(AF_INET, address, &to.sin_addr) != 1) {
        fail(address);
    }
    return to;
}

/* A connected socket. */
static int open_socket(const char *address, int type, int port)
{
    struct sockaddr_in to = parse_address(address, port);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        fail("socket");
    }
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
        fail("connect");
    }
    return fd;
}

static bool has_input_ended(const struct pollfd *watch)
{
    char byte;

    return watch->revents && read(watch->fd, &byte, 1) <= 0;
}

/* ---- send ---- */

/* A guest that has just started may not serve yet, and refuses: that is told here, later. */
static bool send_datagram(int fd, const uint8_t *datagram)
{
    while (send(fd, datagram, LAB_DATAGRAM, 0) < 0) {
        struct pollfd watch = { .fd = fd, .events = POLLOUT };

        if (errno == ECONNREFUSED) {
            continue;
        }
        if (errno != EAGAIN && errno != ENOBUFS && errno != EINTR) {
            return false;
        }
        poll(&watch, 1, 1);
    }
    return true;
}

static int run_send(char **args)
{
    uint8_t datagram[LAB_DATAGRAM] = { 'S', atoi(args[1]) };
    uint32_t per_second = atoi(args[2]), count = atoi(args[3]), seq = 0, burst = 0;
    int fd = open_socket(args[0], SOCK_DGRAM, LAB_PORT_CONTROL);
    struct pollfd watches[2] = {
        { .fd = pacer_open(per_second), .events = POLLIN },
        { .fd = STDIN_FILENO, .events = POLLIN },
    };

    say_started();
    while (seq < count && poll(watches, 2, -1) > 0 && !has_input_ended(&watches[1])) {
        uint64_t due = watches[0].revents & POLLIN ? pacer_due(watches[0].fd) : 0;

        burst = due > burst ? due : burst;
        for (; due && seq < count; due--) {
            lab_put_u32(datagram + 2, seq++);
            if (!send_datagram(fd, datagram)) {
                fail("send");
            }
            if (seq % (per_second / PROGRESS_PER_SECOND) == 0) {
                say_progress(seq);
            }
        }
    }
    printf("sent=%u burst=%u\n", seq, burst);
    return 0;
}

/* ---- receive ---- */

static int64_t arrival_time(struct msghdr *message)
{
    for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(message); cmsg;
         cmsg = CMSG_NXTHDR(message, cmsg)) {
        struct timeval time;

        if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_TIMESTAMP) {
            memcpy(&time, CMSG_DATA(cmsg), sizeof(time));
            return time.tv_sec * 1000000LL + time.tv_usec;
        }
    }
    return 0;
}

/* Returns: whether a datagram of the stream was there. */
static bool receive_arrival(int fd, uint8_t stream, Arrival *arrival)
{
    uint8_t data[LAB_DATAGRAM];
    char control[256];
    struct iovec iov = { data, sizeof(data) };
    struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
                              .msg_controllen = sizeof(control) };
    ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT);

    if (n < 6 || data[0] != 'G' || data[1] != stream) {
        return false;
    }
    arrival->seq = lab_get_u32(data + 2);
    arrival->real_us = arrival_time(&message);
    return true;
}

/* Not connected: the guest sends from a port of its choice. */
static int ask_stream(char **args)
{
    struct sockaddr_in own, to = parse_address(args[0], LAB_PORT_CONTROL);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int bytes = RECEIVE_BYTES, one = 1;
    socklen_t len = sizeof(own);
    uint8_t request[12] = { 'T', atoi(args[1]) };

    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMP, &one, sizeof(one));
    bind(fd, (struct sockaddr *)&(struct sockaddr_in){ .sin_family = AF_INET }, sizeof(own));
    getsockname(fd, (struct sockaddr *)&own, &len);
    memcpy(request + 2, &own.sin_port, sizeof(own.sin_port));
    lab_put_u32(request + 4, atoi(args[2]));
    lab_put_u32(request + 8, atoi(args[3]));
    if (sendto(fd, request, sizeof(request), 0, (struct sockaddr *)&to, sizeof(to)) < 0) {
        fail("send");
    }
    return fd;
}

static int run_receive(char **args)
{
    static Tally tally;
    uint32_t count = atoi(args[3]);
    int fd = ask_stream(args);
    FILE *file = fopen(args[4], "w");
    struct pollfd watches[2] = {
        { .fd = fd, .events = POLLIN },
        { .fd = STDIN_FILENO, .events = POLLIN },
    };
    Arrival arrival = { .pad = 0 };
    bool has_last = false;
    char text[LAB_REPORT_MAX];

    if (!file) {
        fail(args[4]);
    }
    say_started();
    while (!has_last && poll(watches, 2, IDLE_MS) > 0 && !has_input_ended(&watches[1])) {
        while (receive_arrival(fd, atoi(args[1]), &arrival)) {
            tally_take(&tally, arrival.seq, arrival.real_us);
            fwrite(&arrival, sizeof(arrival), 1, file);
            has_last |= arrival.seq + 1 == count;
        }
    }
    fclose(file);
    tally_report(&tally, text, sizeof(text));
    printf("%s\n", text);
    return 0;
}

/* ---- TCP ---- */

/* What byte stands at a place of the stream. */
static uint8_t pattern_at(uint64_t place)
{
    return (place * 31 + (place >> 8)) & 0xff;
}

static void echo_send(int fd, uint64_t *sent, uint64_t len)
{
    uint8_t buf[4096];

    while (len) {
        size_t n = len < sizeof(buf) ? len : sizeof(buf);
        ssize_t done;

        for (size_t i = 0; i < n; i++) {
            buf[i] = pattern_at(*sent + i);
        }
        done = send(fd, buf, n, MSG_DONTWAIT);
        if (done < 0) {
            return;
        }
        *sent += done;
        len -= done;
    }
}

/* Returns: false when the connection broke. */
static bool echo_receive(int fd, uint64_t *received, uint64_t *wrong)
{
    uint8_t buf[65536];
    ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return true;
    }
    for (ssize_t i = 0; i < n; i++) {
        *wrong += buf[i] != pattern_at(*received + i);
    }
    *received += n > 0 ? n : 0;
    return n > 0;
}

static int run_echo(char **args)
{
    uint64_t sent = 0, received = 0, wrong = 0, piece = atoi(args[1]) / ECHO_PER_SECOND;
    int fd = open_socket(args[0], SOCK_STREAM, LAB_PORT_TCP_ECHO);
    struct pollfd watches[3] = {
        { .fd = pacer_open(ECHO_PER_SECOND), .events = POLLIN },
        { .fd = STDIN_FILENO, .events = POLLIN },
        { .fd = fd, .events = POLLIN },
    };
    bool has_ended = false, is_open = true;

    say_started();
    while (is_open && !(has_ended && received == sent) && poll(watches, 3, IDLE_MS) > 0) {
        if (watches[0].revents & POLLIN) {
            echo_send(fd, &sent, piece * pacer_due(watches[0].fd));
        }
        if (watches[2].revents) {
            is_open = echo_receive(fd, &received, &wrong);
        }
        if (has_input_ended(&watches[1])) {
            has_ended = true;
            watches[0].fd = watches[1].fd = -1;
        }
    }
    printf("sent=%llu received=%llu wrong=%llu broken=%d\n", (unsigned long long)sent,
           (unsigned long long)received, (unsigned long long)wrong, !is_open);
    return 0;
}

static int run_load(char **args)
{
    static uint8_t buf[65536];
    int fd = open_socket(args[0], SOCK_STREAM, LAB_PORT_DISCARD), unsent = 0;
    int64_t start = lab_now_us(), end = start + atoi(args[1]) * 1000LL;
    struct pollfd watch = { .fd = fd, .events = POLLOUT };
    uint64_t sent = 0;

    say_started();
    while (lab_now_us() < end && poll(&watch, 1, (end - lab_now_us()) / 1000 + 1) >= 0) {
        ssize_t n = send(fd, buf, sizeof(buf), MSG_DONTWAIT);

        if (n < 0 && errno != EAGAIN) {
            fail("send");
        }
        sent += n > 0 ? n : 0;
    }
    ioctl(fd, SIOCOUTQ, &unsent);
    printf("acknowledged=%llu us=%lld\n", (unsigned long long)(sent - unsent),
           (long long)(lab_now_us() - start));
    return 0;
}

int main(int argc, char **argv)
{
    static const struct { const char *name; int n_args; int (*run)(char **args); } jobs[] = {
        { "send", 4, run_send }, { "receive", 5, run_receive },
        { "echo", 2, run_echo }, { "load", 2, run_load },
    };

    for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
        if (argc == jobs[i].n_args + 2 && !strcmp(argv[1], jobs[i].name)) {
            return jobs[i].run(argv + 2);
        }
    }
    fprintf(stderr, "usage: labhost send|receive|echo|load ADDRESS ARGUMENT...\n");
    return 1;
}
