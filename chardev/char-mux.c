/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Back end mux: several users on one device; Ctrl-A keys choose who gets the input. */

/*
 * Output of all users goes to the device below as it comes. Texts of the mux itself, and output
 * with time stamps, pass through a pending buffer (out); while it holds anything the users are
 * blocked. Input goes to the user in focus. Input that it does not want waits in its queue, so
 * that the keys work in front of a user that does not read.
 */

#include "chardev/char-internal.h"

#include <string.h>

#include "util/error.h"

#define CHAR_MUX_ESCAPE 0x01

/** Input kept for a user who does not read; then the device below is not read either. */
#define CHAR_MUX_QUEUE_MAX 32

/** Read at once when the user in focus never reads. */
#define CHAR_MUX_IDLE_READ 4096

typedef struct CharMux {
    Chardev chr;
    CharFrontend base; /* on the device below */
    CharFrontend *users[CHAR_MUX_MAX]; /* borrowed */
    GByteArray *queues[CHAR_MUX_MAX];  /* owned */
    int focus;         /* whom the input goes to; -1 = there is no user */
    bool focus_told;   /* the one in focus has got MUX_IN */
    bool escape;       /* Ctrl-A came, a key follows */
    bool timestamps;
    bool in_line;      /* no time stamp before the next line feed */
    int64_t start_us;  /* when the first time stamp was written; 0 = not yet */
    GByteArray *out;   /* owned; bytes that the device below did not take yet */
    guint pump_source; /* idle source that delivers queues; 0 = none */
} CharMux;

static void (*char_mux_quit)(void);

void char_set_quit_func(void (*func)(void))
{
    char_mux_quit = func;
}

/* --- Output -------------------------------------------------------------------------------- */

/** Write what is pending. Returns: whether nothing is left. */
static bool char_mux_flush(CharMux *mux)
{
    struct iovec iov = { .iov_base = mux->out->data, .iov_len = mux->out->len };
    ssize_t n_written;

    if (mux->out->len == 0) {
        return true;
    }
    n_written = char_frontend_writev(&mux->base, &iov, 1);
    if (n_written < 0) {
        n_written = mux->out->len;
    }
    if (n_written > 0) {
        g_byte_array_remove_range(mux->out, 0, n_written);
    }
    return mux->out->len == 0;
}

static void char_mux_print(CharMux *mux, const char *text)
{
    g_byte_array_append(mux->out, (const uint8_t *)text, strlen(text));
    char_mux_flush(mux);
}

static void char_mux_append_time(CharMux *mux)
{
    int64_t now_us = g_get_monotonic_time();
    g_autofree char *text = NULL;
    int64_t ms;

    if (mux->start_us == 0) {
        mux->start_us = now_us;
    }
    ms = (now_us - mux->start_us) / 1000;
    text = g_strdup_printf("[%02d:%02d:%02d.%03d] ", (int)(ms / 3600000), (int)(ms / 60000 % 60),
                           (int)(ms / 1000 % 60), (int)(ms % 1000));
    g_byte_array_append(mux->out, (const uint8_t *)text, strlen(text));
}

static void char_mux_append_lines(CharMux *mux, const char *data, size_t len)
{
    while (len > 0) {
        const char *line_feed = memchr(data, '\n', len);
        size_t n_line = line_feed ? (size_t)(line_feed - data) + 1 : len;

        if (!mux->in_line) {
            char_mux_append_time(mux);
        }
        g_byte_array_append(mux->out, (const uint8_t *)data, n_line);
        mux->in_line = !line_feed;
        data += n_line;
        len -= n_line;
    }
}

static ssize_t char_mux_writev(Chardev *chr, CharFrontend *fe, const struct iovec *iov,
                               int n_iov)
{
    CharMux *mux = (CharMux *)chr;
    ssize_t len = 0;

    if (mux->out->len > 0) {
        return 0;
    }
    if (!mux->timestamps) {
        return char_frontend_writev(&mux->base, iov, n_iov);
    }
    for (int i = 0; i < n_iov; i++) {
        char_mux_append_lines(mux, iov[i].iov_base, iov[i].iov_len);
        len += (ssize_t)iov[i].iov_len;
    }
    char_mux_flush(mux);
    return len;
}

