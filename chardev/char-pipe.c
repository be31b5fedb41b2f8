/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Back end pipe: two named pipes, or one for both directions. */

#include "chardev/char-internal.h"

#include <fcntl.h>

#include "util/fd.h"

/*
 * The pipes are opened for reading and writing, so that neither the open nor a read depends on a
 * peer.
 */
static bool char_pipe_open(Chardev *chr, const ChardevBackend *backend, GError **error)
{
    CharFd *cf = (CharFd *)chr;
    const char *path = backend->u.pipe.data->device;
    g_autofree char *in_path = g_strdup_printf("%s.in", path);
    g_autofree char *out_path = g_strdup_printf("%s.out", path);
    auto_fd int in_fd = -1;
    auto_fd int out_fd = -1;

    cf->in_fd = cf->out_fd = -1;
    in_fd = char_open_path(in_path, O_RDWR, NULL);
    out_fd = char_open_path(out_path, O_RDWR, NULL);
    if (in_fd < 0 || out_fd < 0) {
        fd_close(&in_fd);
        fd_close(&out_fd);
        in_fd = char_open_path(path, O_RDWR, error);
        if (in_fd < 0) {
            return false;
        }
        out_fd = fcntl(in_fd, F_DUPFD_CLOEXEC, 0);
    }
    char_fd_start(cf, fd_steal(&in_fd), fd_steal(&out_fd));
    return true;
}

const ChardevClass char_pipe_class = {
    .size = sizeof(CharFd),
    .open = char_pipe_open,
    .close = char_fd_close,
    .writev = char_fd_writev,
    .update = char_fd_update,
};
