/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of TLS credentials: reading them, and seeing that they have changed. */

#include "io/tls-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "util/error.h"
#include "util/fd.h"

/** A list of revoked certificates may be long; what is longer is a mistake. */
#define TLS_FILE_MAX (8 * 1024 * 1024)

static bool tls_file_fail(const char *path, int err, GError **error)
{
    return error_set_errno(error, err, "Unable to access credentials %s", path);
}

/* Only regular files: the loop never waits for a writer. */
static bool tls_file_check(const char *path, const struct stat *st, GError **error)
{
    if (!S_ISREG(st->st_mode)) {
        return error_set(error, "Unable to access credentials %s: it is no regular file", path);
    }
    if (st->st_size > TLS_FILE_MAX) {
        return error_set(error, "Unable to access credentials %s: it has more than %d bytes",
                         path, TLS_FILE_MAX);
    }
    return true;
}

bool tls_file_read(const char *path, GBytes **bytes, GError **error)
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
        return tls_file_fail(path, errno, error);
    }
    if (!tls_file_check(path, &st, error)) {
        return false;
    }
    data = g_malloc((size_t)st.st_size + 1);
    do {
        n = read(fd, data + len, (size_t)st.st_size - len);
        len += n > 0 ? (size_t)n : 0;
    } while (n > 0 || (n < 0 && errno == EINTR));
    if (n < 0) {
        return tls_file_fail(path, errno, error);
    }
    *bytes = g_bytes_new_take(g_steal_pointer(&data), len);
    return true;
}

GBytes *tls_file_need(const char *path, GError **error)
{
    GBytes *bytes = NULL;

    if (tls_file_read(path, &bytes, error) && !bytes) {
        tls_file_fail(path, ENOENT, error);
    }
    return bytes;
}

/* The time of the last change of the inode: it tells of contents and of rights. */
char *tls_files_stamp(char *const *paths)
{
    GString *stamp = g_string_new(NULL);

    for (; *paths; paths++) {
        struct stat st;

        if (stat(*paths, &st) < 0) {
            g_string_append_printf(stamp, "%d;", errno);
        } else {
            g_string_append_printf(stamp, "%" PRIuMAX ":%" PRIuMAX ":%" PRIdMAX ":%" PRIdMAX
                                   ".%ld;", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino,
                                   (intmax_t)st.st_size, (intmax_t)st.st_ctim.tv_sec,
                                   st.st_ctim.tv_nsec);
        }
    }
    return g_string_free(stamp, FALSE);
}

gnutls_datum_t tls_datum(GBytes *bytes)
{
    gsize len;
    gconstpointer data = g_bytes_get_data(bytes, &len);

    return (gnutls_datum_t) { .data = (unsigned char *)data, .size = (unsigned)len };
}
