/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets for tests: every wait ends at a deadline, and a failure ends the test. */

#include "sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <glib/gstdio.h>

#define WAIT_LIMIT_MS 30000
#define WAIT_LIMIT_WRAPPED_MS 120000
/* How long a refused connection waits before the next try. */
#define RETRY_MS 2

static char *tmp_folder;

int wait_limit_ms(void)
{
    return g_getenv("QTEST_WRAPPER") ? WAIT_LIMIT_WRAPPED_MS : WAIT_LIMIT_MS;
}

void wait_fd(int fd, short events, const char *what)
{
    struct pollfd pfd = { .fd = fd, .events = events };
    int n;

    do {
        n = poll(&pfd, 1, wait_limit_ms());
    } while (n < 0 && errno == EINTR);
    if (n <= 0) {
        g_error("waited %d ms in vain: %s", wait_limit_ms(), what);
    }
}

bool fd_is_readable(int fd)
{
    struct pollfd pfd = { .fd = fd, .events = POLLIN };

    return poll(&pfd, 1, 0) > 0;
}

static void tmp_folder_remove(void)
{
    GDir *dir = g_dir_open(tmp_folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(tmp_folder, name, NULL);
        g_remove(path);
    }
    g_clear_pointer(&dir, g_dir_close);
    g_rmdir(tmp_folder);
    g_clear_pointer(&tmp_folder, g_free);
}

char *tmp_path(const char *name)
{
    if (!tmp_folder) {
        g_autoptr(GError) error = NULL;

        tmp_folder = g_dir_make_tmp("qnd-XXXXXX", &error);
        g_assert_no_error(error);
        atexit(tmp_folder_remove);
    }
    return g_build_filename(tmp_folder, name, NULL);
}

static void fd_set_non_blocking(int fd)
{
    g_assert_cmpint(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), ==, 0);
}

void sock_pair(int type, int *ours, int *theirs)
{
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, fds), ==, 0);
    g_assert_cmpint(fcntl(fds[0], F_SETFD, FD_CLOEXEC), ==, 0);
    *ours = fds[0];
    *theirs = fds[1];
}

void sock_close(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

static int sock_new(int family, int type)
{
    int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    g_assert_cmpint(fd, >=, 0);
    return fd;
}

static socklen_t sock_unix_address(const char *path, struct sockaddr_un *address)
{
    size_t len = strlen(path);

    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    g_assert_cmpuint(len, <, sizeof(address->sun_path));
    memcpy(address->sun_path, path, len);
    if (path[0] == '@') {
        address->sun_path[0] = '\0';
        return offsetof(struct sockaddr_un, sun_path) + len;
    }
    return sizeof(*address);
}

static struct sockaddr_in sock_inet_address(uint16_t port)
{
    return (struct sockaddr_in) {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

static void sock_bind(int fd, const void *address, socklen_t len)
{
    if (bind(fd, address, len) < 0) {
        g_error("bind: %s", g_strerror(errno));
    }
}

static uint16_t sock_port(int fd)
{
    struct sockaddr_in address;
    socklen_t len = sizeof(address);

    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address, &len), ==, 0);
    return ntohs(address.sin_port);
}

/* The connection is made, or the one who should listen is not there yet. */
static bool sock_try_connect(int fd, const void *address, socklen_t len, const char *what)
{
    int error = 0;
    socklen_t error_len = sizeof(error);

    if (connect(fd, address, len) == 0) {
        return true;
    }
    if (errno == EINPROGRESS) {
        wait_fd(fd, POLLOUT, what);
        g_assert_cmpint(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_len), ==, 0);
        errno = error;
        if (!error) {
            return true;
        }
    }
    if (errno != ENOENT && errno != ECONNREFUSED && errno != EAGAIN) {
        g_error("connect to %s: %s", what, g_strerror(errno));
    }
    return false;
}

static int sock_connect(int family, const void *address, socklen_t len, const char *what)
{
    int64_t deadline = g_get_monotonic_time() + wait_limit_ms() * INT64_C(1000);

    for (;;) {
        int fd = sock_new(family, SOCK_STREAM);

        if (sock_try_connect(fd, address, len, what)) {
            return fd;
        }
        close(fd);
        if (g_get_monotonic_time() > deadline) {
            g_error("nobody listens on %s", what);
        }
        poll(NULL, 0, RETRY_MS);
    }
}

int sock_listen_unix(const char *path)
{
    struct sockaddr_un address;
    socklen_t len = sock_unix_address(path, &address);
    int fd = sock_new(AF_UNIX, SOCK_STREAM);

    unlink(path); /* an earlier test's */
    sock_bind(fd, &address, len);
    g_assert_cmpint(listen(fd, 8), ==, 0);
    return fd;
}

