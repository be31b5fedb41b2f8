/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Back end file: writes to one file and reads from another. */

#include "chardev/char-internal.h"

#include <errno.h>
#include <fcntl.h>

#include "util/error.h"
#include "util/fd.h"
#include "util/output-file.h"

static bool char_file_open(Chardev *chr, const ChardevBackend *backend, GError **error)
{
    CharFd *cf = (CharFd *)chr;
    const ChardevFile *file = backend->u.file.data;
    auto_fd int out_fd = -1;
    int in_fd = -1;

    cf->in_fd = cf->out_fd = -1;
    out_fd = output_file_open(file->out, file->append ? O_APPEND : O_TRUNC);
    if (out_fd < 0) {
        return error_set(error, "Could not open '%s': %s", file->out,
                         output_file_strerror(file->out, errno));
    }
    if (file->in) {
        in_fd = char_open_path(file->in, O_RDONLY, error);
        if (in_fd < 0) {
            return false;
        }
    }
    char_fd_start(cf, in_fd, fd_steal(&out_fd));
    return true;
}

const ChardevClass char_file_class = {
    .size = sizeof(CharFd),
    .open = char_file_open,
    .close = char_fd_close,
    .writev = char_fd_writev,
    .update = char_fd_update,
};
