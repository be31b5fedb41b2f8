/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs in the test guest: counts, echoes and sends what lab.h names. */

#include "lab.h"

#include <arpa/inet.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE_BYTES (8 << 20)
#define BACKLOG 4
#define TRANSMIT_BYTES 12

static Tally tallies[LAB_STREAMS];

/* A numbered stream out of the guest. */
typedef struct Source {
    struct sockaddr_in to;
    uint32_t per_second;
    uint32_t count;
    uint8_t stream;
} Source;

/* ---- TCP ---- */

static bool tcp_write(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = write(fd, data, len);

        if (n <= 0) {
            return false;
        }
        data += n;
        len -= n;
    }
    return true;
}

static void tcp_serve(int fd, int port)
{
    static const char zeroes[65536];
    char buf[65536];
    ssize_t n;

    if (port == LAB_PORT_ZEROES) {
        while (tcp_write(fd, zeroes, sizeof(zeroes))) {
        }
        return;
    }
    while ((n = read(fd, buf, sizeof(buf))) > 0) {
        if (port == LAB_PORT_TCP_ECHO && !tcp_write(fd, buf, n)) {
            return;
        }
    }
}

typedef struct TcpPort {
    int port;
    int listener;
} TcpPort;

/* A thread for each port: one connection after the other. */
static void *tcp_thread(void *opaque)
{
    TcpPort *tcp = opaque;
    int fd;

    while ((fd = accept(tcp->listener, NULL, NULL)) >= 0) {
        tcp_serve(fd, tcp->port);
        close(fd);
    }
    return NULL;
}

static void thread_start(void *(*run)(void *), void *opaque)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, run, opaque) == 0) {
        pthread_detach(thread);
    }
}

static void tcp_start(TcpPort *tcp)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(tcp->port) };
    int one = 1;

    tcp->listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(tcp->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(tcp->listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(tcp->listener, BACKLOG) < 0) {
        perror("labguest: listen");
        return;
    }
    thread_start(tcp_thread, tcp);
}

/* ---- UDP ---- */

static void *source_thread(void *opaque)
{
    Source *source = opaque;
    uint8_t datagram[LAB_DATAGRAM] = { 'G', source->stream };
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    int pacer = pacer_open(source->per_second);
    uint32_t seq = 0;

    while (seq < source->count) {
        uint64_t due = pacer_due(pacer);

        for (; due && seq < source->count; due--, seq++) {
            lab_put_u32(datagram + 2, seq);
            sendto(fd, datagram, sizeof(datagram), 0, (struct sockaddr *)&source->to,
                   sizeof(source->to));
        }
    }
    close(pacer);
    close(fd);
    free(source);
    return NULL;
}

static void source_start(const uint8_t *data, const struct sockaddr_in *from)
{
    Source *source = calloc(1, sizeof(*source));

    source->stream = data[1];
    source->to = *from;
    memcpy(&source->to.sin_port, data + 2, sizeof(source->to.sin_port));
    source->per_second = lab_get_u32(data + 4);
    source->count = lab_get_u32(data + 8);
    thread_start(source_thread, source);
}

static void shell_run(const char *text)
{
    if (fork() == 0) {
        execl("/bin/sh", "sh", "-c", text, NULL);
        _exit(127);
    }
}

/* Datagrams that came and found the socket full, of all streams. */
static unsigned socket_drops(int fd)
{
    uint32_t meminfo[SK_MEMINFO_VARS] = { 0 };
    socklen_t len = sizeof(meminfo);

    getsockopt(fd, SOL_SOCKET, SO_MEMINFO, meminfo, &len);
    return meminfo[SK_MEMINFO_DROPS];
}

static void control_take(int fd, uint8_t *data, ssize_t len, const struct sockaddr_in *from)
{
    Tally *tally = &tallies[len > 1 ? data[1] % LAB_STREAMS : 0];
    char text[LAB_REPORT_MAX];

    if (data[0] == 'S' && len >= 6) {
        tally_take(tally, lab_get_u32(data + 2), lab_now_us());
    } else if (data[0] == 'Q') {
        int n = snprintf(text, sizeof(text), "found_full=%u ", socket_drops(fd));

        n += tally_report(tally, text + n, sizeof(text) - n);
        sendto(fd, text, n, 0, (const struct sockaddr *)from, sizeof(*from));
    } else if (data[0] == 'T' && len >= TRANSMIT_BYTES) {
        source_start(data, from);
    } else if (data[0] == 'C') {
        data[len] = 0;
        shell_run((const char *)data + 1);
    }
}

static int udp_open(int port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    int bytes = RECEIVE_BYTES;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        perror("labguest: bind");
        return -1;
    }
    return fd;
}

static void udp_take(int fd, bool is_echo)
{
    static uint8_t data[65536];
    struct sockaddr_in from;
    socklen_t from_len = sizeof(from);
    ssize_t n = recvfrom(fd, data, sizeof(data) - 1, 0, (struct sockaddr *)&from, &from_len);

    if (n <= 0) {
        return;
    }
    if (is_echo) {
        sendto(fd, data, n, 0, (struct sockaddr *)&from, from_len);
    } else {
        control_take(fd, data, n, &from);
    }
}

int main(void)
{
    static TcpPort tcp_ports[] = {
        { .port = LAB_PORT_DISCARD }, { .port = LAB_PORT_ZEROES }, { .port = LAB_PORT_TCP_ECHO },
    };
    struct pollfd watches[2] = {
        { .fd = udp_open(LAB_PORT_ECHO), .events = POLLIN },
        { .fd = udp_open(LAB_PORT_CONTROL), .events = POLLIN },
    };

    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    for (size_t i = 0; i < sizeof(tcp_ports) / sizeof(tcp_ports[0]); i++) {
        tcp_start(&tcp_ports[i]);
    }
    /* Else the threads of TCP, and the kernel's, can keep this one from emptying its sockets. */
    setpriority(PRIO_PROCESS, 0, -20);
    printf("labguest: ready\n");
    while (poll(watches, 2, -1) > 0) {
        for (int i = 0; i < 2; i++) {
            if (watches[i].revents & POLLIN) {
                udp_take(watches[i].fd, i == 0);
            }
        }
    }
    return 1;
}
