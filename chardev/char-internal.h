/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the back ends of character devices share with the core. */

#ifndef CHARDEV_CHAR_INTERNAL_H
#define CHARDEV_CHAR_INTERNAL_H

#include <json-c/json.h>

#include "chardev/char.h"
#include "qapi/opts.h"
#include "qapi/qapi-types.h"
#include "util/fd-watch.h"

/** The most that one wake-up reads. */
#define CHAR_READ_MAX (256 * 1024)

/** How many users a mux can have. */
#define CHAR_MUX_MAX 4

typedef struct CharLog CharLog;

/** A kind of back end; constant. */
typedef struct ChardevClass {
    size_t size; /* of the instance; its first member is Chardev */

    /**
     * Bring a zeroed instance to life. On failure @close is called on the half-made instance. A
     * stream that stands already is announced with char_set_open().
     */
    bool (*open)(Chardev *chr, const ChardevBackend *backend, GError **error);
    void (*close)(Chardev *chr);

    /**
     * Write without waiting. @fe: the writer, of interest to a mux only.
     * Returns: bytes taken or -errno. After fewer than all the back end calls
     * char_write_ready() once it can take more. NULL = takes everything.
     */
    ssize_t (*writev)(Chardev *chr, CharFrontend *fe, const struct iovec *iov, int n_iov);

    /** What the front end wants to read, or whether it waits to write, may have changed. */
    void (*update)(Chardev *chr, CharFrontend *fe);

    /** A front end wants to come; NULL = one at a time. */
    bool (*attach)(Chardev *chr, CharFrontend *fe, GError **error);
    void (*detach)(Chardev *chr, CharFrontend *fe);

    int (*take_fd)(Chardev *chr);
    void (*disconnect)(Chardev *chr);

    /** Forget what is left of a received datagram; NULL = a stream of bytes is read. */
    void (*skip_datagram)(Chardev *chr);

    /** As char_kernel_dropped(); NULL = the kernel loses nothing, or does not report it. */
    bool (*kernel_dropped)(Chardev *chr, uint64_t *datagrams);

    /** Whether a device that is about to take the place of this one may have its path. */
    void (*set_yielding)(const Chardev *chr, bool yielding);

    /** Pass a break on to the users; NULL = to the one front end. */
    void (*send_break)(Chardev *chr);

    /** Whether who sits there is a terminal's user, not any peer; NULL = no. */
    bool (*is_terminal)(const Chardev *chr);

    /** Whether anything uses the device; NULL = it has a front end. */
    bool (*in_use)(const Chardev *chr);

    /** Returns: owned text for query-chardev; NULL member = the name of the kind. */
    char *(*filename)(const Chardev *chr);

    /** The path of a pty; borrowed. */
    const char *(*pty_path)(const Chardev *chr);

    /** Properties of the node /chardevs/ID besides "type"; as in ObjectNodeInfo. */
    const char *const (*properties)[2];
    json_object *(*get_property)(const char *name, void *opaque);
} ChardevClass;

/** The first member of every instance. */
struct Chardev {
    const ChardevClass *class;
    ChardevBackendKind kind;
    char *id;         /* owned */
    CharFrontend *fe; /* borrowed; the user, NULL = none. Not used by a mux */
    CharLog *log;     /* owned; NULL = none */
    unsigned n_refs;  /* the registry's, and one for each callback under way */
    bool is_closed;   /* class->close has run; only references keep the memory */
    bool is_open;     /* bytes can be written */
    bool announced;   /* the last event was OPENED */
    bool has_node;    /* /chardevs/ID exists */
};

extern const ChardevClass char_file_class;
extern const ChardevClass char_mux_class;
extern const ChardevClass char_null_class;
extern const ChardevClass char_pipe_class;
extern const ChardevClass char_pty_class;
extern const ChardevClass char_ringbuf_class;
extern const ChardevClass char_socket_class;
extern const ChardevClass char_stdio_class;
extern const ChardevClass char_udp_class;

/* --- char.c: the registry ---------------------------------------------------------------- */

/**
 * char_new: make a device and put it into the registry
 * Returns: borrowed from the registry; NULL with @error set.
 */
Chardev *char_new(const char *id, const ChardevBackend *backend, GError **error);

/** char_remove: close @chr and take it out of the registry; it must not be in use. */
void char_remove(Chardev *chr);

/** char_change: put a new device in the place of the unused @chr. */
Chardev *char_change(Chardev *chr, const ChardevBackend *backend, GError **error);

/** char_in_use: whether it has a front end; of a mux, any. */
bool char_in_use(const Chardev *chr);

/** char_ask_to_yield: a front end with the hook yield detaches. */
void char_ask_to_yield(Chardev *chr);

/** char_filename: as in query-chardev. Owned. */
char *char_filename(const Chardev *chr);

