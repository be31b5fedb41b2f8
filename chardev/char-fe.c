/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The front-end handle: reading as the user asks for, writing without waiting. */

#include "chardev/char-internal.h"

#include <errno.h>

#include "util/error.h"

/* --- From the back end to the front end ---------------------------------------------------- */

bool char_has_reader(const Chardev *chr)
{
    return chr->fe && chr->fe->ops->read_wanted && chr->fe->ops->read;
}

size_t char_frontend_read_wanted(const CharFrontend *fe)
{
    if (!fe->ops->read_wanted || !fe->ops->read) {
        return 0;
    }
    return MIN(fe->ops->read_wanted(fe->opaque), (size_t)CHAR_READ_MAX);
}

size_t char_read_wanted(const Chardev *chr)
{
    return chr->fe ? char_frontend_read_wanted(chr->fe) : 0;
}

bool char_frontend_is_busy(const CharFrontend *fe)
{
    return fe->ops->is_busy && fe->ops->is_busy(fe->opaque);
}

bool char_is_busy(const Chardev *chr)
{
    return chr->fe && char_frontend_is_busy(chr->fe);
}

uint8_t *char_read_buffer(void)
{
    static GPrivate buffers = G_PRIVATE_INIT(g_free);
    uint8_t *buffer = g_private_get(&buffers);

    if (!buffer) {
        buffer = g_malloc(CHAR_READ_MAX);
        g_private_set(&buffers, buffer);
    }
    return buffer;
}

void char_deliver(Chardev *chr, const uint8_t *data, size_t len)
{
    char_ref(chr);
    if (char_has_reader(chr)) {
        chr->fe->ops->read(data, len, chr->fe->opaque);
    }
    char_unref(chr);
}

void char_deliver_event(Chardev *chr, CharEvent event)
{
    char_ref(chr);
    if (chr->fe && chr->fe->ops->event) {
        chr->fe->ops->event(event, chr->fe->opaque);
    }
    char_unref(chr);
}

void char_frontend_closed(CharFrontend *fe)
{
    fe->write_blocked = false;
    if (fe->pending) {
        g_byte_array_set_size(fe->pending, 0);
    }
}

void char_set_open(Chardev *chr, bool open)
{
    chr->is_open = open;
    if (chr->announced == open) {
        return;
    }
    chr->announced = open;
    if (!open && chr->fe) {
        char_frontend_closed(chr->fe);
    }
    char_deliver_event(chr, open ? CHAR_EVENT_OPENED : CHAR_EVENT_CLOSED);
}

bool char_write_blocked(const Chardev *chr)
{
    return chr->fe && chr->fe->write_blocked;
}

/** Write pending bytes. Returns: whether nothing is left; the rest of a broken stream is lost. */
static bool char_frontend_flush(CharFrontend *fe)
{
    while (fe->pending && fe->pending->len > 0) {
        struct iovec iov = { .iov_base = fe->pending->data, .iov_len = fe->pending->len };
        ssize_t n_written = char_frontend_writev(fe, &iov, 1);

        if (n_written < 0) {
            g_byte_array_set_size(fe->pending, 0);
            char_frontend_accept_input(fe); /* it may have waited for the output to leave */
            break;
        }
        if (n_written > 0) {
            g_byte_array_remove_range(fe->pending, 0, n_written);
        }
        if (fe->write_blocked) {
            return fe->pending->len == 0;
        }
    }
    return true;
}

void char_frontend_write_ready(CharFrontend *fe)
{
    if (!fe->write_blocked) {
        return;
    }
    fe->write_blocked = false;
    if (char_frontend_flush(fe) && fe->ops->write_ready) {
        fe->ops->write_ready(fe->opaque);
    }
}

void char_write_ready(Chardev *chr)
{
    char_ref(chr);
    if (chr->fe) {
        char_frontend_write_ready(chr->fe);
    }
    char_unref(chr);
}

/* --- What front ends call ------------------------------------------------------------------ */

void char_ask_to_yield(Chardev *chr)
{
    if (chr->fe && chr->fe->ops->yield) {
        chr->fe->ops->yield(chr->fe->opaque);
    }
}

