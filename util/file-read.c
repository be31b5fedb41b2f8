/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading whole files at run time, without ever waiting for who writes them. */

#include "util/file-read.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/error.h"
#include "util/fd.h"

static bool file_read_check(const struct stat *st, size_t max, GError **error)
{
    if (!S_ISREG(st->st_mode)) {
        return error_set(error, "it is no regular file");
    }
    if ((uintmax_t)st->st_size > max) {
        return error_set(error, "it has more than %zu bytes", max);
    }
    return true;
}

bool file_read(const char *path, size_t max, GBytes **bytes, GError **error)
{
    auto_fd int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    g_autofree uint8_t *data = NULL;
    struct stat st;
    size_t len = 0;
    ssize_t n;

    if (fd < 0 && errno == ENOENT) {
        *bytes = NULL;
        return true;
    }
    if (fd < 0 || fstat(fd, &st) < 0) {
        return error_set(error, "%s", g_strerror(errno));
    }
    if (!file_read_check(&st, max, error)) {
        return false;
    }
    data = g_malloc((size_t)st.st_size + 1);
    do {
        n = read(fd, data + len, (size_t)st.st_size - len);
        len += n > 0 ? (size_t)n : 0;
    } while (n > 0 || (n < 0 && errno == EINTR));
    if (n < 0) {
        return error_set(error, "%s", g_strerror(errno));
    }
    *bytes = g_bytes_new_take(g_steal_pointer(&data), len);
    return true;
}