/** char_kind_name: "socket", ... */
const char *char_kind_name(const Chardev *chr);

/** char_foreach: in order of creation; @func must not add or remove. */
void char_foreach(void (*func)(Chardev *chr, void *opaque), void *opaque);

/** char_common: the members that all back ends have. */
const ChardevCommon *char_common(const ChardevBackend *backend);

/** char_ref, char_unref: keep the memory of a chardev that may be removed meanwhile. */
void char_ref(Chardev *chr);
void char_unref(Chardev *chr);

/* --- char-fe.c: from the back end to the front end ---------------------------------------- */

/** char_has_reader: whether the front end ever reads. */
bool char_has_reader(const Chardev *chr);

/** char_read_wanted: how much it takes now, at most CHAR_READ_MAX; 0 without a front end. */
size_t char_read_wanted(const Chardev *chr);

/** char_is_busy: whether the front end has not finished with its input. */
bool char_is_busy(const Chardev *chr);

/** char_read_buffer: CHAR_READ_MAX bytes for one read; the thread's, valid until the next use. */
uint8_t *char_read_buffer(void);

/** char_deliver: hand bytes to the front end; it may detach inside. */
void char_deliver(Chardev *chr, const uint8_t *data, size_t len);

/** char_deliver_event: notify the front end, if there is one; it may detach inside. */
void char_deliver_event(Chardev *chr, CharEvent event);

/**
 * char_set_open: the stream is there, or gone; notify the front end of a change
 *
 * To be called from the loop, or from class->open.
 */
void char_set_open(Chardev *chr, bool open);

/** char_write_ready: writing may go on; to be called from the loop. */
void char_write_ready(Chardev *chr);

/** char_write_blocked: whether the front end waits for char_write_ready(). */
bool char_write_blocked(const Chardev *chr);

/** char_frontend_read_wanted, _is_busy, _write_ready, _closed: for one front end of a mux. */
size_t char_frontend_read_wanted(const CharFrontend *fe);
bool char_frontend_is_busy(const CharFrontend *fe);
void char_frontend_write_ready(CharFrontend *fe);
void char_frontend_closed(CharFrontend *fe);

/* --- char-log.c: logfile= ------------------------------------------------------------------ */

/** char_log_new: the log that @common asks for. Returns: false with @error; *@log may be NULL. */
bool char_log_new(const ChardevCommon *common, CharLog **log, GError **error);

/** char_log_free: close it; NULL is legal. */
void char_log_free(CharLog *log);

/** char_log_write: copy the first @len bytes of @iov. */
void char_log_write(CharLog *log, const struct iovec *iov, int n_iov, size_t len);

/* --- char-fd.c: back ends on plain descriptors --------------------------------------------- */

/** Reads one descriptor and writes another; the first member of file, pipe and stdio. */
typedef struct CharFd {
    Chardev chr;
    int in_fd;  /* owned; -1 = none */
    int out_fd; /* owned; may be the same as in_fd */
    FdWatch *in_watch;
    FdWatch *out_watch;
    bool in_ended; /* nothing more will come */
} CharFd;

/** char_fd_start: begin with the descriptors, which are taken over. */
void char_fd_start(CharFd *cf, int in_fd, int out_fd);

/** char_fd_close, _writev, _update: for the hooks of the same names. */
void char_fd_close(Chardev *chr);
ssize_t char_fd_writev(Chardev *chr, CharFrontend *fe, const struct iovec *iov, int n_iov);
void char_fd_update(Chardev *chr, CharFrontend *fe);

/** char_open_path: open(2) without ever waiting; makes nothing. Returns: -1 with @error. */
int char_open_path(const char *path, int flags, GError **error);

/* --- char-ringbuf.c ------------------------------------------------------------------------ */

/** char_is_ringbuf: whether ringbuf-read and ringbuf-write can use it. */
bool char_is_ringbuf(const Chardev *chr);

/** char_ringbuf_read: take out the oldest, at most @size. Returns: owned, never NULL. */
GByteArray *char_ringbuf_read(Chardev *chr, size_t size);

/* --- char-opts.c --------------------------------------------------------------------------- */

/**
 * char_backend_from_opts: the back end of the keys of a -chardev argument
 * @at_start: whether a server waits for its client by default
 * @mux: (out) whether a mux goes on top
 */
ChardevBackend *char_backend_from_opts(const char *id, const Opts *opts, bool at_start,
                                       bool *mux, GError **error);

/* --- char-new.c --------------------------------------------------------------------------- */

/** char_legacy_to_opts: "unix:PATH" as a -chardev argument; owned, NULL when it is no device. */
char *char_legacy_to_opts(const char *text);

/** char_check_change: whether there is a chardev @id that can be replaced. */
bool char_check_change(const char *id, GError **error);

#endif
