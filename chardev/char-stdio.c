/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Back end stdio: the standard input and output of the process. */

#include "chardev/char-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <termios.h>

#include "util/error.h"
#include "util/fd.h"

/** What the terminal was like, to be put back at the end whichever way the process ends. */
static struct {
    bool in_use;
    bool forbidden;
    bool is_terminal;
    struct termios mode;
    int in_flags;
    int out_flags;
} char_stdio_saved;

void char_forbid_stdio(void)
{
    char_stdio_saved.forbidden = true;
}

static void char_stdio_restore(void)
{
    if (!char_stdio_saved.in_use) {
        return;
    }
    char_stdio_saved.in_use = false;
    if (char_stdio_saved.is_terminal) {
        tcsetattr(STDIN_FILENO, TCSANOW, &char_stdio_saved.mode);
    }
    fcntl(STDIN_FILENO, F_SETFL, char_stdio_saved.in_flags);
    fcntl(STDOUT_FILENO, F_SETFL, char_stdio_saved.out_flags);
}

/** Bytes as they are typed, without echo; output is left to the terminal's own mode. */
static void char_stdio_set_mode(bool signal)
{
    struct termios mode = char_stdio_saved.mode;

    mode.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    mode.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN);
    if (!signal) {
        mode.c_lflag &= ~(tcflag_t)ISIG;
    }
    mode.c_cflag &= ~(tcflag_t)(CSIZE | PARENB);
    mode.c_cflag |= CS8;
    mode.c_cc[VMIN] = 1;
    mode.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &mode);
}

static bool char_stdio_open(Chardev *chr, const ChardevBackend *backend, GError **error)
{
    CharFd *cf = (CharFd *)chr;
    static bool registered;
    auto_fd int in_fd = -1;
    auto_fd int out_fd = -1;

    cf->in_fd = cf->out_fd = -1;
    if (char_stdio_saved.forbidden) {
        return error_set(error, "cannot use stdio with -daemonize");
    }
    if (char_stdio_saved.in_use) {
        return error_set(error, "cannot use stdio by multiple character devices");
    }
    in_fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    out_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (in_fd < 0 || out_fd < 0) {
        return error_set_errno(error, errno, "stdio is not open");
    }
    char_stdio_saved.in_use = true;
    char_stdio_saved.in_flags = fcntl(STDIN_FILENO, F_GETFL);
    char_stdio_saved.out_flags = fcntl(STDOUT_FILENO, F_GETFL);
    char_stdio_saved.is_terminal = tcgetattr(STDIN_FILENO, &char_stdio_saved.mode) == 0;
    if (!registered) {
        registered = true;
        atexit(char_stdio_restore);
    }
    if (char_stdio_saved.is_terminal) {
        char_stdio_set_mode(backend->u.stdio.data->signal);
    }
    fd_set_nonblocking(in_fd, true);
    fd_set_nonblocking(out_fd, true);
    char_fd_start(cf, fd_steal(&in_fd), fd_steal(&out_fd));
    return true;
}

static void char_stdio_close(Chardev *chr)
{
    CharFd *cf = (CharFd *)chr;

    if (cf->in_fd >= 0) {
        char_fd_close(chr);
        char_stdio_restore();
    }
}

static bool char_stdio_is_terminal(const Chardev *chr)
{
    return char_stdio_saved.is_terminal;
}

const ChardevClass char_stdio_class = {
    .size = sizeof(CharFd),
    .open = char_stdio_open,
    .close = char_stdio_close,
    .writev = char_fd_writev,
    .update = char_fd_update,
    .is_terminal = char_stdio_is_terminal,
};