static void char_mux_write_ready(void *opaque)
{
    CharMux *mux = opaque;
    Chardev *chr = &mux->chr;

    if (!char_mux_flush(mux)) {
        return;
    }
    char_ref(chr);
    for (int i = 0; i < CHAR_MUX_MAX && mux->out->len == 0; i++) {
        if (mux->users[i]) {
            char_frontend_write_ready(mux->users[i]);
        }
        if (chr->is_closed) {
            break;
        }
    }
    char_unref(chr);
}

/* --- Focus --------------------------------------------------------------------------------- */

static void char_mux_notify(CharMux *mux, int index, CharEvent event)
{
    CharFrontend *user = index >= 0 ? mux->users[index] : NULL;

    if (user && user->ops->event) {
        user->ops->event(event, user->opaque);
    }
}

static int char_mux_next(const CharMux *mux)
{
    for (int i = 1; i <= CHAR_MUX_MAX; i++) {
        int index = (mux->focus + i) % CHAR_MUX_MAX;

        if (mux->users[index]) {
            return index;
        }
    }
    return -1;
}

/** char_mux_notify_focus() notifies the new one, when it is ready for that. */
static void char_mux_set_focus(CharMux *mux, int index)
{
    int old = mux->focus;

    if (index == old) {
        return;
    }
    mux->focus = index;
    mux->focus_told = false;
    char_mux_notify(mux, old, CHAR_EVENT_MUX_OUT);
}

static void char_mux_notify_focus(CharMux *mux)
{
    if (mux->focus >= 0 && !mux->focus_told) {
        mux->focus_told = true;
        char_mux_notify(mux, mux->focus, CHAR_EVENT_MUX_IN);
    }
}

/* --- Input --------------------------------------------------------------------------------- */

static size_t char_mux_read_wanted(void *opaque)
{
    const CharMux *mux = opaque;
    const CharFrontend *user = mux->focus >= 0 ? mux->users[mux->focus] : NULL;
    size_t n_queued;
    size_t wanted;

    if (!user) {
        return 0;
    }
    if (!user->ops->read_wanted || !user->ops->read) {
        return CHAR_MUX_IDLE_READ;
    }
    n_queued = mux->queues[mux->focus]->len;
    wanted = n_queued > 0 ? 0 : char_frontend_read_wanted(user);
    if (wanted > 0) {
        return wanted;
    }
    return n_queued < CHAR_MUX_QUEUE_MAX ? CHAR_MUX_QUEUE_MAX - n_queued : 0;
}

/** A queue counts as well: its user has not even read it. */
static bool char_mux_is_busy(void *opaque)
{
    const CharMux *mux = opaque;

    for (int i = 0; i < CHAR_MUX_MAX; i++) {
        const CharFrontend *user = mux->users[i];

        if (user && (char_frontend_is_busy(user) ||
                     (i == mux->focus && mux->queues[i]->len > 0 &&
                      char_frontend_read_wanted(user) > 0))) {
            return true;
        }
    }
    return false;
}

/** Hand over what the user in focus wants of its queue. */
static void char_mux_pump(CharMux *mux)
{
    Chardev *chr = &mux->chr;

    while (!chr->is_closed && mux->focus >= 0 && mux->queues[mux->focus]->len > 0) {
        CharFrontend *user = mux->users[mux->focus];
        GByteArray *queue = mux->queues[mux->focus];
        size_t n_part = MIN(char_frontend_read_wanted(user), (size_t)queue->len);
        g_autofree uint8_t *part = NULL;

        if (n_part == 0) {
            return;
        }
        /* A copy, as the user may detach, and its queue go, while it reads. */
        part = g_memdup2(queue->data, n_part);
        g_byte_array_remove_range(queue, 0, n_part);
        user->ops->read(part, n_part, user->opaque);
    }
}

