/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Character devices: a byte stream's back end and the front end that uses it. */

#ifndef CHARDEV_CHAR_H
#define CHARDEV_CHAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <glib.h>

typedef struct Chardev Chardev;
typedef struct CharFrontend CharFrontend;

typedef enum CharEvent {
    /** The stream is there: a client arrived, the connection stands. */
    CHAR_EVENT_OPENED,
    /** The stream is gone; another may follow. */
    CHAR_EVENT_CLOSED,
    /** A break condition arrived. */
    CHAR_EVENT_BREAK,
    /** The mux turned its input to this front end, or away from it. */
    CHAR_EVENT_MUX_IN,
    CHAR_EVENT_MUX_OUT,
} CharEvent;

/**
 * Hooks of a front end; constant. All are called from the loop; none may block, or run the loop. A
 * hook may write, and may detach its front end. NULL members are allowed.
 */
typedef struct CharFrontendOps {
    /**
     * How many bytes the front end takes now. While it answers 0 nothing is read, and an end
     * of file behind unread bytes is not noticed. Call char_frontend_accept_input() when it
     * is no longer 0. Without this member and @read the front end never reads, and a peer
     * that closes is noticed at once.
     */
    size_t (*read_wanted)(void *opaque);
    /**
     * Whether input that was read is not finished: a request is still to be carried out, or its
     * answer to be written. While it returns true the end of the stream is not reported, as a peer
     * may close its direction behind its last request. Call char_frontend_accept_input() when it
     * is finished. NULL = never.
     */
    bool (*is_busy)(void *opaque);
    /** @data is borrowed; at most what @read_wanted answered. */
    void (*read)(const uint8_t *data, size_t len, void *opaque);
    /** A write that took less than all may go on. */
    void (*write_ready)(void *opaque);
    void (*event)(CharEvent event, void *opaque);
    /**
     * Another front end wants the chardev, or it is to be removed: detach now. NULL = this front
     * end keeps the chardev, and the other one is refused.
     */
    void (*yield)(void *opaque);
} CharFrontendOps;

/** A user of a chardev; embedded in its owner. Members are for chardev/ only. */
struct CharFrontend {
    Chardev *chr;               /* borrowed; NULL = detached */
    const CharFrontendOps *ops; /* borrowed, constant */
    void *opaque;
    GByteArray *pending;        /* owned: bytes that char_frontend_send() could not write yet */
    int mux_index;              /* place on a mux, -1 = none */
    bool write_blocked;         /* a write took less than all; write_ready is due */
};

/** char_find: the chardev called @id, borrowed, or NULL. */
Chardev *char_find(const char *id);

/** char_id: the label of @chr; borrowed. */
const char *char_id(const Chardev *chr);

/** char_is_mux: whether several front ends share @chr. */
bool char_is_mux(const Chardev *chr);

/** char_is_socket: whether @chr connects again, or gets clients, after its stream has broken. */
bool char_is_socket(const Chardev *chr);

/**
 * char_new_from_legacy: make a chardev from a string like "unix:PATH,server=on"
 * @id: its label
 *
 * The strings are those of docs/options.rst; "chardev:ID" gives an existing one. For a pty
 * the text of char_redirect_text() is printed on stdout.
 * Returns: borrowed from the registry; NULL with @error set.
 */
Chardev *char_new_from_legacy(const char *id, const char *text, GError **error);

/** char_is_legacy: whether @text names a new device, usable or not. */
bool char_is_legacy(const char *text);

/** char_new_from_legacy_mux: the same behind a mux; "chardev:ID" is not possible. */
Chardev *char_new_from_legacy_mux(const char *id, const char *text, GError **error);

/**
 * char_new_from_opts: make a chardev from a -chardev argument (syntax A, or JSON as in QMP)
 * Returns: borrowed from the registry; NULL with @error set.
 */
Chardev *char_new_from_opts(const char *text, GError **error);

