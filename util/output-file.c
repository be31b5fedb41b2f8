/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that the program writes: never through a planted link, private unless made otherwise. */

#include "util/output-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <glib.h>

#include "util/fd-set.h"

/* Whether the links in @path's folder are the system's: no user can make one there. */
static bool output_file_may_be_link(const char *path)
{
    static const char *const folders[] = { "/dev", "/dev/fd", "/proc/self/fd", NULL };
    g_autofree char *folder = g_path_get_dirname(path);

    return g_strv_contains(folders, folder);
}

int output_file_probe(const char *path)
{
    int flags = output_file_may_be_link(path) ? 0 : O_NOFOLLOW;

    return fd_set_open_path(path, flags | O_WRONLY | O_NONBLOCK | O_NOCTTY, 0);
}

int output_file_open(const char *path, int flags)
{
    if (!output_file_may_be_link(path)) {
        flags |= O_NOFOLLOW;
    }
    return fd_set_open_path(path, flags | O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY,
                            OUTPUT_FILE_MODE);
}

const char *output_file_strerror(const char *path, int err)
{
    if (err == ELOOP && g_file_test(path, G_FILE_TEST_IS_SYMLINK)) {
        return "it is a symbolic link, which is not followed";
    }
    return g_strerror(err);
}