static gboolean char_mux_pump_idle(gpointer opaque)
{
    CharMux *mux = opaque;
    Chardev *chr = &mux->chr;

    mux->pump_source = 0;
    char_ref(chr);
    char_mux_pump(mux);
    if (!chr->is_closed) {
        char_frontend_accept_input(&mux->base);
    }
    char_unref(chr);
    return G_SOURCE_REMOVE;
}

/** Plain bytes for the user in focus. */
static void char_mux_give(CharMux *mux, const uint8_t *data, size_t len)
{
    CharFrontend *user = mux->focus >= 0 ? mux->users[mux->focus] : NULL;

    if (!user || !user->ops->read_wanted || !user->ops->read || len == 0) {
        return;
    }
    g_byte_array_append(mux->queues[mux->focus], data, len);
    char_mux_pump(mux);
}

/* The peer of a socket, for example, is not the user who has started the process. */
static bool char_mux_is_terminal(const Chardev *chr)
{
    const Chardev *base = ((const CharMux *)chr)->base.chr;

    return base && base->class->is_terminal && base->class->is_terminal(base);
}

static void char_mux_help(CharMux *mux)
{
    char_mux_print(mux, "\r\nKeys after Ctrl-A:\r\n"
                        "  h, ?    this list\r\n");
    if (char_mux_is_terminal(&mux->chr)) {
        char_mux_print(mux, "  x       end the process\r\n");
    }
    char_mux_print(mux, "  b       send a break\r\n"
                        "  c       input to the next user\r\n"
                        "  t       time stamps on or off\r\n"
                        "  Ctrl-A  Ctrl-A itself\r\n");
}

static void char_mux_end_process(CharMux *mux)
{
    if (!char_mux_is_terminal(&mux->chr)) {
        char_mux_print(mux, "QEMU: only a terminal's user can end the process\r\n");
        return;
    }
    char_mux_print(mux, "QEMU: Terminated\r\n");
    if (char_mux_quit) {
        char_mux_quit();
    }
}

static void char_mux_key(CharMux *mux, uint8_t key)
{
    switch (key) {
    case 'h':
    case '?':
        char_mux_help(mux);
        break;
    case 'x':
        char_mux_end_process(mux);
        break;
    case 'b':
        char_mux_notify(mux, mux->focus, CHAR_EVENT_BREAK);
        break;
    case 'c':
        char_mux_set_focus(mux, char_mux_next(mux));
        char_mux_notify_focus(mux);
        break;
    case 't':
        mux->timestamps = !mux->timestamps;
        mux->start_us = 0;
        mux->in_line = false;
        break;
    case CHAR_MUX_ESCAPE:
        char_mux_give(mux, &key, 1);
        break;
    }
}

static void char_mux_read(const uint8_t *data, size_t len, void *opaque)
{
    CharMux *mux = opaque;
    Chardev *chr = &mux->chr;

    char_ref(chr);
    while (len > 0 && !chr->is_closed) {
        if (mux->escape) {
            mux->escape = false;
            char_mux_key(mux, data[0]);
            data++;
            len--;
        } else {
            const uint8_t *escape = memchr(data, CHAR_MUX_ESCAPE, len);
            size_t n_plain = escape ? (size_t)(escape - data) : len;

            mux->escape = escape != NULL;
            data += n_plain + (escape ? 1 : 0);
            len -= n_plain + (escape ? 1 : 0);
            char_mux_give(mux, data - n_plain - (escape ? 1 : 0), n_plain);
        }
    }
    char_unref(chr);
}

static void char_mux_event(CharEvent event, void *opaque)
{
    CharMux *mux = opaque;
    Chardev *chr = &mux->chr;

    if (event == CHAR_EVENT_BREAK) {
        char_mux_notify(mux, mux->focus, CHAR_EVENT_BREAK);
        return;
    }
    if (event != CHAR_EVENT_OPENED && event != CHAR_EVENT_CLOSED) {
        return;
    }
    char_ref(chr);
    chr->is_open = event == CHAR_EVENT_OPENED;
    mux->escape = false;
    if (event == CHAR_EVENT_CLOSED) {
        g_byte_array_set_size(mux->out, 0);
    }
    for (int i = 0; i < CHAR_MUX_MAX && !chr->is_closed; i++) {
        if (mux->users[i] && event == CHAR_EVENT_CLOSED) {
            char_frontend_closed(mux->users[i]);
        }
        char_mux_notify(mux, i, event);
    }
    char_unref(chr);
}

