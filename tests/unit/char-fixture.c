/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two chardevs whose streams are in the hands of a test. */

#include "char-fixture.h"

#include <string.h>

FixtureChar fixture_chars[2];

static FixtureChar *fixture_char_of(const Chardev *chr)
{
    return &fixture_chars[chr == fixture_chars[1].chr];
}

static ssize_t fixture_char_writev(Chardev *chr, CharFrontend *fe, const struct iovec *iov,
                                   int n_iov)
{
    FixtureChar *ch = fixture_char_of(chr);
    size_t done = 0;

    if (ch->error != 0) {
        return -ch->error;
    }
    for (int i = 0; i < n_iov; i++) {
        size_t len = MIN(iov[i].iov_len, ch->room);

        g_byte_array_append(ch->written, iov[i].iov_base, len);
        ch->room -= len;
        done += len;
    }
    return done;
}

static void fixture_char_update(Chardev *chr, CharFrontend *fe)
{
    fixture_char_of(chr)->n_updates++;
}

static void fixture_char_disconnect(Chardev *chr)
{
    fixture_char_of(chr)->n_disconnects++;
}

static ChardevClass fixture_char_class = {
    .writev = fixture_char_writev,
    .update = fixture_char_update,
    .disconnect = fixture_char_disconnect,
};

static void fixture_char_setup(FixtureChar *ch, const char *options)
{
    g_autoptr(GError) error = NULL;

    ch->chr = char_new_from_opts(options, &error);
    g_assert_no_error(error);
    ch->real_class = ch->chr->class;
    ch->chr->class = &fixture_char_class;
    ch->written = g_byte_array_new();
    ch->room = SIZE_MAX;
    ch->error = 0;
    ch->n_disconnects = 0;
    ch->n_updates = 0;
}

static void fixture_char_teardown(FixtureChar *ch)
{
    ch->chr->class = ch->real_class;
    g_byte_array_unref(ch->written);
}

void fixture_chars_setup(void)
{
    fixture_char_setup(&fixture_chars[0], "null,id=c0");
    fixture_char_setup(&fixture_chars[1], "null,id=c1");
}

void fixture_chars_teardown(void)
{
    fixture_char_teardown(&fixture_chars[0]);
    fixture_char_teardown(&fixture_chars[1]);
    char_cleanup();
}

void fixture_open(FixtureChar *ch, bool open)
{
    char_set_open(ch->chr, open);
}

void fixture_frame(uint8_t *data, uint32_t seq)
{
    memset(data, seq, FIXTURE_FRAME_LEN);
    memcpy(data, &seq, sizeof(seq));
}

void fixture_append(GByteArray *stream, uint32_t first, size_t n, bool vnet_hdr)
{
    for (uint32_t seq = first; seq < first + n; seq++) {
        uint32_t words_be[2] = { GUINT32_TO_BE(FIXTURE_FRAME_LEN), 0 };
        uint8_t data[FIXTURE_FRAME_LEN];

        fixture_frame(data, seq);
        g_byte_array_append(stream, (const uint8_t *)words_be, vnet_hdr ? 8 : 4);
        g_byte_array_append(stream, data, sizeof(data));
    }
}

void fixture_expect_written(FixtureChar *ch, uint32_t first, size_t n, bool vnet_hdr)
{
    g_autoptr(GByteArray) want = g_byte_array_new();

    fixture_append(want, first, n, vnet_hdr);
    g_assert_cmpmem(ch->written->data, ch->written->len, want->data, want->len);
    g_byte_array_set_size(ch->written, 0);
}

void fixture_feed(FixtureChar *ch, uint32_t first, size_t n, bool vnet_hdr)
{
    g_autoptr(GByteArray) stream = g_byte_array_new();

    fixture_append(stream, first, n, vnet_hdr);
    char_deliver(ch->chr, stream->data, stream->len);
}