/**
 * char_change_from_opts: replace the unused chardev @id by the one that @text describes (HMP
 * chardev-change)
 * Returns: borrowed from the registry; NULL with @error set.
 */
Chardev *char_change_from_opts(const char *id, const char *text, GError **error);

/**
 * char_help: the text that a -chardev argument asking for help prints on stdout
 * @status: (out) the status to exit with, 0 or 1
 * Returns: owned; NULL when @text does not ask for help.
 */
char *char_help(const char *text, int *status);

/**
 * char_redirect_text: "char device redirected to /dev/pts/N (label ID)" for a new pty
 *
 * The command line prints it on stdout, the human monitor in its answer; no line feed.
 * Returns: owned; NULL for any other back end.
 */
char *char_redirect_text(const Chardev *chr);

/** char_forbid_stdio: refuse stdio from now on (-daemonize). */
void char_forbid_stdio(void);

/**
 * char_set_quit_func: the function by which Ctrl-A x on a mux ends the process; at a terminal
 * only.
 */
void char_set_quit_func(void (*func)(void));

/**
 * char_frontend_attach: become the user of @chr
 * @fe: zeroed, or detached before
 *
 * If the stream is already there, @ops->event is called with OPENED before this returns.
 * Returns: false with @error "chardev 'X' is already in use".
 */
bool char_frontend_attach(CharFrontend *fe, Chardev *chr, const CharFrontendOps *ops,
                          void *opaque, GError **error);

/** char_frontend_detach: no callback runs afterwards; legal when not attached. */
void char_frontend_detach(CharFrontend *fe);

/** char_frontend_is_open: whether bytes can be written now or later without an error. */
bool char_frontend_is_open(const CharFrontend *fe);

/**
 * char_frontend_writev: write without waiting
 *
 * Returns: bytes taken by the back end, 0 to all. Fewer than all means that @write_ready
 * will be called. -ENOTCONN when the stream is not there, another -errno when it broke;
 * the CLOSED event follows from the loop, never from inside this call, and after the last
 * byte has been read when the front end reads. Files, pipes, stdio, ptys and udp stay open:
 * with them only this write has failed.
 */
ssize_t char_frontend_writev(CharFrontend *fe, const struct iovec *iov, int n_iov);

/**
 * char_frontend_send: write all of @data, the rest later from a pending buffer
 *
 * For monitors and qtest. Dropped when the stream is not there. Not to be mixed with
 * char_frontend_writev() on one front end.
 */
void char_frontend_send(CharFrontend *fe, const void *data, size_t len);

/** char_frontend_n_pending: bytes of char_frontend_send() that are still to be written. */
size_t char_frontend_n_pending(const CharFrontend *fe);

/** char_frontend_flushed: whether nothing is pending. */
bool char_frontend_flushed(const CharFrontend *fe);

/** char_frontend_accept_input: @read_wanted no longer answers 0, or @is_busy no longer true. */
void char_frontend_accept_input(CharFrontend *fe);

/** char_frontend_take_fd: a descriptor that came with the bytes being read, oldest first; -1. */
int char_frontend_take_fd(CharFrontend *fe);

/** char_frontend_disconnect: drop the present connection of a socket; others ignore it. */
void char_frontend_disconnect(CharFrontend *fe);

/**
 * char_frontend_skip_datagram: the rest of the datagram that is being read will not be delivered
 *
 * For @read, when it finds that a datagram makes no sense; the next one is read from its start.
 * Returns: false when the chardev is a stream, in which no place to go on is known.
 */
bool char_frontend_skip_datagram(CharFrontend *fe);

/**
 * char_frontend_kernel_dropped: datagrams that the kernel dropped before they could be read
 * @datagrams: (out) since the chardev was made
 * Returns: false if the kernel does not report them, or drops none.
 */
bool char_frontend_kernel_dropped(const CharFrontend *fe, uint64_t *datagrams);

/** char_cleanup: close every chardev, unlink listening paths; at the end of the process. */
void char_cleanup(void);

#endif