static bool char_attach_single(Chardev *chr, CharFrontend *fe, GError **error)
{
    char_ask_to_yield(chr);
    if (chr->fe) {
        return error_set(error, "chardev '%s' is already in use", chr->id);
    }
    chr->fe = fe;
    return true;
}

bool char_frontend_attach(CharFrontend *fe, Chardev *chr, const CharFrontendOps *ops,
                          void *opaque, GError **error)
{
    const ChardevClass *class = chr->class;

    g_assert(!fe->chr);
    fe->ops = ops;
    fe->opaque = opaque;
    fe->mux_index = -1;
    fe->write_blocked = false;
    if (!(class->attach ? class->attach : char_attach_single)(chr, fe, error)) {
        return false;
    }
    fe->chr = chr;
    if (chr->is_open && ops->event) {
        ops->event(CHAR_EVENT_OPENED, opaque);
    }
    if (fe->chr && class->update) {
        class->update(chr, fe);
    }
    return true;
}

void char_frontend_detach(CharFrontend *fe)
{
    Chardev *chr = fe->chr;

    if (!chr) {
        return;
    }
    fe->chr = NULL;
    fe->write_blocked = false;
    g_clear_pointer(&fe->pending, g_byte_array_unref);
    if (chr->class->detach) {
        chr->class->detach(chr, fe);
    } else {
        chr->fe = NULL;
    }
    fe->mux_index = -1;
    if (!chr->is_closed && chr->class->update) {
        chr->class->update(chr, NULL);
    }
}

bool char_frontend_kernel_dropped(const CharFrontend *fe, uint64_t *datagrams)
{
    return fe->chr && fe->chr->class->kernel_dropped &&
           fe->chr->class->kernel_dropped(fe->chr, datagrams);
}

bool char_frontend_is_open(const CharFrontend *fe)
{
    return fe->chr && fe->chr->is_open;
}

static size_t char_iov_len(const struct iovec *iov, int n_iov)
{
    size_t len = 0;

    for (int i = 0; i < n_iov; i++) {
        len += iov[i].iov_len;
    }
    return len;
}

ssize_t char_frontend_writev(CharFrontend *fe, const struct iovec *iov, int n_iov)
{
    Chardev *chr = fe->chr;
    size_t len = char_iov_len(iov, n_iov);
    ssize_t n_written = (ssize_t)len;

    if (!chr || !chr->is_open) {
        return -ENOTCONN;
    }
    if (len == 0) {
        return 0;
    }
    if (chr->class->writev) {
        n_written = chr->class->writev(chr, fe, iov, n_iov);
    }
    if (n_written > 0 && chr->log) {
        char_log_write(chr->log, iov, n_iov, (size_t)n_written);
    }
    if (n_written >= 0 && (size_t)n_written < len) {
        fe->write_blocked = true;
        chr->class->update(chr, fe);
    }
    return n_written;
}

void char_frontend_send(CharFrontend *fe, const void *data, size_t len)
{
    if (!char_frontend_is_open(fe)) {
        return;
    }
    if (!fe->pending) {
        fe->pending = g_byte_array_new();
    }
    g_byte_array_append(fe->pending, data, len);
    if (!fe->write_blocked) {
        char_frontend_flush(fe);
    }
}

size_t char_frontend_n_pending(const CharFrontend *fe)
{
    return fe->pending ? fe->pending->len : 0;
}

bool char_frontend_flushed(const CharFrontend *fe)
{
    return char_frontend_n_pending(fe) == 0;
}

void char_frontend_accept_input(CharFrontend *fe)
{
    if (fe->chr && fe->chr->class->update) {
        fe->chr->class->update(fe->chr, fe);
    }
}

int char_frontend_take_fd(CharFrontend *fe)
{
    return fe->chr && fe->chr->class->take_fd ? fe->chr->class->take_fd(fe->chr) : -1;
}

void char_frontend_disconnect(CharFrontend *fe)
{
    if (fe->chr && fe->chr->class->disconnect) {
        fe->chr->class->disconnect(fe->chr);
    }
}

bool char_frontend_skip_datagram(CharFrontend *fe)
{
    if (!fe->chr || !fe->chr->class->skip_datagram) {
        return false;
    }
    fe->chr->class->skip_datagram(fe->chr);
    return true;
}
