/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Back end ringbuf, also called memory: keeps the newest bytes for ringbuf-read. */

#include "chardev/char-internal.h"

#include <string.h>

#include "util/error.h"

typedef struct CharRingbuf {
    Chardev chr;
    uint8_t *data; /* owned */
    size_t size;   /* a power of two */
    size_t n_put;  /* bytes ever written and taken, wrapping around; their difference is at */
    size_t n_got;  /* most @size */
} CharRingbuf;

static bool char_ringbuf_open(Chardev *chr, const ChardevBackend *backend, GError **error)
{
    CharRingbuf *ring = (CharRingbuf *)chr;
    const ChardevRingbuf *opts = backend->u.ringbuf.data;

    if (opts->size <= 0 || (opts->size & (opts->size - 1)) != 0) {
        return error_set(error, "size of ringbuf chardev must be power of two");
    }
    ring->size = (size_t)opts->size;
    ring->data = g_try_malloc(ring->size);
    if (!ring->data) {
        return error_set(error, "size %" G_GINT64_FORMAT " of ringbuf chardev is too large",
                         opts->size);
    }
    char_set_open(chr, true);
    return true;
}

static void char_ringbuf_close(Chardev *chr)
{
    g_clear_pointer(&((CharRingbuf *)chr)->data, g_free);
}

static void char_ringbuf_put(CharRingbuf *ring, const uint8_t *data, size_t len)
{
    if (len > ring->size) {
        ring->n_put += len - ring->size;
        data += len - ring->size;
        len = ring->size;
    }
    while (len > 0) {
        size_t place = ring->n_put & (ring->size - 1);
        size_t n_part = MIN(len, ring->size - place);

        memcpy(ring->data + place, data, n_part);
        ring->n_put += n_part;
        data += n_part;
        len -= n_part;
    }
    if (ring->n_put - ring->n_got > ring->size) {
        ring->n_got = ring->n_put - ring->size;
    }
}

static ssize_t char_ringbuf_writev(Chardev *chr, CharFrontend *fe, const struct iovec *iov,
                                   int n_iov)
{
    ssize_t len = 0;

    for (int i = 0; i < n_iov; i++) {
        char_ringbuf_put((CharRingbuf *)chr, iov[i].iov_base, iov[i].iov_len);
        len += (ssize_t)iov[i].iov_len;
    }
    return len;
}

const ChardevClass char_ringbuf_class = {
    .size = sizeof(CharRingbuf),
    .open = char_ringbuf_open,
    .close = char_ringbuf_close,
    .writev = char_ringbuf_writev,
};

bool char_is_ringbuf(const Chardev *chr)
{
    return chr->class == &char_ringbuf_class;
}

GByteArray *char_ringbuf_read(Chardev *chr, size_t size)
{
    CharRingbuf *ring = (CharRingbuf *)chr;
    GByteArray *bytes = g_byte_array_new();

    size = MIN(size, ring->n_put - ring->n_got);
    while (size > 0) {
        size_t place = ring->n_got & (ring->size - 1);
        size_t n_part = MIN(size, ring->size - place);

        g_byte_array_append(bytes, ring->data + place, n_part);
        ring->n_got += n_part;
        size -= n_part;
    }
    return bytes;
}