int sock_connect_unix(const char *path)
{
    struct sockaddr_un address;
    socklen_t len = sock_unix_address(path, &address);

    return sock_connect(AF_UNIX, &address, len, path);
}

int sock_listen_tcp(uint16_t *port)
{
    struct sockaddr_in address = sock_inet_address(0);
    int fd = sock_new(AF_INET, SOCK_STREAM);

    sock_bind(fd, &address, sizeof(address));
    g_assert_cmpint(listen(fd, 8), ==, 0);
    *port = sock_port(fd);
    return fd;
}

int sock_connect_tcp(uint16_t port)
{
    struct sockaddr_in address = sock_inet_address(port);
    g_autofree char *what = g_strdup_printf("127.0.0.1:%u", port);

    return sock_connect(AF_INET, &address, sizeof(address), what);
}

int sock_udp(uint16_t *port)
{
    struct sockaddr_in address = sock_inet_address(0);
    int fd = sock_new(AF_INET, SOCK_DGRAM);

    sock_bind(fd, &address, sizeof(address));
    *port = sock_port(fd);
    return fd;
}

int sock_udp_at(uint16_t port)
{
    struct sockaddr_in address = sock_inet_address(port);
    int fd = sock_new(AF_INET, SOCK_DGRAM);

    sock_bind(fd, &address, sizeof(address));
    return fd;
}

void sock_udp_connect(int fd, uint16_t port)
{
    struct sockaddr_in address = sock_inet_address(port);

    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
}

int sock_dgram_unix(const char *path)
{
    struct sockaddr_un address;
    socklen_t len = sock_unix_address(path, &address);
    int fd = sock_new(AF_UNIX, SOCK_DGRAM);

    unlink(path); /* an earlier test's */
    sock_bind(fd, &address, len);
    return fd;
}

void sock_dgram_unix_connect(int fd, const char *path)
{
    struct sockaddr_un address;
    socklen_t len = sock_unix_address(path, &address);

    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, len), ==, 0);
}

bool sock_dgram_unix_may_connect(int fd, const char *path)
{
    struct sockaddr_un address;
    socklen_t len = sock_unix_address(path, &address);

    return connect(fd, (struct sockaddr *)&address, len) == 0;
}

const char *sock_loopback_name(void)
{
    const struct addrinfo hints = { .ai_family = AF_INET };
    struct addrinfo *found;

    if (getaddrinfo("localhost", NULL, &hints, &found) != 0) {
        return "127.0.0.1";
    }
    freeaddrinfo(found);
    return "localhost";
}

uint16_t sock_free_port(int type)
{
    struct sockaddr_in address = sock_inet_address(0);
    int fd = sock_new(AF_INET, type);
    uint16_t port;

    sock_bind(fd, &address, sizeof(address));
    port = sock_port(fd);
    close(fd);
    return port;
}

int sock_accept(int fd)
{
    int client;

    wait_fd(fd, POLLIN, "a client to connect");
    client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    g_assert_cmpint(client, >=, 0);
    return client;
}

void sock_write(int fd, const void *data, size_t len)
{
    const uint8_t *p = data;

    fd_set_non_blocking(fd);
    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

        if (n >= 0) {
            p += n;
            len -= n;
        } else if (errno == EAGAIN || errno == ENOBUFS) {
            wait_fd(fd, POLLOUT, "room to write");
        } else if (errno != EINTR) {
            g_error("send: %s", g_strerror(errno));
        }
    }
}

void sock_read(int fd, void *data, size_t len)
{
    uint8_t *p = data;

    while (len > 0) {
        ssize_t n;

        wait_fd(fd, POLLIN, "data to read");
        n = read(fd, p, len);
        if (n == 0) {
            g_error("end of file, %zu bytes too early", len);
        }
        if (n > 0) {
            p += n;
            len -= n;
        } else if (errno != EINTR && errno != EAGAIN) {
            g_error("read: %s", g_strerror(errno));
        }
    }
}

char *sock_read_line(int fd)
{
    GString *line = g_string_new(NULL);

    for (;;) {
        char c;
        ssize_t n;

        wait_fd(fd, POLLIN, "a line");
        n = read(fd, &c, 1);
        if (n == 0) {
            g_string_free(line, TRUE);
            return NULL;
        }
        if (n == 1 && c == '\n') {
            return g_string_free(line, FALSE);
        }
        if (n == 1) {
            g_string_append_c(line, c);
        } else if (errno != EINTR && errno != EAGAIN) {
            g_error("read: %s", g_strerror(errno));
        }
    }
}

void sock_expect_eof(int fd)
{
    char buf[4096];
    ssize_t n;

    do {
        wait_fd(fd, POLLIN, "the end of file");
        n = read(fd, buf, sizeof(buf));
    } while (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)));
}
