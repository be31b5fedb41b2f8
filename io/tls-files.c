/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of TLS credentials: reading them, and seeing that they have changed. */

#include "io/tls-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "util/error.h"
#include "util/file-read.h"

/** A list of revoked certificates may be long; what is longer is a mistake. */
#define TLS_FILE_MAX (8 * 1024 * 1024)

bool tls_file_read(const char *path, GBytes **bytes, GError **error)
{
    if (!file_read(path, TLS_FILE_MAX, bytes, error)) {
        g_prefix_error(error, "Unable to access credentials %s: ", path);
        return false;
    }
    return true;
}

GBytes *tls_file_need(const char *path, GError **error)
{
    GBytes *bytes = NULL;

    if (tls_file_read(path, &bytes, error) && !bytes) {
        error_set_errno(error, ENOENT, "Unable to access credentials %s", path);
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