static const CharFrontendOps char_mux_base_ops = {
    .read_wanted = char_mux_read_wanted,
    .is_busy = char_mux_is_busy,
    .read = char_mux_read,
    .write_ready = char_mux_write_ready,
    .event = char_mux_event,
};

/* --- The device ---------------------------------------------------------------------------- */

static void char_mux_update(Chardev *chr, CharFrontend *fe)
{
    CharMux *mux = (CharMux *)chr;

    char_mux_notify_focus(mux);
    if (mux->focus >= 0 && mux->queues[mux->focus]->len > 0 && !mux->pump_source) {
        mux->pump_source = g_idle_add_full(G_PRIORITY_DEFAULT, char_mux_pump_idle, mux, NULL);
    }
    char_frontend_accept_input(&mux->base);
}

static bool char_mux_attach(Chardev *chr, CharFrontend *fe, GError **error)
{
    CharMux *mux = (CharMux *)chr;

    for (int i = 0; i < CHAR_MUX_MAX; i++) {
        if (!mux->users[i]) {
            mux->users[i] = fe;
            fe->mux_index = i;
            char_mux_set_focus(mux, i);
            return true;
        }
    }
    return error_set(error, "too many uses of multiplexed chardev '%s' (maximum is %d)",
                     chr->id, CHAR_MUX_MAX);
}

static void char_mux_detach(Chardev *chr, CharFrontend *fe)
{
    CharMux *mux = (CharMux *)chr;
    int index = fe->mux_index;

    mux->users[index] = NULL;
    g_byte_array_set_size(mux->queues[index], 0);
    if (mux->focus == index) {
        char_mux_set_focus(mux, char_mux_next(mux));
    }
}

static bool char_mux_in_use(const Chardev *chr)
{
    const CharMux *mux = (const CharMux *)chr;

    return char_mux_next(mux) >= 0;
}

static void char_mux_send_break(Chardev *chr)
{
    CharMux *mux = (CharMux *)chr;

    char_mux_notify(mux, mux->focus, CHAR_EVENT_BREAK);
}

static bool char_mux_open(Chardev *chr, const ChardevBackend *backend, GError **error)
{
    CharMux *mux = (CharMux *)chr;
    const char *base_id = backend->u.mux.data->chardev;
    Chardev *base = char_find(base_id);

    mux->focus = -1;
    mux->out = g_byte_array_new();
    for (int i = 0; i < CHAR_MUX_MAX; i++) {
        mux->queues[i] = g_byte_array_new();
    }
    if (!base) {
        return error_set(error, "mux: base chardev %s not found", base_id);
    }
    return char_frontend_attach(&mux->base, base, &char_mux_base_ops, mux, error);
}

static void char_mux_close(Chardev *chr)
{
    CharMux *mux = (CharMux *)chr;

    for (int i = 0; i < CHAR_MUX_MAX; i++) {
        if (mux->users[i]) {
            char_frontend_detach(mux->users[i]);
        }
    }
    g_clear_handle_id(&mux->pump_source, g_source_remove);
    char_frontend_detach(&mux->base);
    g_clear_pointer(&mux->out, g_byte_array_unref);
    for (int i = 0; i < CHAR_MUX_MAX; i++) {
        g_clear_pointer(&mux->queues[i], g_byte_array_unref);
    }
}

const ChardevClass char_mux_class = {
    .size = sizeof(CharMux),
    .open = char_mux_open,
    .close = char_mux_close,
    .writev = char_mux_writev,
    .update = char_mux_update,
    .attach = char_mux_attach,
    .detach = char_mux_detach,
    .in_use = char_mux_in_use,
    .send_break = char_mux_send_break,
    .is_terminal = char_mux_is_terminal,
};
